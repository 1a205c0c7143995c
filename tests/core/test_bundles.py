"""Several posts in one mail: conversations bundled, digests over all groups, and what changes meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from bridge.choosing import choose
from bridge.errors import Retryable
from bridge.mappings import Deliver
from bridge.post import Destination, Wished
from bridge.reasons import Reason
from bridge.rhythm import MOST_A_DAY, Choice
from bridge.store import choices
from bridge.store.tables import DeliveryState
from tests.core.desk import Desk
from tests.core.letters import CHAIR, DELIVERED, EIGHT, LEADERS, LEES, NOON, Letters, outcomes, reads, receipts, said, serve
from tests.core.worlds import LEE, LYNN, MAILS, OTHER_CHANNEL, deleted, edited


@pytest.fixture
def each(desk: Desk) -> Desk:
    desk.world, desk.now = reads(), NOON
    return desk


@pytest.fixture
def daily(desk: Desk) -> Desk:
    desk.world, desk.now = reads(Deliver.DAILY), NOON
    return desk


# ---------------------------------------------------------------- each conversation as it goes


async def test_posts_of_a_conversation_that_follow_each_other_come_in_one_mail(each: Desk) -> None:
    first, letters = said(each, "Can everyone meet?"), Letters()
    await each.hear(first)
    each.now += 30
    await each.hear(said(each, "@ 2pm", first))
    await each.hear(said(each, "Something else"))
    each.now += 59
    assert await serve(each, letters, CHAIR) == []
    each.now += 1
    assert await serve(each, letters, CHAIR) == ["Can everyone meet? | @ 2pm", "Something else"]
    assert await outcomes(each, CHAIR) == [DELIVERED] * 3
    bundle, alone = letters.keys
    assert sorted(await receipts(each, CHAIR)) == sorted([f"all-hands:{bundle}/1", f"all-hands:{bundle}", f"all-hands:{alone}"])


async def test_a_conversation_that_never_rests_comes_after_three_minutes(each: Desk) -> None:
    first, letters = said(each, "0"), Letters()
    await each.hear(first)
    for number in range(1, 6):
        each.now += 40
        if number < 5:
            assert await serve(each, letters, CHAIR) == []
            await each.hear(said(each, str(number), first))
    assert await serve(each, letters, CHAIR) == ["0 | 1 | 2 | 3 | 4"]


async def test_an_answer_to_the_reader_comes_at_once_with_what_waits_of_its_conversation(each: Desk) -> None:
    mine = said(each, "Who is in?", author=LEE, place=MAILS, gated=False)
    await each.hear(mine)
    letters = Letters()
    other = said(each, "nobody's business")
    await each.hear(other)
    await each.hear(said(each, "me", mine))
    assert await serve(each, letters, LEES) == ["me"]
    assert await serve(each, letters, CHAIR) == []


async def test_a_post_that_names_the_reader_comes_at_once_and_so_does_an_announcement(each: Desk) -> None:
    letters = Letters()
    await each.hear(said(each, "Lee, can you?"), said(each, "📣 Doors open at 9"), said(each, "quite"))
    assert await serve(each, letters, LEES) == ["Lee, can you?", "📣 Doors open at 9"]
    assert await serve(each, letters, CHAIR) == ["📣 Doors open at 9"]


async def test_who_is_no_announcer_announces_nothing(each: Desk) -> None:
    await each.hear(said(each, "📣 me", author=replace(LYNN, user="U5", handles=())))
    assert await serve(each, Letters(), CHAIR) == []


async def test_after_many_mails_the_rest_of_the_day_comes_in_the_evening(each: Desk) -> None:
    letters = Letters()
    for number in range(MOST_A_DAY + 2):
        await each.hear(said(each, f"n{number}"))
        each.now += 60
        await serve(each, letters, CHAIR)
    assert len(letters.sent) == MOST_A_DAY
    await each.hear(said(each, "📣 now"))
    assert await serve(each, letters, CHAIR) == ["📣 now"]
    each.now = datetime.fromisoformat("2026-11-25T18:00+00:00").timestamp()
    assert await serve(each, letters, CHAIR) == [f"n{MOST_A_DAY} || n{MOST_A_DAY + 1}"]
    each.now += 6 * 3600
    await each.hear(said(each, "a new day"))
    each.now += 60
    assert await serve(each, letters, CHAIR) == ["a new day"]


# ---------------------------------------------------------------- digests


@pytest.mark.scenario("J16")
async def test_one_digest_covers_all_of_a_readers_groups_by_conversation(daily: Desk) -> None:
    first, letters = said(daily, "one"), Letters()
    await daily.hear(first)
    await daily.hear(said(daily, "leaders one", place=OTHER_CHANNEL))
    await daily.hear(said(daily, "two"))
    await daily.hear(said(daily, "answer to one", first))
    daily.now = EIGHT - 1
    assert await serve(daily, letters, CHAIR) == []
    daily.now = EIGHT
    assert await serve(daily, letters, CHAIR) == ["one | answer to one || two || leaders one"]
    assert await serve(daily, letters, CHAIR, LEADERS) == []
    assert await outcomes(daily, CHAIR) == [DELIVERED] * 4
    [key] = letters.keys
    assert sorted(await receipts(daily, CHAIR)) == [f"all-hands:{key}/{n}" for n in (1, 2, 3)] + [f"leaders:{key}/4"]


@pytest.mark.scenario("J16")
async def test_nothing_new_no_mail(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    daily.now = EIGHT
    letters = Letters()
    await serve(daily, letters, CHAIR)
    daily.now += 24 * 3600
    assert await serve(daily, letters, CHAIR) == []


async def test_a_digest_of_one_post_is_that_post_as_a_mail_of_its_own(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    daily.now, letters = EIGHT, Letters()
    assert await serve(daily, letters, CHAIR) == ["one"]
    assert await receipts(daily, CHAIR) == [f"all-hands:{letters.keys[0]}"]


@pytest.mark.scenario("J16")
async def test_the_last_digest_before_switching_off_is_still_sent(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two"))
    daily.world = reads(Deliver.EACH)
    await daily.hear(said(daily, "three"))
    letters = Letters()
    daily.now += 60
    assert await serve(daily, letters, CHAIR) == ["three"]
    daily.now = EIGHT
    assert await serve(daily, letters, CHAIR) == ["one || two"]


async def test_a_weekly_digest_is_not_given_up_while_it_waits(desk: Desk) -> None:
    desk.world, desk.now = reads(Deliver.WEEKLY), NOON
    await desk.hear(said(desk, "one"))
    await desk.hear(said(desk, "two"))
    desk.now = datetime.fromisoformat("2026-11-30T08:00+00:00").timestamp()
    assert await serve(desk, Letters(), CHAIR) == ["one || two"]


@pytest.mark.scenario("L17")
async def test_what_comes_at_night_comes_in_one_mail_in_the_morning(desk: Desk) -> None:
    desk.world = reads(quiet=(time(22), time(7)))
    desk.now = datetime.fromisoformat("2026-11-25T23:00+00:00").timestamp()
    await desk.hear(said(desk, "late"), said(desk, "later"), said(desk, "📣 fire drill"))
    letters = Letters()
    assert await serve(desk, letters, CHAIR) == ["📣 fire drill"]
    desk.now += 8 * 3600
    assert await serve(desk, letters, CHAIR) == ["late || later"]


async def test_who_wants_announcements_only_has_the_rest_filtered_with_its_reason(desk: Desk) -> None:
    desk.world, desk.now = reads(Deliver.ANNOUNCEMENTS), NOON
    await desk.hear(said(desk, "hi"), said(desk, "📣 hi"))
    await serve(desk, Letters(), CHAIR)
    assert await outcomes(desk, CHAIR) == [("created", DeliveryState.FILTERED, Reason.CHOSEN), DELIVERED]


# ---------------------------------------------------------------- changes meanwhile


@pytest.mark.scenario("E01")
async def test_an_edit_changes_an_unsent_digest(daily: Desk) -> None:
    first = said(daily, "hi")
    await daily.hear(first)
    await daily.hear(said(daily, "two"))
    await daily.hear(edited(first, "hello"))
    daily.now = EIGHT
    assert await serve(daily, Letters(), CHAIR) == ["hello || two"]
    assert (await outcomes(daily, CHAIR))[2] == ("edited", DeliveryState.FILTERED, Reason.FOLDED)


@pytest.mark.scenario("E01")
async def test_of_what_was_sent_at_most_one_correction_comes_with_the_next_digest(daily: Desk) -> None:
    first, letters = said(daily, "hi"), Letters()
    await daily.hear(first)
    await daily.hear(said(daily, "two"))
    daily.now = EIGHT
    await serve(daily, letters, CHAIR)
    await daily.hear(edited(first, "hello", "1", seconds=1))
    await daily.hear(edited(first, "hello!", "2", seconds=2))
    await daily.hear(said(daily, "three"))
    daily.now += 24 * 3600
    assert await serve(daily, letters, CHAIR) == ["corrected: hello! || three"]
    await daily.hear(edited(first, "hello!!", "3", seconds=3))
    daily.now += 24 * 3600
    assert await serve(daily, letters, CHAIR) == []
    assert (await outcomes(daily, CHAIR))[-1] == ("edited", DeliveryState.FILTERED, Reason.CANNOT_CHANGE)


@pytest.mark.scenario("E08")
@pytest.mark.scenario("E09")
async def test_a_deletion_takes_a_post_out_of_an_unsent_digest(daily: Desk) -> None:
    first = said(daily, "one")
    await daily.hear(first)
    await daily.hear(said(daily, "two"))
    await daily.hear(deleted(first))
    daily.now = EIGHT
    assert await serve(daily, Letters(), CHAIR) == ["two"]
    assert (await outcomes(daily, CHAIR))[0] == ("created", DeliveryState.FILTERED, Reason.WITHDRAWN)


@pytest.mark.scenario("E09")
async def test_a_deletion_takes_a_post_out_of_a_mail_that_was_refused_once(daily: Desk) -> None:
    first = said(daily, "one")
    await daily.hear(first)
    await daily.hear(said(daily, "two"))
    daily.now = EIGHT
    letters = Letters([Retryable()])
    assert await serve(daily, letters, CHAIR) == ["one || two"]
    await daily.hear(deleted(first))
    daily.now += 60
    assert await serve(daily, letters, CHAIR) == ["two"]


async def test_an_edit_changes_a_mail_that_was_refused_once_whoever_carries_it(daily: Desk) -> None:
    first, second = said(daily, "one"), said(daily, "two")
    await daily.hear(first)
    await daily.hear(second)
    daily.now, letters = EIGHT, Letters([Retryable(), Retryable()])
    await serve(daily, letters, CHAIR)
    await daily.hear(edited(second, "zwei"))
    daily.now += 60
    assert await serve(daily, letters, CHAIR) == ["one || zwei"]
    await daily.hear(edited(first, "eins"))
    daily.now += 60
    assert await serve(daily, letters, CHAIR) == ["eins || zwei"]


@pytest.mark.scenario("E09")
async def test_within_the_undo_window_a_post_is_taken_back_everywhere(each: Desk) -> None:
    [first_group, *others] = each.world.mappings.groups
    undoing = replace(first_group, undo=timedelta(seconds=90))
    each.world = replace(each.world, mappings=replace(each.world.mappings, groups=(undoing, *others)))
    post, letters = said(each, "oops"), Letters()
    await each.hear(post)
    each.now += 60
    assert await serve(each, letters, CHAIR) == []
    await each.hear(deleted(post))
    each.now += 60
    assert await serve(each, letters, CHAIR) == []
    withdrawn = (DeliveryState.FILTERED, Reason.WITHDRAWN)
    assert await outcomes(each, CHAIR) == [("created", *withdrawn), ("deleted", *withdrawn)]


async def test_what_can_still_be_taken_back_does_not_go_along(each: Desk) -> None:
    [first_group, *others] = each.world.mappings.groups
    undoing = replace(first_group, undo=timedelta(seconds=90))
    each.world = replace(each.world, mappings=replace(each.world.mappings, groups=(undoing, *others)))
    first, letters = said(each, "one"), Letters()
    await each.hear(first)
    each.now += 80
    await each.hear(said(each, "two", first))
    each.now += 60
    assert await serve(each, letters, CHAIR) == []
    each.now += 30
    assert await serve(each, letters, CHAIR) == ["one | two"]


async def test_what_is_heard_late_brings_nothing_that_can_still_be_taken_back(each: Desk) -> None:
    [first_group, *others] = each.world.mappings.groups
    undoing = replace(first_group, undo=timedelta(seconds=170))
    each.world = replace(each.world, mappings=replace(each.world.mappings, groups=(undoing, *others)))
    first, letters = said(each, "one"), Letters()
    await each.hear(first)
    each.now += 30
    late = said(each, "two", first)
    long_ago = late.post.at - timedelta(seconds=400)
    await each.hear(replace(late, post=replace(late.post, at=long_ago)))
    each.now += 139
    assert await serve(each, letters, CHAIR) == []
    each.now += 1
    assert await serve(each, letters, CHAIR) == ["one", "two"]


async def test_the_end_of_a_pause_brings_nothing_that_can_still_be_taken_back(each: Desk) -> None:
    [first_group, *others] = each.world.mappings.groups
    undoing = replace(first_group, undo=timedelta(seconds=90))
    pause = Choice(paused_until=each.now + 24 * 3600)
    to, letters = Destination(MAILS, CHAIR), Letters()
    await each.write(lambda tx: choices.put(tx, to, pause))
    groups = replace(each.world.mappings, groups=(undoing, *others))
    each.world = replace(each.world, mappings=groups, choices={(to.account, CHAIR): pause})
    await each.hear(said(each, "one"))
    each.now += 10
    await each.write(lambda tx: choose(tx, to, Wished.RESUME, "", each.world, each.now))
    each.now += 79
    assert await serve(each, letters, CHAIR) == []
    each.now += 11
    assert await serve(each, letters, CHAIR) == ["one"]
