"""What is begun in the transaction that finds it: nothing is lost, doubled or sent that should not be, whatever comes between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from bridge.contract import Context, Part, Thread
from bridge.engine import Account, Engine, Step
from bridge.post import Destination, Post, Ref
from bridge.reasons import Reason
from bridge.store import sql
from bridge.store.tables import DeliveryState, PartState
from bridge.text import plain
from bridge.waking import Wake
from bridge.worker import Worker
from tests.core.desk import Desk
from tests.core.test_doubts import Fake
from tests.core.worlds import ALL, OTHER_CHANNEL, TIMELINE, created, deleted, entry, group, world


@dataclass
class InParts(Fake):
    """A platform to which a post goes in parts, between strokes; `on` is told of each before it is sent."""

    on: Callable[[str], Awaitable[object] | None] = field(default=lambda _: None)

    def render(self, post: Post, destination: Destination, context: Context) -> tuple[Part, ...]:
        return tuple(map(Part, plain(post.text).split("|")))

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        if (more := self.on(part.body)) is not None:
            await more
        return await super().send(part, destination, thread, key)


class Lane:
    """The timeline's lane while it is served."""

    def __init__(self, desk: Desk, fake: Fake, at_step: Callable[[Step], None] = lambda _: None) -> None:
        self.desk = desk
        self.account = Account(ALL, fake)  # type: ignore[arg-type]
        self.account.opened.set()
        self.engine = Engine({ALL: self.account}, now=lambda: desk.now, jitter=lambda: 0.0, at_step=at_step)
        self.worker = Worker(desk.store, self.engine, lambda: desk.world, lambda _: None)

    async def serve(self) -> None:
        await self.worker.serve(await self.desk.lane(TIMELINE), Wake())

    async def outcomes(self) -> list[tuple[str, str]]:
        here = (await self.desk.lane(TIMELINE)).lane.id
        return [(row.state, row.reason) for row in await self.desk.rows(sql.delivery, sql.delivery.c.lane_id == here)]


DELIVERED, INTERNAL = (DeliveryState.DELIVERED, ""), (DeliveryState.NOT_DELIVERED, Reason.INTERNAL)


@pytest.mark.parametrize("bad", [0, 1])
async def test_a_copy_that_cannot_be_kept_ends_alone(desk: Desk, bad: int) -> None:
    words = ["good", "better"]
    words.insert(bad, "half a sign \ud83d")
    for each in words:
        await desk.hear(created(each))
    lane = Lane(desk, fake := InParts())
    await lane.serve()
    assert fake.sent == ["good", "better"]
    assert [outcome == INTERNAL for outcome in await lane.outcomes()] == [n == bad for n in range(3)]
    assert await desk.count(sql.receipt) == 2


@pytest.fixture
async def two_groups(desk: Desk) -> Desk:
    """One group whose posts wait a minute and one whose posts do not, at one timeline."""
    at_once = group(entry("team/dev"), entry("allhands/timeline"), name="dev")
    desk.world = world(group(entry("team/all-hands"), entry("allhands/timeline"), undo=timedelta(seconds=60)), at_once)
    return desk


async def test_nothing_is_begun_between_two_parts(two_groups: Desk) -> None:
    await two_groups.hear(created("undoable"))
    await two_groups.hear(created("one|two|three", place=OTHER_CHANNEL))
    lane = Lane(two_groups, fake := InParts())

    def pass_a_minute(part: str) -> None:
        two_groups.now += 60 if part == "one" else 0

    fake.on = pass_a_minute
    await lane.serve()
    assert (fake.sent, fake.looked_since) == (["one", "two", "three", "undoable"], [])
    assert set(await lane.outcomes()) == {DELIVERED}


async def test_what_is_taken_back_between_two_parts_of_another_is_not_sent(two_groups: Desk) -> None:
    undoable = created("undoable")
    await two_groups.hear(undoable)
    await two_groups.hear(created("one|two|three", place=OTHER_CHANNEL))
    lane = Lane(two_groups, fake := InParts())

    def on(part: str) -> Awaitable[object] | None:
        two_groups.now += 60 if part == "one" else 0
        return two_groups.hear(deleted(undoable)) if part == "two" else None

    fake.on = on
    await lane.serve()
    assert fake.sent == ["one", "two", "three"]


async def test_nothing_more_is_begun_where_the_account_is_signed_out(desk: Desk) -> None:
    for number in range(3):
        await desk.hear(created(f"post {number}"))
    lane = Lane(desk, fake := InParts())
    fake.on = lambda _: lane.account.opened.clear()
    serving = asyncio.create_task(lane.serve())
    while not fake.sent or await desk.count(sql.receipt) < 1:
        await asyncio.sleep(0.01)
    assert {row.state for row in await desk.rows(sql.part)} == {PartState.DONE}
    fake.on = lambda _: None
    lane.account.opened.set()
    await serving
    assert fake.sent == ["post 0", "post 1", "post 2"]


async def test_what_is_begun_is_attempted_though_the_service_is_told_to_end(desk: Desk) -> None:
    for number in range(3):
        await desk.hear(created(f"post {number}"))

    def at_step(step: Step) -> None:
        if step is Step.SETTLED:
            lane.engine.stopping.set()

    lane = Lane(desk, fake := InParts(), at_step)
    await lane.serve()
    assert fake.sent == ["post 0", "post 1"], "the second was begun with the first one's receipt"
    assert {row.state for row in await desk.rows(sql.part)} == {PartState.DONE}
