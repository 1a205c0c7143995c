"""Accepting direct messages, answers, several groups, and text that hurts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.post import AccountId, Author, NativeId, Ref, UserId, direct
from bridge.reasons import Reason
from bridge.saying import NOTICE_LIFE_S
from bridge.store import lanes, sql
from bridge.store.tables import DeliveryState
from tests.core.desk import Desk
from tests.core.worlds import (
    CHANNEL,
    LYNN_OUTSIDE,
    LYNNS_DIRECT,
    NOW,
    STRANGER,
    TIMELINE,
    created,
    edited,
    entry,
    group,
    world,
)


async def verdicts(desk: Desk) -> list[tuple[str, str, str]]:
    return [(row.kind, row.verdict, row.reason) for row in await desk.rows(sql.event)]


async def destinations(desk: Desk, state: str = DeliveryState.WAITING) -> list[str]:
    lanes_by_id = {row.id: row for row in await desk.rows(sql.lane)}
    rows = await desk.rows(sql.delivery, sql.delivery.c.state == state)
    return sorted(f"{(at := lanes_by_id[row.lane_id]).account}/{at.place}{'>' if at.reader else ''}{at.reader}" for row in rows)


@pytest.mark.scenario("A07")
async def test_a_writers_direct_message_is_relayed_and_confirmed_once(desk: Desk) -> None:
    await desk.hear(created("meet at 2?", place=LYNNS_DIRECT, author=LYNN_OUTSIDE))
    await desk.hear(created("or at 3?", place=LYNNS_DIRECT, author=LYNN_OUTSIDE))
    notices = await desk.rows(sql.delivery, sql.delivery.c.kind == "notice")
    assert len(notices) == 1
    assert notices[0].give_up_at == NOW + NOTICE_LIFE_S
    assert (await destinations(desk)).count("allhands/timeline") == 2


async def test_a_group_that_confirms_all_confirms_each(desk: Desk) -> None:
    desk.world = world(group(confirm="all"))
    for words in ("one", "two"):
        await desk.hear(created(words, place=LYNNS_DIRECT, author=LYNN_OUTSIDE))
    assert await desk.count(sql.delivery, sql.delivery.c.kind == "notice") == 2


@pytest.mark.scenario("A08")
async def test_a_strangers_direct_message_is_answered_once_and_shown_to_nobody(desk: Desk) -> None:
    place = direct(AccountId("allhands"), UserId("99"))
    for _ in range(2):
        await desk.hear(created("psst", place=place, author=STRANGER))
    assert await destinations(desk) == ["allhands/@direct"]
    assert {reason for _, verdict, reason in await verdicts(desk) if verdict == "held"} == {Reason.NOT_A_WRITER}
    assert [bool(row.body) for row in await desk.rows(sql.post, sql.post.c.author == "Stranger")] == [True, True]


async def test_a_direct_answer_to_a_group_post_stays_between_the_two(desk: Desk) -> None:
    """Its platform names only the id of what is answered, not where that stands."""
    await desk.hear(created())
    copy = await desk.deliver(TIMELINE, "100")
    for answered in (copy.id, NativeId("100")):
        answer = created("I'm ill", place=LYNNS_DIRECT, author=LYNN_OUTSIDE, reply_to=Ref(LYNNS_DIRECT, answered))
        await desk.hear(answer)
    assert (await verdicts(desk))[1] == ("created", "dropped", Reason.DIRECT_REPLY)
    assert "team/C1" not in await destinations(desk)


async def test_a_direct_answer_to_the_copy_of_a_direct_message_stays_between_the_two(desk: Desk) -> None:
    await desk.hear(created("meet at 2?", place=LYNNS_DIRECT, author=LYNN_OUTSIDE))
    copy = await desk.deliver(TIMELINE, "100")
    karl = Author(UserId("12"), "karl", ("@karl@social.example",))
    place = direct(TIMELINE.account, UserId("12"))
    await desk.hear(created("not with her", place=place, author=karl, reply_to=Ref(place, copy.id)))
    assert ("created", "dropped", Reason.DIRECT_REPLY) in await verdicts(desk)


async def test_a_writers_answer_in_their_own_direct_conversation_is_relayed(desk: Desk) -> None:
    first = created("meet at 2?", place=LYNNS_DIRECT, author=LYNN_OUTSIDE)
    await desk.hear(first)
    await desk.hear(created("or at 3?", place=LYNNS_DIRECT, author=LYNN_OUTSIDE, reply_to=first.ref))
    assert (await destinations(desk)).count("team/C1") == 2


# ---------------------------------------------------------------- conversations, lives, hostile text


async def test_an_answer_knows_its_parent_and_root(desk: Desk) -> None:
    root = created("root")
    await desk.hear(root)
    copy = await desk.deliver(TIMELINE, "100")
    await desk.hear(created("answer", place=TIMELINE, author=LYNN_OUTSIDE, gated=True, reply_to=copy))
    claim = await desk.lane(CHANNEL)
    job = await desk.job(claim)
    assert job.thread.root == root.ref
    assert job.thread.parent == root.ref
    assert job.parent is not None
    assert job.parent.line == "root"


async def test_the_groups_patience_holds_for_its_changes_too(desk: Desk) -> None:
    desk.world = world(group(give_up_after=timedelta(hours=1)))
    post = created()
    await desk.hear(post)
    await desk.deliver(TIMELINE, "100")
    desk.now += 600
    await desk.hear(edited(post, "hi!"))
    job = await desk.job(await desk.lane(TIMELINE))
    assert job.give_up_at == desk.now + 3600


async def test_a_place_in_two_groups_gets_one_copy(desk: Desk) -> None:
    desk.world = world(
        group(entry("team/all-hands"), entry("allhands/timeline")),
        group(entry("team/all-hands"), entry("allhands/timeline"), entry("team/dev"), name="second"),
    )
    await desk.hear(created())
    assert await destinations(desk) == ["allhands/timeline", "team/C2"]


@pytest.mark.parametrize("hostile", ["\x00", "a\x00b", "\ud800", "\udfff x", "\x1b[31m", "\u2028\u202e", "\U0001f600" * 500])
async def test_no_text_or_name_stops_the_lane(desk: Desk, hostile: str) -> None:
    author = Author(UserId("U1"), hostile, (hostile,))
    await desk.hear(created(hostile + " hi", author=author, warning=hostile))
    job = await desk.job(await desk.lane(TIMELINE))
    assert job.post is not None
    assert "hi" in str(job.post.text)


async def test_lanes_with_work_are_those_that_got_a_delivery(desk: Desk) -> None:
    accepted = await desk.hear(created())
    assert await desk.read(lambda tx: {each.id for each in lanes.with_work(tx, NOW)}) == accepted.lanes
