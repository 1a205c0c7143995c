"""What became of a post: its copies, and changes of them, one outcome per destination each."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from bridge.post import Destination
from bridge.store import sql
from bridge.store.tables import DeliveryState

_D, _LANE = sql.delivery.c, sql.lane.c
_OF_POST = (
    select(_D.kind, _D.state, _D.done_at, _LANE.account, _LANE.place, _LANE.person, _LANE.reader)
    .where(_D.post_id == bindparam("post"), _D.lane_id == _LANE.id)
    .where(_D.state != DeliveryState.FILTERED)
    .order_by(_D.id)
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the delivery of a post, or of a change of it, to one destination stands."""

    kind: str
    destination: Destination
    state: str
    done_at: float | None


def of_post(tx: Connection, post_id: int) -> tuple[Outcome, ...]:
    """Every destination's that the post was to go to; not of those that turned out to need no sending."""
    rows = tx.execute(_OF_POST, {"post": post_id})
    return tuple(Outcome(row.kind, sql.destination_of(row), row.state, row.done_at) for row in rows)
