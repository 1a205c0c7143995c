"""Several posts in one mail, and what admins do meanwhile: pauses, replays, forgetting, erasing, asking why, counting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge import looking, standing, undelivered
from bridge.errors import Rejected, Retryable, Uncertain
from bridge.looking import Wanted
from bridge.mappings import Deliver
from bridge.orders import Asker
from bridge.pausing import Halt
from bridge.planning import REPEATS
from bridge.post import NativeId, Place, PlaceId, Ref, Undelivered, UserId
from bridge.reasons import Reason
from bridge.store import halts, pruning, sql
from bridge.store.status import status
from bridge.store.tables import DeliveryState
from bridge.store.undelivered import Which
from tests.core.desk import Desk
from tests.core.letters import CHAIR, DELIVERED, EIGHT, LEADERS, LEES, NOON, Letters, outcomes, reads, said, serve
from tests.core.worlds import MAILS, OTHER_CHANNEL, TEAM, at, deleted

ADMIN = Asker("an admin", TEAM, UserId("U1"), is_admin=True)


@pytest.fixture
def daily(desk: Desk) -> Desk:
    desk.world, desk.now = reads(Deliver.DAILY), NOON
    return desk


async def refused_once(desk: Desk) -> Letters:
    """A digest of two groups that its server did not take at first; the carrier's is all-hands."""
    await desk.hear(said(desk, "one"))
    await desk.hear(said(desk, "two", place=OTHER_CHANNEL))
    desk.now, letters = EIGHT, Letters([Retryable()])
    assert await serve(desk, letters, CHAIR) == ["one || two"]
    desk.now += 60
    return letters


async def pause(desk: Desk, group: str) -> None:
    await desk.write(lambda tx: halts.add(tx, Halt(group, at=desk.now, by="lynn")))
    await desk.write(lambda tx: halts.settle(tx, desk.now))


async def resume(desk: Desk, group: str) -> None:
    await desk.write(lambda tx: halts.remove(tx, Halt(group)))
    await desk.write(lambda tx: halts.settle(tx, desk.now))


# ---------------------------------------------------------------- waiting with somebody else's mail


async def test_the_lane_of_what_another_carries_rests(daily: Desk) -> None:
    await refused_once(daily)
    assert await daily.next(await daily.lane(LEADERS, CHAIR)) is None


# ---------------------------------------------------------------- pauses


@pytest.mark.scenario("L20")
@pytest.mark.parametrize(
    ("paused", "goes", "held"), [("leaders", "one", "two"), ("all-hands", "two", "one")], ids=["carried", "carrier"]
)
async def test_a_pause_takes_its_posts_out_of_a_mail_that_was_refused_once(
    daily: Desk, paused: str, goes: str, held: str
) -> None:
    letters = await refused_once(daily)
    await pause(daily, paused)
    sent = [*await serve(daily, letters, CHAIR), *await serve(daily, letters, CHAIR, LEADERS)]
    assert sent == [goes]
    assert sorted(state for _, state, _ in await outcomes(daily, CHAIR)) == [DeliveryState.DELIVERED, DeliveryState.HELD]
    await resume(daily, paused)
    sent = [*await serve(daily, letters, CHAIR), *await serve(daily, letters, CHAIR, LEADERS)]
    assert sent == [held]
    assert await outcomes(daily, CHAIR) == [DELIVERED] * 2


