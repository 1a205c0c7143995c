"""The whole story of a post, as the ledger tells it: heard, judged, queued, attempted, delivered."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select

from bridge.post import AccountId, Destination, NativeId, Post, Ref
from bridge.store import sql
from bridge.store.codec import load_post
from bridge.store.tables import DeliveryState


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the post: when, when it was judged, and how. `taken_at` and `transport` are of the raw that said so."""

    kind: str
    at: float
    accepted_at: float
    verdict: str
    reason: str
    taken_at: float | None
    transport: str


@dataclass(frozen=True, slots=True)
class Stood:
    """A native message of ours that stands at a destination, or stood there."""

    ref: Ref
    sent_at: float
    standing: bool


@dataclass(frozen=True, slots=True)
class Way:
    """The duty to bring an event to a destination, and what came of it. `waits_for` is why its lane rests, if it does."""

    destination: Destination
    kind: str
    group: str
    state: str
    reason: str
    detail: str
    attempts: int
    lost_answers: int
    generation: int
    accepted_at: float
    done_at: float | None
    waits_for: str
    copies: tuple[Stood, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """A post and everything that became of it. `post` is None once its words were forgotten, or were never kept."""

    id: int
    ref: Ref
    author: str
    at: float
    deleted_at: float | None
    post: Post | None
    events: tuple[Happened, ...]
    ways: tuple[Way, ...]


def find(tx: Connection, refs: Iterable[Ref], native: str, accounts: Iterable[AccountId]) -> tuple[int, ...]:
    """The ids of the posts that stand at one of `refs`, or of which a copy stands there; else those called `native` anywhere."""
    found: dict[int, None] = {}
    for ref in refs:
        exact, near = _at(tx, (ref.place.account,), ref.id, ref), _at(tx, (ref.place.account,), ref.id)
        found |= dict.fromkeys(exact or near)
    if not found and native:
        found |= dict.fromkeys(_at(tx, tuple(accounts), NativeId(native)))
    return tuple(found)


def _at(tx: Connection, accounts: tuple[AccountId, ...], native: NativeId, exactly: Ref | None = None) -> list[int]:
    p, r = sql.post.c, sql.receipt.c
    posts = select(p.id).where(p.account.in_(accounts), p.native == native)
    copies = select(r.post_id).where(r.account.in_(accounts), r.native == native)
    if exactly is not None:
        columns = sql.place_columns(exactly.place)
        posts = posts.where(*(p[name] == value for name, value in columns.items()))
        copies = copies.where(*(r[name] == value for name, value in columns.items()))
    return [*tx.execute(posts).scalars(), *tx.execute(copies).scalars()] or _brought_by(tx, native)


def _brought_by(tx: Connection, message: str) -> list[int]:
    """The posts that a message brought which stands for none of them."""
    d, carrier = sql.delivery.c, sql.delivery.alias().c
    others = select(d.carried_by).where(d.carried_by.is_not(None), d.detail == message, d.state == DeliveryState.DELIVERED)
    brought = or_(carrier.id.in_(others), carrier.carried_by.in_(others))
    return list(tx.execute(select(carrier.post_id).where(brought).order_by(carrier.id)).scalars())


def tell(tx: Connection, post_id: int) -> Story:
    """The story of a post that `find` found."""
    row = tx.execute(select(sql.post).where(sql.post.c.id == post_id)).one()
    post = load_post(row.body) if row.body else None
    ways = _ways(tx, post_id)
    return Story(row.id, sql.ref_of(row), row.author, row.at, row.deleted_at, post, _events(tx, post_id), ways)


def _events(tx: Connection, post_id: int) -> tuple[Happened, ...]:
    e, r = sql.event.c, sql.raw.c
    rows = tx.execute(
        select(sql.event, r.taken_at, r.hints)
        .select_from(sql.event.outerjoin(sql.raw, e.raw_id == r.id))
        .where(e.post_id == post_id)
        .order_by(e.id)
    )
    return tuple(
        Happened(row.kind, row.at, row.accepted_at, row.verdict, row.reason, row.taken_at, _transport(row.hints)) for row in rows
    )


def _transport(hints: str | None) -> str:
    return str(json.loads(hints).get("transport", "")) if hints else ""


def _ways(tx: Connection, post_id: int) -> tuple[Way, ...]:
    d, lane = sql.delivery.c, sql.lane.c
    columns = (lane.account, lane.place, lane.person, lane.reader, lane.paused)
    rows = tx.execute(select(sql.delivery, *columns).where(d.post_id == post_id, d.lane_id == lane.id).order_by(d.id)).all()
    lost, copies = _lost(tx, [row.id for row in rows]), _copies(tx, post_id)
    return tuple(
        Way(
            sql.destination_of(row),
            row.kind,
            row.group,
            row.state,
            row.reason,
            row.detail,
            row.attempts,
            lost.get(row.id, 0),
            row.generation,
            row.accepted_at,
            row.done_at,
            row.paused,
            tuple(copies.get(row.lane_id, ())),
        )
        for row in rows
    )


def _lost(tx: Connection, deliveries: list[int]) -> dict[int, int]:
    p = sql.part.c
    counted = select(p.delivery_id, func.sum(p.lost_answers)).where(p.delivery_id.in_(deliveries)).group_by(p.delivery_id)
    return {row[0]: int(row[1]) for row in tx.execute(counted)}


def _copies(tx: Connection, post_id: int) -> dict[int, list[Stood]]:
    r = sql.receipt.c
    found: dict[int, list[Stood]] = {}
    rows: Any = tx.execute(select(sql.receipt).where(r.post_id == post_id).order_by(r.number))
    for row in rows:
        found.setdefault(row.lane_id, []).append(Stood(sql.ref_of(row), row.sent_at, row.standing))
    return found
