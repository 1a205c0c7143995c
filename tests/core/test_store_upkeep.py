"""Upkeep: stand-in lanes get their ids, old bodies are forgotten, the hot queries use indexes, the audit tells the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, event, text, update

from bridge import keeper
from bridge.loops import Mark
from bridge.places import is_unpinned, unpinned
from bridge.post import Destination, EventKind, NativeId, Own, Place, PlaceId, Ref
from bridge.routing import World
from bridge.store import Store, halts, inward, jobs, lanes, ledger, origins, outcomes, outward, pins, sql, stories
from bridge.store.audit import claims
from bridge.store.status import status
from bridge.store.values import Claim, Lane
from tests.core.desk import Desk
from tests.core.worlds import ALL, CHANNEL, MAILS, NOW, PINS, STRANGER, TEAM, TIMELINE, created, edited

DAY = 24 * 3600.0

# ---------------------------------------------------------------- pins


async def test_what_waited_under_a_stand_in_goes_to_the_place(desk: Desk) -> None:
    everything = desk.world
    desk.world = World(everything.mappings, {key: place for key, place in PINS.items() if key[0] != ALL}, everything.by_reader)
    await desk.hear(created("one"))
    stand_in = unpinned("timeline")
    assert is_unpinned(stand_in)
    claim = await desk.lane(Place(ALL, stand_in))
    await desk.write(lambda tx: lanes.pause(tx, claim, NOW + 60, 0, "not there"))
    await desk.write(lambda tx: pins.pin(tx, ALL, "timeline", TIMELINE.id, stand_in))
    assert await desk.read(lambda tx: pins.all_pins(tx)[ALL, "timeline"]) == TIMELINE.id
    assert not await desk.read(lambda tx: lanes.owns(tx, claim)), "whoever served the stand-in must look again"
    desk.world = everything
    await desk.hear(created("two"))
    for words in ("one", "two"):
        job, part = await desk.attempting(valid := await desk.lane(TIMELINE))
        assert words in str(job.post)
        await desk.settle(valid, job, part, words)


async def test_what_was_queued_under_a_stand_in_after_its_pin_goes_to_the_place_too(desk: Desk) -> None:
    """Its post was routed before the pin, and accepted after."""
    everything = desk.world
    stand_in = unpinned("timeline")
    await desk.hear(created("one"))
    desk.world = World(everything.mappings, {key: place for key, place in PINS.items() if key[0] != ALL}, everything.by_reader)
    await desk.hear(late := created("two"))
    await desk.hear(edited(late, "two, changed"))
    claim = await desk.lane(Place(ALL, stand_in))
    assert not await desk.write(lambda tx: pins.move(tx, claim, "timeline")), "nobody knows the place yet"
    await desk.write(lambda tx: pins.pin(tx, ALL, "timeline", TIMELINE.id, stand_in))
    assert await desk.write(lambda tx: pins.move(tx, claim, "timeline"))
    assert await desk.next(claim) is None
    for words in ("one", "two, changed"):
        job, part = await desk.attempting(valid := await desk.lane(TIMELINE))
        assert words in str(job.post)
        await desk.settle(valid, job, part, words)


async def test_what_was_routed_before_the_pin_and_is_accepted_after_it_keeps_its_turn(desk: Desk) -> None:
    everything, stand_in = desk.world, unpinned("timeline")
    before = World(everything.mappings, {key: place for key, place in PINS.items() if key[0] != ALL}, everything.by_reader)
    desk.world = before
    await desk.hear(created("one"))
    await desk.write(lambda tx: pins.pin(tx, ALL, "timeline", TIMELINE.id, stand_in))
    await desk.hear(created("two"))
    desk.world = everything
    await desk.hear(created("three"))
    for words in ("one", "two", "three"):
        job, part = await desk.attempting(claim := await desk.lane(TIMELINE))
        assert words in str(job.post)
        await desk.settle(claim, job, part, words)


async def test_a_pin_is_kept_and_can_be_moved(desk: Desk) -> None:
    for place in ("C1", "C2"):
        await desk.write(lambda tx, place=place: pins.pin(tx, TEAM, "all", PlaceId(place), unpinned("all")))
    assert await desk.read(pins.all_pins) == {(TEAM, "all"): "C2"}


# ---------------------------------------------------------------- forgetting


async def bodies(desk: Desk) -> dict[str, list[bool]]:
    """Whether each row still has its body."""
    return {table.name: [bool(row.body) for row in await desk.rows(table)] for table in (sql.raw, sql.post, sql.part)}


async def test_old_bodies_are_forgotten_and_ids_are_not(desk: Desk) -> None:
    await desk.hear(created("old"))
    for place, reader in ((TIMELINE, ""), (MAILS, "lee@gmail.example"), (MAILS, "chair@board.example")):
        await desk.deliver(place, f"copy for {reader}", reader)
    assert await keeper.forget_bodies(desk.store, NOW - 1) == 0
    assert await keeper.forget_bodies(desk.store, NOW + DAY) > 0
    assert {each for found in (await bodies(desk)).values() for each in found} == {False}
    copy = Ref(TIMELINE, NativeId("copy for "))
    assert await desk.read(lambda tx: ledger.find_receipt(tx, copy)) is not None
    assert await keeper.forget_bodies(desk.store, NOW + DAY) == 0


async def test_what_waits_keeps_its_body(desk: Desk) -> None:
    post = created("waits for its destination")
    await desk.hear(post)
    job = await desk.job(claim := await desk.lane(TIMELINE))
    await desk.freeze(claim, job, "frozen")
    waiting = desk.raw(TEAM, body=b"waits to be understood")
    await desk.write(lambda tx: inward.take(tx, waiting, NOW))
    await keeper.forget_bodies(desk.store, NOW + DAY)
    found = await bodies(desk)
    assert found["raw"] == [False, True]
    assert found["post"] == [True]
    assert found["part"] == [True]


async def test_a_held_raw_keeps_its_body(desk: Desk) -> None:
    await desk.write(lambda tx: inward.take(tx, desk.raw(TEAM, body=b"?"), NOW))
    [raw] = await desk.waiting(TEAM)
    await desk.write(lambda tx: inward.hold(tx, raw.id, "unparsable"))
    await keeper.forget_bodies(desk.store, NOW + DAY)
    assert (await bodies(desk))["raw"] == [True]


# ---------------------------------------------------------------- indexes


def watch(store: Store, seen: list[tuple[str, Any]]) -> Callable[[], None]:
    """Note every statement with its parameters; call the result to stop."""

    def note(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, _many: object) -> None:
        seen.append((statement, parameters))

    event.listen(store._engine, "before_cursor_execute", note)
    return lambda: event.remove(store._engine, "before_cursor_execute", note)


LANE = Claim(Lane(1, ALL, Destination(TIMELINE)), 1)
REF = Ref(TIMELINE, NativeId("100"))
HOT: dict[str, Callable[[Connection], object]] = {
    "waiting raws": lambda tx: inward.waiting(tx, TEAM, NOW),
    "accounts with work": lambda tx: inward.accounts_with_work(tx, NOW),
    "the next raw's time": lambda tx: inward.next_ready_at(tx, TEAM, -1.0),
    "a parked raw's release": lambda tx: inward.release_parked(tx, TEAM),
    "the next job": lambda tx: jobs.next_job(tx, LANE, NOW),
    "lanes with work": lambda tx: lanes.with_work(tx, NOW),
    "a known post": lambda tx: ledger.find_post(tx, REF),
    "a receipt": lambda tx: ledger.find_receipt(tx, REF),
    "a post behind a direct answer": lambda tx: ledger.post_behind(tx, REF),
    "a send under way": lambda tx: ledger.sending_to(tx, TIMELINE, NOW),
    "a post's deliveries": lambda tx: ledger.deliveries_of(tx, 1),
    "an adoption": lambda tx: outward.adopt(tx, "key", REF, NOW),
    "whether a notice was said": lambda tx: ledger.stands(tx, REF),
    "what became of a post": lambda tx: outcomes.of_post(tx, 1),
    "what is paused": halts.any_held,
    "a message by its ref": lambda tx: stories.find(tx, [REF], "", ()),
    "a message by its id": lambda tx: stories.find(tx, [], "100", (ALL, TEAM)),
    "copies": lambda tx: jobs.copies(tx, 1, 1),
}
BIG = ("raw", "post", "event", "delivery", "part", "receipt")
"""Tables that grow with every post; the others stay as small as the mapping file."""


@pytest.mark.parametrize("name", HOT)
async def test_a_hot_query_scans_no_big_table(fresh_url: str, name: str) -> None:
    store = Store(fresh_url)  # of which the database has no statistics yet
    try:
        await _scans_no_big_table(store, name)
    finally:
        store.close()


async def _scans_no_big_table(store: Store, name: str) -> None:
    seen: list[tuple[str, Any]] = []
    postgresql = store._engine.dialect.name == "postgresql"

    def plans(tx: Connection) -> list[str]:
        stop = watch(store, seen)
        HOT[name](tx)
        stop()
        found = []
        if postgresql:  # an empty table is always scanned, unless that is forbidden
            tx.execute(text("SET LOCAL enable_seqscan = off"))
        for statement, parameters in seen:
            explain = "EXPLAIN " if postgresql else "EXPLAIN QUERY PLAN "
            found += [str(row[-1]) for row in tx.exec_driver_sql(explain + statement, parameters)]
        return found

    lines = await store.write(plans)
    assert lines
    scans = [
        line
        for line in lines
        for table in BIG
        if (f"Seq Scan on {table} " in line if postgresql else line.startswith(f"SCAN {table}") and "INDEX" not in line)
    ]
    assert not scans, lines


async def test_a_post_like_another_is_found_by_its_mark_however_many_came_of_late(desk: Desk) -> None:
    seen: list[tuple[str, Any]] = []

    def plans(tx: Connection) -> list[str]:
        stop = watch(desk.store, seen)
        origins.earlier(tx, Mark("mark", frozenset(), is_long=True), ("all",), 0.0)
        stop()
        explain = "EXPLAIN " if tx.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        if tx.dialect.name == "postgresql":
            tx.execute(text("SET LOCAL enable_seqscan = off"))
        return [str(row[-1]) for said, values in seen for row in tx.exec_driver_sql(explain + said, values)]

    lines = await desk.write(plans)
    assert any("post_mark" in line for line in lines), lines
    assert not any("post_at" in line for line in lines), lines


# ---------------------------------------------------------------- audit, status


async def test_the_audit_counts_relayed_events_without_an_outcome(desk: Desk) -> None:
    post = created()
    await desk.hear(post)
    await desk.hear(created("noise", place=TIMELINE, author=STRANGER, gated=False))
    assert (await desk.read(claims)).events_without_outcome == 0
    await desk.write(lambda tx: ledger.add_post(tx, REF, None, NOW, body=None, parent=None, subject=""))
    nowhere = await desk.write(
        lambda tx: ledger.add_event(tx, 2, EventKind.CREATED, "x", raw_id=None, at=NOW, now=NOW, verdict="relayed", reason="")
    )
    assert nowhere is not None
    assert (await desk.read(claims)).events_without_outcome == 1


async def test_the_audit_knows_what_stands_and_what_waits(desk: Desk) -> None:
    await desk.hear(created())
    await desk.deliver(TIMELINE, "100")
    found = await desk.read(claims)
    assert found.copies == {("allhands", "timeline", "100")}
    assert (found.raws_waiting, found.deliveries_waiting) == (0, 2)
    await desk.write(lambda tx: tx.execute(update(sql.receipt).values(standing=False)).rowcount)
    assert (await desk.read(claims)).copies == frozenset()


async def test_the_status_counts_per_place(desk: Desk) -> None:
    post = created()
    await desk.hear(post)
    await desk.deliver(TIMELINE, "100")
    await desk.hear(edited(post, "hi!", own=Own.NO))
    found = await desk.read(lambda tx: status(tx, NOW + 5))
    by_place = {each.place: each for each in found.places}
    assert (by_place["timeline"].delivered, by_place["timeline"].waiting) == (1, 1)
    assert (by_place["all-hands"].waiting, by_place["all-hands"].oldest_s) == (2, 5.0)
    assert CHANNEL.id not in by_place