@pytest.mark.scenario("L20")
async def test_what_is_paused_does_not_go_along(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two", place=OTHER_CHANNEL))
    await pause(daily, "leaders")
    daily.now, letters = EIGHT, Letters()
    assert await serve(daily, letters, CHAIR) == ["one"]
    assert await serve(daily, letters, CHAIR, LEADERS) == []


# ---------------------------------------------------------------- not delivered


async def perhaps_sent(desk: Desk) -> Letters:
    """A digest of two posts that was given up, as nobody can tell whether it arrived."""
    first, second = said(desk, "one"), said(desk, "two")
    await desk.hear(first)
    await desk.hear(second)
    desk.now, letters = EIGHT, Letters([Uncertain()] * (REPEATS + 1))
    while not await ended(desk):
        await serve(desk, letters, CHAIR)
        desk.now += 600
    assert {reason for _, _, reason in await outcomes(desk, CHAIR)} == {Reason.PERHAPS_SENT}
    letters.sent.clear()
    return letters


async def ended(desk: Desk) -> bool:
    return all(state == DeliveryState.NOT_DELIVERED for _, state, _ in await outcomes(desk, CHAIR))


async def replay(desk: Desk, *ids: int) -> None:
    await undelivered.replay(desk.store, lambda: desk.world, Which(ids), "lynn", desk.now)


async def chairs(desk: Desk) -> list[int]:
    here = {row.id for row in await desk.rows(sql.lane, sql.lane.c.reader == CHAIR)}
    return [row.id for row in await desk.rows(sql.delivery) if row.lane_id in here]


@pytest.mark.scenario("D11")
async def test_a_mail_in_doubt_is_replayed_whole(daily: Desk) -> None:
    letters = await perhaps_sent(daily)
    await replay(daily)
    assert await serve(daily, letters, CHAIR) == ["one || two"]
    assert await outcomes(daily, CHAIR) == [DELIVERED] * 2


@pytest.mark.scenario("D11")
async def test_a_replay_brings_nothing_again_that_was_deleted_meanwhile(daily: Desk) -> None:
    first, second = said(daily, "one"), said(daily, "two")
    await daily.hear(first)
    await daily.hear(second)
    daily.now, letters = EIGHT, Letters([Uncertain()] * (REPEATS + 1))
    while not await ended(daily):
        await serve(daily, letters, CHAIR)
        daily.now += 600
    await daily.hear(deleted(second))
    letters.sent.clear()
    await replay(daily)
    assert await serve(daily, letters, CHAIR) == ["one"]


@pytest.mark.scenario("D11")
async def test_what_is_replayed_goes_alone_once_its_company_was_given_up_for_good(daily: Desk) -> None:
    letters = await perhaps_sent(daily)
    carrier, carried = await chairs(daily)
    await undelivered.drop(daily.store, Which((carrier,)), "lynn", daily.now)
    await replay(daily, carried)
    assert await serve(daily, letters, CHAIR) == ["two"]


@pytest.mark.scenario("D11")
async def test_each_author_hears_once_that_a_mail_of_many_was_refused(daily: Desk) -> None:
    daily.world = replace(daily.world, asides=frozenset({TEAM}))
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two"))
    daily.now = EIGHT
    await serve(daily, Letters([Rejected("No such mailbox.")]), CHAIR)
    told = [row.native for row in await daily.rows(sql.post, sql.post.c.native.like("notice:failed:%"))]
    assert len(told) == len(set(told)) == 2


@pytest.mark.scenario("J13")
async def test_mail_that_came_back_is_not_delivered_for_all_it_brought_and_goes_again_by_a_replay(daily: Desk) -> None:
    daily.world = replace(daily.world, asides=frozenset({TEAM}))
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two"))
    daily.now, letters = EIGHT, Letters()
    await serve(daily, letters, CHAIR)
    first = Ref(Place(MAILS.account, PlaceId("")), NativeId(f"{letters.keys[0]}/1"))
    back = Undelivered(first, "550 mailbox full", at())
    for _ in range(2):
        await daily.write(lambda tx: standing.heard(tx, back, daily.world, daily.now))
    assert {(state, reason) for _, state, reason in await outcomes(daily, CHAIR)} == {
        (DeliveryState.NOT_DELIVERED, Reason.RETURNED)
    }
    told = [row.native for row in await daily.rows(sql.post, sql.post.c.native.like("notice:failed:%"))]
    assert len(told) == len(set(told)) == 2, "each author once, however often it is reported"
    [mails] = [each for each in (await daily.read(lambda tx: status(tx, daily.now))).places if each.place == MAILS.id]
    assert mails.not_delivered == 2
    await replay(daily)
    assert await serve(daily, letters, CHAIR) == ["one || two"]
    assert await outcomes(daily, CHAIR) == [DELIVERED] * 2


# ---------------------------------------------------------------- forgetting


async def words_in_parts(desk: Desk) -> str:
    return " ".join(row.body for row in await desk.rows(sql.part))


async def test_what_carried_a_forgotten_post_is_forgotten_with_it(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two", place=OTHER_CHANNEL))
    daily.now = EIGHT
    await serve(daily, Letters(), CHAIR)
    assert "two" in await words_in_parts(daily)
    await daily.write(lambda tx: pruning.prune(tx, 0.0, {"leaders": daily.now + 1}))
    assert "two" not in await words_in_parts(daily)
    bodies = {row.place: bool(row.body) for row in await daily.rows(sql.post, sql.post.c.account == TEAM)}
    assert bodies == {"C1": True, "C2": False}


# ---------------------------------------------------------------- asking, counting


async def test_why_names_the_mail_that_brought_it_with_others(daily: Desk) -> None:
    first = said(daily, "one")
    await daily.hear(first)
    await daily.hear(said(daily, "two", place=OTHER_CHANNEL))
    daily.now, letters = EIGHT, Letters()
    await serve(daily, letters, CHAIR)
    [mail] = letters.keys
    answer = await daily.read(lambda tx: looking.why(tx, daily.world, Wanted((first.ref,), ""), ADMIN))
    assert any(CHAIR in line and f"in one message with others, {mail}." in line for line in answer.lines), answer.lines
    whole = await daily.read(lambda tx: looking.why(tx, replace(daily.world), Wanted((replace(first.ref, id=mail),), ""), ADMIN))
    assert len(whole.lines) == 3, "what stands for none of its posts names them all"


async def test_a_digest_to_come_is_no_stuck_queue(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    daily.now += 3600
    [mails] = [each for each in (await daily.read(lambda tx: status(tx, daily.now))).places if each.place == MAILS.id]
    assert (mails.waiting, mails.later) == (1, 1), "Lee's waits, the chair's is for the morning"
    await serve(daily, Letters(), LEES)
    [mails] = [each for each in (await daily.read(lambda tx: status(tx, daily.now))).places if each.place == MAILS.id]
    assert (mails.waiting, mails.later, mails.oldest_s) == (0, 1, 0.0)
