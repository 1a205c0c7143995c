"""What people asked of the bridge itself: written down with the raw it came in, carried out once, kept as the audit log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, update

from bridge.post import AccountId, Author, Commanded, Place, PlaceId, Ref, UserId
from bridge.store import sql
from bridge.store.tables_commands import CommandState


@dataclass(frozen=True, slots=True)
class Waiting:
    """A command that is to be carried out."""

    id: int
    key: str
    place: Place
    author: Author
    words: str
    about: Ref | None
    taken_at: float


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of the audit log. `account` is empty for what was asked at this machine's own terminal."""

    at: float
    account: AccountId
    place: str
    user: UserId
    by: str
    words: str
    outcome: str


def add(tx: Connection, said: Commanded, now: float) -> bool:
    """Write a command down; False if it was written down before."""
    made = sql.insert_new(
        tx,
        sql.command,
        account=said.place.account,
        key=said.key,
        place=said.place.id,
        person=said.place.person or "",
        user=said.author.user,
        by=sql.storable(said.author.name),
        handles=json.dumps(said.author.handles),
        words=sql.storable(said.words),
        about=sql.ref_text(said.about),
        at=said.at.timestamp(),
        taken_at=now,
        state=CommandState.WAITING,
        outcome="",
        done_at=None,
    )
    return made is not None


def waiting(tx: Connection, most: int = 20) -> tuple[Waiting, ...]:
    """What is to be carried out, oldest first."""
    c = sql.command.c
    rows = tx.execute(select(sql.command).where(c.state == CommandState.WAITING).order_by(c.id).limit(most))
    return tuple(_waiting(row) for row in rows)


def _waiting(row: Any) -> Waiting:
    place = Place(AccountId(row.account), PlaceId(row.place), UserId(row.person) if row.person else None)
    author = Author(UserId(row.user), row.by, tuple(json.loads(row.handles)))
    return Waiting(row.id, row.key, place, author, row.words, sql.ref_from(row.about), row.taken_at)


def finish(tx: Connection, command_id: int, outcome: str, now: float) -> bool:
    """It was carried out, and ended like this; False where another replica was faster: then nothing of it may be kept."""
    c = sql.command.c
    mine = update(sql.command).where(c.id == command_id, c.state == CommandState.WAITING)
    return tx.execute(mine.values(state=CommandState.DONE, outcome=outcome, done_at=now)).rowcount > 0


def log_here(tx: Connection, key: str, by: str, words: str, outcome: str, now: float) -> None:
    """Note what was asked at this machine's own terminal."""
    sql.insert_new(
        tx,
        sql.command,
        account="",
        key=key,
        place="",
        person="",
        user="",
        by=sql.storable(by),
        handles="[]",
        words=sql.storable(words),
        about="",
        at=now,
        taken_at=now,
        state=CommandState.DONE,
        outcome=outcome,
        done_at=now,
    )


def log(tx: Connection, most: int = 1000) -> tuple[Logged, ...]:
    """The audit log, newest first."""
    rows = tx.execute(select(sql.command).order_by(sql.command.c.id.desc()).limit(most))
    return tuple(
        Logged(row.at, AccountId(row.account), row.place, UserId(row.user), row.by, row.words, row.outcome or "waiting")
        for row in rows
    )
