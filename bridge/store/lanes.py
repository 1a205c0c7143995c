"""Ownership of lanes: claims with epochs, take-over from replicas that stopped beating."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Float, and_, bindparam, cast, delete, extract, func, or_, select, update

from bridge.places import is_unpinned, unpinned_name
from bridge.post import AccountId, Destination
from bridge.store import sql
from bridge.store.tables import DeliveryState, LaneKind, PartState, RawState
from bridge.store.values import Claim, Lane

_C = sql.lane.c
_OWNS = select(_C.epoch).where(_C.id == bindparam("lane"), _C.epoch == bindparam("epoch"))
_NAMED = tuple(_C[name] == bindparam(f"_{name}") for name in ("kind", "account", "place", "person", "reader"))
_FIND = select(_C.id).where(*_NAMED)
_PINNED = select(sql.pin.c.place).where(sql.pin.c.account == bindparam("account"), sql.pin.c.name == bindparam("name"))
_NEXT = update(sql.lane).values(seq=_C.seq + 1).returning(_C.id, _C.seq)
_DRAW, _FIND_AND_DRAW = _NEXT.where(_C.id == bindparam("lane_id")), _NEXT.where(*_NAMED)

MISSED_S = 2.0
"""An owner whose heartbeat is older than this may be replaced."""
LONGEST_S = 900.0
"""A wait that is longer than this when the service starts, and that no platform is likely to have asked for, is cut short."""


def database_now(tx: Connection) -> float:
    """The one clock that all replicas share: the database's, seconds since the epoch."""
    if tx.dialect.name == "postgresql":
        value: float = tx.execute(select(cast(extract("epoch", func.clock_timestamp()), Float))).scalar_one()
        return value
    return time.time()  # one machine, one clock


def beat(tx: Connection, replica: str) -> None:
    """Say that this replica lives."""
    sql.upsert(tx, sql.replica, ("id",), id=replica, beat_at=database_now(tx))


def leave(tx: Connection, replica: str) -> None:
    """Let go of everything at once: a clean end."""
    tx.execute(update(sql.lane).where(sql.lane.c.owner == replica).values(owner=""))
    tx.execute(delete(sql.replica).where(sql.replica.c.id == replica))


def forget_others(tx: Connection) -> None:
    """All earlier owners are gone; only the holder of an exclusive lock on the database may say so."""
    tx.execute(update(sql.lane).where(sql.lane.c.owner != "").values(owner=""))
    tx.execute(delete(sql.replica))
    _mend_times(tx)


def _mend_times(tx: Connection) -> None:
    """The clock may have been ahead before it was set right: nothing waits for a time that is far to come."""
    c, p, now = sql.lane.c, sql.part.c, database_now(tx)
    tx.execute(update(sql.lane).where(c.not_before > now + LONGEST_S).values(not_before=now))
    tx.execute(update(sql.raw).where(sql.raw.c.state != RawState.DONE, sql.raw.c.ready_at > now + LONGEST_S).values(ready_at=now))
    tx.execute(update(sql.part).where(p.state == PartState.ATTEMPTING, p.attempted_at > now).values(attempted_at=now))


def claim(tx: Connection, lane_id: int, replica: str) -> Claim | None:
    """Become the lane's owner, with a new epoch; None while another living replica owns it."""
    c = sql.lane.c
    row = tx.execute(
        update(sql.lane)
        .where(c.id == lane_id, or_(c.owner == replica, _is_free(tx)))
        .values(owner=replica, epoch=c.epoch + 1)
        .returning(c.id, c.kind, c.account, c.place, c.person, c.reader, c.epoch)
    ).one_or_none()
    return Claim(_lane(row), row.epoch) if row is not None else None


def free(tx: Connection, lane_ids: Iterable[int]) -> frozenset[int]:
    """Those of the lanes that no living replica owns."""
    return frozenset(tx.execute(select(_C.id).where(_C.id.in_(list(lane_ids)), _is_free(tx))).scalars())


def _is_free(tx: Connection) -> ColumnElement[bool]:
    alive = select(sql.replica.c.id).where(sql.replica.c.beat_at >= database_now(tx) - MISSED_S)
    return or_(_C.owner == "", _C.owner.not_in(alive))


def owns(tx: Connection, claim: Claim) -> bool:
    """Whether the claim still holds; locks the lane until the transaction ends."""
    keys = {"lane": claim.lane.id, "epoch": claim.epoch}
    return tx.execute(sql.for_update(tx, _OWNS), keys).one_or_none() is not None


