"""What admins ask about readers: the list, letting somebody read along, inviting, and what they read of the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from bridge import listings
from bridge.engine import Engine
from bridge.mappings import Deliver
from bridge.post import Destination
from bridge.rhythm import Choice
from bridge.routing import World
from bridge.store import Tx, choices, joining, people, readers
from bridge.store.joining import Joining, Step
from bridge.store.readers import Standing
from bridge.web.app import make_app
from tests.core.asking import NEW, look, told
from tests.core.desk import Desk
from tests.core.letters import CHAIR, LEES, NOON, reads
from tests.core.test_joining import joinable
from tests.core.worlds import MAILS

HERE = "127.0.0.1:8080"
MEANT = {"Content-Type": "application/json", "X-Viabridge": "1"}


@pytest.fixture
def service(desk: Desk) -> Any:
    """A service as far as the routes know one, on the desk's clock."""
    desk.world, desk.now = reads(), NOON
    found = SimpleNamespace(store=desk.store, engine=Engine({}, now=lambda: desk.now), world=desk.world, doorkeeper=None)

    async def decide(change: Callable[[Tx, World, float], set[int]]) -> None:
        await desk.write(lambda tx: change(tx, desk.world, desk.now))
        await look(desk)
        found.world = desk.world

    found.decide = decide
    return found


async def call(service: Any, method: str, path: str, body: object = None) -> httpx2.Response:
    transport = httpx2.ASGITransport(make_app(service, [], asyncio.Event()), client=("127.0.0.1", 9))
    async with httpx2.AsyncClient(transport=transport, base_url=f"http://{HERE}") as client:
        return await client.request(method, path, headers=MEANT if body else {}, content=json.dumps(body) if body else None)


async def test_the_list_says_who_reads_what_and_how_often(desk: Desk, service: Any) -> None:
    await desk.write(lambda tx: choices.put(tx, Destination(MAILS, LEES), Choice(Deliver.ANNOUNCEMENTS)))
    await desk.write(lambda tx: readers.put(tx, Standing(Destination(MAILS, CHAIR), left_at=NOON)))
    await look(desk)
    service.world = desk.world
    answer = (await call(service, "GET", "/api/readers")).json()
    lines = list(listings.readers(answer))
    assert [line.partition(" since")[0] for line in lines] == [
        "left    chair@board.example at mail/all-hands",
        "reads   lee@gmail.example at mail/all-hands: announcements only",
        "reads   chair@board.example at mail/leaders: each conversation as it goes",
    ]


@pytest.mark.parametrize(
    ("deed", "step", "says"), [("approve", Step.READS, "reads from now on"), ("reject", Step.REFUSED, "turned")]
)
async def test_an_admin_decides_who_may_read_along(desk: Desk, service: Any, deed: str, step: Step, says: str) -> None:
    desk.world = joinable("ask")
    to = Destination(MAILS, NEW)
    await desk.write(lambda tx: joining.put(tx, Joining(to, "New", Step.CONFIRMED, NOON)))
    said = await call(service, "POST", "/api/readers", {"address": NEW, "deed": deed, "by": "lynn"})
    assert says in said.json()["done"]
    found = await desk.read(lambda tx: joining.find(tx, to))
    assert found is not None
    assert found.step is step
    assert [each.by for each in await desk.read(people.decisions)] == ["lynn"]
    again = await call(service, "POST", "/api/readers", {"address": NEW, "deed": deed, "by": "lynn"})
    assert (again.status_code, "waits to read along" in again.json()["error"]) == (409, True)


async def test_an_invitation_asks_by_mail(desk: Desk, service: Any) -> None:
    desk.world = joinable("ask")
    said = await call(service, "POST", "/api/readers/invite", {"group": "all-hands", "whom": NEW, "by": "lynn"})
    assert said.json() == {"done": f"{NEW} is asked whether they want to read all-hands."}
    [words] = await told(desk, NEW)
    assert "An admin invites you" in words
    refused = await call(service, "POST", "/api/readers/invite", {"group": "none", "whom": NEW, "by": "lynn"})
    assert (refused.status_code, refused.json()["error"]) == (409, "There is no group none. There are: all-hands.")


async def test_who_is_spared_returns_and_who_left_is_to_be_invited(desk: Desk, service: Any) -> None:
    await desk.write(lambda tx: readers.put(tx, Standing(Destination(MAILS, LEES), suspended_at=NOON)))
    await desk.write(lambda tx: readers.put(tx, Standing(Destination(MAILS, CHAIR), left_at=NOON)))
    back = await call(service, "POST", "/api/readers", {"address": LEES.upper(), "deed": "return", "by": "lynn"})
    gone = await call(service, "POST", "/api/readers", {"address": CHAIR, "deed": "return", "by": "lynn"})
    assert back.status_code == 200
    assert "viabridge invite GROUP" in gone.json()["error"]
    assert await desk.read(readers.away) == {Destination(MAILS, CHAIR)}


async def test_only_this_machine_and_only_who_means_it_decides(service: Any) -> None:
    app = make_app(service, [], asyncio.Event())
    body = json.dumps({"address": NEW, "deed": "approve", "by": "x"})
    for client, headers in ((("10.0.0.9", 9), MEANT), (("127.0.0.1", 9), {"Content-Type": "application/json"})):
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app, client=client), base_url=f"http://{HERE}") as one:
            assert (await one.post("/api/readers", headers=headers, content=body)).status_code in {403, 404}
