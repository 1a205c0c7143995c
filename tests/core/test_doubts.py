"""What nobody can be sure of: sends without an answer, echoes before or after their time, changes out of order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from bridge.beginning import Begun
from bridge.bringing import DOUBT_S, Bringing
from bridge.contract import Absent, Attempt, Capabilities, Context, Finding, Found, Limits, Part, Thread, Unknown
from bridge.engine import Account, Engine
from bridge.errors import Rejected, Retryable, SendError, Uncertain
from bridge.planning import REPEATS
from bridge.post import Destination, NativeId, Own, Post, Ref
from bridge.reasons import Reason
from bridge.rules import EARLY_S
from bridge.store import inward, outward, sql
from bridge.store.tables import DeliveryState, PartState, RawState
from bridge.text import plain
from bridge.worker import Worker
from tests.core.desk import Desk
from tests.core.worlds import LYNN_OUTSIDE, LYNNS_DIRECT, NOW, TEAM, TIMELINE, created, deleted, edited, entry, group, world

CHANGEABLE = Capabilities(edit=True, delete=True, deadline=10.0)
REPEATABLE = Capabilities(edit=False, delete=False, repeatable=True, deadline=10.0)
SHORT = Limits(characters=500)


@dataclass
class Fake:
    """An adapter that does as it is told: `answers` are what sends come to, `findings` what looking comes to."""

    capabilities: Capabilities = CHANGEABLE
    limits: Limits = SHORT
    answers: list[BaseException | None] = field(default_factory=list)
    findings: list[Finding | SendError] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    edits: list[str] = field(default_factory=list)
    looked_since: list[float] = field(default_factory=list)

    def render(self, post: Post, destination: Destination, context: Context) -> tuple[Part, ...]:
        return (Part(plain(post.text)),)

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        self.sent.append(part.body)
        if self.answers and (error := self.answers.pop(0)):
            raise error
        return Ref(destination.place, NativeId(str(100 + len(self.sent))))

    async def edit(self, ref: Ref, part: Part) -> None:
        self.edits.append(part.body)

    async def find(self, attempt: Attempt) -> Finding:
        self.looked_since.append(attempt.started_at.timestamp())
        found = self.findings.pop(0)
        if isinstance(found, SendError):
            raise found
        return found


async def bring(desk: Desk, fake: Fake) -> None:
    """One look at the timeline's lane, and what is to be done now, with what is begun by that."""
    claim = await desk.lane(TIMELINE)
    assert claim.lane.destination is not None
    account = Account(claim.lane.account, fake)  # type: ignore[arg-type]
    account.opened.set()
    clock: Callable[[], float] = lambda: desk.now  # noqa: E731
    worker = Worker(desk.store, Engine({account.id: account}, now=clock, jitter=lambda: 0.0), lambda: desk.world, lambda _: None)
    job = await desk.next(claim)
    if job is None or isinstance(job, float | int):
        return
    lane = Bringing(worker, account, claim, claim.lane.destination)
    await lane.bring(job)
    while lane.has_begun:
        [begun], lane.looked = lane.looked, ()
        assert isinstance(begun, Begun)
        await lane.bring(begun)


async def outcome(desk: Desk, kind: str = "created") -> tuple[str, str]:
    lanes = [row.id for row in await desk.rows(sql.lane, sql.lane.c.place == TIMELINE.id, sql.lane.c.person == "")]
    [row] = [row for row in await desk.rows(sql.delivery, sql.delivery.c.kind == kind) if row.lane_id in lanes]
    return row.state, row.reason


async def test_a_lost_answer_is_looked_up_and_not_sent_again(desk: Desk) -> None:
    await desk.hear(created("hi"))
    fake = Fake(answers=[Uncertain()], findings=[Found(Ref(TIMELINE, NativeId("7")))])
    await bring(desk, fake)
    desk.now += 1
    await bring(desk, fake)
    assert (fake.sent, (await outcome(desk))[0]) == (["hi"], DeliveryState.DELIVERED)


async def test_absence_is_believed_only_when_the_request_has_surely_ended(desk: Desk) -> None:
    await desk.hear(created("hi"))
    fake = Fake(answers=[Uncertain()], findings=[Absent(), Absent()])
    await bring(desk, fake)
    desk.now += 1
    await bring(desk, fake)
    assert fake.sent == ["hi"]
    desk.now += 10
    await bring(desk, fake)
    assert (fake.sent, (await outcome(desk))[0]) == (["hi", "hi"], DeliveryState.DELIVERED)


@pytest.mark.scenario("L16")
async def test_after_a_restore_an_attempt_of_ours_has_its_time_too(desk: Desk) -> None:
    """What was written before is looked for from then on; that says nothing of when our own request has surely ended."""
    desk.world = replace(desk.world, restored_at=NOW + 60)
    desk.now = NOW + 120
    await desk.hear(created("hi"))
    fake = Fake(answers=[Uncertain()], findings=[Absent()] * 3)
    await bring(desk, fake)
    desk.now += 1
    await bring(desk, fake)
    assert fake.sent == ["hi"]
    desk.now += 10
    await bring(desk, fake)
    assert (fake.sent, (await outcome(desk))[0]) == (["hi", "hi"], DeliveryState.DELIVERED)
    assert [each <= NOW for each in fake.looked_since] == [True] * 3


