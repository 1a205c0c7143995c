"""Accepting: one transaction from a raw's events to their outcomes."""

from __future__ import annotations

import pytest

from bridge.post import Ignored, NativeId, Own, Place, PlaceId, Ref
from bridge.reasons import Reason
from bridge.rules import EARLY_S
from bridge.store import inward, sql
from bridge.store.inward import PARKED_FOR_S
from bridge.store.tables import DeliveryState, RawState
from bridge.text import Paragraph, Str
from tests.core.desk import Desk
from tests.core.worlds import (
    CHANNEL,
    LYNN_OUTSIDE,
    MAILS,
    NOW,
    STRANGER,
    TEAM,
    TIMELINE,
    created,
    deleted,
    edited,
)


async def verdicts(desk: Desk) -> list[tuple[str, str, str]]:
    return [(row.kind, row.verdict, row.reason) for row in await desk.rows(sql.event)]


async def destinations(desk: Desk, state: str = DeliveryState.WAITING) -> list[str]:
    lanes_by_id = {row.id: row for row in await desk.rows(sql.lane)}
    rows = await desk.rows(sql.delivery, sql.delivery.c.state == state)
    return sorted(f"{(at := lanes_by_id[row.lane_id]).account}/{at.place}{'>' if at.reader else ''}{at.reader}" for row in rows)


async def test_a_post_is_queued_for_every_other_place_once(desk: Desk) -> None:
    accepted = await desk.hear(created())
    assert await destinations(desk) == [
        "allhands/timeline",
        "mail/all-hands>chair@board.example",
        "mail/all-hands>lee@gmail.example",
    ]
    assert len(accepted.lanes) == 3
    assert await verdicts(desk) == [("created", "relayed", "")]
    assert await desk.waiting(TEAM) == ()


async def test_the_same_post_under_another_key_is_a_duplicate(desk: Desk) -> None:
    post = created()
    await desk.hear(post)
    again = await desk.hear(post)
    assert again.lanes == frozenset()
    assert await desk.count(sql.delivery) == 3
    assert (await desk.rows(sql.raw))[-1].reason == Reason.DUPLICATE


async def test_events_of_one_raw_are_judged_each(desk: Desk) -> None:
    post = created()
    await desk.hear(post, edited(post, "hi!"), created("more"), created("", author=LYNN_OUTSIDE))
    assert await verdicts(desk) == [
        ("created", "relayed", ""),
        ("edited", "relayed", ""),
        ("created", "relayed", ""),
        ("created", "dropped", Reason.EMPTY),
    ]


async def test_an_ignored_event_ends_its_raw(desk: Desk) -> None:
    raw = desk.raw(TEAM)
    await desk.write(lambda tx: inward.take(tx, raw, NOW))
    [waiting] = await desk.waiting(TEAM)
    assert await desk.judge(waiting, Ignored(raw.key, "a join"))
    [row] = await desk.rows(sql.raw)
    assert (row.state, row.reason, bytes(row.body)) == (RawState.DONE, "a join", b"")


async def test_what_nobody_was_meant_to_get_is_not_kept(desk: Desk) -> None:
    await desk.hear(created("a secret", place=Place(TEAM, PlaceId("C9"))))
    await desk.hear(created("another", place=TIMELINE, gated=False, author=STRANGER))
    assert {bytes(row.body) for row in await desk.rows(sql.raw)} == {b""}
    [stranger] = await desk.rows(sql.post)
    assert stranger.body == ""
    assert await desk.count(sql.delivery) == 0


async def test_an_unknown_senders_mail_is_held_with_its_text(desk: Desk) -> None:
    await desk.hear(created("let me in", place=MAILS, author=STRANGER))
    assert (await verdicts(desk))[0] == ("created", "held", Reason.UNKNOWN_SENDER)
    assert "let me in" in (await desk.rows(sql.post))[0].body
    assert await desk.count(sql.delivery, sql.delivery.c.kind != "notice") == 0


# ---------------------------------------------------------------- changes


