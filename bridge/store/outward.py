"""Deliveries and their parts: queued in order, frozen before the first attempt, settled with a receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, bindparam, exists, or_, select, update

from bridge.contract import Part
from bridge.post import Audience, Destination, Ref
from bridge.store import carried, inward, lanes, ledger, sql
from bridge.store.codec import dump_files
from bridge.store.jobs import parts_of
from bridge.store.tables import UNSENT, Action, DeliveryState, PartState
from bridge.store.values import Claim, FrozenPart, Job

# ---------------------------------------------------------------- queueing


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """What is to be queued. `ready_at` and `give_up_at` are seconds since the epoch."""

    destination: Destination
    kind: str
    group: str
    via: str
    audience: Audience
    give_up_at: float
    ready_at: float = 0.0
    held: str = ""
    """Why it keeps its turn but waits for a human; empty where it need not."""
    form: str = ""


def queue(tx: Connection, event_id: int, post_id: int, new: Sequence[NewDelivery], now: float) -> tuple[int, ...]:
    """Queue deliveries, each at its lane's end; the lanes' ids."""
    rows = [_row(tx, event_id, post_id, each, now, DeliveryState.HELD if each.held else DeliveryState.WAITING) for each in new]
    sql.insert_all(tx, sql.delivery, rows)
    return tuple(row["lane_id"] for row in rows)


def note(
    tx: Connection,
    event_id: int,
    post_id: int,
    new: NewDelivery,
    now: float,
    reason: str,
) -> None:
    """Write down that this destination needs no sending, and why."""
    sql.insert_all(tx, sql.delivery, [_row(tx, event_id, post_id, new, now, DeliveryState.FILTERED, reason)])


def _row(
    tx: Connection, event_id: int, post_id: int, new: NewDelivery, now: float, state: DeliveryState, reason: str = ""
) -> dict[str, Any]:
    lane_id, seq = lanes.draw_for(tx, new.destination)
    return {
        "event_id": event_id,
        "post_id": post_id,
        "lane_id": lane_id,
        "seq": seq,
        "kind": new.kind,
        "group": new.group,
        "via": new.via,
        "audience": int(new.audience),
        "state": state,
        "reason": reason or new.held,
        "detail": "",
        "attempts": 0,
        "generation": 0,
        "accepted_at": now,
        "ready_at": new.ready_at,
        "give_up_at": new.give_up_at,
        "done_at": None if state == DeliveryState.WAITING else now,
        "form": new.form,
    }


def withdraw(tx: Connection, delivery_id: int, reason: str, now: float) -> None:
    """The delivery needs no sending any more; what it was to go with goes on without it."""
    carried.part_ways(tx, delivery_id)
    d = sql.delivery.c
    tx.execute(
        update(sql.delivery)
        .where(d.id == delivery_id, d.state.in_(UNSENT))
        .values(state=DeliveryState.FILTERED, reason=reason, done_at=now)
    )


# ---------------------------------------------------------------- attempting and settling


@dataclass(frozen=True, slots=True)
class NewPart:
    """One native message to be sent, changed or removed. `ref` is what is changed or removed."""

    action: Action
    place_in_post: int
    part: Part
    key: str
    ref: Ref | None = None


def freeze(
    tx: Connection, claim: Claim, job: Job, parts: Sequence[NewPart], attempted_at: float | None = None
) -> tuple[FrozenPart, ...] | None:
    """Fix what will be sent, before the first attempt; None if the claim or the delivery is gone, or the post changed.

    With `attempted_at` the first part's attempt is written down as well, as `attempt` does.
    """
    # The post's lock orders this against a change of the post, which looks for frozen parts after taking it.
    found = tx.execute(sql.for_update(tx, _STILL), _keys(claim, job)).one_or_none()
    if found is None or found.version != job.version:
        return None
    for number, new in enumerate(parts):
        begun = number == 0 and attempted_at is not None
        sql.insert_new(
            tx,
            sql.part,
            delivery_id=job.delivery_id,
            number=number,
            action=new.action,
            place_in_post=new.place_in_post,
            body=new.part.body,
            files=dump_files(new.part.files),
            key=new.key,
            ref=sql.ref_text(new.ref),
            state=PartState.ATTEMPTING if begun else PartState.WAITING,
            attempted_at=attempted_at if begun else None,
            lost_answers=0,
        )
    if attempted_at is not None:
        tx.execute(_COUNT_ATTEMPT, _keys(claim, job))
    return tuple(part for part, _ in parts_of(tx, job.delivery_id))


def attempt(tx: Connection, claim: Claim, job: Job, part: FrozenPart, now: float) -> bool:
    """Write down that the part is about to be sent; False if it must not be: the claim is gone, or the part's need is."""
    # The posts' locks order this against a change of one, which folds into what was not attempted when it took them.
    tx.execute(sql.for_update(tx, _POSTS), {"_delivery": job.delivery_id}).all()
    if not lanes.owns(tx, claim) or not tx.execute(_COUNT_ATTEMPT, _keys(claim, job)).rowcount:
        return False
    if job.carries:
        carried.attempting(tx, job.delivery_id, now)
    begun = tx.execute(
        update(sql.part)
        .where(sql.part.c.id == part.id, sql.part.c.state != PartState.DONE)
        .values(state=PartState.ATTEMPTING, attempted_at=now)
    )
    return begun.rowcount > 0


