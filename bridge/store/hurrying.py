"""Trying again now instead of at the end of a back-off, when somebody knows that an account is reachable again."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, select, update

from bridge.post import AccountId
from bridge.store import sql
from bridge.store.tables import LaneKind


def hurry(tx: Connection, account: AccountId) -> tuple[int, ...]:
    """Let the account's destination lanes that failed be tried at once; their ids, to be woken.

    For somebody who knows that the platform is well again: this cuts short what the platform itself asked for, too.
    Only lanes with failures: one that rests between two sends keeps its pace.
    """
    return _now(tx, account, sql.lane.c.failures > 0)


def resume(tx: Connection, account: AccountId) -> tuple[int, ...]:
    """Let the account's destination lanes that wait for a human be tried at once; their ids, to be woken.

    Only those: their wait is ours alone, while that of any other may be what the platform asked for (Retry-After). The
    others lose little: nothing is tried while the account is closed, so their back-off stopped growing then.
    """
    return _now(tx, account, sql.lane.c.paused != "")


def _now(tx: Connection, account: AccountId, which: ColumnElement[bool]) -> tuple[int, ...]:
    c = sql.lane.c
    late = (c.account == account, c.kind == LaneKind.DESTINATION, which)
    ids = tuple(tx.execute(select(c.id).where(*late)).scalars())
    tx.execute(update(sql.lane).where(*late).values(not_before=0.0))
    return ids
