"""Accepting answers to a protected account, what they answer, and changes that narrow a post."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.post import DIRECT, Audience, Created, Edited, NativeId, Own, Ref
from bridge.reasons import Reason
from bridge.store import outward, sql
from bridge.store.tables import Action, DeliveryState
from bridge.text import plain
from tests.core.desk import Desk
from tests.core.worlds import (
    CHANNEL,
    LYNN_OUTSIDE,
    LYNNS_DIRECT,
    STRANGER,
    TIMELINE,
    at,
    created,
    deleted,
    edited,
    entry,
    group,
    words,
    world,
)

TWO_PLACES = world(group(entry("team/all-hands"), entry("allhands/timeline")))


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """Two places only: a channel and a timeline."""
    desk.world = TWO_PLACES
    return desk


def answer(text: str, to: Ref | None = None) -> Created:
    """Lynn's followers-only answer at the account."""
    return created(text, place=TIMELINE, author=LYNN_OUTSIDE, gated=False, reply_to=to)


async def verdicts(desk: Desk) -> list[tuple[str, str, str]]:
    return [(row.kind, row.verdict, row.reason) for row in await desk.rows(sql.event)]


async def said_at(desk: Desk, place: object = CHANNEL) -> str:
    """The text of the next delivery there."""
    job = await desk.job(await desk.lane(place))  # type: ignore[arg-type]
    assert job.post is not None
    return plain(job.post.text)


# ---------------------------------------------------------------- answers, posted again


@pytest.mark.scenario("F07")
async def test_an_answer_is_posted_again_in_the_thread_it_answers(desk: Desk) -> None:
    native = created("who can drive?", place=TIMELINE, own=Own.PERHAPS)
    await desk.hear(native)
    await desk.hear(answer("I can", native.ref))
    job = await desk.job(await desk.lane(TIMELINE))
    assert (job.thread.root, job.thread.parent) == (native.ref, native.ref)
    assert job.audience is Audience.GROUP


@pytest.mark.scenario("F07")
async def test_an_answer_to_a_copy_is_posted_again_under_the_copy(desk: Desk) -> None:
    await desk.hear(created("who can drive?"))
    copy = await desk.deliver(TIMELINE, "100")
    await desk.hear(answer("I can", copy))
    job = await desk.job(await desk.lane(TIMELINE))
    assert job.thread.parent == copy


@pytest.mark.scenario("F07")
async def test_what_is_posted_again_does_not_come_back(desk: Desk) -> None:
    await desk.hear(answer("I can"))
    again = await desk.deliver(TIMELINE, "101")
    await desk.deliver(CHANNEL, "c1")
    await desk.hear(created("via Lynn: I can", ref=again, place=TIMELINE, own=Own.PERHAPS))
    assert (await desk.rows(sql.raw))[-1].reason == Reason.OWN_ECHO
    assert await desk.count(sql.delivery) == 2


@pytest.mark.scenario("F07")
async def test_the_edit_and_the_deletion_of_an_answer_follow_to_what_was_posted_again(desk: Desk) -> None:
    mine = answer("I can")
    await desk.hear(mine)
    again = await desk.deliver(TIMELINE, "101")
    changed = edited(mine, "I can't")
    await desk.hear(Edited(replace(changed.post, gated=False), changed.revision, changed.at))
    claim = await desk.lane(TIMELINE)
    job = await desk.job(claim)
    assert (job.kind, [copy.ref for copy in job.copies]) == ("edited", [again])
    await desk.hear(deleted(mine))
    reasons = {row.reason for row in await desk.rows(sql.delivery, sql.delivery.c.kind == "edited")}
    assert Reason.WITHDRAWN in reasons
    job = await desk.job(claim)
    assert (job.kind, [copy.ref for copy in job.copies]) == ("deleted", [again])