def release(tx: Connection, claim: Claim) -> None:
    """Stop owning the lane."""
    c = sql.lane.c
    tx.execute(update(sql.lane).where(c.id == claim.lane.id, c.epoch == claim.epoch).values(owner=""))


def lane_of(tx: Connection, destination: Destination) -> int:
    """The id of the destination's lane, made if it is new.

    No lane is made for a stand-in whose name has been pinned meanwhile: what is queued there would come behind what follows.
    """
    columns = _columns(destination)
    if is_unpinned(destination.place.id) and tx.execute(_FIND, _named(columns)).first() is None:
        keys = {"account": destination.account, "name": unpinned_name(destination.place.id)}
        columns["place"] = tx.execute(_PINNED, keys).scalar_one_or_none() or destination.place.id
    return _lane_id(tx, **columns)


def _columns(destination: Destination) -> dict[str, str]:
    return {"kind": LaneKind.DESTINATION, **sql.place_columns(destination.place), "reader": destination.reader or ""}


def _named(columns: Mapping[str, str]) -> dict[str, str]:
    return {f"_{name}": value for name, value in columns.items()}


def source_lane(tx: Connection, account: AccountId) -> int:
    """The id of the account's source lane, made if it is new."""
    return _lane_id(tx, kind=LaneKind.SOURCE, account=account, place="", person="", reader="")


def shift_lane(tx: Connection, kind: LaneKind, account: AccountId, name: str) -> int:
    """The id of the lane of something that one replica does for all, made if it is new."""
    return _lane_id(tx, kind=kind, account=account, place=name, person="", reader="")


def _lane_id(tx: Connection, **columns: str) -> int:
    found: int | None = tx.execute(_FIND, _named(columns)).scalar_one_or_none()
    if found is None:
        sql.insert_new(
            tx,
            sql.lane,
            **columns,
            seq=0,
            owner="",
            epoch=0,
            not_before=0.0,
            failures=0,
            paused="",
        )
        found = tx.execute(_FIND, _named(columns)).scalar_one()
    return found


def draw(tx: Connection, lane_id: int) -> int:
    """The lane's next sequence number. Takes the row's lock, so that order is acceptance order."""
    number: int = tx.execute(_DRAW, {"lane_id": lane_id}).one().seq
    return number


def draw_for(tx: Connection, destination: Destination) -> tuple[int, int]:
    """The destination's lane, as `lane_of`, and its next sequence number, as `draw`; one statement where the lane exists."""
    row = tx.execute(_FIND_AND_DRAW, _named(_columns(destination))).one_or_none()
    if row is not None:
        return row.id, row.seq
    lane_id = lane_of(tx, destination)
    return lane_id, draw(tx, lane_id)


def with_work(tx: Connection, now: float) -> tuple[Lane, ...]:
    """Destination lanes that have something waiting and rest no longer; what waits may still have to be ready."""
    return tuple(_lane(row) for row in tx.execute(_WITH_WORK, {"now": now}))


def _with_work() -> Any:
    """From one lane that has something waiting to the next by the index: what costs is lanes, not how much waits for one."""
    c, d = sql.lane.c, sql.delivery.c
    waiting = and_(d.state == DeliveryState.WAITING, d.carried_by.is_(None))
    first = select(func.min(d.lane_id).label("id")).where(waiting).cte("busy", recursive=True)
    following = select(func.min(d.lane_id)).where(waiting, d.lane_id > first.c.id).scalar_subquery()
    busy = first.union_all(select(following).where(first.c.id.is_not(None)))
    columns = (c.id, c.kind, c.account, c.place, c.person, c.reader)
    return select(*columns).where(c.id.in_(select(busy.c.id)), c.not_before <= bindparam("now"))


_WITH_WORK = _with_work()


def pause(tx: Connection, claim: Claim, until: float, failures: int, reason: str) -> None:
    """Nothing of the lane is attempted before `until`; `reason` says why where a human is needed."""
    c = sql.lane.c
    tx.execute(
        update(sql.lane)
        .where(c.id == claim.lane.id, c.epoch == claim.epoch)
        .values(not_before=until, failures=failures, paused=reason)
    )


def _lane(row: Any) -> Lane:
    has_destination = row.kind == LaneKind.DESTINATION
    return Lane(row.id, AccountId(row.account), sql.destination_of(row) if has_destination else None)