@pytest.mark.scenario("L13")
async def test_where_nobody_can_tell_it_is_repeated_a_few_times_at_most(desk: Desk) -> None:
    await desk.hear(created("hi"))
    fake = Fake(REPEATABLE, answers=[Uncertain()] * 9, findings=[Unknown()] * 9)
    for _ in range(8):
        await bring(desk, fake)
        desk.now += 600
    assert (fake.sent, await outcome(desk)) == (["hi"] * (1 + REPEATS), (DeliveryState.NOT_DELIVERED, Reason.PERHAPS_SENT))


async def test_no_number_of_crashes_loses_a_send_that_may_be_repeated(desk: Desk) -> None:
    await desk.hear(created("hi"))
    fake = Fake(REPEATABLE, answers=[asyncio.CancelledError()] * 9, findings=[Unknown()] * 9)
    for _ in range(9):
        with pytest.raises(asyncio.CancelledError):  # as far as the database knows, the process died in the send
            await bring(desk, fake)
    await bring(desk, fake)
    assert (len(fake.sent), (await outcome(desk))[0]) == (10, DeliveryState.DELIVERED)


@pytest.mark.parametrize("trouble", [Rejected("No such reader."), Retryable()])
async def test_a_repeat_that_fails_tells_nothing_of_the_send_before_it(desk: Desk, trouble: SendError) -> None:
    post = created("hi")
    await desk.hear(post)
    fake = Fake(REPEATABLE, answers=[Uncertain(), trouble], findings=[Unknown()] * 2)
    await bring(desk, fake)
    desk.now += DOUBT_S
    await bring(desk, fake)
    await desk.hear(deleted(post))
    if isinstance(trouble, Rejected):
        assert await outcome(desk) == (DeliveryState.NOT_DELIVERED, Reason.PERHAPS_SENT)
    else:
        assert (await outcome(desk))[0] == DeliveryState.WAITING  # not withdrawn: it may stand there


async def test_the_first_repeat_goes_at_once_and_the_next_only_after_a_while(desk: Desk) -> None:
    await desk.hear(created("hi"))
    fake = Fake(REPEATABLE, answers=[Uncertain()] * 9, findings=[Unknown()] * 9)
    for seconds, sent in ((0.0, 1), (DOUBT_S, 2), (4 * DOUBT_S, 2), (4.0, 3)):
        desk.now += seconds
        await bring(desk, fake)
        assert len(fake.sent) == sent


async def test_a_post_that_always_loses_its_answer_is_given_up_in_time(desk: Desk) -> None:
    await desk.hear(created("hi"))
    fake = Fake(answers=[Uncertain()] * 99, findings=[Absent()] * 99)
    await bring(desk, fake)
    desk.now += 100 * 3600
    await bring(desk, fake)
    assert (fake.sent, await outcome(desk)) == (["hi"], (DeliveryState.NOT_DELIVERED, Reason.GAVE_UP))


@pytest.mark.parametrize("trouble", [Rejected("gone"), Retryable("busy")])
async def test_looking_that_fails_for_good_ends_as_perhaps_sent(desk: Desk, trouble: SendError) -> None:
    await desk.hear(created("hi"))
    fake = Fake(answers=[Uncertain()], findings=[trouble] * 9)
    await bring(desk, fake)
    desk.now += 100 * 3600
    await bring(desk, fake)
    assert (fake.sent, await outcome(desk)) == (["hi"], (DeliveryState.NOT_DELIVERED, Reason.PERHAPS_SENT))
    assert [row.state for row in await desk.rows(sql.part)] == [PartState.ATTEMPTING]


async def test_the_echo_of_a_send_in_doubt_is_held_and_never_relayed(desk: Desk) -> None:
    await desk.hear(created("hi"))
    fake = Fake(answers=[Uncertain()], findings=[Rejected("gone")])
    await bring(desk, fake)
    desk.now += 1
    await bring(desk, fake)
    before = await desk.count(sql.delivery)
    await desk.hear(created("via Lynn: hi", place=TIMELINE, own=Own.PERHAPS))
    assert await desk.count(sql.delivery) == before
    assert (await desk.rows(sql.event))[-1].reason == Reason.ECHO_IN_DOUBT


async def test_a_retryable_refusal_leaves_nothing_in_doubt(desk: Desk) -> None:
    await desk.hear(created("hi"))
    await bring(desk, fake := Fake(answers=[Retryable("busy", after=5.0)]))
    assert [row.state for row in await desk.rows(sql.part)] == [PartState.WAITING]
    assert isinstance(await desk.next(await desk.lane(TIMELINE)), float)
    desk.now += 6
    await bring(desk, fake)
    assert (fake.sent, (await outcome(desk))[0]) == (["hi", "hi"], DeliveryState.DELIVERED)


