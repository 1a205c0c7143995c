"""Signing in, pinning channels, and what `check()` tells an admin."""

from __future__ import annotations

import pytest

from adapters.slack.adapter import SlackAdapter
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.scopes import NEEDED, WISHED
from adapters.slack.settings import SlackSettings
from bridge.contract import Level, Thread
from bridge.errors import NeedsOperator
from bridge.post import Destination, Place
from tests.slack.desk import PART, TEAM, Desk


async def test_a_wrong_token_needs_an_operator(sandbox: SlackSandbox) -> None:
    settings = SlackSettings.model_validate({**sandbox.account, "bot_token": "xoxb-wrong"})
    with pytest.raises(NeedsOperator, match="does not know this token"):
        async with SlackAdapter(TEAM, settings).open():
            pass


@pytest.mark.parametrize("name", ["all-hands", "#all-hands", "C0ALLHANDS1", "All-Hands"])
async def test_a_channel_is_pinned_by_name_or_id(desk: Desk, name: str) -> None:
    assert await desk.adapter.pin(name) == "C0ALLHANDS1"


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("random", "#random; type there: /invite @viabridge"),
        ("C0RANDOM001", "#random; type there: /invite @viabridge"),
        ("nowhere", "correct the name, or, where the channel is private, type there: /invite @viabridge"),
        ("C0NOWHERE01", "/invite"),
        ("old-news", "unarchive it"),
        ("partners", "shared with another company, which would read every copy; stop sharing it"),
        ("C0PARTNERS1", "stop sharing it or take it out of the mapping file"),
    ],
)
async def test_a_channel_that_cannot_be_used_is_named_with_its_cure(desk: Desk, name: str, cure: str) -> None:
    with pytest.raises(NeedsOperator, match=cure):
        await desk.adapter.pin(name)


async def test_a_channel_is_found_on_a_later_page(sandbox: SlackSandbox, adapter: SlackAdapter) -> None:
    async with adapter.open():
        page = await adapter._web.conversations_list(types="public_channel,private_channel", limit=2)
        assert "leaders" not in [channel["name"] for channel in page["channels"]]
        assert await adapter.pin("leaders") == "C0LEADERS01"


async def test_a_fresh_workspace_is_well(desk: Desk) -> None:
    await desk.sandbox.with_server(lambda server: server.grant(",".join({*NEEDED, *WISHED})))
    assert {found.level for found in await desk.adapter.check()} == {Level.OK}


async def test_a_channel_shared_with_another_company_is_an_error(desk: Desk) -> None:
    await desk.sandbox.share("all-hands")
    (wrong,) = [found for found in await desk.adapter.check() if found.level is Level.ERROR]
    assert wrong.what == "#all-hands is shared with another company"


@pytest.mark.parametrize(
    ("key", "token", "what"),
    [("bot_token", "xoxp-lynn", "bot_token is not a bot's token"), ("app_token", "xoxp-lynn", "Socket Mode does not open")],
)
async def test_the_wrong_kind_of_token_is_named(sandbox: SlackSandbox, key: str, token: str, what: str) -> None:
    adapter = SlackAdapter(TEAM, SlackSettings.model_validate({**sandbox.account, key: token}))
    async with adapter.open():
        wrong = [found.what for found in await adapter.check() if found.level is Level.ERROR]
    assert any(what in found for found in wrong)


@pytest.mark.scenario("L07")
@pytest.mark.parametrize("scope", sorted({*NEEDED, *WISHED}))
async def test_each_missing_permission_is_named_with_what_it_is_for_and_its_cure(scope: str) -> None:
    async with SlackSandbox(scopes=",".join({*NEEDED, *WISHED} - {scope})) as sandbox:
        adapter = SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))
        async with adapter.open():
            (wrong,) = [found for found in await adapter.check() if found.level is not Level.OK]
    assert wrong.level is (Level.ERROR if scope in NEEDED else Level.WARNING)
    assert scope in wrong.what
    assert (NEEDED.get(scope) or WISHED[scope]) in wrong.what
    assert "Bot Token Scopes" in wrong.cure
    assert "install the app again" in wrong.cure


async def test_a_slack_that_keeps_its_permissions_to_itself_is_no_error() -> None:
    async with SlackSandbox(scopes=None) as sandbox:
        adapter = SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))
        async with adapter.open():
            assert Level.ERROR not in {found.level for found in await adapter.check()}
            assert adapter.limits.files is not None


@pytest.mark.parametrize("absent", [{"conversations.list"}, {"conversations.info"}, {"conversations.list", "conversations.info"}])
async def test_something_less_than_slack_is_enough(sandbox: SlackSandbox, adapter: SlackAdapter, absent: set[str]) -> None:
    await sandbox.with_server(lambda server: server.absent.update(absent))
    async with adapter.open():
        name = "C0ALLHANDS1" if "conversations.list" in absent else "all-hands"
        place = Place(TEAM, await adapter.pin(name))
        ref = await adapter.send(PART, Destination(place), Thread(), "k")
        assert [standing.id for standing in sandbox.standing()] == [ref.id]
