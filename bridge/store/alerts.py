"""What admins are told: each trouble once until it was well again, each piece of news once for ever."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from bridge.post import AccountId, Place
from bridge.store import sql
from bridge.store.tables import LaneKind


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that admins are told. `account` is the one it is about; `lasting`, it can end and come again.

    `times` counts its outbreaks; `well` says whether it is over; `open` whether somebody is still to be told.
    """

    key: str
    account: AccountId
    text: str
    lasting: bool = False
    times: int = 1
    at: float = 0.0
    seen_at: float = 0.0
    well: bool = False
    open: bool = True
    told: frozenset[str] = frozenset()
    about: str = ""
    """What is held, by its name in the list of held things; empty where it is about nothing held."""

    @property
    def outbreak(self) -> str:
        """Names this outbreak among all."""
        return f"{self.key}:{self.times}"


def add(tx: Connection, alert: Alert, now: float) -> bool:
    """Write it down, to be told; False where it is known: it was told already, or still lasts."""
    a = sql.alert.c
    row = tx.execute(sql.for_update(tx, select(sql.alert).where(a.key == alert.key))).one_or_none()
    if row is not None and (not row.lasting or row.well_at is None):
        tx.execute(update(sql.alert).where(a.key == alert.key).values(seen_at=now))
        return False
    sql.upsert(
        tx,
        sql.alert,
        ("key",),
        key=alert.key,
        account=alert.account,
        text=sql.storable(alert.text),
        lasting=alert.lasting,
        times=row.times + 1 if row is not None else 1,
        at=now,
        seen_at=now,
        well_at=None,
        open=True,
        told="",
        about=alert.about,
    )
    return True


def known(tx: Connection, keys: Iterable[str]) -> frozenset[str]:
    """Those of the keys that are known."""
    return frozenset(tx.execute(select(sql.alert.c.key).where(sql.alert.c.key.in_(list(keys)))).scalars())


def count(tx: Connection, prefix: str, since: float) -> int:
    """How many there were since then whose keys begin so."""
    a = sql.alert.c
    mine = (a.key.startswith(prefix, autoescape=True), a.at >= since)
    return tx.execute(select(func.count()).select_from(sql.alert).where(*mine)).scalar_one()


def told(tx: Connection, alert: Alert, people: Iterable[str], *, still: bool) -> bool:
    """Write down who was told by now, and whether others still are to be; False where that changed meanwhile."""
    a = sql.alert.c
    mine = (a.key == alert.key, a.times == alert.times, a.open, a.told == " ".join(sorted(alert.told)))
    changed = update(sql.alert).where(*mine).values(told=" ".join(sorted(alert.told | set(people))), open=still)
    return tx.execute(changed).rowcount > 0


def end(tx: Connection, alert: Alert, now: float) -> bool:
    """The trouble is over; False where somebody else saw that first."""
    a = sql.alert.c
    ended = update(sql.alert).where(a.key == alert.key, a.times == alert.times, a.well_at.is_(None))
    return tx.execute(ended.values(well_at=now, open=False)).rowcount > 0


def current(tx: Connection) -> tuple[Alert, ...]:
    """What is still to be told, and troubles that last; oldest first."""
    a = sql.alert.c
    lasts = a.lasting & a.well_at.is_(None)
    rows = tx.execute(select(sql.alert).where(or_(a.open, lasts)).order_by(a.at, a.key))
    return tuple(_alert(row) for row in rows)


def _alert(row: Any) -> Alert:
    return Alert(
        row.key,
        AccountId(row.account),
        row.text,
        row.lasting,
        row.times,
        row.at,
        row.seen_at,
        well=row.well_at is not None,
        open=row.open,
        told=frozenset(row.told.split()),
        about=row.about,
    )


def withdraw(tx: Connection, about: str) -> bool:
    """What it was about is settled otherwise, so nobody else is told; whether somebody was."""
    a = sql.alert.c
    mine = update(sql.alert).where(a.about == about).values(open=False)
    return any(told for (told,) in tx.execute(mine.returning(a.told)))


def about(tx: Connection, key: str) -> str:
    """What the alert is about; empty where nothing is held."""
    return tx.execute(select(sql.alert.c.about).where(sql.alert.c.key == key)).scalar_one_or_none() or ""


# ---------------------------------------------------------------- what there is to be told


def paused(tx: Connection) -> tuple[tuple[Place, str], ...]:
    """The places that wait for a human, and why. Not people: that a notice can't be brought is told to nobody."""
    c = sql.lane.c
    rows = tx.execute(
        select(sql.lane).where(c.kind == LaneKind.DESTINATION, c.person == "", c.paused != "").order_by(c.account, c.place)
    )
    return tuple((sql.place_of(row), row.paused) for row in rows)