async def test_an_edit_after_an_unsent_attempt_is_part_of_the_first_copy(desk: Desk) -> None:
    post = created("meet at 2")
    await desk.hear(post)
    fake = Fake(answers=[Retryable("away")])
    await bring(desk, fake)
    await desk.hear(edited(post, "meet at 3"))
    desk.now += 60
    await bring(desk, fake)
    assert (fake.sent, fake.edits) == (["meet at 2", "meet at 3"], [])
    assert await outcome(desk, "edited") == (DeliveryState.FILTERED, Reason.FOLDED)


async def test_a_deletion_after_an_unsent_attempt_withdraws_the_copy(desk: Desk) -> None:
    post = created("oops")
    await desk.hear(post)
    fake = Fake(answers=[Retryable("away")])
    await bring(desk, fake)
    await desk.hear(deleted(post))
    desk.now += 60
    await bring(desk, fake)
    assert (fake.sent, await outcome(desk)) == (["oops"], (DeliveryState.FILTERED, Reason.WITHDRAWN))


async def test_an_adopted_part_is_never_attempted_again(desk: Desk) -> None:
    await desk.hear(created("hi"))
    claim = await desk.lane(TIMELINE)
    job, part = await desk.attempting(claim)
    await desk.write(lambda tx: outward.adopt(tx, part.key, Ref(TIMELINE, NativeId("7")), NOW))
    assert not await desk.attempt(claim, job, part)
    await desk.write(lambda tx: outward.postpone(tx, claim, part, NOW, 1, "", outward.Outcome.UNSENT))
    assert ([row.state for row in await desk.rows(sql.part)], (await outcome(desk))[0]) == (
        [PartState.DONE],
        DeliveryState.DELIVERED,
    )


async def test_a_destination_that_left_the_mapping_file_gets_nothing_more(desk: Desk) -> None:
    post = created("secret")
    await desk.hear(post)
    await desk.deliver(TIMELINE, "100")
    await desk.hear(edited(post, "new secret"))
    desk.world = world(group(places=(entry("team/all-hands"), entry("team/dev"))))
    await bring(desk, fake := Fake())
    assert (fake.sent, fake.edits) == ([], [])
    assert await outcome(desk, "edited") == (DeliveryState.FILTERED, Reason.NO_LONGER_MAPPED)


async def test_a_native_post_does_not_wait_for_sends_that_began_after_it_was_heard(desk: Desk) -> None:
    await desk.hear(created("hi"))
    raw = desk.raw(TIMELINE.account)
    await desk.write(lambda tx: inward.take(tx, raw, NOW))
    desk.now += 60
    await desk.attempting(await desk.lane(TIMELINE))
    [mine] = [each for each in await desk.waiting(TIMELINE.account) if each.raw.key == raw.key]
    accepted = await desk.judge(mine, created("doors open", place=TIMELINE, own=Own.PERHAPS))
    assert accepted is not None
    assert not accepted.waits_for_send


async def test_a_direct_answer_to_an_unknown_post_stays_between_the_two(desk: Desk) -> None:
    unknown = Ref(TIMELINE, NativeId("before the bridge"))
    await desk.hear(created("only for you", place=LYNNS_DIRECT, author=LYNN_OUTSIDE, reply_to=unknown))
    assert (await desk.rows(sql.event))[0].reason == Reason.DIRECT_REPLY


async def test_the_later_edit_wins_whichever_comes_last(desk: Desk) -> None:
    post = created("one")
    await desk.hear(post)
    first, second = edited(post, "two", "1", seconds=10), edited(post, "three", "2", seconds=20)
    await desk.hear(second)
    await desk.hear(first)
    await bring(desk, fake := Fake())
    assert fake.sent == ["three"]


async def test_an_early_edit_is_judged_as_soon_as_its_post_has_come(desk: Desk) -> None:
    post = created("one")
    await desk.hear(edited(post, "two"))
    assert await desk.waiting(TEAM) == ()
    await desk.hear(post)
    assert [row.state for row in await desk.rows(sql.raw)] == [RawState.WAITING, RawState.DONE]
    assert len(await desk.waiting(TEAM)) == 1, f"and not {EARLY_S} s later"


async def test_native_posts_keep_their_order_when_a_send_held_up_only_the_first(desk: Desk) -> None:
    await desk.hear(created("hi"))
    claim = await desk.lane(TIMELINE)
    job, part = await desk.attempting(claim)
    parked = await desk.hear(created("first", place=TIMELINE, own=Own.PERHAPS))
    await desk.settle(claim, job, part, "100")
    second = await desk.hear(created("second", place=TIMELINE, own=Own.PERHAPS))
    assert parked.waits_for_send
    assert second.again_at == desk.now, "the first is judged before it"
