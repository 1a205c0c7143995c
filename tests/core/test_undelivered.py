"""What was not delivered: seen with its reason, sent again in its turn and its thread, or given up for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update

from bridge import listings, undelivered
from bridge.contract import Absent, Capabilities, Finding, Found, Unknown
from bridge.errors import Rejected, Retryable, Uncertain
from bridge.post import Audience, NativeId, Ref
from bridge.reasons import Reason
from bridge.store import Store, inward, jobs, lanes, ledger, sql
from bridge.store.tables import DeliveryState
from bridge.store.undelivered import Which, listed
from bridge.undelivered import Replayed
from tests.core.desk import Desk
from tests.core.test_api import MEANT, Doorkeeper, ask, service  # noqa: F401 - a fixture
from tests.core.test_doubts import CHANGEABLE, Fake, bring, outcome
from tests.core.test_store_upkeep import watch
from tests.core.worlds import CHANNEL, MAILS, NOW, TIMELINE, created, deleted, edited, entry, group, world

EVERY = Which()
PLAIN = Capabilities(edit=True, delete=True, deadline=10.0)


@pytest.fixture
def keeper() -> Doorkeeper:
    return Doorkeeper()


@pytest.fixture(autouse=True)
def two_places(desk: Desk) -> None:
    desk.world = world(group(entry("team/all-hands"), entry("allhands/timeline")))


async def replay(desk: Desk, which: Which = EVERY) -> Replayed:
    return await undelivered.replay(desk.store, lambda: desk.world, which, "lynn", desk.now)


async def refused(desk: Desk, words: str = "hi", **post: Any) -> Any:
    said = created(words, **post)
    await desk.hear(said)
    await bring(desk, Fake(answers=[Rejected("Too rude.")]))
    return said


@pytest.mark.scenario("D11")
async def test_what_was_refused_is_listed_with_its_reason_and_sent_again(desk: Desk) -> None:
    await refused(desk)
    [each] = await desk.read(lambda tx: listed(tx, EVERY))
    assert (each.reason, each.detail, each.line, each.attempts) == (Reason.REJECTED, "Too rude.", "hi", 1)
    assert (await replay(desk)).queued == 1
    await bring(desk, fake := Fake())
    assert (fake.sent, await outcome(desk)) == (["hi"], (DeliveryState.DELIVERED, ""))
    assert await desk.read(lambda tx: listed(tx, EVERY)) == ()


async def test_a_replay_has_a_key_of_its_own_and_the_group_s_whole_patience(desk: Desk) -> None:
    await refused(desk)
    first = (await desk.rows(sql.part))[0].key
    desk.now += 100 * 3600
    await replay(desk)
    claim = await desk.lane(TIMELINE)
    job = await desk.job(claim)
    assert (job.generation, job.give_up_at, job.parts) == (1, desk.now + 48 * 3600, ())
    [part] = await desk.freeze(claim, job) or ()
    assert part.key != first


async def test_a_replay_shows_the_post_as_it_is_by_now(desk: Desk) -> None:
    said = await refused(desk)
    await desk.hear(edited(said, "hi all"))
    await replay(desk)
    await bring(desk, fake := Fake())
    assert fake.sent == ["hi all"]


async def test_threads_are_whole_after_a_replay(desk: Desk) -> None:
    """The answer was refused too; sent again in its turn it stands under what it answers."""
    root = await refused(desk, "root")
    await refused(desk, "answer", reply_to=root.ref)
    await replay(desk, Which(group="all-hands"))
    copy = await desk.deliver(TIMELINE, "500")
    job = await desk.job(await desk.lane(TIMELINE))
    assert "answer" in str(job.post)
    assert (job.thread.root, job.thread.parent) == (copy, copy)


async def test_only_those_that_are_meant_are_sent_again(desk: Desk) -> None:
    for words in ("one", "two"):
        await refused(desk, words)
    one, two = await desk.read(lambda tx: listed(tx, EVERY))
    assert (await replay(desk, Which((two.id,)))).queued == 1
    assert [each.id for each in await desk.read(lambda tx: listed(tx, EVERY))] == [one.id]
    assert (await replay(desk, Which(group="another"))).queued == 0


async def test_what_was_deleted_meanwhile_is_not_sent_again(desk: Desk) -> None:
    said = await refused(desk)
    await desk.hear(deleted(said))
    assert (await replay(desk)).left == {Reason.WITHDRAWN: 1}
    assert await outcome(desk) == (DeliveryState.FILTERED, Reason.WITHDRAWN)


async def test_what_is_for_fewer_people_by_now_is_not_sent_again(desk: Desk) -> None:
    said = await refused(desk)
    await desk.write(lambda tx: tx.execute(update(sql.delivery).values(audience=int(Audience.PUBLIC))).rowcount)
    assert said.post.audience is Audience.GROUP
    assert (await replay(desk)).left == {Reason.NARROWED: 1}


async def test_what_has_no_text_any_more_stays_undelivered(desk: Desk) -> None:
    await refused(desk)
    await desk.write(lambda tx: tx.execute(update(sql.post).values(body="")).rowcount)
    assert (await replay(desk)).left == {Reason.NO_BODY: 1}
    assert (await outcome(desk))[0] == DeliveryState.NOT_DELIVERED


@pytest.mark.parametrize(
    ("finding", "sent"), [(Found(Ref(TIMELINE, NativeId("7"))), []), (Absent(), ["hi"]), (Unknown(), ["hi"])]
)
async def test_what_was_perhaps_sent_is_looked_up_before_it_is_sent_again(desk: Desk, finding: Finding, sent: list[str]) -> None:
    await desk.hear(created("hi"))
    await bring(desk, Fake(answers=[Uncertain()]))
    desk.now += 60
    await bring(desk, Fake(findings=[Unknown()]))
    assert await outcome(desk) == (DeliveryState.NOT_DELIVERED, Reason.PERHAPS_SENT)
    await replay(desk)
    fake = Fake(CHANGEABLE, findings=[finding])
    for _ in range(3):
        await bring(desk, fake)
    assert (fake.sent, (await outcome(desk))[0]) == (sent, DeliveryState.DELIVERED)


async def test_of_a_post_that_stands_in_part_only_the_rest_is_sent(desk: Desk) -> None:
    """Its first part arrived, its second was refused: the first is brought up to date, nothing comes twice."""
    await desk.hear(created("hi"))
    claim = await desk.lane(TIMELINE)
    job = await desk.job(claim)
    first, _ = await desk.freeze(claim, job, "one", "two") or ()
    await desk.attempt(claim, job, first)
    await desk.settle(claim, job, first, "900")
    await bring(desk, Fake(answers=[Rejected()]))
    await replay(desk)
    await bring(desk, fake := Fake())
    assert (fake.sent, fake.edits, (await outcome(desk))[0]) == ([], ["hi"], DeliveryState.DELIVERED)


@pytest.mark.scenario("D10")
async def test_a_dead_place_gives_up_after_the_group_s_time_and_a_replay_brings_it(desk: Desk) -> None:
    desk.world = world(group(entry("team/all-hands"), entry("allhands/timeline"), give_up_after=timedelta(hours=2)))
    await desk.hear(created("hi"))
    dead = Fake(answers=[Retryable("Away.")] * 99)
    while desk.now < NOW + 2 * 3600:
        await bring(desk, dead)
        assert (await outcome(desk))[0] == DeliveryState.WAITING
        desk.now += 600
    await bring(desk, dead)
    assert await outcome(desk) == (DeliveryState.NOT_DELIVERED, Reason.GAVE_UP)
    await replay(desk)
    desk.now += 600
    await bring(desk, fake := Fake())
    assert fake.sent == ["hi"]


async def test_what_is_given_up_for_good_is_never_sent(desk: Desk) -> None:
    await refused(desk)
    assert await undelivered.drop(desk.store, EVERY, "lynn", desk.now) == 1
    assert await outcome(desk) == (DeliveryState.FILTERED, Reason.DROPPED)
    assert (await replay(desk)).queued == 0
    assert "lynn" in (await desk.rows(sql.delivery))[0].detail


# ---------------------------------------------------------------- twenty thousand for a dead place

WAITING = """
INSERT INTO delivery (event_id, post_id, lane_id, seq, kind, "group", via, audience, state, reason, detail, attempts,
                      generation, accepted_at, ready_at, give_up_at)
