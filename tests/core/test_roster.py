"""Being one of several: who lives, who has how much, and what a shift does when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select, text, update

from bridge.engine import Account, Engine
from bridge.roster import FREE, Roster
from bridge.shifts import Shifts
from bridge.store import Store, database, lanes, replicas, sql
from bridge.store.clock import SharedClock
from bridge.store.presence import BEAT_S, Presence
from bridge.store.replicas import Roll
from bridge.waking import Wake
from tests.core.desk import Desk
from tests.core.worlds import NOW, TEAM, TIMELINE

SOON_S = 60.0


@pytest.fixture
def url(make_postgresql: Callable[[], str]) -> str:
    """SQLite has one replica."""
    return make_postgresql()


async def until(look: Callable[[], object]) -> None:
    async with asyncio.timeout(SOON_S):
        while not look():
            await asyncio.sleep(0.01)


# ---------------------------------------------------------------- the roll


async def call(desk: Desk, replica: str, lock: int = 0) -> Roll:
    return await desk.write(lambda tx: replicas.call(tx, replica, lock))


async def age(desk: Desk, replica: str) -> None:
    """Its last heartbeat is too long ago."""
    row = update(sql.replica).where(sql.replica.c.id == replica)
    await desk.write(lambda tx: tx.execute(row.values(beat_at=sql.replica.c.beat_at - lanes.MISSED_S - 1)).rowcount)


async def test_who_beats_lives_and_who_is_silent_is_struck_off_with_all_it_owned(desk: Desk) -> None:
    await call(desk, "one")
    claim = await desk.lane(TIMELINE, replica="one")
    assert (await call(desk, "two")).living == {"one", "two"}
    await age(desk, "one")
    assert (await call(desk, "two")).living == {"two"}
    assert await desk.read(lambda tx: lanes.free(tx, [claim.lane.id])) == {claim.lane.id}
    back = await call(desk, "one")
    assert (back.living, dict(back.ours)) == ({"one", "two"}, {}), "it lives again, and sees what is no longer its own"


async def test_a_replica_whose_session_ended_is_struck_off_though_it_was_heard_of_just_now(desk: Desk, url: str) -> None:
    session = database.connect_alone(url)
    with session.connect() as connection:
        assert replicas.holds(connection, 4711)
        await call(desk, "one", 4711)
        assert (await call(desk, "two")).living == {"one", "two"}
    await until(lambda: not _locks(session))
    assert (await call(desk, "two")).living == {"two"}
    session.dispose()


def _locks(engine: Any) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")).scalar_one())


async def test_a_roll_counts_what_the_living_own_and_names_what_is_ours(desk: Desk) -> None:
    await call(desk, "one")
    mine, theirs = await desk.lane(TIMELINE, replica="one"), await desk.source(TEAM, "two")
    assert (await call(desk, "one")).served == 1, "two was never heard of"
    await call(desk, "two")
    roll = await call(desk, "one")
    assert (roll.served, dict(roll.ours)) == (2, {mine.lane.id: mine.epoch})
    assert theirs.lane.id not in roll.ours


def test_a_clock_that_all_share_goes_on_steadily_and_follows_the_database() -> None:
    seconds = [100.0]
    clock = SharedClock(NOW, lambda: seconds[0])
    seconds[0] += 7
    assert clock.now() == NOW + 7
    clock.set(Roll(107.0, 107.1, NOW + 3600, frozenset()))
    assert clock.now() == NOW + 3600
    clock.set(Roll(107.0, 109.0, NOW, frozenset()))
    assert clock.now() == NOW + 3600, "a slow look says too little"


# ---------------------------------------------------------------- presence


@dataclass
class Ears:
    """Hears what a presence tells."""

    rolls: list[Roll] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    connects: list[bool] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)

    def called(self, roll: Roll) -> None:
        self.rolls.append(roll)

    def connected(self, *, hears: bool) -> None:
        self.connects.append(hears)

    def heard(self, words: str) -> None:
        self.words.append(words)

    def cut_off(self, sentence: str) -> None:
        self.troubles.append(sentence)


@asynccontextmanager
async def present(store: Store, replica: str, ears: Any) -> AsyncIterator[Presence]:
    presence = store.attend(replica, ears)
    try:
        yield presence
    finally:
        await asyncio.to_thread(presence.close)


async def test_a_presence_whose_session_is_ended_comes_back_and_says_that_it_may_have_missed_something(desk: Desk) -> None:
    ears = Ears()
    async with present(desk.store, "one", ears):
        await until(lambda: ears.rolls)
        await desk.write(lambda tx: replicas.tell(tx, "viabridge", "two:7"))
        await until(lambda: ears.words)
        ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'viabridge presence'"
        await desk.write(lambda tx: tx.execute(text(f"{ending} AND datname = current_database()")).scalar_one())
        await until(lambda: len(ears.connects) == 2)
        before = len(ears.rolls)
        await until(lambda: len(ears.rolls) > before)
        await desk.write(lambda tx: replicas.tell(tx, "viabridge", "two:8"))
        await until(lambda: len(ears.words) == 2)
    assert (ears.words, ears.connects, len(ears.troubles)) == (["two:7", "two:8"], [True, True], 1)
    assert ears.rolls[-1].living == {"one"}


async def test_the_heart_stops_where_the_event_loop_stands_still(desk: Desk, url: str) -> None:
    ears = Ears()

    def beat_at() -> float:
        with desk.store._engine.connect() as reading:
            return float(reading.execute(select(sql.replica.c.beat_at)).scalar_one())

    presence = Presence(database.connect_alone(url), "one", ears, stuck=1.5 * BEAT_S)
    try:
        await until(lambda: ears.rolls)
        time.sleep(3 * BEAT_S)  # noqa: ASYNC251 - the loop stands still, that is the point
        last = beat_at()
        time.sleep(2 * BEAT_S)  # noqa: ASYNC251 - as above
        assert beat_at() == last
        before = len(ears.rolls)
        await until(lambda: len(ears.rolls) > before + 1)
        assert beat_at() > last
    finally:
        await asyncio.to_thread(presence.close)


async def test_what_one_says_the_others_hear_and_it_does_not_hear_itself(desk: Desk) -> None:
    heard: dict[str, list[object]] = {"one": [], "two": []}
    both = {name: roster(desk.store, name) for name in heard}
    for name, each in both.items():
        each.on_news.append(heard[name].append)
        each.on_told.append(lambda lanes, name=name: heard[name].append(lanes) if lanes else None)  # type: ignore[misc]
        each.start()
    try:
        await until(lambda: all(each._hears and each.roll and len(each.roll.living) == 2 for each in both.values()))
        changed = both["two"]._changed
        both["one"].tell([7, 5])
        both["one"].say("commanded")
        both["one"].say(FREE)
        await until(lambda: len(heard["two"]) == 2 and changed.is_set())
        assert set(heard["two"]) == {frozenset({5, 7}), "commanded"}
        assert heard["one"] == []
    finally:
        for each in both.values():
            await each.leave()


# ---------------------------------------------------------------- shares


def roster(store: Store, replica: str = "one", accounts: dict[Any, Account] | None = None) -> Roster:
    return Roster(store, Engine(accounts or {}, shared=True), replica)


@pytest.mark.parametrize(("living", "of", "share"), [(1, 7, 7), (3, 7, 3), (3, 3, 1), (3, 0, 1), (2, 10_000, 5_000)])
async def test_a_share_is_the_same_for_all_and_rounded_up(desk: Desk, living: int, of: int, share: int) -> None:
    mine = roster(desk.store)
    mine.called(Roll(0.0, 0.0, NOW, frozenset(map(str, range(living)))))
    assert mine.share(of) == share


async def test_a_replica_with_more_than_its_share_lets_go_of_the_rest_and_one_with_less_takes_it(desk: Desk) -> None:
    from bridge.lanes import Lanes

    account = Account(TIMELINE.account, None)  # type: ignore[arg-type]
    account.opened.set()
    ids = [(await desk.try_claim(TIMELINE, f"r{n}@example.org", "nobody")) for n in range(6)]
    names = [claim.lane.id for claim in ids if claim]
    await desk.write(lambda tx: lanes.leave(tx, "nobody"))
    held: dict[str, set[int]] = {"one": set(), "two": set()}

    async def serve(claim: Any, wake: Wake, who: str) -> None:
        held[who].add(claim.lane.id)
        while not wake.leaving:  # busy all the time
            await wake.wait()
            wake.clear() if not wake.leaving else None
        held[who].discard(claim.lane.id)

    both = {name: roster(desk.store, name, {account.id: account}) for name in held}
    serving = {
        name: Lanes(desk.store, each._engine, each, lambda claim, wake, name=name: serve(claim, wake, name), linger=0.0)  # type: ignore[misc]
        for name, each in both.items()
    }
    both["one"].start()
    try:
        await until(lambda: both["one"].roll)
        serving["one"].wake(names)
        await until(lambda: len(held["one"]) == 6)
        both["two"].start()
        await until(lambda: len(held["one"]) == 3 and len(held["two"]) == 3)
        assert held["one"].isdisjoint(held["two"])
    finally:
        for name, each in both.items():
            each._engine.stopping.set()
            for running in serving[name]._running.values():
                running.wake.leaving = True
            await serving[name].drain()
            await each.leave()
    assert await desk.count(sql.replica) == 0
    assert {row.owner for row in await desk.rows(sql.lane)} == {""}


# ---------------------------------------------------------------- shifts


async def test_a_shift_is_done_by_one_and_taken_over_from_one_that_is_gone(desk: Desk) -> None:
    doing: list[str] = []

    async def work(who: str) -> None:
        doing.append(who)
        try:
            await asyncio.Event().wait()
        finally:
            doing.remove(who)

    both = {name: roster(desk.store, name) for name in ("one", "two")}
    tasks = {}
    for name, each in both.items():
        shifts = Shifts(desk.store, each)
        tasks[name] = asyncio.create_task(shifts.duty("keeper", lambda name=name: work(name)))  # type: ignore[misc]
        each.start()
    try:
        await until(lambda: doing)
        [first] = doing
        other = "two" if first == "one" else "one"
        presence = both[first]._presence
        assert presence is not None
        await asyncio.to_thread(presence.close)  # as if it had been killed: its session is gone, its row stays
        tasks[first].cancel()
        await until(lambda: doing == [other])
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
        for each in both.values():
            await each.leave()
    assert doing == []


async def test_a_shift_whose_lane_another_took_is_over_at_once(desk: Desk) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    mine = roster(desk.store)
    shifts = Shifts(desk.store, mine)
    task = asyncio.create_task(shifts.duty("keeper", work))
    mine.start()
    try:
        async with asyncio.timeout(SOON_S):
            await begun.wait()
            await desk.write(lambda tx: replicas.call(tx, "two"))
            await desk.write(lambda tx: tx.execute(update(sql.lane).values(owner="two", epoch=sql.lane.c.epoch + 1)).rowcount)
            await ended.wait()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await mine.leave()
