"""Deliveries that ended as "not delivered": listed with their reason, queued again, or given up for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, select, update

from bridge import text
from bridge.post import AccountId, Audience, Destination, Place, Ref
from bridge.store import carried, sql
from bridge.store.codec import load_post
from bridge.store.tables import DeliveryState, PartState

PAGE = 200
"""How many are looked at in one transaction, so that posts in between don't wait."""
_WIDTH = 80
_D, _P, _LANE, _POST = sql.delivery.c, sql.part.c, sql.lane.c, sql.post.c


@dataclass(frozen=True, slots=True)
class Which:
    """Which of them are meant: those with these `ids`, those of a `group`, or all where neither is given."""

    ids: tuple[int, ...] = ()
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Undelivered:
    """One of them, and the post it should have brought. `wanted` is the post's own audience, None once its body was forgotten.

    `perhaps`: a part of it may stand at its destination all the same. Times are seconds since the epoch.
    """

    id: int
    kind: str
    group: str
    destination: Destination
    original: Ref
    author: str
    line: str
    reason: str
    detail: str
    accepted_at: float
    ended_at: float
    attempts: int
    generation: int
    deleted: bool
    audience: Audience
    wanted: Audience | None
    perhaps: bool


def listed(tx: Connection, which: Which, after: int = 0, most: int = PAGE) -> tuple[Undelivered, ...]:
    """Those that are meant and come after the id `after`, oldest first."""
    perhaps = exists().where(_P.delivery_id == _D.id, _P.state == PartState.ATTEMPTING).correlate(sql.delivery)
    rows = tx.execute(
        select(
            sql.delivery,
            _LANE.account.label("to_account"),
            _LANE.place.label("to_place"),
            _LANE.person.label("to_person"),
            _LANE.reader,
            *(_POST[name] for name in ("account", "place", "person", "native", "author", "body", "deleted_at")),
            perhaps.label("perhaps"),
        )
        .where(_meant(which), _D.id > after, _D.lane_id == _LANE.id, _D.post_id == _POST.id)
        .order_by(_D.id)
        .limit(most)
    )
    return tuple(_undelivered(row) for row in rows)


def _meant(which: Which) -> ColumnElement[bool]:
    conditions = [_D.state == DeliveryState.NOT_DELIVERED]
    if which.ids:
        conditions.append(_D.id.in_(which.ids))
    if which.group is not None:
        conditions.append(_D.group == which.group)
    return and_(*conditions)


def _undelivered(row: Any) -> Undelivered:
    post = load_post(row.body) if row.body else None
    to = Place(AccountId(row.to_account), row.to_place, row.to_person or None)
    return Undelivered(
        id=row.id,
        kind=row.kind,
        group=row.group,
        destination=Destination(to, row.reader or None),
        original=sql.ref_of(row),
        author=row.author,
        line=text.first_line(post.text, _WIDTH) if post else "",
        reason=row.reason,
        detail=row.detail,
        accepted_at=row.accepted_at,
        ended_at=row.done_at or row.accepted_at,
        attempts=row.attempts,
        generation=row.generation,
        deleted=row.deleted_at is not None,
        audience=Audience(row.audience),
        wanted=post.audience if post else None,
        perhaps=row.perhaps,
    )


def count(tx: Connection) -> dict[str, int]:
    """How many there are of each group; what the bridge itself said is of none."""
    rows = tx.execute(select(_D.group, func.count()).where(_D.state == DeliveryState.NOT_DELIVERED).group_by(_D.group))
    return {row[0]: row[1] for row in rows}


