"""How posts and copies belong together: for each post its original, its parent, what was decided, and where its copies stand."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from bridge.post import Destination, EventKind, Ref
from bridge.store import sql
from bridge.store.tables import DeliveryState


@dataclass(frozen=True, slots=True)
class Copy:
    """A native message of ours that stands at a destination, or stood there."""

    destination: Destination
    ref: Ref
    standing: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a delivery; `reason` is empty while it waits and once it is delivered."""

    destination: Destination
    kind: str
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Family:
    """A post at `ref` and its copies. `verdict` and `reason` are of its creation; `parent` is the id of the answered family."""

    id: int
    ref: Ref
    author: str
    parent: int | None
    verdict: str
    reason: str
    copies: tuple[Copy, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def waiting(self) -> bool:
        """Whether something is still to be brought."""
        return any(outcome.state == DeliveryState.WAITING for outcome in self.outcomes)


def families(tx: Connection) -> tuple[Family, ...]:
    """Every post the ledger knows, notices included, in the order they were accepted. For small databases: it reads all."""
    copies, outcomes, verdicts = _copies(tx), _outcomes(tx), _verdicts(tx)
    p = sql.post.c
    rows = tx.execute(select(p.id, p.account, p.place, p.person, p.native, p.author, p.parent_id).order_by(p.id))
    return tuple(
        Family(
            row.id,
            sql.ref_of(row),
            row.author,
            row.parent_id,
            *verdicts.get(row.id, ("", "")),
            tuple(copies[row.id]),
            tuple(outcomes[row.id]),
        )
        for row in rows
    )


def _verdicts(tx: Connection) -> dict[int, tuple[str, str]]:
    e = sql.event.c
    rows = tx.execute(select(e.post_id, e.verdict, e.reason).where(e.kind.in_([EventKind.CREATED, EventKind.NOTICE])))
    return {row.post_id: (row.verdict, row.reason) for row in rows}


def _copies(tx: Connection) -> defaultdict[int, list[Copy]]:
    c, lane = sql.receipt.c, sql.lane.c
    found: defaultdict[int, list[Copy]] = defaultdict(list)
    rows = tx.execute(
        select(c.post_id, c.account, c.place, c.person, c.native, c.standing, lane.reader)
        .where(c.lane_id == lane.id)
        .order_by(c.post_id, c.number)
    )
    for row in rows:
        found[row.post_id].append(Copy(sql.destination_of(row), sql.ref_of(row), row.standing))
    return found


def _outcomes(tx: Connection) -> defaultdict[int, list[Outcome]]:
    d, lane = sql.delivery.c, sql.lane.c
    found: defaultdict[int, list[Outcome]] = defaultdict(list)
    rows: Any = tx.execute(
        select(d.post_id, d.kind, d.state, d.reason, lane.account, lane.place, lane.person, lane.reader)
        .where(d.lane_id == lane.id)
        .order_by(d.id)
    )
    for row in rows:
        found[row.post_id].append(Outcome(sql.destination_of(row), row.kind, row.state, row.reason))
    return found