async def test_an_edit_before_the_first_attempt_folds_into_the_post(desk: Desk) -> None:
    post = created("meet at 2")
    await desk.hear(post)
    await desk.hear(edited(post, "meet at 3"))
    assert len(await destinations(desk)) == 3
    assert len(await destinations(desk, DeliveryState.FILTERED)) == 3
    job = await desk.job(await desk.lane(TIMELINE))
    assert job.post is not None
    assert job.post.text == (Paragraph((Str("meet at 3"),)),)


async def test_an_edit_after_the_first_attempt_is_a_delivery_of_its_own(desk: Desk) -> None:
    post = created()
    await desk.hear(post)
    await desk.attempting(await desk.lane(TIMELINE))
    await desk.hear(edited(post, "hi!"))
    rows = await desk.rows(sql.delivery, sql.delivery.c.kind == "edited")
    assert sorted((row.state, row.reason) for row in rows) == [
        ("filtered", Reason.FOLDED),
        ("filtered", Reason.FOLDED),
        ("waiting", ""),
    ]


@pytest.mark.scenario("E09")
async def test_a_deletion_before_the_first_attempt_withdraws_the_copy(desk: Desk) -> None:
    post = created()
    await desk.hear(post)
    await desk.hear(edited(post, "hi!"))
    await desk.hear(deleted(post))
    assert await destinations(desk) == []
    reasons = [row.reason for row in await desk.rows(sql.delivery)]
    assert reasons.count(Reason.WITHDRAWN) == 6  # the post's three, and the deletion's
    assert reasons.count(Reason.FOLDED) == 3


async def test_a_deletion_after_an_attempt_follows_the_copy(desk: Desk) -> None:
    post = created()
    await desk.hear(post)
    await desk.deliver(TIMELINE, "100")
    await desk.hear(deleted(post))
    job = await desk.job(await desk.lane(TIMELINE))
    assert (job.kind, [copy.ref.id for copy in job.copies]) == ("deleted", ["100"])


async def test_parts_that_stand_of_a_post_not_delivered_are_deleted_with_it(desk: Desk) -> None:
    """A long post's second part was refused: its first one stands all the same."""
    from bridge.store import outward

    post = created()
    await desk.hear(post)
    claim = await desk.lane(TIMELINE)
    job = await desk.job(claim)
    frozen = await desk.freeze(claim, job, "one", "two")
    assert frozen is not None
    assert await desk.attempt(claim, job, frozen[0])
    await desk.settle(claim, job, frozen[0], "100")
    await desk.write(
        lambda tx: outward.conclude(tx, claim, job, DeliveryState.NOT_DELIVERED, Reason.REJECTED, "", NOW, in_doubt=False)
    )
    await desk.hear(deleted(post))
    last = await desk.job(claim)
    assert (last.kind, [copy.ref.id for copy in last.copies]) == ("deleted", ["100"])


async def test_an_edit_that_precedes_its_post_waits_and_then_becomes_it(desk: Desk) -> None:
    post = created("meet at 2")
    change = edited(post, "meet at 3")
    accepted = await desk.hear(change)
    assert accepted.again_at == NOW + EARLY_S
    assert await desk.waiting(TEAM) == ()
    desk.now += EARLY_S + 1
    [waiting] = await desk.waiting(TEAM)
    await desk.judge(waiting, change)
    assert len(await destinations(desk)) == 3
    late = await desk.hear(post)
    assert late.lanes == frozenset()
    assert await desk.count(sql.delivery) == 3


async def test_a_deletion_that_precedes_its_post_becomes_a_tombstone(desk: Desk) -> None:
    post = created()
    gone = deleted(post)
    await desk.hear(gone)
    desk.now += EARLY_S + 1
    [waiting] = await desk.waiting(TEAM)
    await desk.judge(waiting, gone)
    await desk.hear(post)
    assert await desk.count(sql.delivery) == 0
    assert await verdicts(desk) == [("created", "dropped", Reason.POST_DELETED)]


