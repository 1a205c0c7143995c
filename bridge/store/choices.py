"""What readers chose for themselves, and how many mails each got today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from bridge.mappings import Deliver
from bridge.post import AccountId
from bridge.rhythm import NOTHING_CHOSEN, Choice
from bridge.store import sql

_C = sql.choice.c


def known(tx: Connection) -> Mapping[tuple[AccountId, str], Choice]:
    """Every choice that says something."""
    rows = tx.execute(select(sql.choice).where((_C.deliver != "") | (_C.paused_until > 0)))
    return {(AccountId(row.account), row.address): _choice(row) for row in rows}


def of(tx: Connection, account: AccountId, address: str) -> Choice:
    """What the reader chose."""
    row = tx.execute(select(sql.choice).where(_C.account == account, _C.address == address)).one_or_none()
    return _choice(row) if row is not None else NOTHING_CHOSEN


def put(tx: Connection, account: AccountId, address: str, choice: Choice) -> None:
    """Write down what they chose."""
    _make(tx, account, address)
    chosen = {"deliver": choice.deliver or "", "paused_until": choice.paused_until}
    tx.execute(update(sql.choice).where(_C.account == account, _C.address == address).values(**chosen))


def _make(tx: Connection, account: AccountId, address: str) -> None:
    there = tx.execute(select(_C.account).where(_C.account == account, _C.address == address)).first()
    if there is None:
        empty = {"deliver": "", "paused_until": 0.0, "counted_on": "", "mails": 0}
        sql.upsert(tx, sql.choice, ("account", "address"), account=account, address=address, **empty)


def _choice(row: Any) -> Choice:
    return Choice(Deliver(row.deliver) if row.deliver else None, row.paused_until)


def count(tx: Connection, account: AccountId, address: str, day: str) -> None:
    """One more mail on that day, a date in the reader's zone."""
    _make(tx, account, address)
    mine = update(sql.choice).where(_C.account == account, _C.address == address)
    if not tx.execute(mine.where(_C.counted_on == day).values(mails=_C.mails + 1)).rowcount:
        tx.execute(mine.values(counted_on=day, mails=1))


def mails_on(tx: Connection, account: AccountId, address: str, day: str) -> int:
    """How many mails they got on that day."""
    found = select(_C.mails).where(_C.account == account, _C.address == address, _C.counted_on == day)
    return tx.execute(found).scalar_one_or_none() or 0
