"""What a copy is threaded under, and what it quotes where it can't be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.contract import Excerpt
from bridge.post import Audience, Own
from tests.core.desk import Desk
from tests.core.worlds import (
    CHANNEL,
    LEE,
    LYNN_OUTSIDE,
    MAILS,
    OTHER_CHANNEL,
    READERS,
    TIMELINE,
    created,
    deleted,
    entry,
    group,
    world,
)


@pytest.mark.scenario("F07")
async def test_an_answer_stands_under_what_was_posted_again_and_not_under_what_the_others_cannot_see(desk: Desk) -> None:
    desk.world = world(group(entry("team/all-hands"), entry("allhands/timeline")))
    mine = created("I can", place=TIMELINE, author=LYNN_OUTSIDE, gated=False)
    await desk.hear(mine)
    again = await desk.deliver(TIMELINE, "101")
    top = await desk.deliver(CHANNEL, "c1")
    await desk.hear(created("thanks", reply_to=top))
    job = await desk.job(await desk.lane(TIMELINE))
    assert (job.thread.root, job.thread.parent) == (again, again)


async def test_an_answer_by_mail_stands_under_the_mail_that_its_reader_got(desk: Desk) -> None:
    mine = created("lunch?", place=MAILS, author=LEE)
    await desk.hear(mine)
    copy = await desk.deliver(MAILS, "m1", reader="chair@board.example")
    top = await desk.deliver(CHANNEL, "c1")
    await desk.hear(created("gladly", reply_to=top))
    parents = {}
    for reader in ("chair@board.example", "lee@gmail.example"):
        job = await desk.job(await desk.lane(MAILS, reader))
        parents[reader] = job.thread.parent
    assert parents == {"chair@board.example": copy, "lee@gmail.example": mine.ref}


@pytest.mark.scenario("K05")
async def test_who_came_later_learns_nothing_of_what_was_said_before(desk: Desk) -> None:
    places = (entry("team/all-hands"), entry("mail/all-hands", readers=READERS[:1]))
    desk.world = world(group(*places))
    early = created("the secret of before", place=MAILS, author=LEE)
    await desk.hear(early)
    top = await desk.deliver(CHANNEL, "c1")
    desk.world = world(group(places[0], replace(places[1], readers=READERS)))
    await desk.hear(created("I think so, too", reply_to=top))
    late = await desk.job(await desk.lane(MAILS, "chair@board.example"))
    assert late.parent == Excerpt("Lee", "…")
    assert (late.subject, late.thread.root, late.thread.parent) == ("", None, None), "not even the id of the author's own mail"
    known = await desk.job(await desk.lane(MAILS, "lee@gmail.example"))
    assert known.parent == Excerpt("Lee", "the secret of before")
    assert (known.thread.root, "the secret" in known.subject) == (early.ref, True)


@pytest.mark.parametrize(
    ("asked", "answered", "line"),
    [
        (Audience.GROUP, Audience.PUBLIC, "…"),
        (Audience.GROUP, Audience.GROUP, "who comes?"),
        (Audience.UNLISTED, Audience.PUBLIC, "…"),
        (Audience.PUBLIC, Audience.PUBLIC, "who comes?"),
        (Audience.PUBLIC, Audience.GROUP, "who comes?"),
    ],
)
async def test_a_copy_quotes_nothing_that_was_for_fewer_people(
    desk: Desk, asked: Audience, answered: Audience, line: str
) -> None:
    desk.world = world(group(entry("team/all-hands"), entry("team/dev"), audience=Audience.PUBLIC))
    root = created("who comes?", audience=asked)
    await desk.hear(root)
    await desk.hear(deleted(root))
    await desk.hear(created("me", reply_to=root.ref, audience=answered, own=Own.NO))
    job = await desk.job(await desk.lane(OTHER_CHANNEL))
    assert job.parent is not None
    assert (job.parent.author, job.parent.line) == (root.post.author.name, line)
