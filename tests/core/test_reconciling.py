"""Looking back: what no connection told is found and taken once, what stands twice is removed, silence does not last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from bridge import reconciling
from bridge.contract import Page, Seen
from bridge.engine import Account, Engine
from bridge.errors import Rejected, Retryable
from bridge.inbox import Inbox
from bridge.post import NativeId, Place, PlaceId, Ref
from bridge.reconciling import DEEP_EVERY, GRACE_S, Reconciler
from bridge.store import alerts, inward, looking_back, sql
from tests.core.desk import Desk
from tests.core.worlds import CHANNEL, LYNN_OUTSIDE, NOW, TEAM, TIMELINE, created, entry, group, world


@dataclass
class Past:
    """A place that keeps what was said, newest first, two on a page."""

    messages: list[Seen] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    trouble: Exception | None = None
    removed: list[Ref] = field(default_factory=list)

    async def page(self, place: PlaceId, since: datetime, cursor: str) -> Page:
        self.asked.append(cursor)
        if self.trouble:
            raise self.trouble
        newest_first = [each for each in reversed(self.messages) if each.raw.at >= since]
        at = int(cursor or 0)
        return Page(tuple(newest_first[at : at + 2]), str(at + 2) if at + 2 < len(newest_first) else None)

    async def delete(self, ref: Ref) -> None:
        self.removed.append(ref)


@dataclass
class Scene:
    desk: Desk
    past: Past
    account: Account
    reconciler: Reconciler

    def say(self, native: str, key: str = "", at: float | None = None) -> Seen:
        when = self.desk.now if at is None else at
        raw = self.desk.raw(TEAM, f"C1:{native}:created", datetime.fromtimestamp(when, UTC))
        self.past.messages.append(Seen(raw, Ref(CHANNEL, NativeId(native)), key))
        return self.past.messages[-1]

    async def hear(self, seen: Seen) -> None:
        await self.desk.write(lambda tx: inward.take(tx, seen.raw, self.desk.now))

    async def look(self, *, deep: bool = False) -> list[tuple[str, str]]:
        found = await self.reconciler.look(self.account, deep=deep)
        return [(each.kind, each.native) for each in found]

    async def taken(self) -> list[str]:
        return [row.key for row in await self.desk.rows(sql.raw)]


@pytest.fixture
async def scene(desk: Desk) -> Scene:
    desk.world = world(group(entry("team/all-hands"), entry("allhands/timeline")))
    past = Past()
    account = Account(TEAM, SimpleNamespace(history=past, delete=past.delete))  # type: ignore[arg-type]
    account.opened.set()
    clock: Callable[[], float] = lambda: desk.now  # noqa: E731
    engine = Engine({TEAM: account}, now=clock)
    inbox = Inbox(desk.store, engine, lambda: desk.world)
    return Scene(desk, past, account, Reconciler(desk.store, engine, lambda: desk.world, inbox))


async def begin(scene: Scene) -> None:
    assert await scene.look() == []
    scene.desk.now += 100


@pytest.mark.scenario("D16")
async def test_what_stood_there_before_the_first_look_is_left_alone(scene: Scene) -> None:
    scene.say("1", at=NOW - 60)
    await begin(scene)
    scene.desk.now += GRACE_S + 1
    assert await scene.look(deep=True) == []
    assert await scene.taken() == []


@pytest.mark.scenario("D13")
async def test_what_appears_later_among_older_ones_is_found_and_taken_once(scene: Scene) -> None:
    """The stream told of 1 and 3; 2 became visible after them."""
    await begin(scene)
    for native in ("1", "2", "3"):
        seen = scene.say(native)
        if native != "2":
            await scene.hear(seen)
    scene.desk.now += GRACE_S + 1
    assert await scene.look() == [("gap", "2")]
    assert await scene.taken() == ["C1:1:created", "C1:3:created", "C1:2:created"]
    assert await scene.look() == []
    found = await scene.desk.read(looking_back.findings)
    assert [(each.kind, each.native, each.outcome) for each in found] == [("gap", "2", "taken")]


@pytest.mark.scenario("D08")
async def test_a_connection_that_is_silent_is_made_anew_and_admins_are_told(scene: Scene) -> None:
    await begin(scene)
    scene.say("1")
    await scene.look()
    assert not scene.account.relisten.is_set(), "it may still be on its way"
    scene.desk.now += GRACE_S + 1
    await scene.look()
    assert scene.account.relisten.is_set()
    [told] = await scene.desk.read(alerts.current)
    assert "team seemed connected" in told.text


async def test_what_is_known_by_the_ledger_alone_is_no_gap(scene: Scene) -> None:
    """An older version took it under another key."""
    await begin(scene)
    said = created("hi")
    await scene.desk.hear(said)
    scene.say(said.ref.id)
    scene.desk.now += GRACE_S + 1
    assert await scene.look() == []


async def test_an_interrupted_look_goes_on_where_it_was(scene: Scene) -> None:
    await begin(scene)
    for native in range(6):
        scene.say(str(native))
    scene.desk.now += GRACE_S + 1

    class Stops(Exception):
        pass

    pages: list[str] = []
    whole = scene.past.page

    async def page(place: PlaceId, since: datetime, cursor: str) -> Page:
        if len(pages) == 2:
            raise Stops
        pages.append(cursor)
        return await whole(place, since, cursor)

    scene.past.page = page  # type: ignore[method-assign]
    with pytest.raises(Stops):
        await scene.look(deep=True)
    assert len(await scene.taken()) == 4
    scene.past.page = whole  # type: ignore[method-assign]
    assert await scene.look() == [("gap", "1"), ("gap", "0")]
    assert scene.past.asked[-1] == "4"


async def test_a_place_in_the_file_s_stead_that_is_refused_begins_anew(scene: Scene) -> None:
    await begin(scene)
    for native in range(6):
        scene.say(str(native))
    scene.past.trouble = Rejected("I don't know that cursor.")
    await scene.desk.write(
        lambda tx: inward.take_page(tx, TEAM, (), f"looked-back:{CHANNEL.id}", reconciling._Mark(NOW, "4").dump(), NOW)
    )
    with pytest.raises(Rejected):
        await scene.look()
    scene.past.trouble = None
    scene.desk.now += GRACE_S + 1
    assert len(await scene.look(deep=True)) == 6


async def test_most_looks_read_one_page_and_some_go_the_whole_way(scene: Scene) -> None:
    await begin(scene)
    for native in range(6):
        await scene.hear(scene.say(str(native)))
    counts = []
    for _ in range(DEEP_EVERY + 1):
        before = len(scene.past.asked)
        await scene.look()
        counts.append(len(scene.past.asked) - before)
    assert counts == [3] + [1] * (DEEP_EVERY - 1) + [3]


async def test_of_what_stands_twice_under_one_key_the_one_without_a_receipt_goes(scene: Scene) -> None:
    await begin(scene)
    await scene.desk.hear(created("hi", place=TIMELINE, author=LYNN_OUTSIDE))
    await scene.desk.deliver(CHANNEL, "10")
    [part] = await scene.desk.rows(sql.part)
    scene.say("10", key=part.key)
    double = scene.say("11", key=part.key)
    scene.say("12", key="other")
    scene.desk.now += GRACE_S + 1
    assert await scene.look() == [("double", "11")]
    assert scene.past.removed == [double.ref]


async def test_two_of_which_the_ledger_knows_neither_are_left_alone(scene: Scene) -> None:
    await begin(scene)
    for native in ("11", "12"):
        scene.say(native, key="abc")
    scene.desk.now += GRACE_S + 1
    assert await scene.look() == []
    assert scene.past.removed == []


async def test_a_place_that_cannot_be_read_now_is_looked_at_again(scene: Scene) -> None:
    """The duty goes on, whatever one look comes to."""
    await begin(scene)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise asyncio.CancelledError

    troubles: Sequence[Exception] = (Retryable("Away."), ValueError("a mistake"))
    look = iter(troubles)

    async def page(*_: Any) -> Page:
        if (trouble := next(look, None)) is not None:
            raise trouble
        return Page((), None)

    scene.past.page = page  # type: ignore[method-assign]
    reconciler = Reconciler(scene.desk.store, scene.reconciler.engine, lambda: scene.desk.world, scene.reconciler.inbox, sleep)
    with pytest.raises(asyncio.CancelledError):
        await reconciler._keep_looking(scene.account)
    assert len(slept) == 3
    assert Place(TEAM, CHANNEL.id) == CHANNEL
