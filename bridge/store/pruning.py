"""Forgetting bodies: texts are kept for a while, ids for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, delete, exists, select, update

from bridge.store import blobs, sql
from bridge.store.tables import UNSENT, RawState

BATCH = 500
_FEW = 50
_POST, _RAW, _D, _P, _E = sql.post.c, sql.raw.c, sql.delivery.c, sql.part.c, sql.event.c
_OTHER = sql.delivery.alias("other").c
_WAITING = exists().where(_D.post_id == _POST.id, _D.state.in_(UNSENT))


def prune(tx: Connection, before: float, of_group: Mapping[str, float] | None = None) -> int:
    """Empty up to `BATCH` bodies each of raws and posts older than `before`, with all that was made of them; how many.

    `of_group` says otherwise for a group's posts; of a post of several groups the shortest time counts. What still waits keeps
    its body, and what still has a body its files.
    """
    groups = dict(of_group or {})
    emptied = sum(forget(tx, _old(tx, until, _is_of([group]))) for group, until in groups.items())
    kept_longer = [group for group, until in groups.items() if until < before]
    emptied += forget(tx, _old(tx, before, ~_is_of(kept_longer)))
    return emptied + _raws(tx, before) + _files(tx) + _blobs(tx, before)


def _is_of(groups: Sequence[str]) -> ColumnElement[bool]:
    return exists().where(_D.post_id == _POST.id, _D.group.in_(groups))


def _old(tx: Connection, before: float, which: ColumnElement[bool]) -> list[int]:
    old = select(_POST.id).where(_POST.at < before, _POST.body != "", which, ~_WAITING).order_by(_POST.at).limit(BATCH)
    return list(tx.execute(old).scalars())


def forget(tx: Connection, posts: Sequence[int]) -> int:
    """Empty these posts, whatever was made of them, and the raws that told of them; how many posts there were."""
    if not posts:
        return 0
    theirs = select(_D.id).where(_D.post_id.in_(posts))
    carrying = select(_OTHER.id).where(_OTHER.id.in_(select(_D.carried_by).where(_D.id.in_(theirs))), _OTHER.state.not_in(UNSENT))
    for made in (theirs, carrying):  # what carried a copy of them has their words in it
        tx.execute(update(sql.part).where(_P.delivery_id.in_(made), _P.body != "").values(body="", files=""))
    told = select(_E.raw_id).where(_E.post_id.in_(posts), _E.raw_id.is_not(None))
    tx.execute(update(sql.raw).where(_RAW.id.in_(told), _RAW.state == RawState.DONE).values(body=b"", hints="{}"))
    return tx.execute(update(sql.post).where(_POST.id.in_(posts)).values(body="", subject="", mark="")).rowcount


def _raws(tx: Connection, before: float) -> int:
    old = select(_RAW.id).where(_RAW.taken_at < before, _RAW.state == RawState.DONE, _RAW.body != b"").limit(BATCH)
    return tx.execute(update(sql.raw).where(_RAW.id.in_(old)).values(body=b"", hints="{}")).rowcount


def _files(tx: Connection) -> int:
    f = blobs.file.c
    forgotten = exists().where(_POST.id == f.post_id, _POST.body == "", ~_WAITING)
    old = select(f.id).where(forgotten).limit(BATCH)
    return tx.execute(delete(blobs.file).where(f.id.in_(old))).rowcount


def _blobs(tx: Connection, before: float) -> int:
    b = blobs.blob.c
    # Some may be 40 MB: fewer at a time. One that comes again meanwhile has a new `used_at`, and stays.
    old = select(b.id).where(b.used_at < before, ~exists().where(blobs.file.c.blob == b.id)).limit(_FEW)
    return tx.execute(delete(blobs.blob).where(b.id.in_(old), b.used_at < before)).rowcount
