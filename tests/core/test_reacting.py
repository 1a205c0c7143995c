"""Reactions: told elsewhere as a summary with names, each once, kept up to date, and gone with their post."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.post import Author, Destination, NativeId, Own, Place, Reacted, Ref, UserId
from bridge.reasons import Reason
from bridge.store import lanes, outward, sql
from bridge.store.tables import Action, DeliveryState
from bridge.text import plain
from tests.core.desk import Desk
from tests.core.worlds import (
    CHANNEL,
    LYNN,
    LYNN_OUTSIDE,
    OTHER_CHANNEL,
    TEAM,
    TIMELINE,
    at,
    created,
    deleted,
    entry,
    group,
    world,
)

KARL = Author(UserId("U2"), "Karl", ("u2",))


@pytest.fixture
def two_rooms(desk: Desk) -> Desk:
    places = (entry("team/all-hands"), entry("team/dev"), entry("allhands/timeline"))
    desk.world = replace(world(group(*places)), summaries=frozenset({TEAM}))
    return desk


def reacted(
    ref: Ref, author: Author = LYNN, emoji: str = "👍", seconds: float = 5.0, *, removed: bool = False, own: Own = Own.NO
) -> Reacted:
    return Reacted(ref, author, emoji, at(seconds), removed, own)


async def next_words(desk: Desk, place: Place) -> str:
    """What goes to the place next, as it stands now; it is then delivered."""
    claim = await desk.lane(place)
    job = await desk.job(claim)
    assert job.post is not None
    assert job.via == ""
    assert (job.thread.root or job.thread.parent) is not None
    if job.kind == "created":
        await desk.deliver(place, f"s{job.delivery_id}")
    else:
        await change(desk, place)
    return plain(job.post.text)


async def change(desk: Desk, place: Place) -> None:
    claim = await desk.lane(place)
    job = await desk.job(claim)
    parts = desk.parts(claim, job, "x", action=Action.EDIT, ref=job.copies[0].ref)
    frozen = await desk.write(lambda tx: outward.freeze(tx, claim, job, parts))
    assert frozen
    assert await desk.attempt(claim, job, frozen[0])
    await desk.settle(claim, job, frozen[0], job.copies[0].ref.id)


async def said(desk: Desk) -> tuple[Ref, Ref]:
    """A post in one room, and its copy in the other."""
    post = created("lunch?")
    await desk.hear(post)
    return post.ref, await desk.deliver(OTHER_CHANNEL, "c1")


async def idle(desk: Desk, place: Place) -> bool:
    return await desk.next(await desk.lane(place)) is None


@pytest.mark.scenario("G09")
async def test_a_reaction_is_told_with_its_name_under_the_copy_and_nowhere_else(two_rooms: Desk) -> None:
    original, _ = await said(two_rooms)
    await two_rooms.hear(reacted(original))
    assert await next_words(two_rooms, OTHER_CHANNEL) == "👍 lynn.example"
    assert await idle(two_rooms, CHANNEL)
    waiting = await two_rooms.rows(sql.delivery, sql.delivery.c.state == DeliveryState.WAITING)
    assert len(waiting) == 1  # the post itself, for the timeline


@pytest.mark.scenario("G09")
async def test_a_reaction_to_a_copy_is_told_under_the_original(two_rooms: Desk) -> None:
    _, copy = await said(two_rooms)
    await two_rooms.hear(reacted(copy, KARL, "🎉"))
    assert await next_words(two_rooms, CHANNEL) == "🎉 Karl"
    assert await idle(two_rooms, OTHER_CHANNEL)


@pytest.mark.scenario("C14")
async def test_the_same_reaction_twice_counts_once(two_rooms: Desk) -> None:
    original, _ = await said(two_rooms)
    for seconds in (5.0, 5.0, 6.0):  # the very event again, and another one that says the same
        await two_rooms.hear(reacted(original, seconds=seconds))
    assert await next_words(two_rooms, OTHER_CHANNEL) == "👍 lynn.example"
    assert await two_rooms.count(sql.reaction) == 1


async def test_the_summary_follows_what_people_do(two_rooms: Desk) -> None:
    original, _ = await said(two_rooms)
    await two_rooms.hear(reacted(original))
    await two_rooms.hear(reacted(original, KARL, seconds=6))
    assert await next_words(two_rooms, OTHER_CHANNEL) == "👍 lynn.example, Karl"  # what came before it was sent is in it
    await two_rooms.hear(reacted(original, KARL, "🎉", seconds=7))
    assert await next_words(two_rooms, OTHER_CHANNEL) == "👍 lynn.example, Karl · 🎉 Karl"
    for author, emoji in ((LYNN, "👍"), (KARL, "👍"), (KARL, "🎉")):
        await two_rooms.hear(reacted(original, author, emoji, 8, removed=True))
    assert await next_words(two_rooms, OTHER_CHANNEL) == "(reactions were taken back)"


async def test_a_reaction_heard_late_does_not_undo_that_it_was_taken_back(two_rooms: Desk) -> None:
    original, _ = await said(two_rooms)
    await two_rooms.hear(reacted(original, seconds=9, removed=True))
    await two_rooms.hear(reacted(original, seconds=8))
    assert await idle(two_rooms, OTHER_CHANNEL)


@pytest.mark.parametrize("own", [Own.SURELY, Own.PERHAPS])
async def test_our_own_marks_are_told_nowhere(two_rooms: Desk, own: Own) -> None:
    original, _ = await said(two_rooms)
    await two_rooms.hear(reacted(original, own=own))
    assert await two_rooms.count(sql.reaction) == 0


async def test_a_reaction_to_what_nobody_shares_is_dropped(two_rooms: Desk) -> None:
    await two_rooms.hear(reacted(Ref(CHANNEL, NativeId("unknown"))))
    raws = await two_rooms.rows(sql.raw)
    assert raws[-1].reason == Reason.REACTION
    assert raws[-1].body == b""


async def test_where_no_summary_can_be_shown_nothing_is_sent(two_rooms: Desk) -> None:
    post = created("lunch?", place=TIMELINE, author=LYNN_OUTSIDE)
    await two_rooms.hear(post)
    await two_rooms.deliver(CHANNEL, "c1")
    await two_rooms.hear(reacted(Ref(CHANNEL, NativeId("c1"))))
    lanes_with_work = await two_rooms.read(lambda tx: lanes.with_work(tx, two_rooms.now))
    assert Destination(TIMELINE) not in [each.destination for each in lanes_with_work]


async def test_with_its_post_the_summary_goes(two_rooms: Desk) -> None:
    post = created("lunch?")
    await two_rooms.hear(post)
    await two_rooms.deliver(OTHER_CHANNEL, "c1")
    await two_rooms.hear(reacted(post.ref))
    await next_words(two_rooms, OTHER_CHANNEL)
    await two_rooms.hear(deleted(post))
    d = sql.delivery.c
    removals = await two_rooms.rows(sql.delivery, d.kind == "deleted", d.state == DeliveryState.WAITING)
    assert len(removals) == 2  # the summary, and the copy
