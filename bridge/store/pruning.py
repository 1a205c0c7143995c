"""Forgetting bodies: texts are kept for a while, ids for ever."""

from __future__ import annotations

from sqlalchemy import Connection, delete, exists, select, update

from bridge.store import blobs, sql
from bridge.store.tables import UNSENT, RawState

BATCH = 500
_FEW = 50


def prune(tx: Connection, before: float) -> int:
    """Empty up to `BATCH` bodies each of raws, posts and parts older than `before`, and files; how many were emptied.

    What still waits keeps its body, and what still has a body its files.
    """
    return _raws(tx, before) + _posts(tx, before) + _parts(tx, before) + _files(tx) + _blobs(tx, before)


def _raws(tx: Connection, before: float) -> int:
    c = sql.raw.c
    old = select(c.id).where(c.taken_at < before, c.state == RawState.DONE, c.body != b"").limit(BATCH)
    return tx.execute(update(sql.raw).where(c.id.in_(old)).values(body=b"", hints="{}")).rowcount


def _posts(tx: Connection, before: float) -> int:
    c, d = sql.post.c, sql.delivery.c
    waiting = exists().where(d.post_id == c.id, d.state.in_(UNSENT))
    old = select(c.id).where(c.at < before, c.body != "", ~waiting).limit(BATCH)
    return tx.execute(update(sql.post).where(c.id.in_(old)).values(body="", subject="", mark="")).rowcount


def _parts(tx: Connection, before: float) -> int:
    p, d = sql.part.c, sql.delivery.c
    old = select(p.id).where(p.delivery_id == d.id, d.accepted_at < before, d.state.not_in(UNSENT), p.body != "").limit(BATCH)
    return tx.execute(update(sql.part).where(p.id.in_(old)).values(body="", files="")).rowcount


def _files(tx: Connection) -> int:
    f, c, d = blobs.file.c, sql.post.c, sql.delivery.c
    waiting = exists().where(d.post_id == c.id, d.state.in_(UNSENT))
    forgotten = select(c.id).where(c.body == "", ~waiting)
    old = select(f.id).where(f.post_id.in_(forgotten)).limit(BATCH)
    return tx.execute(delete(blobs.file).where(f.id.in_(old))).rowcount


def _blobs(tx: Connection, before: float) -> int:
    b = blobs.blob.c
    # Some may be 40 MB: fewer at a time. One that comes again meanwhile has a new `used_at`, and stays.
    old = select(b.id).where(b.used_at < before, ~exists().where(blobs.file.c.blob == b.id)).limit(_FEW)
    return tx.execute(delete(blobs.blob).where(b.id.in_(old), b.used_at < before)).rowcount
