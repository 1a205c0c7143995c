"""Files beside posts: their bytes, each once, and what became of each file."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

from sqlalchemy import Connection, Table, exists, select

from bridge.post import Media, Post
from bridge.store import sql, tables

blob: Table = tables.BlobRow.__table__  # type: ignore[attr-defined]
file: Table = tables.FileRow.__table__  # type: ignore[attr-defined]


def keep(tx: Connection, post_id: int, media: Media, body: bytes, now: float) -> Media:
    """Keep a file's bytes; the media with its blob."""
    known = sha256(body).hexdigest()
    # Written even where it stands there: so pruning, which may be about to remove it, sees that it was used.
    sql.upsert(tx, blob, ("id",), id=known, size=len(body), body=body, used_at=now)
    return _note(tx, post_id, replace(media, blob=known, size=len(body), missing=""))


def give_up(tx: Connection, post_id: int, media: Media, why: str) -> Media:
    """Note why a file is missing; the media with it."""
    return _note(tx, post_id, replace(media, blob="", missing=sql.storable(why)))


def _note(tx: Connection, post_id: int, media: Media) -> Media:
    row = {"blob": media.blob, "size": media.size or 0, "missing": media.missing}
    sql.upsert(tx, file, ("post_id", "source"), post_id=post_id, source=sql.storable(media.source), **row)
    return media


def with_files(tx: Connection, post_id: int, post: Post) -> Post:
    """The post, its media with what is known of their files."""
    if not post.media:
        return post
    c = file.c
    known = {row.source: row for row in tx.execute(select(file).where(c.post_id == post_id))}
    found = [(media, known.get(sql.storable(media.source))) for media in post.media]
    return replace(
        post,
        media=tuple(
            replace(media, blob=row.blob, size=row.size or media.size, missing=row.missing) if row is not None else media
            for media, row in found
        ),
    )


def shown(tx: Connection, known: str) -> bytes | None:
    """The bytes of a blob that a post has which is neither deleted nor forgotten."""
    f, p = file.c, sql.post.c
    stands = (f.blob == known, f.post_id == p.id, p.deleted_at.is_(None), p.body != "")
    return body_of(tx, known) if tx.execute(select(exists().where(*stands))).scalar_one() else None


def body_of(tx: Connection, known: str) -> bytes | None:
    """The bytes of a blob; None if they are not kept (any more)."""
    found: bytes | None = tx.execute(select(blob.c.body).where(blob.c.id == known)).scalar_one_or_none()
    return None if found is None else bytes(found)