def thaw(tx: Connection, delivery_id: int) -> None:
    """Forget the frozen parts of a delivery of which nothing was sent, and with what it was to go: it is rendered anew."""
    carried.part_ways(tx, delivery_id)


def begin_anew(tx: Connection, claim: Claim, job: Job, part: FrozenPart) -> bool:
    """Forget the frozen parts of a delivery whose first call was refused, to render it otherwise; whether raws were parked."""
    parked = postpone(tx, claim, part, 0.0, job.failures, "", Outcome.UNSENT)
    if lanes.owns(tx, claim):
        thaw(tx, job.delivery_id)
    return parked


def start_over(tx: Connection, claim: Claim, job: Job) -> bool:
    """Forget all that was frozen of a delivery that is sent again; whether raws were parked for it."""
    if not lanes.owns(tx, claim):
        return False
    carried.part_ways(tx, job.delivery_id, even_attempted=True)
    return inward.release_parked(tx, claim.lane.account)


def _keys(claim: Claim, job: Job) -> dict[str, int]:
    return {"_delivery": job.delivery_id, "_epoch": claim.epoch}


_D, _L, _P = sql.delivery.c, sql.lane.c, sql.part.c
_STILL = select(sql.post.c.version).where(
    _D.id == bindparam("_delivery"),
    _D.state == DeliveryState.WAITING,
    _D.carried_by.is_(None),
    _D.post_id == sql.post.c.id,
    _D.lane_id == _L.id,
    _L.epoch == bindparam("_epoch"),
)
_POSTS = (
    select(sql.post.c.id)
    .where(
        sql.post.c.id.in_(select(_D.post_id).where(or_(_D.id == bindparam("_delivery"), _D.carried_by == bindparam("_delivery"))))
    )
    .order_by(sql.post.c.id)
)
_COUNT_ATTEMPT = (
    update(sql.delivery)
    .where(_D.id == bindparam("_delivery"), _D.state == DeliveryState.WAITING)
    .values(attempts=_D.attempts + 1)
)
_PART_DONE = update(sql.part).where(_P.id == bindparam("_part")).values(state=PartState.DONE, ref=bindparam("_ref"))
_DELIVERED = (
    update(sql.delivery)
    .where(
        _D.id == bindparam("_delivery"),
        ~exists().where(_P.delivery_id == bindparam("_delivery"), _P.state != PartState.DONE),
    )
    .values(state=DeliveryState.DELIVERED, done_at=bindparam("_now"), reason="", detail="")
)


def settle(
    tx: Connection, claim: Claim, job: Job, part: FrozenPart, ref: Ref, now: float, pace: float = 0.0, message: str = ""
) -> bool:
    """Write down that the part is done, with its receipt; whether raws were parked for it.

    The receipt is written even if the claim was lost meanwhile: what was sent, was sent. `pace` is how many seconds the
    lane rests before its next send. `message` is the id of what brought it, together with what it carries.
    """
    if pace or job.failures or job.paused:
        lanes.pause(tx, claim, now + pace, 0, "")
    _settle_part(tx, job.post_id, claim.lane.id, part, ref, now)
    tx.execute(_DELIVERED, {"_delivery": job.delivery_id, "_now": now})
    if job.carries:
        carried.standing(tx, job.delivery_id, message, now)
    return inward.release_parked(tx, claim.lane.account)


