"""Deliveries that another one carries: one native message brings them all, so whatever becomes of it becomes of them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, or_, select, update

from bridge.store import ledger, sql
from bridge.store.tables import DeliveryState, PartState

_D, _P = sql.delivery.c, sql.part.c
_CARRIED = select(_D.id).where(_D.carried_by == bindparam("_carrier")).scalar_subquery()
_THEIR_PARTS = update(sql.part).where(_P.delivery_id.in_(_CARRIED), _P.state != PartState.DONE)
_ATTEMPTING = _THEIR_PARTS.values(state=PartState.ATTEMPTING, attempted_at=bindparam("_at"))
_RESTING = _THEIR_PARTS.where(_P.state == PartState.ATTEMPTING).values(state=PartState.WAITING)
_DONE = _THEIR_PARTS.values(state=PartState.DONE)
# What was paused while the message was under way as well: whatever becomes of the message becomes of it.
_UNSENT = or_(_D.state == DeliveryState.WAITING, _D.state == DeliveryState.HELD)
_OPEN = update(sql.delivery).where(_D.carried_by == bindparam("_carrier"), _UNSENT)
_COUNTED = _OPEN.values(attempts=_D.attempts + 1)
_DELIVERED = _OPEN.values(state=DeliveryState.DELIVERED, done_at=bindparam("_at"), reason="", detail=bindparam("_message"))
_CARRIER = update(sql.delivery).where(_D.id == bindparam("_carrier"), _D.state == DeliveryState.DELIVERED)
_NAMED = _CARRIER.values(detail=bindparam("_message"))
_ENDED = _OPEN.values(
    state=bindparam("_state"), reason=bindparam("_reason"), detail=bindparam("_detail"), done_at=bindparam("_at")
)
_STANDING = select(sql.part, _D.post_id, _D.lane_id).where(_P.delivery_id == _D.id, _D.carried_by == bindparam("_carrier"))


def of(tx: Connection, carrier: int) -> tuple[int, ...]:
    """The deliveries that this one carries."""
    return tuple(tx.execute(select(_D.id).where(_D.carried_by == carrier).order_by(_D.id)).scalars())


def in_company() -> ColumnElement[bool]:
    """Of deliveries: whether they carry others, or are carried."""
    other = sql.delivery.alias()
    return or_(_D.carried_by.is_not(None), exists().where(other.c.carried_by == _D.id).correlate(sql.delivery))


def attempting(tx: Connection, carrier: int, now: float) -> None:
    """What carries them is about to be sent."""
    tx.execute(_ATTEMPTING, {"_carrier": carrier, "_at": now})
    tx.execute(_COUNTED, {"_carrier": carrier})


def resting(tx: Connection, carrier: int) -> None:
    """It was surely not sent."""
    tx.execute(_RESTING, {"_carrier": carrier})


def standing(tx: Connection, carrier: int, message: str, now: float) -> None:
    """It stands there, and they with it: each gets its receipt. `message` is the id of what brought them all."""
    for row in tx.execute(_STANDING, {"_carrier": carrier}).all():
        ref = sql.ref_from(row.ref)
        if ref is not None:
            ledger.add_receipt(tx, row.post_id, row.lane_id, row.place_in_post, ref, now)
    tx.execute(_DONE, {"_carrier": carrier})
    tx.execute(_DELIVERED, {"_carrier": carrier, "_at": now, "_message": message})
    tx.execute(_NAMED, {"_carrier": carrier, "_message": message})


def ended(tx: Connection, carrier: int, state: str, reason: str, detail: str, now: float) -> None:
    """It ended otherwise, and they with it."""
    tx.execute(_ENDED, {"_carrier": carrier, "_state": state, "_reason": reason, "_detail": detail, "_at": now})


def unit(tx: Connection, delivery_id: int) -> tuple[int, ...]:
    """The delivery and all that go with it, whichever of them carries the others; the carrier comes first."""
    found = tx.execute(select(_D.id, _D.carried_by).where(_D.id == delivery_id)).one_or_none()
    if found is None:
        return ()
    carrier = found.carried_by or found.id
    return (carrier, *of(tx, carrier))


def part_ways(tx: Connection, delivery_id: int, *, even_attempted: bool = False) -> None:
    """Whatever was to go with this delivery, before or after it, goes its own way again; nothing of it was sent.

    Parts that were attempted stay on record, unless they surely stand nowhere: `even_attempted`.
    """
    together = unit(tx, delivery_id)
    frozen = _P.state.in_([PartState.WAITING, *([PartState.ATTEMPTING, PartState.DONE] if even_attempted else [])])
    tx.execute(delete(sql.part).where(_P.delivery_id.in_(together), frozen))
    tx.execute(update(sql.delivery).where(_D.carried_by == (together or (None,))[0]).values(carried_by=None))