@pytest.mark.scenario("F07")
async def test_answers_to_the_original_and_to_what_was_posted_again_are_one_thread(desk: Desk) -> None:
    mine = answer("I can")
    await desk.hear(mine)
    again = await desk.deliver(TIMELINE, "101")
    top = await desk.deliver(CHANNEL, "c1")
    for to in (mine.ref, again):
        await desk.hear(created("thanks", place=TIMELINE, own=Own.PERHAPS, reply_to=to))
        job = await desk.job(await desk.lane(CHANNEL))
        assert job.thread.parent == top
        await desk.deliver(CHANNEL, f"c-{to.id}")


async def test_a_strangers_mention_is_not_answered_and_not_kept(desk: Desk) -> None:
    await desk.hear(created("buy this", place=TIMELINE, author=STRANGER, gated=False))
    assert await verdicts(desk) == [("created", "dropped", Reason.NOT_A_WRITER)]
    assert await desk.count(sql.delivery) == 0


# ---------------------------------------------------------------- what is answered


@pytest.mark.scenario("F02")
async def test_an_answer_to_what_was_never_heard_says_that_it_answers(desk: Desk) -> None:
    mine = created("yes", reply_to=Ref(CHANNEL, NativeId("long ago")))
    await desk.hear(mine)
    assert await said_at(desk, TIMELINE) == "(answering an earlier post) yes"
    copy = await desk.deliver(TIMELINE, "100")
    await desk.hear(edited(mine, "yes!"))
    assert await said_at(desk, TIMELINE) == "(answering an earlier post) yes!"
    assert copy.id == "100"


@pytest.mark.scenario("F02")
async def test_an_answer_to_what_was_filtered_names_its_author_and_not_its_words(desk: Desk) -> None:
    desk.world = world(group(entry("team/all-hands", skip=words("draft")), entry("allhands/timeline")))
    hidden = created("a draft nobody shall see")
    await desk.hear(hidden)
    await desk.hear(created("good one", reply_to=hidden.ref))
    job = await desk.job(await desk.lane(TIMELINE))
    assert job.parent is not None
    assert (job.parent.author, job.parent.line) == ("lynn.example", "…")
    assert job.thread.parent is None


@pytest.mark.scenario("F02")
async def test_an_answer_to_what_was_deleted_quotes_it(desk: Desk) -> None:
    gone = created("who comes?")
    await desk.hear(gone)
    await desk.hear(deleted(gone))
    await desk.hear(created("me", reply_to=gone.ref))
    job = await desk.job(await desk.lane(TIMELINE))
    assert job.parent is not None
    assert job.parent.line == "who comes?"


async def test_an_answer_to_a_mere_tombstone_says_that_it_answers(desk: Desk) -> None:
    unheard = created("never heard")
    gone = deleted(unheard)
    await desk.hear(gone)
    desk.now += 61
    [waiting] = await desk.waiting(CHANNEL.account)
    await desk.judge(waiting, gone)
    await desk.hear(created("me", reply_to=unheard.ref))
    assert await said_at(desk, TIMELINE) == "(answering an earlier post) me"


async def test_what_the_bridge_told_one_person_is_never_quoted_to_the_group(desk: Desk) -> None:
    await desk.hear(created("one", place=LYNNS_DIRECT, author=LYNN_OUTSIDE))
    told = await desk.deliver(LYNNS_DIRECT, "n1")
    await desk.hear(created("two", place=LYNNS_DIRECT, author=LYNN_OUTSIDE, reply_to=Ref(LYNNS_DIRECT, told.id)))
    await desk.deliver(CHANNEL, "c1")
    job = await desk.job(await desk.lane(CHANNEL))
    assert job.post is not None
    assert plain(job.post.text) == "two"
    assert job.parent is None


async def test_a_held_direct_message_is_never_quoted_to_the_group(desk: Desk) -> None:
    """A human answers a stranger's message as the account, before all followers."""
    secret = created("my salary is", place=LYNNS_DIRECT, author=STRANGER)
    await desk.hear(secret)
    await desk.hear(created("dear all", place=TIMELINE, own=Own.PERHAPS, reply_to=Ref(TIMELINE, secret.ref.id)))
    job = await desk.job(await desk.lane(CHANNEL))
    assert job.parent is None
    assert await said_at(desk) == "(answering an earlier post) dear all"


