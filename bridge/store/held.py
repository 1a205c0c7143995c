"""What is held, kept for a human, and what was missed: with who wrote it, where, when and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from bridge import text
from bridge.post import AccountId, EventKind, UserId
from bridge.reasons import Reason
from bridge.store import sql
from bridge.store.codec import load_post
from bridge.store.tables import RawState

_WIDTH = 80
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Held:
    """Something that waits for a human. `id` names it; what could not be read has no `user`, `who`, `place` and `line`."""

    id: str
    account: AccountId
    place: str
    direct: bool
    user: UserId
    who: str
    handle: str
    at: float
    reason: str
    line: str


def posts(tx: Connection, since: float = 0.0) -> tuple[Held, ...]:
    """Posts held since then, newest first. Those that their author deleted are not among them."""
    e, p = sql.event.c, sql.post.c
    rows = tx.execute(
        select(e.id, e.accepted_at, e.reason, p.account, p.place, p.person, p.author, p.body)
        .where(e.verdict == "held", e.accepted_at >= since, e.post_id == p.id, p.deleted_at.is_(None))
        .order_by(e.accepted_at.desc(), e.id.desc())
    )
    return tuple(_held(row) for row in rows)


def missed(tx: Connection) -> tuple[Held, ...]:
    """Posts that were too old when they were heard, newest first; `at` is when they were written. Not those deleted since."""
    e, p = sql.event.c, sql.post.c
    rows = tx.execute(
        select(e.id, p.at.label("accepted_at"), e.reason, p.account, p.place, p.person, p.author, p.body)
        .where(e.reason == Reason.TOO_OLD, e.kind == EventKind.CREATED, e.post_id == p.id, p.deleted_at.is_(None))
        .order_by(p.at.desc(), e.id.desc())
        .limit(_MOST)
    )
    return tuple(_held(row) for row in rows)


def raws(tx: Connection) -> tuple[Held, ...]:
    """What came in and could not be understood, newest first."""
    r = sql.raw.c
    rows = tx.execute(select(sql.raw).where(r.state != RawState.DONE, r.state == RawState.HELD).order_by(r.taken_at.desc()))
    return tuple(
        Held(f"raw{row.id}", AccountId(row.account), "", False, UserId(""), "", "", row.taken_at, row.reason, "")  # noqa: FBT003
        for row in rows
    )


def _held(row: Any) -> Held:
    post = load_post(row.body) if row.body else None
    handles = [handle for handle in post.author.handles if "@" in handle] if post else []
    return Held(
        f"post{row.id}",
        AccountId(row.account),
        row.place,
        bool(row.person),
        post.author.user if post else UserId(row.person),
        post.author.name if post else "",
        handles[-1] if handles else row.author,
        row.accepted_at,
        row.reason,
        text.first_line(post.text, _WIDTH) if post else "",
    )
