"""Somebody takes a copy down where it stands: its author is told, the original stays; what we took down ourselves is no news."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.post import EventKind, Own, UserId
from bridge.store import alerts, ledger, outward, sql
from bridge.store.tables import Action
from bridge.text import plain
from tests.core.desk import Desk
from tests.core.worlds import ALL, CHANNEL, LYNN, LYNN_OUTSIDE, LYNNS_DIRECT, TEAM, TIMELINE, created, deleted, edited


async def told(desk: Desk) -> list[tuple[str, str, str]]:
    """Each notice about a removed copy: account, person, words."""
    rows = await desk.rows(sql.post, sql.post.c.native.like("notice:removed:%"))
    bodies = [await desk.read(lambda tx, row=row: ledger.body_of(tx, row.id)) for row in rows]  # type: ignore[misc]
    return [(row.account, row.person, plain(body.text)) for row, body in zip(rows, bodies, strict=True) if body]


async def alerted(desk: Desk) -> list[str]:
    return [alert.text for alert in await desk.read(alerts.current)]


@pytest.mark.scenario("E11")
async def test_the_author_is_told_once_and_nothing_else_is_removed(desk: Desk) -> None:
    post = created("doors at nine")
    await desk.hear(post)
    copy = await desk.deliver(TIMELINE, "100")
    gone = await desk.hear(deleted(copy, own=Own.PERHAPS))
    await desk.hear(deleted(copy, own=Own.PERHAPS))
    [(account, person, words)] = await told(desk)
    assert (account, person) == (TEAM, LYNN.user)
    assert "allhands/timeline was removed" in words
    assert "doors at nine" in words
    assert gone.lanes
    assert await desk.count(sql.delivery, sql.delivery.c.kind == EventKind.DELETED) == 0
    assert (await desk.rows(sql.post))[0].deleted_at is None


@pytest.mark.scenario("E11")
async def test_a_writer_is_told_directly_where_they_wrote(desk: Desk) -> None:
    await desk.hear(created("to all", place=LYNNS_DIRECT, author=LYNN_OUTSIDE))
    copy = await desk.deliver(CHANNEL, "100")
    await desk.hear(deleted(copy, own=Own.SURELY))
    [(account, person, words)] = await told(desk)
    assert (account, person) == (ALL, LYNN_OUTSIDE.user)
    assert "team/all-hands was removed" in words


@pytest.mark.scenario("E11")
async def test_of_what_was_posted_as_the_account_the_admins_are_told(desk: Desk) -> None:
    desk.world = replace(desk.world, followers={ALL: frozenset({UserId("11")})})
    await desk.hear(created("by hand", place=TIMELINE, own=Own.PERHAPS))
    copy = await desk.deliver(CHANNEL, "100")
    await desk.hear(deleted(copy, own=Own.SURELY))
    assert await told(desk) == []
    [words] = await alerted(desk)
    assert "removed at team/all-hands" in words
    assert "by hand" not in words


async def test_of_what_is_forgotten_the_admins_are_told(desk: Desk) -> None:
    await desk.hear(created("long ago"))
    copy = await desk.deliver(TIMELINE, "100")
    await desk.write(lambda tx: tx.execute(sql.post.update().values(body="")))
    await desk.hear(deleted(copy, own=Own.PERHAPS))
    assert await told(desk) == []
    [words] = await alerted(desk)
    assert words.startswith("A copy was removed at allhands/timeline")


async def test_the_echo_of_our_own_removal_is_no_news(desk: Desk) -> None:
    """It can come before the answer to the call, and when the post shrank its other parts stand on."""
    post = created()
    await desk.hear(post)
    copy = await desk.deliver(TIMELINE, "100")
    await desk.hear(edited(post, "shorter"))
    claim = await desk.lane(TIMELINE)
    job = await desk.job(claim)
    removal = desk.parts(claim, job, "", action=Action.DELETE, ref=copy)
    assert await desk.write(lambda tx: outward.freeze(tx, claim, job, removal, attempted_at=desk.now))
    await desk.hear(deleted(copy, own=Own.PERHAPS))
    assert (await told(desk), await alerted(desk)) == ([], [])


async def test_once_the_author_removed_the_post_its_copies_removal_is_no_news(desk: Desk) -> None:
    post = created()
    await desk.hear(post)
    copy = await desk.deliver(TIMELINE, "100")
    await desk.hear(deleted(post))
    await desk.hear(deleted(copy, own=Own.PERHAPS))
    assert (await told(desk), await alerted(desk)) == ([], [])


async def test_that_a_notice_of_ours_was_removed_is_no_news(desk: Desk) -> None:
    await desk.hear(created("to all", place=LYNNS_DIRECT, author=LYNN_OUTSIDE))
    notice = await desk.deliver(LYNNS_DIRECT, "100")
    await desk.hear(deleted(notice, own=Own.PERHAPS))
    assert (await told(desk), await alerted(desk)) == ([], [])
