"""What was decided about a post when it was accepted."""

from __future__ import annotations

from sqlalchemy import Connection, select

from bridge.post import EventKind
from bridge.store import sql


def verdict_of(tx: Connection, post_id: int) -> str:
    """`relayed`, `held`, `dropped`, or `notice` for what the bridge itself said; empty for one that was only heard to be gone."""
    e = sql.event.c
    made = (e.post_id == post_id, e.kind.in_([EventKind.CREATED, EventKind.NOTICE]))
    found: str | None = tx.execute(select(e.verdict).where(*made)).scalar_one_or_none()
    return found or ""
