"""How long texts are kept, group by group; and that a database of a million posts is never read through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, text

from bridge import keeper
from bridge.loops import Mark
from bridge.post import Destination, NativeId, Ref
from bridge.store import (
    Store,
    alerts,
    held,
    inward,
    jobs,
    lanes,
    ledger,
    looking_back,
    origins,
    outward,
    pruning,
    sql,
    undelivered,
    verdicts,
)
from bridge.store.undelivered import Which
from bridge.store.values import Claim, Lane
from tests.core.desk import Desk
from tests.core.test_store_upkeep import watch
from tests.core.worlds import ALL, NOW, OTHER_CHANNEL, TEAM, TIMELINE, created, entry, group, world

DAY = 24 * 3600.0

# ---------------------------------------------------------------- retention


@pytest.fixture
def two_groups(desk: Desk) -> None:
    desk.world = world(
        group(entry("team/all-hands"), entry("allhands/timeline")),
        group(entry("team/dev"), entry("allhands/timeline"), name="dev"),
    )


async def kept(desk: Desk) -> dict[str, bool]:
    """By place, whether the post, what was made of it and what told of it still say something."""
    found: dict[str, bool] = {}
    for row in await desk.rows(sql.post):
        [raw] = await desk.rows(sql.raw, sql.raw.c.id == row.id)
        parts = await desk.rows(sql.part, sql.part.c.id == row.id)
        said = {bool(each.body) for each in (row, raw, *parts)}
        assert len(said) == 1, "all of it, or nothing"
        found[row.place] = said.pop()
    return found


async def said_and_delivered(desk: Desk) -> None:
    for number, place in enumerate((None, OTHER_CHANNEL)):
        await desk.hear(created("hi", place=place) if place else created("hi"))
        await desk.deliver(TIMELINE, str(number))


async def test_a_group_may_forget_sooner(desk: Desk, two_groups: None) -> None:
    await said_and_delivered(desk)
    await keeper.forget_bodies(desk.store, NOW - 30 * DAY, {"dev": NOW + 1, "all-hands": NOW - 30 * DAY})
    assert await kept(desk) == {"C1": True, "C2": False}


async def test_a_group_may_remember_longer(desk: Desk, two_groups: None) -> None:
    await said_and_delivered(desk)
    await desk.write(lambda tx: tx.execute(sql.raw.update().values(taken_at=NOW + 9 * DAY)).rowcount)
    await keeper.forget_bodies(desk.store, NOW + 1, {"dev": NOW - 300 * DAY, "all-hands": NOW + 1})
    assert await kept(desk) == {"C1": False, "C2": True}


async def test_of_a_post_of_two_groups_the_shorter_time_counts(desk: Desk) -> None:
    desk.world = world(
        group(entry("team/all-hands"), entry("allhands/timeline")),
        group(entry("team/all-hands"), entry("team/dev"), name="dev"),
    )
    await desk.hear(created("hi"))
    await desk.deliver(TIMELINE, "1")
    await desk.deliver(OTHER_CHANNEL, "2")
    await keeper.forget_bodies(desk.store, NOW - DAY, {"dev": NOW + 1, "all-hands": NOW - 300 * DAY})
    assert [row.body for row in await desk.rows(sql.post)] == [""]


# ---------------------------------------------------------------- a million posts

MILLION = 1_000_000
FEW = 20_000
"""As many rows are really there. SQLite's planner is told of a million; PostgreSQL's does alike with these."""
ROWS = {
    "raw": "INSERT INTO raw (id, account, key, body, hints, at, taken_at, ready_at, state, reason) "
    "SELECT n, 'team', 'k' || n, {empty}, '{{}}', n, n, 0, 'done', '' FROM n",
    "post": 'INSERT INTO post (id, account, place, person, native, author, "user", mark, hops, body, subject, version, at) '
    "SELECT n, 'team', 'C1', '', 'n' || n, 'Lynn', 'U' || (n % 500), '', 0, '', '', 0, n FROM n",
    "event": "INSERT INTO event (id, post_id, raw_id, kind, revision, at, accepted_at, verdict, reason) "
    "SELECT n, n, n, 'created', '', n, n, 'relayed', '' FROM n",
    "lane": "INSERT INTO lane (id, kind, account, place, person, reader, seq, owner, epoch, not_before, failures, paused) "
    "SELECT n, 'destination', 'allhands', 'P' || n, '', '', 0, '', 0, 0, 0, '' FROM n WHERE n <= 100",
    "delivery": 'INSERT INTO delivery (id, event_id, post_id, lane_id, seq, kind, "group", via, audience, state, reason, detail, '
    "attempts, generation, accepted_at, ready_at, give_up_at) SELECT n, n, n, 1 + n % 100, n, 'created', 'all-hands', '', 1, "
    "'delivered', '', '', 1, 0, n, 0, n FROM n",
    "part": "INSERT INTO part (id, delivery_id, number, action, place_in_post, body, files, key, ref, state, lost_answers) "
    "SELECT n, n, 0, 'send', 0, '', '', 'k' || n, '', 'done', 0 FROM n",
    "receipt": "INSERT INTO receipt (id, post_id, lane_id, number, account, place, person, native, sent_at, standing) "
    "SELECT n, n, 1 + n % 100, 0, 'allhands', 'P' || (1 + n % 100), '', 'c' || n, n, {true} FROM n",
}


def fill(tx: Connection) -> None:
    postgresql = tx.dialect.name == "postgresql"
    words = {"empty": "''" if postgresql else "x''", "true": "true" if postgresql else "1"}
    counting = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {few}) SELECT n FROM n"
    for statement in ("CREATE TEMPORARY TABLE n AS " + counting, *ROWS.values()):
        tx.execute(text(statement.format(few=FEW, **words)))


def pretend(tx: Connection) -> None:
    """Tell the planner that each of the tables has a million rows, spread as these are."""
    tx.exec_driver_sql("ANALYZE")
    if tx.dialect.name != "postgresql":
        tx.execute(
            text("UPDATE sqlite_stat1 SET stat = replace(stat, :few, :million)"), {"few": str(FEW), "million": str(MILLION)}
        )
        tx.exec_driver_sql("ANALYZE sqlite_schema")


LANE = Claim(Lane(1, ALL, Destination(TIMELINE)), 1)
REF = Ref(TIMELINE, NativeId("100"))
QUERIES: dict[str, Callable[[Connection], object]] = {
    "waiting raws": lambda tx: inward.waiting(tx, TEAM, NOW),
    "accounts with work": lambda tx: inward.accounts_with_work(tx, NOW),
    "the next job": lambda tx: jobs.next_job(tx, LANE, NOW),
    "lanes with work": lambda tx: lanes.with_work(tx, NOW),
    "a known post": lambda tx: ledger.find_post(tx, REF),
    "a receipt": lambda tx: ledger.find_receipt(tx, REF),
    "a send under way": lambda tx: ledger.sending_to(tx, TIMELINE, NOW),
    "a post's deliveries": lambda tx: ledger.deliveries_of(tx, 1),
    "a verdict": lambda tx: verdicts.verdict_of(tx, 1),
    "an adoption": lambda tx: outward.adopt(tx, "key", REF, NOW),
    "copies": lambda tx: jobs.copies(tx, 1, 1),
    "what came back": lambda tx: origins.earlier(tx, Mark("mark", frozenset({"lynn"}), is_long=True), ["all-hands"], NOW - 3600),
    "who is stopped": origins.stopped,
    "what is held for the stopped": lambda tx: origins.settle(tx, NOW),
    "answers to what is held": lambda tx: origins.held_before(tx, [1]),
    "what was not delivered": lambda tx: undelivered.listed(tx, Which()),
    "what was not delivered, of a group": lambda tx: undelivered.listed(tx, Which(group="all-hands")),
    "how much was not delivered": undelivered.count,
    "what is held": lambda tx: held.posts(tx, NOW - DAY),
    "what nobody told of": lambda tx: looking_back.unknown(tx, TEAM, TIMELINE, ()),
    "the forgetting": lambda tx: pruning.prune(tx, NOW, {"all-hands": NOW}),
    "alerts": alerts.current,
}
BIG = ("raw", "post", "event", "delivery", "part", "receipt")


@pytest.fixture
def whole(desk: Desk) -> Desk:
    with desk.store._engine.begin() as connection:
        fill(connection)
    with desk.store._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        pretend(connection)
    return desk


async def test_nothing_reads_a_table_of_a_million_posts_through(whole: Desk, store: Store) -> None:
    """By the plans that the databases themselves show."""
    scans: dict[str, list[str]] = {}
    for name, query in QUERIES.items():
        lines = await whole.write(lambda tx, query=query: plans(store, tx, query))  # type: ignore[misc]
        assert lines, name
        if found := [line for line in lines if is_scan(line, postgresql=store._engine.dialect.name == "postgresql")]:
            scans[name] = found
    assert scans == {}


def is_scan(line: str, *, postgresql: bool) -> bool:
    if postgresql:
        return any(f"Seq Scan on {table} " in line for table in BIG)
    return any(line.startswith(f"SCAN {table}") and (line.split()[1:2] == [table]) and "INDEX" not in line for table in BIG)


def plans(store: Store, tx: Connection, query: Callable[[Connection], object]) -> list[str]:
    seen: list[tuple[str, Any]] = []
    stop = watch(store, seen)
    query(tx)
    stop()
    explain = "EXPLAIN " if tx.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    return [str(row[-1]) for statement, parameters in seen for row in tx.exec_driver_sql(explain + statement, parameters)]


def test_a_scan_is_seen() -> None:
    """The test above can fail."""
    assert is_scan("SCAN post", postgresql=False)
    assert not is_scan("SCAN post USING INDEX post_at", postgresql=False)
    assert is_scan("  ->  Seq Scan on delivery  (cost=0.00..1 rows=1 width=1)", postgresql=True)