async def test_a_direct_message_that_stayed_between_two_is_not_named_to_the_group(desk: Desk) -> None:
    quiet = created("", place=LYNNS_DIRECT, author=LYNN_OUTSIDE)
    await desk.hear(quiet)
    await desk.hear(created("now with words", place=LYNNS_DIRECT, author=LYNN_OUTSIDE, reply_to=quiet.ref))
    job = await desk.job(await desk.lane(CHANNEL))
    assert job.parent is None
    assert await said_at(desk) == "now with words"


# ---------------------------------------------------------------- a narrower audience


def narrowed(of: Created, text: str, audience: Audience, revision: str = "1") -> Edited:
    changed = edited(of, text, revision)
    return Edited(replace(changed.post, audience=audience), revision, at(int(revision)))


async def test_copies_that_a_changed_post_is_too_narrow_for_are_removed(desk: Desk) -> None:
    open_group = group(entry("team/all-hands"), entry("team/dev"), name="open", audience=Audience.PUBLIC)
    desk.world = world(group(entry("team/all-hands"), entry("allhands/timeline")), open_group)
    mine = created("for all", audience=Audience.PUBLIC)
    await desk.hear(mine)
    await desk.deliver(TIMELINE, "100")
    dev = next(iter(await desk.rows(sql.lane, sql.lane.c.place == "C2")))
    await desk.hear(narrowed(mine, "for us", Audience.GROUP))
    kinds = {row.lane_id == dev.id: (row.kind, row.state, row.reason) for row in (await desk.rows(sql.delivery))[-2:]}
    assert kinds == {
        False: ("edited", DeliveryState.WAITING, ""),
        True: ("deleted", DeliveryState.FILTERED, Reason.NARROWED),
    }
    assert await said_at(desk, TIMELINE) == "for us"


async def test_a_copy_that_stands_is_deleted_and_does_not_come_back(desk: Desk) -> None:
    mine = created("for us")
    await desk.hear(mine)
    copy = await desk.deliver(TIMELINE, "100")
    await desk.hear(narrowed(mine, "for you alone", Audience.DIRECT))
    claim = await desk.lane(TIMELINE)
    job = await desk.job(claim)
    assert (job.kind, [each.ref for each in job.copies]) == ("deleted", [copy])
    assert job.post is not None
    assert "alone" not in plain(job.post.text)
    removal = desk.parts(claim, job, "", action=Action.DELETE, ref=copy)
    frozen = await desk.write(lambda tx: outward.freeze(tx, claim, job, removal))
    assert frozen is not None
    await desk.settle(claim, job, frozen[0], copy.id)
    await desk.hear(narrowed(mine, "for us again", Audience.GROUP, "2"))
    again = await desk.job(claim)
    assert (again.kind, again.copies) == ("edited", ())


async def test_what_a_post_became_for_fewer_people_is_not_quoted(desk: Desk) -> None:
    mine = created("for us")
    await desk.hear(mine)
    await desk.hear(narrowed(mine, "for you alone", Audience.DIRECT))
    await desk.hear(created("thanks", reply_to=mine.ref))
    job = await desk.job(await desk.lane(TIMELINE))
    assert job.parent is not None
    assert job.parent.line == "…"


async def test_a_wider_audience_widens_no_copy(desk: Desk) -> None:
    mine = created("for us")
    await desk.hear(mine)
    await desk.deliver(TIMELINE, "100")
    await desk.hear(narrowed(mine, "for all", Audience.PUBLIC))
    job = await desk.job(await desk.lane(TIMELINE))
    assert (job.kind, job.audience) == ("edited", Audience.GROUP)


async def test_an_edited_direct_message_of_a_writer_is_not_narrower_than_before(desk: Desk) -> None:
    mine = created("meet at 2?", place=LYNNS_DIRECT, author=LYNN_OUTSIDE)
    assert mine.ref.place.id == DIRECT
    await desk.hear(mine)
    await desk.deliver(TIMELINE, "100")
    await desk.hear(narrowed(mine, "meet at 3?", Audience.DIRECT))
    job = await desk.job(await desk.lane(TIMELINE))
    assert job.kind == "edited"
