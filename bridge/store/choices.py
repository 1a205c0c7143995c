"""What readers chose for themselves, by their address at an account; what they were told, and how many mails they got today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, exists, select, update

from bridge.mappings import Deliver
from bridge.post import AccountId, Destination, Place, PlaceId
from bridge.rhythm import NOTHING_CHOSEN, Choice
from bridge.store import sql

_C = sql.choice.c


def known(tx: Connection) -> Mapping[tuple[AccountId, str], Choice]:
    """Every choice that says something."""
    rows = tx.execute(select(sql.choice).where((_C.deliver != "") | (_C.paused_until > 0)))
    return {(AccountId(row.account), row.address): _choice(row) for row in rows}


def of(tx: Connection, to: Destination) -> Choice:
    """What the reader chose."""
    row = _row(tx, to)
    return _choice(row) if row is not None else NOTHING_CHOSEN


def put(tx: Connection, to: Destination, choice: Choice) -> None:
    """Write down what they chose."""
    _set(tx, to, deliver=choice.deliver or "", paused_until=choice.paused_until)


def _row(tx: Connection, to: Destination) -> Any:
    return tx.execute(select(sql.choice).where(_C.account == to.account, _C.address == (to.reader or ""))).one_or_none()


def _set(tx: Connection, to: Destination, **values: Any) -> None:
    """Change what is known of the reader; make the row where there is none."""
    mine = update(sql.choice).where(_C.account == to.account, _C.address == (to.reader or ""))
    if not tx.execute(mine.values(**values)).rowcount:
        empty = {"deliver": "", "paused_until": 0.0, "counted_on": "", "mails": 0, "welcomed": "", "asked": ""}
        sql.upsert(tx, sql.choice, ("account", "address"), account=to.account, address=to.reader or "", **(empty | values))


def _choice(row: Any) -> Choice:
    return Choice(Deliver(row.deliver) if row.deliver else None, row.paused_until)


# ---------------------------------------------------------------- mails of a day


def count(tx: Connection, to: Destination, day: str) -> None:
    """One more mail on that day, a date in the reader's zone."""
    today = update(sql.choice).where(_C.account == to.account, _C.address == (to.reader or ""), _C.counted_on == day)
    if not tx.execute(today.values(mails=_C.mails + 1)).rowcount:
        _set(tx, to, counted_on=day, mails=1)


def mails_on(tx: Connection, to: Destination, day: str) -> int:
    """How many mails they got on that day."""
    row = _row(tx, to)
    return row.mails if row is not None and row.counted_on == day else 0


# ---------------------------------------------------------------- what they were told


def all_welcomed(tx: Connection) -> frozenset[Destination]:
    """Readers who were told what they read."""
    rows = tx.execute(select(_C.account, _C.address, _C.welcomed).where(_C.welcomed != ""))
    return frozenset(
        Destination(Place(AccountId(row.account), PlaceId(place)), row.address) for row in rows for place in row.welcomed.split()
    )


def is_new(tx: Connection, to: Destination) -> bool:
    """Whether the reader was never told what they read, nor got anything of it before."""
    row, r, lane = _row(tx, to), sql.receipt.c, sql.lane.c
    if row is not None and to.place.id in row.welcomed.split():
        return False
    mine = (lane.account == to.account, lane.place == to.place.id, lane.reader == (to.reader or ""))
    return not tx.execute(select(exists().where(*mine, r.lane_id == lane.id))).scalar_one()


def welcomed(tx: Connection, to: Destination) -> None:
    """They are told now."""
    row = _row(tx, to)
    before = row.welcomed.split() if row is not None else []
    _set(tx, to, welcomed=" ".join(sorted({*before, to.place.id})))


def first_asked(tx: Connection, to: Destination, what: str, day: int) -> bool:
    """Whether they are asked about this for the first time that day; from now on they were."""
    row = _row(tx, to)
    mark = f"{day}/{what.replace(' ', '-')}"
    before = [each for each in (row.asked.split() if row is not None else []) if each.startswith(f"{day}/")]
    if mark in before:
        return False
    _set(tx, to, asked=" ".join([*before, mark]))
    return True
