"""The whole way: a connection that stands and says nothing. What people wrote arrives all the same, once, and in order."""

from __future__ import annotations

import pytest

from adapters.slack.sandbox import SlackSandbox
from bridge import reconciling
from bridge.post import AccountId
from bridge.store import alerts, looking_back
from tests.flow.house import House, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.scenario("D08")
async def test_a_silent_socket_is_noticed_and_nothing_is_lost(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconciling, "GRACE_S", 0.0)
    slack, account = house.sandbox("slack"), house.service.engine.accounts[AccountId("slack")]
    assert isinstance(slack, SlackSandbox)
    await house.says("slack", "before the silence")
    await slack.with_server(lambda server: setattr(server.delivery, "deaf", True))
    said = [await house.say("slack", f"said into the silence {n}") for n in range(3)]
    await house.says("mastodon", "meanwhile all is well elsewhere")
    assert not [copy for each in said for to in each.to for copy in house.copies(each.mark, to)]
    await slack.with_server(lambda server: setattr(server.delivery, "deaf", False))
    found = await house.service.reconciler.look(account)
    assert [each.native for each in found if each.kind == looking_back.GAP] == [each.native for each in reversed(said)]
    for each in said:
        await house.arrives(each)
    await until(lambda: account.opened.is_set() and not account.relisten.is_set(), "it is connected anew")
    told = f"kept-back:slack:{int(house.service.engine.now() // (24 * 3600))}"
    assert await house.store.read(lambda tx: alerts.known(tx, [told])) == {told}
    await house.says("slack", "after the silence")
