"""Forgetting bodies: texts are kept for a while, ids for ever."""

from __future__ import annotations

from sqlalchemy import Connection, exists, select, update

from bridge.store import sql
from bridge.store.tables import DeliveryState, RawState

BATCH = 500


def prune(tx: Connection, before: float) -> int:
    """Empty up to `BATCH` bodies each of raws, posts and parts older than `before`; how many were emptied.

    What still waits keeps its body.
    """
    return _raws(tx, before) + _posts(tx, before) + _parts(tx, before)


def _raws(tx: Connection, before: float) -> int:
    c = sql.raw.c
    old = select(c.id).where(c.taken_at < before, c.state == RawState.DONE, c.body != b"").limit(BATCH)
    return tx.execute(update(sql.raw).where(c.id.in_(old)).values(body=b"", hints="{}")).rowcount


def _posts(tx: Connection, before: float) -> int:
    c, d = sql.post.c, sql.delivery.c
    waiting = exists().where(d.post_id == c.id, d.state == DeliveryState.WAITING)
    old = select(c.id).where(c.at < before, c.body != "", ~waiting).limit(BATCH)
    return tx.execute(update(sql.post).where(c.id.in_(old)).values(body="", subject="")).rowcount


def _parts(tx: Connection, before: float) -> int:
    p, d = sql.part.c, sql.delivery.c
    old = (
        select(p.id)
        .where(p.delivery_id == d.id, d.accepted_at < before, d.state != DeliveryState.WAITING, p.body != "")
        .limit(BATCH)
    )
    return tx.execute(update(sql.part).where(p.id.in_(old)).values(body="")).rowcount
