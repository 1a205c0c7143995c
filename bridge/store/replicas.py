"""The roll of replicas that share a database: who lives, who owns how much, and what the dead leave behind."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, select, text, update

from bridge.store import lanes, sql
from bridge.store.tables import LaneKind

LOCKS = 7331002
"""The class of the advisory locks by which replicas are known to live."""

_SERVED = (LaneKind.SOURCE, LaneKind.DESTINATION)
_HELD = text(
    "SELECT CAST(objid AS bigint) FROM pg_locks WHERE locktype = 'advisory' AND classid = :locks AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)

_HOLD = text("SELECT pg_try_advisory_lock(:locks, :lock)")
_TELL = text("SELECT pg_notify(:channel, :words)")


@dataclass(frozen=True, slots=True)
class Roll:
    """One call of the roll.

    `began` and `ended` are this process's monotonic seconds; `now` is the database's clock between them. `living` are all
    replicas, this one among them; `ours` the lanes that this one owns, with their epochs, `served` how many queues the
    living own together.
    """

    began: float
    ended: float
    now: float
    living: frozenset[str]
    ours: Mapping[int, int] = field(default_factory=dict)
    served: int = 0


def call(tx: Connection, replica: str, lock: int = 0) -> Roll:
    """Say that this replica lives, bury those that do not any more, and look who is left.

    Each statement may be a transaction of its own: what was half done is done by the next call.
    """
    began = time.monotonic()
    now = lanes.database_now(tx)
    sql.upsert(tx, sql.replica, ("id",), id=replica, beat_at=now, lock=lock)
    _bury(tx, replica, now)
    r, c = sql.replica.c, sql.lane.c
    living = frozenset(tx.execute(select(r.id).where(r.beat_at >= now - lanes.MISSED_S)).scalars())
    owned = select(c.owner, func.count()).where(c.owner != "", c.kind.in_(_SERVED)).group_by(c.owner)
    served = sum(number for owner, number in tx.execute(owned) if owner in living)
    ours = {row.id: row.epoch for row in tx.execute(select(c.id, c.epoch).where(c.owner == replica))}
    return Roll(began, time.monotonic(), now, living, ours, served)


def _bury(tx: Connection, replica: str, now: float) -> None:
    """Free the lanes of replicas whose heartbeat stopped, or whose session ended. What is still locked, a claim takes."""
    r, c = sql.replica.c, sql.lane.c
    others = tx.execute(select(sql.replica).where(r.id != replica)).all()
    held = _held(tx)  # after the rows: a lock is taken before its number is written down
    for row in others:
        silent = row.beat_at < now - lanes.MISSED_S
        gone = held is not None and row.lock and row.lock not in held
        if not silent and not gone:
            continue
        owned = select(c.id).where(c.owner == row.id).with_for_update(skip_locked=True)
        tx.execute(update(sql.lane).where(c.id.in_(owned), c.owner == row.id).values(owner=""))
        # One that beat meanwhile has another beat, and lives: it was only late.
        tx.execute(delete(sql.replica).where(r.id == row.id, r.beat_at == row.beat_at, r.lock == row.lock))


def _held(tx: Connection) -> frozenset[int] | None:
    """The locks that living sessions hold; None for a database that has none."""
    if tx.dialect.name != "postgresql":
        return None
    return frozenset(tx.execute(_HELD, {"locks": LOCKS}).scalars())


def holds(tx: Connection, lock: int) -> bool:
    """Take the lock for as long as this session lives; False where another has it."""
    taken: bool = tx.execute(_HOLD, {"locks": LOCKS, "lock": lock}).scalar_one()
    return taken


def tell(tx: Connection, channel: str, words: str) -> None:
    """Tell all who listen on the channel, once this is committed."""
    tx.execute(_TELL, {"channel": channel, "words": words})
