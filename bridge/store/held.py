"""What is held, kept for a human, and what was missed: with who wrote it, where, when and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from bridge import text
from bridge.post import AccountId, EventKind, UserId
from bridge.reasons import Reason
from bridge.store import sql
from bridge.store.codec import load_post
from bridge.store.tables import RawState

_WIDTH = 80
_MOST = 1000
_POST = "post"
_HELD = select(sql.event).where(sql.event.c.id == bindparam("_event"), sql.event.c.verdict == "held")


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


def name_of(event_id: int) -> str:
    """By what name an admin speaks of a held post."""
    return f"{_POST}{event_id}"


def find(tx: Connection, name: str) -> tuple[int, int] | None:
    """The event and the post that are held under this name."""
    number = name.removeprefix(_POST)
    if not (name.startswith(_POST) and number.isdecimal() and len(number) < 18):
        return None
    row = tx.execute(sql.for_update(tx, _HELD), {"_event": int(number)}).one_or_none()
    return (row.id, row.post_id) if row is not None else None


def lately(tx: Connection, author: str, reason: str, since: float) -> int:
    """How many posts of somebody called so were held for this reason since then."""
    e, p = sql.event.c, sql.post.c
    mine = (e.verdict == "held", e.reason == reason, e.accepted_at >= since, e.post_id == p.id, p.author == sql.storable(author))
    return tx.execute(select(func.count()).select_from(sql.event, sql.post).where(*mine)).scalar_one()


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
        name_of(row.id),
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
