"""Several posts in one mail: who reads no more, repeats, crashes and refusals; each outcome once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge import undelivered
from bridge.errors import Rejected, Retryable, Uncertain
from bridge.mappings import Deliver
from bridge.pausing import Halt
from bridge.post import Destination
from bridge.reasons import Reason
from bridge.rhythm import Choice
from bridge.store import choices, halts, sql
from bridge.store.tables import DeliveryState
from bridge.store.undelivered import Which, listed
from tests.core.desk import Desk
from tests.core.letters import CHAIR, DELIVERED, EIGHT, LEADERS, NOON, Letters, outcomes, reads, receipts, said, serve
from tests.core.worlds import LEE, MAILS, OTHER_CHANNEL, READERS, deleted, edited, entry, group, world


@pytest.fixture
def each(desk: Desk) -> Desk:
    desk.world, desk.now = reads(), NOON
    return desk


@pytest.fixture
def daily(desk: Desk) -> Desk:
    desk.world, desk.now = reads(Deliver.DAILY), NOON
    return desk


# ---------------------------------------------------------------- who reads no more


@pytest.mark.scenario("K05")
async def test_a_line_that_is_deleted_ends_unsent_mail_at_once(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two", place=OTHER_CHANNEL))
    keeps = reads(Deliver.DAILY).mappings.groups[1]
    without = group(entry("team/all-hands"), entry("mail/all-hands", readers=READERS[:1]))
    daily.world = replace(world(without, keeps), patient=True)
    daily.now, letters = EIGHT, Letters()
    assert await serve(daily, letters, CHAIR) == []
    assert await serve(daily, letters, CHAIR, LEADERS) == ["two"]
    assert (await outcomes(daily, CHAIR))[0] == ("created", DeliveryState.FILTERED, Reason.NO_LONGER_MAPPED)


@pytest.mark.scenario("K05")
async def test_a_line_that_is_deleted_takes_its_posts_out_of_a_mail_that_was_refused_once(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two", place=OTHER_CHANNEL))
    daily.now, letters = EIGHT, Letters([Retryable()])
    assert await serve(daily, letters, CHAIR) == ["one || two"]
    daily.world = replace(world(daily.world.mappings.groups[0]), patient=True)
    daily.now += 60
    assert await serve(daily, letters, CHAIR) == ["one"]
    await serve(daily, letters, CHAIR, LEADERS)
    assert [state for _, state, _ in await outcomes(daily, CHAIR)] == [DeliveryState.DELIVERED, DeliveryState.FILTERED]


async def test_who_reads_no_more_of_one_group_is_not_sent_a_doubtful_mail_again(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two", place=OTHER_CHANNEL))
    daily.now, letters = EIGHT, Letters([Uncertain()])
    await serve(daily, letters, CHAIR)
    daily.world = replace(world(daily.world.mappings.groups[0]), patient=True)
    daily.now += 60
    assert await serve(daily, letters, CHAIR) == []
    assert await outcomes(daily, CHAIR) == [("created", DeliveryState.NOT_DELIVERED, Reason.PERHAPS_SENT)] * 2


@pytest.mark.scenario("K05")
async def test_a_new_reader_gets_only_what_is_posted_from_then_on(daily: Desk) -> None:
    daily.world = replace(world(group(entry("team/all-hands"), entry("mail/all-hands", readers=READERS[:1]))), patient=True)
    await daily.hear(said(daily, "before"))
    daily.world = reads(Deliver.DAILY)
    await daily.hear(said(daily, "after"))
    daily.now = EIGHT
    assert await serve(daily, Letters(), CHAIR) == ["after"]


# ---------------------------------------------------------------- the law


async def test_a_mail_whose_answer_was_lost_is_repeated_exactly(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two"))
    daily.now, letters = EIGHT, Letters([Uncertain()])
    await serve(daily, letters, CHAIR)
    await daily.hear(said(daily, "three"))
    daily.now += 24 * 3600
    await serve(daily, letters, CHAIR)
    assert (letters.sent, letters.keys[0]) == (["one || two", "one || two", "three"], letters.keys[1])
    assert await outcomes(daily, CHAIR) == [DELIVERED] * 3
    assert len(await receipts(daily, CHAIR)) == 3


@pytest.mark.scenario("E01")
async def test_an_edit_of_what_a_doubtful_mail_brought_changes_no_repeat_of_it(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    second = said(daily, "two")
    await daily.hear(second)
    daily.now, letters = EIGHT, Letters([Uncertain()])
    await serve(daily, letters, CHAIR)
    await daily.hear(edited(second, "zwei"))
    daily.now += 60
    assert await serve(daily, letters, CHAIR) == ["one || two"]
    daily.now += 24 * 3600
    assert await serve(daily, letters, CHAIR) == ["corrected: zwei"]


async def test_a_correction_waits_for_the_doubtful_mail_of_another_lane_that_brings_what_it_corrects(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    second = said(daily, "two", place=OTHER_CHANNEL)
    await daily.hear(second)
    daily.now, letters = EIGHT, Letters([Uncertain()])
    await serve(daily, letters, CHAIR)
    await daily.hear(edited(second, "zwei"))
    daily.now += 24 * 3600
    assert await serve(daily, letters, CHAIR, LEADERS) == []
    assert await serve(daily, letters, CHAIR) == ["one || two"]
    assert await serve(daily, letters, CHAIR, LEADERS) == ["corrected: zwei"]


async def test_a_lane_whose_posts_another_one_brings_is_idle(daily: Desk) -> None:
    """It would be asked again and again without a rest, for as long as that mail can't be sent."""
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two", place=OTHER_CHANNEL))
    daily.now = EIGHT
    await serve(daily, Letters([Retryable()]), CHAIR)
    assert await daily.next(await daily.lane(LEADERS, CHAIR)) is None


