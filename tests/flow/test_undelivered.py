"""The whole way: what a platform refused is sent again by an admin, through the API, and stands in its thread."""

from __future__ import annotations

import asyncio
import time

import httpx2
import pytest

from bridge.contract import Fault
from bridge.store.undelivered import Which, listed
from bridge.web.app import make_app
from tests.flow.house import LOOK_S, PATIENCE, House, Said

pytestmark = pytest.mark.asyncio(loop_scope="session")

MEANT = {"X-Viabridge": "1"}


async def ask(house: House, method: str, path: str, **body: object) -> httpx2.Response:
    transport = httpx2.ASGITransport(make_app(house.service, [], asyncio.Event()), client=("127.0.0.1", 50000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as session:
        return await session.request(method, path, headers=MEANT, **({"json": body} if body else {}))


async def refused(house: House, said: Said, times: int) -> None:
    """So many copies of it ended as not delivered."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = await house.store.read(lambda tx: listed(tx, Which(), most=1000))
        if sum(said.mark in each.line for each in found) == times:
            return
        assert time.monotonic() < deadline, f"{said.words!r} was not refused"
        await asyncio.sleep(LOOK_S)


@pytest.mark.scenario("D11")
@pytest.mark.parametrize("account", ["slack", "mastodon"])
async def test_what_was_refused_is_replayed_into_its_thread(house: House, account: str) -> None:
    origin = "mastodon" if account == "slack" else "slack"
    places = len(house.at(account))
    house.sandbox(account).fault(Fault.REFUSED, places)
    root = await house.say(origin, "refused at first")
    await refused(house, root, places)
    house.sandbox(account).fault(Fault.REFUSED, places)
    answer = await house.say(origin, "and so is the answer", reply_to=root.native)
    await refused(house, answer, places)
    assert not [each for said in (root, answer) for to in house.at(account) for each in house.copies(said.mark, to)]
    listed = (await ask(house, "GET", "/api/undelivered")).json()
    mine = [each for each in listed["undelivered"] if any(said.mark in each["line"] for said in (root, answer))]
    assert len(mine) == 2 * places
    assert {each["reason"] for each in mine} == {"rejected"}
    done = await ask(house, "POST", "/api/undelivered", deed="replay", group=mine[0]["group"], by="lynn")
    assert done.json()["queued"] >= 2 * places
    await house.arrives(root)
    copies = await house.arrives(answer)
    for to in house.at(account):
        [first] = house.copies(root.mark, to)
        assert copies[to].reply_to == first.id, "it stands under the copy of what it answers"
    after = (await ask(house, "GET", "/api/undelivered")).json()
    assert not [each for each in after["undelivered"] if each["id"] in {one["id"] for one in mine}]
