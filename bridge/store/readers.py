"""How it stands with readers: whose mail comes back, who is spared for it, who left, and the way back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, or_, select

from bridge.post import AccountId, Destination, Place, PlaceId
from bridge.store import sql

DAY_S: Final = 24 * 3600.0
THRESHOLD: Final = 5
"""Days with returned mail after which a reader is spared."""
STALE_S: Final = 7 * DAY_S
"""After so long without any, earlier ones count no more."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with one reader; as `ReaderRow`."""

    destination: Destination
    left_at: float | None = None
    suspended_at: float | None = None
    points: int = 0
    failed_at: float = 0.0
    why: str = ""
    asked: int = 0
    asked_at: float = 0.0

    @property
    def is_away(self) -> bool:
        return self.left_at is not None or self.suspended_at is not None


def scored(standing: Standing, why: str, now: float) -> Standing:
    """The standing after mail came back: one point a day at most, none for a reader who is spared already. Pure."""
    if standing.suspended_at is not None:
        return standing
    points = 0 if now - standing.failed_at > STALE_S else standing.points
    same_day = points > 0 and now // DAY_S == standing.failed_at // DAY_S
    points = points if same_day else points + 1
    scored = replace(standing, points=points, failed_at=now, why=why)
    return replace(scored, suspended_at=now, asked=1, asked_at=now) if points >= THRESHOLD else scored


def standing(tx: Connection, destination: Destination) -> Standing:
    """How it stands with the reader."""
    r, place = sql.reader.c, destination.place
    row = tx.execute(
        select(sql.reader).where(r.account == place.account, r.place == place.id, r.address == (destination.reader or ""))
    ).one_or_none()
    return _standing(row) if row is not None else Standing(destination)


def put(tx: Connection, standing: Standing) -> None:
    """Write down how it stands now."""
    place = standing.destination.place
    sql.upsert(
        tx,
        sql.reader,
        ("account", "place", "address"),
        account=place.account,
        place=place.id,
        address=standing.destination.reader or "",
        left_at=standing.left_at,
        suspended_at=standing.suspended_at,
        points=standing.points,
        failed_at=standing.failed_at,
        why=sql.storable(standing.why)[:300],
        asked=standing.asked,
        asked_at=standing.asked_at,
    )


def known(tx: Connection) -> tuple[Standing, ...]:
    """Everybody of whom there is something to say."""
    r = sql.reader.c
    return tuple(map(_standing, tx.execute(select(sql.reader).order_by(r.account, r.place, r.address))))


def away(tx: Connection) -> frozenset[Destination]:
    """Readers who get nothing: they left, or are spared because their mail comes back."""
    r = sql.reader.c
    rows = tx.execute(select(sql.reader).where(or_(r.left_at.is_not(None), r.suspended_at.is_not(None))))
    return frozenset(_standing(row).destination for row in rows)


def _standing(row: Any) -> Standing:
    to = Destination(Place(AccountId(row.account), PlaceId(row.place)), row.address)
    return Standing(to, row.left_at, row.suspended_at, row.points, row.failed_at, row.why, row.asked, row.asked_at)
