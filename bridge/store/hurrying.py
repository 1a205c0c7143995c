"""Trying again now instead of at the end of a back-off, when somebody knows that an account is reachable again."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from bridge.post import AccountId
from bridge.store import sql
from bridge.store.tables import LaneKind


def hurry(tx: Connection, account: AccountId) -> tuple[int, ...]:
    """Let the account's destination lanes that failed be tried at once; their ids, to be woken.

    Only lanes with failures: one that rests between two sends keeps its pace.
    """
    c = sql.lane.c
    late = (c.account == account, c.kind == LaneKind.DESTINATION, c.failures > 0)
    ids = tuple(tx.execute(select(c.id).where(*late)).scalars())
    tx.execute(update(sql.lane).where(*late).values(not_before=0.0))
    return ids
