"""Several posts in one mail while two replicas write: what waited for another's lock sees what that wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, Engine, text

from bridge import bundling
from bridge.accept import accept_all
from bridge.errors import Retryable
from bridge.mappings import Deliver
from bridge.planning import Known
from bridge.reasons import Reason
from bridge.store import bundles, inward, outward, sql
from bridge.store.tables import DeliveryState
from tests.core.desk import Desk
from tests.core.letters import CHAIR, EIGHT, LEADERS, NOON, Letters, outcomes, reads, said, serve
from tests.core.worlds import MAILS, OTHER_CHANNEL, TEAM, edited

T = TypeVar("T")


@pytest.fixture
def daily(desk: Desk) -> Desk:
    desk.world, desk.now = reads(Deliver.DAILY), NOON
    return desk


async def meeting(desk: Desk, first: Callable[[Connection], Any], second: Callable[[Connection], T]) -> T:
    """What `second` comes to, on a connection of its own, where `first` was written and is not committed when it begins."""
    engine = desk.store._engine
    with engine.begin() as connection:
        assert first(connection)
        doing = asyncio.ensure_future(asyncio.to_thread(_alone, engine, second))
        while not doing.done() and not await asyncio.to_thread(_somebody_waits, engine):
            await asyncio.sleep(0.01)
    return await doing


def _alone(engine: Engine, operation: Callable[[Connection], T]) -> T:
    with engine.begin() as connection:
        return operation(connection)


def _somebody_waits(engine: Engine) -> bool:
    """Whether somebody waits for a lock; where there is one writer everybody does."""
    if engine.dialect.name == "sqlite":
        return True
    with engine.connect() as connection:
        return bool(connection.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


async def test_what_another_lane_began_to_send_alone_goes_with_nothing(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    await daily.hear(said(daily, "two", place=OTHER_CHANNEL))
    daily.now, letters = EIGHT, Letters()
    alone, other = await daily.lane(MAILS, CHAIR), await daily.lane(LEADERS, CHAIR)
    one, two = await daily.job(alone), await daily.job(other)
    bundle = bundling.plan((two, one), letters, letters, {job.delivery_id: Known("") for job in (one, two)})  # type: ignore[arg-type]
    found = await meeting(
        daily,
        lambda tx: outward.freeze(tx, alone, one, daily.parts(alone, one, "one"), attempted_at=daily.now),
        lambda tx: bundles.freeze(tx, other, two, bundle.part, bundle.items, daily.now),
    )
    assert found is None
    assert await daily.count(sql.delivery, sql.delivery.c.carried_by.is_not(None)) == 0


async def test_an_edit_that_comes_as_a_mail_is_tried_again_is_a_correction(daily: Desk) -> None:
    await daily.hear(said(daily, "one"))
    second = said(daily, "two", place=OTHER_CHANNEL)
    await daily.hear(second)
    daily.now, letters = EIGHT, Letters([Retryable()])
    await serve(daily, letters, CHAIR)
    daily.now += 60
    claim = await daily.lane(MAILS, CHAIR)
    job = await daily.job(claim)
    raw = daily.raw(TEAM)
    await daily.write(lambda tx: inward.take(tx, raw, daily.now))
    [waiting], source = await daily.waiting(TEAM), await daily.source(TEAM)
    await meeting(
        daily,
        lambda tx: outward.attempt(tx, claim, job, job.parts[0], daily.now),
        lambda tx: accept_all(tx, source, [(waiting, [edited(second, "zwei")])], daily.world, daily.now),
    )
    assert ("edited", DeliveryState.WAITING, "") in await outcomes(daily, CHAIR)
    assert ("edited", DeliveryState.FILTERED, Reason.FOLDED) not in await outcomes(daily, CHAIR)
    assert await daily.count(sql.delivery, sql.delivery.c.carried_by == job.delivery_id) == 1