def send_again(
    tx: Connection, delivery_id: int, give_up_at: float, may_go: Callable[[Undelivered], bool] = lambda _: True
) -> int | None:
    """Queue it anew, in its old turn, to be rendered anew and sent under keys of their own; its lane, None if it is not there.

    Where a part may stand all the same, what was frozen is kept: it is looked up before anything is sent. What went in one
    native message with others that may stand is queued with them, if all of them `may_go`; else it goes its own way.
    """
    found = tx.execute(select(_D.state, _D.carried_by).where(_D.id == delivery_id)).one_or_none()
    together = carried.unit(tx, delivery_id)
    if found is not None and found.state == DeliveryState.WAITING and found.carried_by is not None:
        return _lane_of(tx, together[0])  # queued just now, with what carries it
    if found is None or found.state != DeliveryState.NOT_DELIVERED:
        return None
    if len(together) > 1 and not _all_may(tx, together, may_go):
        carried.part_ways(tx, delivery_id, even_attempted=True)
        together = (delivery_id,)
    attempting = update(sql.part).where(_P.delivery_id.in_(together), _P.state == PartState.ATTEMPTING)
    if tx.execute(attempting.values(lost_answers=0)).rowcount == 0:
        carried.part_ways(tx, delivery_id)
        tx.execute(delete(sql.part).where(_P.delivery_id == delivery_id))
        together = (delivery_id,)
    tx.execute(
        update(sql.delivery)
        .where(_D.id.in_(together), _D.state == DeliveryState.NOT_DELIVERED)
        .values(
            state=DeliveryState.WAITING,
            reason="",
            detail="",
            done_at=None,
            attempts=0,
            generation=_D.generation + 1,
            ready_at=0.0,
            give_up_at=give_up_at,
        )
    )
    return _lane_of(tx, together[0])


def _all_may(tx: Connection, together: Sequence[int], may_go: Callable[[Undelivered], bool]) -> bool:
    found = listed(tx, Which(tuple(together)), most=len(together))
    return len(found) == len(together) and all(map(may_go, found))


def _lane_of(tx: Connection, delivery_id: int) -> int:
    lane: int = tx.execute(select(_D.lane_id).where(_D.id == delivery_id)).scalar_one()
    return lane


@dataclass(frozen=True, slots=True)
class Returned:
    """A copy that was handed over and came back: of which post, by which duty, to whom."""

    post_id: int
    kind: str
    event_key: str
    generation: int
    destination: Destination


def came_back(tx: Connection, copy: Ref, reason: str, detail: str, now: float) -> tuple[Returned, ...]:
    """The copy at `copy`, and all that one message brought with it, did not get there after all; none where that is known."""
    r = sql.receipt.c
    found = tx.execute(
        select(_D.id)
        .where(r.account == copy.place.account, r.native == copy.id, _D.post_id == r.post_id, _D.lane_id == r.lane_id)
        .where(_D.state == DeliveryState.DELIVERED)
        .order_by(_D.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    if found is None:
        return ()
    together = carried.unit(tx, found)
    e = sql.event.c
    columns = (_D.id, _D.post_id, _D.lane_id, _D.kind, _D.generation, e.kind.label("event_kind"), e.revision)
    lane = (_LANE.account.label("to_account"), _LANE.place.label("to_place"), _LANE.person.label("to_person"), _LANE.reader)
    of_post = tuple(_POST[name] for name in ("account", "place", "person", "native"))
    rows = tx.execute(
        select(*columns, *lane, *of_post).where(
            _D.id.in_(together),
            _D.state == DeliveryState.DELIVERED,
            _D.event_id == e.id,
            _D.lane_id == _LANE.id,
            _D.post_id == _POST.id,
        )
    ).all()
    ended = {"state": DeliveryState.NOT_DELIVERED, "reason": reason, "detail": sql.storable(detail), "done_at": now}
    tx.execute(update(sql.delivery).where(_D.id.in_([row.id for row in rows])).values(ended))
    for row in rows:
        gone = (r.post_id == row.post_id, r.lane_id == row.lane_id)
        tx.execute(update(sql.receipt).where(*gone).values(standing=False))
    carried.part_ways(tx, found, even_attempted=True)
    return tuple(_returned(row) for row in rows)


def _returned(row: Any) -> Returned:
    to = Place(AccountId(row.to_account), row.to_place, row.to_person or None)
    key = f"{sql.ref_of(row)}|{row.event_kind}|{row.revision}"
    return Returned(row.post_id, row.kind, key, row.generation, Destination(to, row.reader or None))


def end(tx: Connection, ids: Sequence[int], reason: str, detail: str, now: float) -> int:
    """Nothing more is to come of these; how many there were."""
    there = (_D.id.in_(ids), _D.state == DeliveryState.NOT_DELIVERED)
    ended = {"state": DeliveryState.FILTERED, "reason": reason, "detail": sql.storable(detail), "done_at": now}
    return tx.execute(update(sql.delivery).where(*there).values(ended)).rowcount
