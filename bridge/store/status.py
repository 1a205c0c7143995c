"""How things stand, in numbers: for the status page, the demo and health checks. No bodies, no names of people."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, case, func, select

from bridge.store import sql
from bridge.store.tables import DeliveryState, LaneKind, RawState

WINDOW_S = 24 * 3600.0
"""Outcomes are counted of what was accepted within this time: their number, unlike what waits, only ever grows."""


@dataclass(frozen=True, slots=True)
class PlaceStatus:
    """One place's lanes together.

    `waiting` counts what waits though its time has come, `later` what is to go at a later time, perhaps in a digest; `delivered`
    and `not_delivered` what was accepted within `WINDOW_S`; `oldest_s` is how long the first of what waits has done so.
    """

    account: str
    place: str
    waiting: int
    delivered: int
    not_delivered: int
    oldest_s: float
    paused: str
    later: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """The whole bridge."""

    raws_waiting: int
    raws_held: int
    places: tuple[PlaceStatus, ...]


_D, _LANE = sql.delivery.c, sql.lane.c

# Each goes by an index (raw_open, delivery_open, the primary key), never through a whole table; a test looks.
RAWS = select(sql.raw.c.state, func.count()).where(sql.raw.c.state != RawState.DONE).group_by(sql.raw.c.state)
_IS_DUE = case((_D.ready_at <= bindparam("now"), 1), else_=0)
WAITING = (
    select(_D.lane_id, func.sum(_IS_DUE).label("due"), func.count().label("all"))
    .where(_D.state == DeliveryState.WAITING)
    .group_by(_D.lane_id)
)
OLDEST = (
    select(case((_D.ready_at > _D.accepted_at, _D.ready_at), else_=_D.accepted_at))
    .where(_D.lane_id == bindparam("lane"), _D.state == DeliveryState.WAITING, _D.ready_at <= bindparam("now"))
    .order_by(_D.seq)
    .limit(1)
)
BEFORE_WINDOW = select(_D.id).where(_D.accepted_at < bindparam("since")).order_by(_D.id.desc()).limit(1)
OUTCOMES = (
    select(_D.lane_id, _D.state, func.count())
    .where(_D.id > bindparam("after"), _D.state.in_([DeliveryState.DELIVERED, DeliveryState.NOT_DELIVERED]))
    .group_by(_D.lane_id, _D.state)
)
_LANES = (
    select(_LANE.id, _LANE.account, _LANE.place, _LANE.paused)
    .where(_LANE.kind == LaneKind.DESTINATION, _LANE.person == "")
    .order_by(_LANE.account, _LANE.place)
)


def status(tx: Connection, now: float) -> Status:
    """The numbers as of `now`."""
    states: dict[str, int] = {row[0]: row[1] for row in tx.execute(RAWS)}
    held = states.pop(RawState.HELD, 0)
    return Status(sum(states.values()), held, _places(tx, now))


def _places(tx: Connection, now: float) -> tuple[PlaceStatus, ...]:
    found = tx.execute(WAITING, {"now": now}).all()
    waiting, later = {row.lane_id: row.due for row in found if row.due}, {row.lane_id: row.all - row.due for row in found}
    outcomes = _outcomes(tx, now - WINDOW_S)
    by_place: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for lane in tx.execute(_LANES):
        by_place[lane.account, lane.place].append(lane)
    return tuple(
        PlaceStatus(
            account,
            place,
            sum(waiting.get(lane.id, 0) for lane in lanes),
            sum(outcomes.get((lane.id, DeliveryState.DELIVERED), 0) for lane in lanes),
            sum(outcomes.get((lane.id, DeliveryState.NOT_DELIVERED), 0) for lane in lanes),
            max((now - _oldest(tx, lane.id, now) for lane in lanes if lane.id in waiting), default=0.0),
            max(lane.paused for lane in lanes),
            sum(later.get(lane.id, 0) for lane in lanes),
        )
        for (account, place), lanes in by_place.items()
    )


def _outcomes(tx: Connection, since: float) -> dict[tuple[int, str], int]:
    """How many deliveries accepted since then ended how, by lane. Ids grow as time does, so the last one before bounds them."""
    after = tx.execute(BEFORE_WINDOW, {"since": since}).scalar_one_or_none() or 0
    return {(row[0], row[1]): row[2] for row in tx.execute(OUTCOMES, {"after": after})}


def _oldest(tx: Connection, lane: int, now: float) -> float:
    """When the first of the lane's queue was accepted, or was to go, at most `now`."""
    found: float | None = tx.execute(OLDEST, {"lane": lane, "now": now}).scalar_one_or_none()
    return now if found is None else min(found, now)


def alive(tx: Connection, now: float) -> None:
    """Write something: what is full or read-only still answers."""
    sql.upsert(tx, sql.cursor, ("account", "name"), account="", name="alive", value=str(now))
