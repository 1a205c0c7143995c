"""Lanes: one owner each, fenced by epochs; taken over from replicas that stopped beating."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from bridge.contract import Part
from bridge.post import Destination, NativeId, Ref
from bridge.reasons import Reason
from bridge.store import lanes, outward, sql
from bridge.store.outward import NewPart
from bridge.store.tables import Action, DeliveryState, PartState
from bridge.store.values import Claim
from tests.core.desk import Desk
from tests.core.worlds import CHANNEL, NOW, TEAM, TIMELINE, created


@pytest.fixture
async def alive(desk: Desk) -> None:
    """Two replicas that beat."""
    for replica in ("one", "two"):
        await desk.write(lambda tx, replica=replica: lanes.beat(tx, replica))


async def fall_silent(desk: Desk, replica: str) -> None:
    """Its last heartbeat is too long ago."""
    missed = sql.replica.c.beat_at - lanes.MISSED_S - 1
    await desk.write(
        lambda tx: tx.execute(update(sql.replica).where(sql.replica.c.id == replica).values(beat_at=missed)).rowcount
    )


@pytest.mark.scenario("C06")
async def test_of_two_workers_that_take_the_same_job_one_wins(desk: Desk, alive: None) -> None:
    await desk.hear(created())
    claims = await asyncio.gather(*(desk.try_claim(TIMELINE, replica=replica) for replica in ("one", "two", "one", "two")))
    won = [claim for claim in claims if claim is not None]
    job = await desk.job(won[-1])
    frozen = [await desk.freeze(claim, job) for claim in won]
    assert len([parts for parts in frozen if parts is not None]) == 1, "a job is frozen under the newest epoch only"
    assert await desk.count(sql.part) == 1
    owner = (await desk.rows(sql.lane, sql.lane.c.id == won[0].lane.id))[0].owner
    assert await desk.try_claim(TIMELINE, replica="two" if owner == "one" else "one") is None


async def test_a_lane_of_a_living_replica_cannot_be_claimed(desk: Desk, alive: None) -> None:
    claim = await desk.lane(TIMELINE, replica="one")
    assert await desk.try_claim(TIMELINE, replica="two") is None
    assert await desk.read(lambda tx: lanes.owns(tx, claim))


async def test_a_lane_is_taken_over_after_a_missed_heartbeat(desk: Desk, alive: None) -> None:
    old = await desk.lane(TIMELINE, replica="one")
    await fall_silent(desk, "one")
    new = await desk.lane(TIMELINE, replica="two")
    assert new.epoch > old.epoch
    assert not await desk.read(lambda tx: lanes.owns(tx, old))
    assert await desk.read(lambda tx: lanes.owns(tx, new))


async def test_a_released_lane_is_free_at_once(desk: Desk, alive: None) -> None:
    claim = await desk.lane(TIMELINE, replica="one")
    await desk.write(lambda tx: lanes.release(tx, claim))
    await desk.lane(TIMELINE, replica="two")


async def test_a_stale_release_frees_nothing(desk: Desk, alive: None) -> None:
    old = await desk.lane(TIMELINE, replica="one")
    await fall_silent(desk, "one")
    await desk.lane(TIMELINE, replica="two")
    await desk.write(lambda tx: lanes.beat(tx, "one"))
    await desk.write(lambda tx: lanes.release(tx, old))
    assert await desk.try_claim(TIMELINE, replica="one") is None


async def test_a_replica_that_leaves_lets_go_of_everything(desk: Desk, alive: None) -> None:
    for place in (TIMELINE, CHANNEL):
        await desk.lane(place, replica="one")
    await desk.write(lambda tx: lanes.leave(tx, "one"))
    for place in (TIMELINE, CHANNEL):
        await desk.lane(place, replica="two")


async def test_the_holder_of_the_lock_forgets_earlier_owners(desk: Desk, alive: None) -> None:
    await desk.lane(TIMELINE, replica="one")
    await desk.write(lanes.forget_others)
    await desk.lane(TIMELINE, replica="two")
    assert await desk.count(sql.replica) == 0


# ---------------------------------------------------------------- what a stale owner cannot do


@pytest.fixture
async def overtaken(desk: Desk, alive: None) -> tuple[Claim, Claim]:
    """A post waits; its lane was taken over: the stale claim and the valid one."""
    await desk.hear(created())
    old = await desk.lane(TIMELINE, replica="one")
    await fall_silent(desk, "one")
    return old, await desk.lane(TIMELINE, replica="two")


async def test_a_stale_owner_cannot_freeze(desk: Desk, overtaken: tuple[Claim, Claim]) -> None:
    old, new = overtaken
    job = await desk.job(old)
    assert await desk.freeze(old, job) is None
    assert await desk.freeze(new, job) is not None


async def test_a_stale_owner_cannot_attempt(desk: Desk, overtaken: tuple[Claim, Claim]) -> None:
    old, new = overtaken
    job = await desk.job(new)
    frozen = await desk.freeze(new, job)
    assert frozen is not None
    assert not await desk.attempt(old, job, frozen[0])
    [row] = await desk.rows(sql.part)
    assert (row.state, row.attempted_at) == (PartState.WAITING, None)


async def test_a_stale_owner_cannot_pause(desk: Desk, overtaken: tuple[Claim, Claim]) -> None:
    old, _ = overtaken
    await desk.write(lambda tx: lanes.pause(tx, old, NOW + 99, 3, "stale"))
    [row] = await desk.rows(sql.lane, sql.lane.c.id == old.lane.id)
    assert (row.not_before, row.failures, row.paused) == (0.0, 0, "")


async def test_a_stale_owner_cannot_conclude(desk: Desk, overtaken: tuple[Claim, Claim]) -> None:
    old, new = overtaken
    job, part = await desk.attempting(new)
    await desk.write(
        lambda tx: outward.conclude(tx, old, job, DeliveryState.NOT_DELIVERED, Reason.PERHAPS_SENT, "stale", NOW, in_doubt=False)
    )
    [row] = await desk.rows(sql.delivery, sql.delivery.c.id == job.delivery_id)
    assert row.state == DeliveryState.WAITING
    assert (await desk.rows(sql.part))[0].state == PartState.ATTEMPTING
    await desk.settle(new, job, part, "100")


async def test_a_stale_owner_cannot_call_the_new_owners_attempt_unsent(desk: Desk, overtaken: tuple[Claim, Claim]) -> None:
    """Else a crash of the new owner would be followed by a send without a look."""
    old, new = overtaken
    _, part = await desk.attempting(new)
    await desk.write(lambda tx: outward.postpone(tx, old, part, NOW, 1, "", outward.Outcome.UNSENT))
    assert (await desk.rows(sql.part))[0].state == PartState.ATTEMPTING


async def test_what_a_stale_owner_sent_is_noted_all_the_same(desk: Desk, alive: None) -> None:
    await desk.hear(created())
    old = await desk.lane(TIMELINE, replica="one")
    job, part = await desk.attempting(old)
    await fall_silent(desk, "one")
    new = await desk.lane(TIMELINE, replica="two")
    await desk.settle(old, job, part, "100")
    assert await desk.next(new) is None
    [receipt] = await desk.rows(sql.receipt)
    assert (receipt.native, receipt.standing) == ("100", True)


async def test_a_stale_source_owner_accepts_nothing(desk: Desk, alive: None) -> None:
    from bridge.accept import accept_all
    from bridge.store import inward

    old = await desk.source(TEAM, "one")
    await fall_silent(desk, "one")
    await desk.source(TEAM, "two")
    raw = desk.raw(TEAM)
    await desk.write(lambda tx: inward.take(tx, raw, NOW))
    [waiting] = await desk.waiting(TEAM)
    assert await desk.write(lambda tx: accept_all(tx, old, [(waiting, [created()])], desk.world, NOW)) is None
    assert await desk.count(sql.post) == 0
    assert len(await desk.waiting(TEAM)) == 1


# ---------------------------------------------------------------- order


async def test_sequence_numbers_follow_acceptance(desk: Desk) -> None:
    posts = [created(f"post {n}") for n in range(5)]
    for each in posts:
        await desk.hear(each)
    claim = await desk.lane(TIMELINE)
    seen = []
    for n in range(5):
        job, part = await desk.attempting(claim)
        assert job.post is not None
        seen.append(job.post.ref)
        await desk.settle(claim, job, part, f"s{n}")
    assert seen == [each.ref for each in posts]
    assert await desk.next(claim) is None


async def test_numbers_drawn_at_once_are_all_different(desk: Desk) -> None:
    lane_id = await desk.write(lambda tx: lanes.lane_of(tx, Destination(TIMELINE)))
    drawn = await asyncio.gather(*(desk.write(lambda tx: lanes.draw(tx, lane_id)) for _ in range(20)))
    assert drawn == list(range(1, 21))


async def test_a_paused_lane_says_when_to_come_back(desk: Desk) -> None:
    await desk.hear(created())
    claim = await desk.lane(TIMELINE)
    await desk.write(lambda tx: lanes.pause(tx, claim, NOW + 30, 2, ""))
    assert await desk.next(claim) == NOW + 30
    assert await desk.read(lambda tx: {each.id for each in lanes.with_work(tx, NOW)}) == {
        each.id for each in await desk.rows(sql.lane, sql.lane.c.account == "mail")
    }
    desk.now += 31
    assert (await desk.job(claim)).failures == 2


async def test_parts_get_one_key_each_and_keep_it(desk: Desk) -> None:
    await desk.hear(created())
    claim = await desk.lane(TIMELINE)
    job = await desk.job(claim)
    frozen = await desk.freeze(claim, job, "one", "two", "three")
    assert frozen is not None
    assert len({part.key for part in frozen}) == 3
    again = await desk.job(claim)
    assert again.parts == frozen
    other = [NewPart(Action.SEND, 0, Part("other"), "other key")]
    assert await desk.write(lambda tx: outward.freeze(tx, claim, again, other)) == frozen, "frozen is frozen"


async def test_a_retry_resumes_at_the_missing_part(desk: Desk) -> None:
    await desk.hear(created())
    claim = await desk.lane(TIMELINE)
    job = await desk.job(claim)
    frozen = await desk.freeze(claim, job, "one", "two", "three")
    assert frozen is not None
    assert await desk.attempt(claim, job, frozen[0])
    await desk.settle(claim, job, frozen[0], "100")
    resumed = await desk.job(await desk.lane(TIMELINE))
    assert [part.part.body for part in resumed.parts] == ["two", "three"]
    assert resumed.previous == Ref(TIMELINE, NativeId("100"))
    assert all(part.attempted_at is None for part in resumed.parts)