async def test_an_early_edit_finds_its_post_when_that_comes_in_between(desk: Desk) -> None:
    post = created("meet at 2")
    change = edited(post, "meet at 3")
    await desk.hear(change)
    await desk.hear(post)
    desk.now += EARLY_S + 1
    [waiting] = await desk.waiting(TEAM)
    await desk.judge(waiting, change)
    assert await verdicts(desk) == [("created", "relayed", ""), ("edited", "relayed", "")]


# ---------------------------------------------------------------- our own copies


@pytest.mark.scenario("B01")
async def test_a_copy_that_comes_back_is_recognised(desk: Desk) -> None:
    await desk.hear(created())
    ref = await desk.deliver(TIMELINE, "100")
    await desk.hear(created(ref=ref, own=Own.PERHAPS, place=TIMELINE))
    assert (await desk.rows(sql.raw))[-1].reason == Reason.OWN_ECHO
    assert await desk.count(sql.delivery) == 3


async def test_an_echo_that_precedes_its_receipt_is_parked_until_the_send_settles(desk: Desk) -> None:
    await desk.hear(created())
    claim = await desk.lane(TIMELINE)
    job, part = await desk.attempting(claim)
    echo = created(ref=Ref(TIMELINE, NativeId("100")), own=Own.PERHAPS, place=TIMELINE)
    accepted = await desk.hear(echo)
    assert accepted.waits_for_send
    assert await desk.waiting(TIMELINE.account) == ()
    assert await desk.settle(claim, job, part, "100"), "the settling says that something waited for it"
    [waiting] = await desk.waiting(TIMELINE.account)
    await desk.judge(waiting, echo)
    assert (await desk.rows(sql.raw))[-1].reason == Reason.OWN_ECHO
    assert await desk.count(sql.post) == 1


async def test_a_parked_raw_is_looked_at_again_even_if_nothing_released_it(desk: Desk) -> None:
    await desk.hear(created())
    await desk.attempting(await desk.lane(TIMELINE))
    await desk.hear(created(own=Own.PERHAPS, place=TIMELINE))
    desk.now += PARKED_FOR_S
    assert len(await desk.waiting(TIMELINE.account)) == 1
    assert await desk.read(lambda tx: inward.accounts_with_work(tx, desk.now)) == (TIMELINE.account,)


async def test_only_events_at_the_place_of_the_send_are_parked(desk: Desk) -> None:
    await desk.hear(created())
    await desk.attempting(await desk.lane(TIMELINE))
    accepted = await desk.hear(created(own=Own.PERHAPS, place=CHANNEL))
    assert not accepted.waits_for_send


@pytest.mark.scenario("B02")
async def test_a_copy_with_our_key_is_adopted_and_not_relayed(desk: Desk) -> None:
    await desk.hear(created())
    claim = await desk.lane(TIMELINE)
    _, part = await desk.attempting(claim)
    ref = Ref(TIMELINE, NativeId("100"))
    await desk.hear(created(ref=ref, own=Own.SURELY, key=part.key, place=TIMELINE))
    [receipt] = await desk.rows(sql.receipt)
    assert receipt.native == "100"
    assert (await desk.rows(sql.raw))[-1].reason == Reason.OWN_ECHO
    assert await desk.count(sql.post) == 1


async def test_our_own_identity_without_a_copy_is_noted_and_not_relayed(desk: Desk) -> None:
    await desk.hear(created(own=Own.SURELY))
    assert await verdicts(desk) == [("created", "dropped", Reason.OWN_ADOPTED)]


@pytest.mark.scenario("A04")
async def test_what_people_write_as_the_account_is_relayed(desk: Desk) -> None:
    await desk.hear(created(own=Own.PERHAPS, place=TIMELINE))
    assert "team/C1" in await destinations(desk)


async def test_a_removed_copy_leaves_the_post(desk: Desk) -> None:
    await desk.hear(created())
    ref = await desk.deliver(TIMELINE, "100")
    await desk.hear(deleted(ref, own=Own.PERHAPS))
    assert not (await desk.rows(sql.receipt))[0].standing
    assert (await desk.rows(sql.post))[0].deleted_at is None