def _settle_part(tx: Connection, post_id: int, lane_id: int, part: FrozenPart, ref: Ref, now: float) -> None:
    tx.execute(_PART_DONE, {"_part": part.id, "_ref": sql.ref_text(ref)})
    if part.action is Action.DELETE:
        if found := ledger.find_receipt(tx, ref):
            ledger.copy_removed(tx, found.id)
    else:
        ledger.add_receipt(tx, post_id, lane_id, part.place_in_post, ref, now)


def adopt(tx: Connection, key: str, ref: Ref, now: float) -> bool:
    """A part with this key stands at `ref`, as its platform shows: note it where its receipt is missing.

    Also of a delivery that was given up as perhaps sent: now it is known.
    """
    p, d = sql.part.c, sql.delivery.c
    row = tx.execute(
        select(sql.part, d.post_id, d.lane_id).where(p.key == key, p.delivery_id == d.id, p.state != PartState.DONE)
    ).one_or_none()
    if row is None:
        return False
    ledger.add_receipt(tx, row.post_id, row.lane_id, row.place_in_post, ref, now)
    tx.execute(_PART_DONE, {"_part": row.id, "_ref": sql.ref_text(ref)})
    tx.execute(_DELIVERED, {"_delivery": row.delivery_id, "_now": now})
    return True


def is_removing(tx: Connection, post_id: int, ref: Ref) -> bool:
    """Whether we removed the post's copy at `ref`, or are about to: then its deletion is nobody else's doing."""
    ours = (_D.post_id == post_id, _P.delivery_id == _D.id, _P.action == Action.DELETE, _P.ref == sql.ref_text(ref))
    return tx.execute(select(exists().where(*ours))).scalar_one()


class Outcome(Enum):
    """What is known of an attempt that was not a success."""

    UNSENT = auto()
    """Nothing was sent, by this attempt or an earlier one."""
    LOST = auto()
    """Its answer was lost."""
    OPEN = auto()
    """Nothing new: whether an earlier one stands is still to be found out."""


def postpone(
    tx: Connection, claim: Claim, part: FrozenPart, until: float, failures: int, paused: str, outcome: Outcome = Outcome.OPEN
) -> bool:
    """After a failed attempt: nothing of the lane is tried before `until`; whether raws were parked for it.

    Without effect once another owner has the lane: the attempt under way may be theirs.
    """
    if not lanes.owns(tx, claim):
        return False
    lanes.pause(tx, claim, until, failures, paused)
    attempting = update(sql.part).where(_P.id == part.id, _P.state == PartState.ATTEMPTING)
    if outcome is Outcome.LOST:
        tx.execute(attempting.values(lost_answers=_P.lost_answers + 1))
    if outcome is not Outcome.UNSENT:
        return False
    tx.execute(attempting.values(state=PartState.WAITING))
    carried.resting(tx, part.delivery_id)
    return inward.release_parked(tx, claim.lane.account)


def conclude(
    tx: Connection, claim: Claim, job: Job, state: DeliveryState, reason: str, detail: str, now: float, *, in_doubt: bool
) -> bool:
    """End the delivery otherwise than delivered; whether raws were parked for it. Without effect under a lost claim.

    With `in_doubt` a part may stand there all the same: its attempt is kept on record, so that its echo is recognised.
    """
    if not lanes.owns(tx, claim):
        return False
    d, p = sql.delivery.c, sql.part.c
    tx.execute(
        update(sql.delivery)
        .where(d.id == job.delivery_id, d.state == DeliveryState.WAITING)
        .values(state=state, reason=reason, detail=sql.storable(detail), done_at=now)
    )
    if job.carries:
        carried.ended(tx, job.delivery_id, state, reason, sql.storable(detail), now)
    if job.carries and not in_doubt:
        carried.resting(tx, job.delivery_id)
    if not in_doubt:
        attempting = (p.delivery_id == job.delivery_id, p.state == PartState.ATTEMPTING)
        tx.execute(update(sql.part).where(*attempting).values(state=PartState.WAITING))
    return inward.release_parked(tx, claim.lane.account)
