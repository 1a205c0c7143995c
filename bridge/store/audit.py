"""What the ledger claims, to be held against the platforms themselves: the law of one raw, one outcome, one copy."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, and_, exists, func, or_, select

from bridge.post import DIRECT
from bridge.store import sql
from bridge.store.tables import DeliveryState, RawState


@dataclass(frozen=True, slots=True)
class Claims:
    """`raws` are (account, key) with how often; `copies` are (account, place, native id) said to stand."""

    raws: dict[tuple[str, str], int]
    copies: frozenset[tuple[str, str, str]]
    raws_waiting: int
    deliveries_waiting: int
    events_without_outcome: int


def claims(tx: Connection) -> Claims:
    """Everything that can be compared with the platforms."""
    r, d, c = sql.raw.c, sql.delivery.c, sql.receipt.c
    raws = tx.execute(select(r.account, r.key, func.count()).group_by(r.account, r.key))
    # what one person alone was told at a place stands nowhere: not even its platform keeps it
    kept = or_(c.person == "", c.place == DIRECT)
    copies = tx.execute(select(c.account, c.place, c.native).where(c.standing, kept))
    no_delivery = and_(sql.event.c.verdict == "relayed", ~exists().where(d.event_id == sql.event.c.id))
    return Claims(
        raws={(account, key): times for account, key, times in raws},
        copies=frozenset(copies),
        raws_waiting=_count(tx, r.state.in_([RawState.WAITING, RawState.PARKED])),
        deliveries_waiting=_count(tx, d.state == DeliveryState.WAITING),
        events_without_outcome=_count(tx, and_(no_delivery, sql.event.c.reason == "")),
    )


def _count(tx: Connection, condition: object) -> int:
    found: int = tx.execute(select(func.count()).where(condition)).scalar_one()  # type: ignore[arg-type]
    return found
