"""What nobody can be sure of where several replicas share the database: who is still sending, and what it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from bridge.bringing import Bringing
from bridge.contract import Part, Unknown
from bridge.engine import Account, Engine
from bridge.planning import SETTLES_S
from bridge.post import Ref
from bridge.store import sql
from bridge.store.tables import DeliveryState, PartState
from bridge.store.values import Job
from bridge.worker import Worker
from tests.core.desk import Desk
from tests.core.test_doubts import CHANGEABLE, REPEATABLE, Fake, outcome
from tests.core.worlds import TIMELINE, created, edited


async def bring_shared(desk: Desk, fake: Fake, monotonic: Callable[[], float] = lambda: 0.0) -> None:
    """As `bring`, where another replica may have had the lane before."""
    claim = await desk.lane(TIMELINE)
    assert claim.lane.destination is not None
    account = Account(claim.lane.account, fake)  # type: ignore[arg-type]
    account.opened.set()
    engine = Engine({account.id: account}, now=lambda: desk.now, jitter=lambda: 0.0, monotonic=monotonic, shared=True)
    worker = Worker(desk.store, engine, lambda: desk.world, lambda _: None)
    job = await desk.next(claim)
    if isinstance(job, Job):
        await Bringing(worker, account, claim, claim.lane.destination).bring(job)


async def test_who_was_held_up_past_the_deadline_sends_nothing_any_more(desk: Desk) -> None:
    """Whoever took the lane over relies on it: stopped between writing the attempt down and sending, it went on too late."""
    await desk.hear(created("hi"))
    moments = iter([0.0, 0.0 + CHANGEABLE.deadline, 99.0, 99.0])
    fake = Fake()
    await bring_shared(desk, fake, lambda: next(moments))
    assert fake.sent == []
    [part] = [row for row in await desk.rows(sql.part) if row.state == PartState.WAITING]
    assert part.attempted_at == desk.now, "surely not sent, so it is sent as if for the first time"
    desk.now += 2
    await bring_shared(desk, fake, lambda: 99.0)
    assert (fake.sent, (await outcome(desk))[0]) == (["hi"], DeliveryState.DELIVERED)


async def test_a_mail_that_another_replica_was_sending_gets_a_moment_to_be_settled(desk: Desk) -> None:
    await desk.hear(created("hi"))
    fake = Fake(REPEATABLE, answers=[asyncio.CancelledError()], findings=[Unknown()] * 2)
    with pytest.raises(asyncio.CancelledError):
        await bring_shared(desk, fake)
    await bring_shared(desk, fake)
    assert len(fake.sent) == 1
    desk.now += SETTLES_S
    await bring_shared(desk, fake)
    assert (len(fake.sent), (await outcome(desk))[0]) == (2, DeliveryState.DELIVERED)


async def test_a_change_that_another_replica_was_making_is_made_again_only_when_its_time_is_over(desk: Desk) -> None:
    """Else the other's, coming late, would undo a later change."""
    post = created("hi")
    await desk.hear(post)
    fake = Fake()
    await bring_shared(desk, fake)
    await desk.hear(edited(post, "hello"))

    class Dies(Fake):
        async def edit(self, ref: Ref, part: Part) -> None:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await bring_shared(desk, Dies())
    await bring_shared(desk, fake)
    assert fake.edits == []
    desk.now += CHANGEABLE.deadline
    await bring_shared(desk, fake)
    assert fake.edits == ["hello"]
