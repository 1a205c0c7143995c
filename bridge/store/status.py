"""How things stand, in numbers: for the status page, the demo and health checks. No bodies, no names of people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from bridge.store import sql
from bridge.store.tables import DeliveryState, LaneKind, RawState


@dataclass(frozen=True, slots=True)
class PlaceStatus:
    """One place's lanes together. `oldest_s` is how long its oldest waiting delivery has waited."""

    account: str
    place: str
    waiting: int
    delivered: int
    not_delivered: int
    oldest_s: float
    paused: str


@dataclass(frozen=True, slots=True)
class Status:
    """The whole bridge."""

    raws_waiting: int
    raws_held: int
    places: tuple[PlaceStatus, ...]


def status(tx: Connection, now: float) -> Status:
    """The numbers as of `now`."""
    rows = tx.execute(select(sql.raw.c.state, func.count()).where(sql.raw.c.state != RawState.DONE).group_by(sql.raw.c.state))
    states: dict[str, int] = {row[0]: row[1] for row in rows}
    held = states.pop(RawState.HELD, 0)
    return Status(sum(states.values()), held, _places(tx, now))


def _places(tx: Connection, now: float) -> tuple[PlaceStatus, ...]:
    d, lane = sql.delivery.c, sql.lane.c

    def count(state: DeliveryState) -> Any:
        return func.sum(case((d.state == state, 1), else_=0))

    rows = tx.execute(
        select(
            lane.account,
            lane.place,
            count(DeliveryState.WAITING).label("waiting"),
            count(DeliveryState.DELIVERED).label("delivered"),
            count(DeliveryState.NOT_DELIVERED).label("not_delivered"),
            func.min(case((d.state == DeliveryState.WAITING, d.accepted_at))).label("oldest"),
            func.max(lane.paused).label("paused"),
        )
        .where(d.lane_id == lane.id, lane.kind == LaneKind.DESTINATION, lane.person == "")
        .group_by(lane.account, lane.place)
        .order_by(lane.account, lane.place)
    )
    return tuple(
        PlaceStatus(
            row.account,
            row.place,
            int(row.waiting),
            int(row.delivered),
            int(row.not_delivered),
            max(0.0, now - row.oldest) if row.oldest is not None else 0.0,
            row.paused,
        )
        for row in rows
    )


def alive(tx: Connection) -> bool:
    """Whether the database answers."""
    return bool(tx.execute(select(1)).scalar_one())
