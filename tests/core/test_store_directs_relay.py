"""Accepting direct messages of strangers, followers and people who moved, and what each of them is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge import notices
from bridge.post import AccountId, Audience, Author, Created, Edited, NativeId, Own, Place, Ref, UserId, direct
from bridge.reasons import Reason
from bridge.store import sql
from bridge.store.codec import load_post
from bridge.text import plain
from tests.core.desk import Desk
from tests.core.worlds import (
    ALL,
    CHANNEL,
    LYNN_OUTSIDE,
    LYNNS_DIRECT,
    STRANGER,
    TIMELINE,
    created,
    deleted,
    edited,
    entry,
    group,
    world,
)

STRANGERS_DIRECT = direct(ALL, STRANGER.user)
PLACES = (entry("team/all-hands"), entry("allhands/timeline"))


async def verdicts(desk: Desk) -> list[tuple[str, str, str]]:
    return [(row.kind, row.verdict, row.reason) for row in await desk.rows(sql.event, sql.event.c.kind != "notice")]


async def told(desk: Desk) -> list[str]:
    """What the bridge said, to whom."""
    rows = await desk.rows(sql.post, sql.post.c.author == "viabridge")
    return [f"{row.person}: {plain(load_post(row.body).text)}" for row in rows]


async def bodies(desk: Desk) -> list[str]:
    rows = await desk.rows(sql.post, sql.post.c.author != "viabridge")
    return [plain(load_post(row.body).text) if row.body else "" for row in rows]


def hello(text: str = "meet at 2?", author: Author = LYNN_OUTSIDE, **changes: object) -> Created:
    return created(text, place=direct(ALL, author.user), author=author, **changes)


# ---------------------------------------------------------------- strangers


@pytest.mark.scenario("A08")
async def test_a_strangers_message_is_held_with_its_text_and_they_are_told_once(desk: Desk) -> None:
    for text in ("psst", "psst again"):
        await desk.hear(hello(text, STRANGER))
    assert await verdicts(desk) == [("created", "held", Reason.NOT_A_WRITER)] * 2
    assert await bodies(desk) == ["psst", "psst again"]
    [said] = await told(desk)
    assert said.startswith("99: Only the group's writers")


@pytest.mark.scenario("A08")
async def test_a_silent_group_tells_strangers_nothing(desk: Desk) -> None:
    desk.world = world(group(strangers="silent"))
    await desk.hear(hello("psst", STRANGER))
    await desk.hear(created("who can drive?"))
    copy = await desk.deliver(TIMELINE, "100")
    await desk.hear(hello("me", STRANGER, reply_to=Ref(STRANGERS_DIRECT, copy.id)))
    assert await told(desk) == []
    assert (await verdicts(desk))[0] == ("created", "held", Reason.NOT_A_WRITER)


async def test_a_silent_group_still_tells_its_writers(desk: Desk) -> None:
    desk.world = world(group(strangers="silent"))
    await desk.hear(hello(""))
    assert len(await told(desk)) == 1


async def test_of_a_held_message_the_admin_sees_the_latest_form_and_a_deleted_one_is_gone(desk: Desk) -> None:
    mine = hello("psst", STRANGER)
    await desk.hear(mine)
    await desk.hear(edited(mine, "psst!"))
    assert await bodies(desk) == ["psst!"]
    await desk.hear(deleted(mine))
    [row] = await desk.rows(sql.post, sql.post.c.author != "viabridge")
    assert row.deleted_at is not None


async def test_a_strangers_direct_answer_to_a_group_post_is_not_kept_and_tells_who_may_write(desk: Desk) -> None:
    await desk.hear(created("who can drive?"))
    copy = await desk.deliver(TIMELINE, "100")
    await desk.hear(hello("me", STRANGER, reply_to=Ref(STRANGERS_DIRECT, copy.id)))
    assert (await verdicts(desk))[-1] == ("created", "dropped", Reason.DIRECT_REPLY)
    assert (await bodies(desk))[-1] == ""
    [said] = await told(desk)
    assert "Only the group's writers" in said


@pytest.mark.scenario("K04")
async def test_a_writers_direct_answer_tells_them_alone_how_to_reach_everyone(desk: Desk) -> None:
    await desk.hear(created("who can drive?"))
    copy = await desk.deliver(TIMELINE, "100")
    await desk.hear(hello("not me", reply_to=Ref(LYNNS_DIRECT, copy.id)))
    [said] = await told(desk)
    assert said.startswith("11: This answer stayed between us. To reach everyone, write to me directly")
    assert await desk.count(sql.delivery, sql.delivery.c.kind == "notice", sql.delivery.c.audience == Audience.DIRECT) == 1


@pytest.mark.parametrize("text", ["between us", ""])
@pytest.mark.parametrize("relay", ["direct", "mention"])
async def test_what_the_account_itself_writes_to_somebody_stays_between_the_two_and_is_not_answered(
    desk: Desk, text: str, relay: str
) -> None:
    desk.world = world(group(relay=frozenset({relay})))
    await desk.hear(created(text, place=LYNNS_DIRECT, author=LYNN_OUTSIDE, own=Own.PERHAPS))
    assert await verdicts(desk) == [("created", "dropped", Reason.DIRECT)]
    await desk.hear(created("who can drive?"))
    copy = await desk.deliver(TIMELINE, "100")
    answer = Ref(LYNNS_DIRECT, copy.id)
    await desk.hear(created(text, place=LYNNS_DIRECT, author=LYNN_OUTSIDE, own=Own.PERHAPS, reply_to=answer))
    assert await told(desk) == []


# ---------------------------------------------------------------- by another way


async def test_a_group_that_takes_no_direct_messages_says_how_it_is_reached(desk: Desk) -> None:
    desk.world = world(group(relay=frozenset({"#all", "#team"})))
    for text in ("one", "two"):
        await desk.hear(hello(text))
    assert await verdicts(desk) == [("created", "dropped", Reason.NOT_THIS_WAY)] * 2
    [said] = await told(desk)
    assert said.endswith("To reach everyone, mention me in a post with #all or #team.")


async def test_a_mention_without_the_hashtag_is_dropped_silently(desk: Desk) -> None:
    desk.world = world(group(relay=frozenset({"#all"})))
    await desk.hear(created("hm", place=TIMELINE, author=LYNN_OUTSIDE, gated=False))
    assert await verdicts(desk) == [("created", "dropped", Reason.NOT_THIS_WAY)]
    assert await told(desk) == []


# ---------------------------------------------------------------- followers, and people who moved


async def test_a_followers_message_goes_out_under_their_own_name(desk: Desk) -> None:
    desk.world = replace(
        world(group(*PLACES, followers_write=True)), followers={AccountId("allhands"): frozenset({UserId("99")})}
    )
    await desk.hear(hello("meet at 2?", STRANGER))
    assert await verdicts(desk) == [("created", "relayed", "")]
    [said] = await told(desk)
    assert "as via Stranger" in said


async def test_a_writer_whose_account_moved_is_held_and_told_once(desk: Desk) -> None:
    moved = replace(LYNN_OUTSIDE, moved=True)
    for text in ("one", "two"):
        await desk.hear(hello(text, moved))
    assert await verdicts(desk) == [("created", "held", Reason.MOVED)] * 2
    assert await bodies(desk) == ["one", "two"]
    [said] = await told(desk)
    assert "seems to have moved" in said


async def test_an_edit_of_a_writer_who_moved_meanwhile_changes_nothing_and_stands_in_the_ledger(desk: Desk) -> None:
    mine = hello("meet at 2?")
    await desk.hear(mine)
    await desk.deliver(TIMELINE, "100")
    changed = edited(mine, "send money")
    author = replace(changed.post.author, moved=True)
    await desk.hear(Edited(replace(changed.post, author=author), changed.revision, changed.at))
    assert (await verdicts(desk))[-1] == ("edited", "held", Reason.MOVED)
    assert (await bodies(desk)) == ["meet at 2?"]
    assert await desk.next(await desk.lane(TIMELINE)) is None


async def test_a_late_edit_of_a_stranger_is_held_as_their_message(desk: Desk) -> None:
    mine = hello("psst", STRANGER)
    change = edited(mine, "psst!")
    await desk.hear(change)
    desk.now += 61
    [waiting] = await desk.waiting(ALL)
    await desk.judge(waiting, change)
    assert await verdicts(desk) == [("created", "held", Reason.NOT_A_WRITER)]
    assert await bodies(desk) == ["psst!"]


# ---------------------------------------------------------------- the first one is confirmed


@pytest.mark.scenario("A07")
async def test_a_writer_learns_how_many_people_read_it(desk: Desk) -> None:
    desk.world = replace(world(group(*PLACES, title="All hands")), sizes={CHANNEL: 30, TIMELINE: 12})
    await desk.hear(hello())
    assert await told(desk) == [
        "11: ✓ This goes to 42 people in “All hands”, as via Lynn. Edit or delete your message, and the post follows."
    ]


@pytest.mark.parametrize(
    ("sizes", "people"),
    [({CHANNEL: 30}, "everyone"), ({CHANNEL: 0, TIMELINE: 0}, "nobody yet"), ({CHANNEL: 1, TIMELINE: 0}, "1 person")],
)
async def test_where_it_is_not_known_how_many_nothing_is_made_up(desk: Desk, sizes: dict[Place, int], people: str) -> None:
    desk.world = replace(world(group(*PLACES)), sizes=sizes)
    await desk.hear(hello())
    [said] = await told(desk)
    assert f"This goes to {people} in" in said


@pytest.mark.parametrize(
    ("via", "words"),
    [
        ("via {author}: {text}", "as via Ada {initials} Lee."),
        ("{author}: {text}", "as Ada {initials} Lee."),
        ("{text} ^{initials}", "signed ^AL."),
        ("{text}\n-- {author}", "signed -- Ada {initials} Lee."),
        ("{text}", "without your name."),
    ],
)
def test_a_writer_is_told_how_they_are_named(via: str, words: str) -> None:
    notice = notices.relayed(Ref(LYNNS_DIRECT, NativeId("1")), group(via=via), "Ada {initials} Lee", None)
    assert words in plain(notice.text)