@pytest.mark.scenario("L20")
@pytest.mark.parametrize("paused", ["all-hands", "leaders"])
async def test_a_pause_takes_its_posts_out_of_a_mail_that_was_refused_once_whoever_carries_it(daily: Desk, paused: str) -> None:
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two", place=OTHER_CHANNEL))
    daily.now, letters = EIGHT, Letters([Retryable()])
    assert await serve(daily, letters, CHAIR) == ["one || two"]
    halt = Halt(paused, None, daily.now, "lynn")
    await daily.write(lambda tx: (halts.add(tx, halt), halts.settle(tx, daily.now)))
    daily.now += 60
    goes, waits, its_lane = ("two", "one", MAILS) if paused == "all-hands" else ("one", "two", LEADERS)
    assert await serve(daily, letters, CHAIR) + await serve(daily, letters, CHAIR, LEADERS) == [goes]
    await daily.write(lambda tx: (halts.remove(tx, halt), halts.settle(tx, daily.now)))
    assert await serve(daily, letters, CHAIR, its_lane) == [waits]
    assert await outcomes(daily, CHAIR) == [DELIVERED] * 2


@pytest.mark.parametrize("gone", ["one", "two"])
@pytest.mark.parametrize("how", ["deleted", "dropped"])
@pytest.mark.parametrize("asked", ["every", "one"])
async def test_what_perhaps_went_with_a_post_that_must_go_no_more_goes_without_it(
    daily: Desk, gone: str, how: str, asked: str
) -> None:
    posts = {"one": said(daily, "one"), "two": said(daily, "two", place=OTHER_CHANNEL)}
    for post in posts.values():
        await daily.hear(post)
    daily.now, letters, both = EIGHT, Letters([Uncertain()]), daily.world
    await serve(daily, letters, CHAIR)
    daily.world = replace(world(both.mappings.groups[0]), patient=True)
    daily.now += 60
    await serve(daily, letters, CHAIR)
    daily.world = both
    ids = {each.line: each.id for each in await daily.read(lambda tx: listed(tx, Which()))}
    assert set(ids) == set(posts)
    if how == "deleted":
        await daily.hear(deleted(posts[gone]))
    else:
        await undelivered.drop(daily.store, Which((ids[gone],)), "lynn", daily.now)
    [goes] = set(posts) - {gone}
    await undelivered.replay(
        daily.store, lambda: daily.world, Which() if asked == "every" else Which((ids[goes],)), "lynn", daily.now
    )
    assert await serve(daily, letters, CHAIR) + await serve(daily, letters, CHAIR, LEADERS) == [goes]
    assert (await outcomes(daily, CHAIR)).count(DELIVERED) == 1


@pytest.mark.parametrize("step", ["attempting", "sent", "settled"])
async def test_a_crash_leaves_one_mail_and_one_receipt_each(daily: Desk, step: str) -> None:
    class Crash(BaseException):
        """The process dies."""

    def at_step(passed: str) -> None:
        if passed == step:
            raise Crash

    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two", place=OTHER_CHANNEL))
    daily.now, letters = EIGHT, Letters()
    with pytest.raises(Crash):
        await serve(daily, letters, CHAIR, at_step=at_step)
    daily.now += 60
    await serve(daily, letters, CHAIR)
    await serve(daily, letters, CHAIR, LEADERS)
    assert set(letters.sent) == {"one || two"}
    assert len(set(letters.keys)) == 1
    assert await outcomes(daily, CHAIR) == [DELIVERED] * 2
    assert len(await receipts(daily, CHAIR)) == 2


async def test_what_is_refused_for_good_is_so_for_all_that_the_mail_brought(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two"))
    daily.now = EIGHT
    await serve(daily, Letters([Rejected("No such reader.")]), CHAIR)
    assert await outcomes(daily, CHAIR) == [("created", DeliveryState.NOT_DELIVERED, Reason.REJECTED)] * 2


async def test_an_answer_finds_the_copy_in_a_digest_and_in_a_bundle(each: Desk) -> None:
    first, letters = said(each, "one"), Letters()
    await each.hear(first)
    await each.hear(said(each, "two", first))
    each.now += 60
    await serve(each, letters, CHAIR)
    ref = letters.refer(letters.keys[0], 1, MAILS)
    await each.hear(said(each, "from the chair", author=LEE, place=MAILS, gated=False, reply_to=ref))
    posts = {row.id: row for row in await each.rows(sql.post)}
    answer = max(posts.values(), key=lambda row: row.id)
    assert posts[answer.parent_id].native == first.ref.id


@pytest.mark.parametrize("choice", [Choice(Deliver.DAILY), Choice(paused_until=EIGHT)])
async def test_what_a_reader_chose_holds_after_a_restart(each: Desk, choice: Choice) -> None:
    await each.write(lambda tx: choices.put(tx, Destination(MAILS, CHAIR), choice))
    each.world = replace(each.world, choices=await each.read(choices.known))
    await each.hear(said(each, "one"), said(each, "two"))
    letters = Letters()
    each.now += 180
    assert await serve(each, letters, CHAIR) == []
    each.now = EIGHT
    assert await serve(each, letters, CHAIR) == ["one || two"]
