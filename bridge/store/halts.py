"""What somebody paused: a group or a place. What would leave for it is held in its turn, and goes on in its turn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, Connection, delete, exists, false, or_, select, update

from bridge.pausing import Halt
from bridge.post import AccountId, EventKind, Place, PlaceId
from bridge.reasons import Reason
from bridge.store import carried, sql
from bridge.store.tables import DeliveryState, LaneKind, PartState

_GOES_ON = (EventKind.DELETED, EventKind.NOTICE)
"""A removal is never held up, and what the bridge says of itself is no post."""


def current(tx: Connection) -> tuple[Halt, ...]:
    """Everything that is paused, oldest first."""
    rows = tx.execute(select(sql.halt).order_by(sql.halt.c.at))
    return tuple(
        Halt(row.group, Place(AccountId(row.account), PlaceId(row.place)) if row.account else None, row.at, row.by)
        for row in rows
    )


def as_seen(tx: Connection, seen: tuple[Halt, ...]) -> tuple[Halt, ...]:
    """Everything that is paused; `seen` is what this replica knows of, and where it is the only one that is all."""
    return current(tx) if tx.dialect.name == "postgresql" else seen


def add(tx: Connection, halt: Halt) -> bool:
    """Pause it; False where it is paused already."""
    values = {**_columns(halt), "at": halt.at, "by": sql.storable(halt.by)}
    if tx.execute(select(sql.halt.c.at).where(*_is(halt))).first() is not None:
        return False
    sql.upsert(tx, sql.halt, ("group", "account", "place"), **values)
    return True


def remove(tx: Connection, halt: Halt) -> bool:
    """Pause it no longer; False where it is not paused."""
    return tx.execute(delete(sql.halt).where(*_is(halt))).rowcount > 0


def _columns(halt: Halt) -> dict[str, str]:
    place = halt.place
    return {"group": halt.group, "account": place.account if place else "", "place": place.id if place else ""}


def _is(halt: Halt) -> tuple[ColumnElement[bool], ...]:
    return tuple(sql.halt.c[name] == value for name, value in _columns(halt).items())


# ---------------------------------------------------------------- what waits for it


def settle(tx: Connection, now: float) -> tuple[int, ...]:
    """Hold what waits and is paused by now, let go what is not any more; the lanes of what was let go.

    What was begun to be sent is finished: half a post helps nobody.
    """
    halts = current(tx)
    _hold(tx, halts, now)
    return _let_go(tx, halts, now)


def _hold(tx: Connection, halts: Sequence[Halt], now: float) -> None:
    d, p = sql.delivery.c, sql.part.c
    begun = exists().where(p.delivery_id == d.id, p.state != PartState.WAITING)
    covered = or_(false(), *map(_covered, halts))
    waiting = (d.state == DeliveryState.WAITING, d.kind.not_in(_GOES_ON), ~begun)
    if halts:
        for unit in tx.execute(select(d.id).where(*waiting, covered, carried.in_company())).scalars().all():
            carried.part_ways(tx, unit)  # nothing of their common message was sent: what is not paused goes on without them
        held = {"state": DeliveryState.HELD, "reason": Reason.PAUSED, "done_at": now}
        tx.execute(update(sql.delivery).where(*waiting, covered).values(held))


def _covered(halt: Halt) -> ColumnElement[bool]:
    d, lane, post = sql.delivery.c, sql.lane.c, sql.post.c
    if halt.place is None:
        return d.group == halt.group
    account, place = halt.place.account, halt.place.id
    to_it = select(lane.id).where(lane.kind == LaneKind.DESTINATION, lane.account == account, lane.place == place)
    from_it = exists().where(post.id == d.post_id, post.account == account, post.place == place, post.person == "")
    return or_(d.lane_id.in_(to_it), from_it)


def _let_go(tx: Connection, halts: Iterable[Halt], now: float) -> tuple[int, ...]:
    d = sql.delivery.c
    still = or_(false(), *map(_covered, halts))
    mine = (d.state == DeliveryState.HELD, d.reason == Reason.PAUSED, ~still)
    patience = d.give_up_at + now - d.done_at  # the pause counts for nothing
    freed = {"state": DeliveryState.WAITING, "reason": "", "done_at": None, "give_up_at": patience}
    lanes = tx.execute(update(sql.delivery).where(*mine).values(freed).returning(d.lane_id)).scalars()
    return tuple(sorted(set(lanes)))


def any_held(tx: Connection) -> bool:
    """Whether anything is held because somebody paused it."""
    d = sql.delivery.c
    return tx.execute(select(d.id).where(d.state == DeliveryState.HELD, d.reason == Reason.PAUSED).limit(1)).first() is not None


def posts_waiting(tx: Connection) -> tuple[int, ...]:
    """The posts of which something is held because somebody paused it."""
    d = sql.delivery.c
    rows = tx.execute(select(d.post_id).where(d.state == DeliveryState.HELD, d.reason == Reason.PAUSED).distinct())
    return tuple(rows.scalars())