SELECT -n.n, 1, {lane}, n.n, 'created', 'all-hands', '', 1, 'waiting', '', '', 0, 0, 0, 0, 9e12 FROM n
"""
NUMBERS = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 20000) "


async def many_waiting(desk: Desk, lane: int) -> None:
    """Rows enough for the planner; the foreign keys of made-up ones are not looked at."""

    def fill(tx: Any) -> None:
        if tx.dialect.name == "postgresql":
            tx.execute(text("SET LOCAL session_replication_role = replica"))
            tx.execute(text(WAITING.format(lane=lane).replace("INSERT INTO", NUMBERS + "INSERT INTO", 1)))
        else:
            tx.execute(text(WAITING.format(lane=lane).replace("SELECT -n.n", NUMBERS + "SELECT -n.n", 1)))

    engine = desk.store._engine
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        fill(connection)
        connection.commit()
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        connection.exec_driver_sql("ANALYZE")
        connection.commit()


@pytest.mark.scenario("D10")
@pytest.mark.scenario("D09")
async def test_twenty_thousand_that_wait_for_a_dead_place_hold_up_nobody(desk: Desk, store: Store) -> None:
    """The next of another place is found by looking at its own rows alone, and the look for work at one row per lane."""
    desk.world = world(group())
    await desk.hear(created("hi"))
    dead = await desk.lane(MAILS, "lee@gmail.example")
    await many_waiting(desk, dead.lane.id)
    await desk.write(lambda tx: lanes.pause(tx, dead, NOW + 300, 3, ""))
    busy = {lane.destination for lane in await desk.read(lambda tx: lanes.with_work(tx, NOW))}
    assert len(busy) == 2
    assert dead.lane.destination not in busy, "it rests, and is not looked at"
    await bring(desk, fake := Fake())
    assert fake.sent == ["hi"]
    for query, most in ((lambda tx: lanes.with_work(tx, NOW), 100), (lambda tx: jobs.next_job(tx, dead, NOW + 900), 100)):
        assert await desk.read(lambda tx, query=query: steps(tx, query)) < most  # type: ignore[misc]


def steps(tx: Any, query: Any) -> int:
    """How many thousands of steps the database took, or rows it looked at: what a query costs without any clock."""
    if tx.dialect.name == "sqlite":
        counted = []
        raw = tx.connection.driver_connection
        raw.set_progress_handler(lambda: counted.append(1) and None, 100)
        query(tx)
        raw.set_progress_handler(None, 100)
        return len(counted)
    seen: list[tuple[str, Any]] = []

    class _Store:
        _engine = tx.engine

    stop = watch(_Store, seen)  # type: ignore[arg-type]
    query(tx)
    stop()
    rows = 0
    for statement, parameters in seen:
        for (plan,) in tx.exec_driver_sql("EXPLAIN (ANALYZE, FORMAT JSON) " + statement, parameters):
            rows += _rows(plan[0]["Plan"])
    return rows


def _rows(plan: dict[str, Any]) -> int:
    here = int(plan["Actual Rows"] * plan["Actual Loops"]) + int(plan.get("Rows Removed by Filter", 0))
    return here + sum(_rows(each) for each in plan.get("Plans", ()))


# ---------------------------------------------------------------- the command line's questions


async def test_the_api_lists_shows_replays_and_drops(service: Any, desk: Desk) -> None:  # noqa: F811
    woken: list[int] = []
    service.inbox = type("Inbox", (), {"wake": staticmethod(woken.extend)})
    await refused(desk, "one")
    await refused(desk, "two \x1b[31m")
    answer = (await ask(service, "GET", "/api/undelivered", {})).json()
    lines = list(listings.undelivered(answer))
    assert "copy to allhands/timeline: Too rude." in lines[0]
    assert lines[-1] == "2 of 2; by group: all-hands 2"
    assert "\x1b" not in "".join(lines)
    one, two = (each["id"] for each in answer["undelivered"])
    shown = (await ask(service, "GET", f"/api/undelivered/{one}", {})).json()
    assert "rejected: Too rude." in "\n".join(listings.one_undelivered(shown))
    first = await post(service, deed="replay", ids=[one], by="lynn")
    assert first.json()["done"] == "1 is sent again."
    assert len(woken) == 1
    assert (await post(service, deed="drop", group="all-hands", by="lynn")).json()["dropped"] == 1
    gone = await ask(service, "GET", f"/api/undelivered/{two}", {})
    assert (gone.status_code, "undelivered list" in gone.json()["error"]) == (404, True)
    assert list(listings.undelivered((await ask(service, "GET", "/api/undelivered", {})).json())) == ["Everything was delivered."]


@pytest.mark.parametrize("wanted", [{}, {"ids": [1], "everything": True}, {"group": "a", "ids": [1]}, {"ids": ["x"]}])
async def test_which_are_meant_is_said_in_one_way(service: Any, desk: Desk, wanted: dict[str, Any]) -> None:  # noqa: F811
    await refused(desk)
    assert (await post(service, deed="drop", by="lynn", **wanted)).status_code == 422
    assert len(await desk.read(lambda tx: listed(tx, EVERY))) == 1


async def test_no_web_page_replays(service: Any, desk: Desk) -> None:  # noqa: F811
    await refused(desk)
    answer = await ask(service, "POST", "/api/undelivered", {}, json={"deed": "replay", "everything": True, "by": "a page"})
    assert answer.status_code == 403
    assert (await outcome(desk))[0] == DeliveryState.NOT_DELIVERED


async def post(service: Any, **wanted: Any) -> Any:  # noqa: F811
    return await ask(service, "POST", "/api/undelivered", MEANT, json=wanted)


async def test_what_was_given_up_for_good_within_the_hour_is_still_a_doubt(desk: Desk) -> None:
    """Its echo may yet come."""
    await desk.hear(created("hi"))
    await bring(desk, Fake(answers=[Uncertain()]))
    desk.now += 60
    await bring(desk, Fake(findings=[Unknown()]))
    await undelivered.drop(desk.store, EVERY, "lynn", desk.now)
    assert await desk.read(lambda tx: ledger.doubtful_at(tx, TIMELINE, NOW - 1))
    assert not await desk.read(lambda tx: ledger.doubtful_at(tx, CHANNEL, NOW - 1))
    assert await desk.read(lambda tx: inward.next_ready_at(tx, CHANNEL.account, -1.0)) is None
