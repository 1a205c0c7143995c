"""How many people read each place, as one replica counted last and all may say."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from bridge.post import AccountId, Place, PlaceId
from bridge.store import sql


def put(tx: Connection, place: Place, people: int | None) -> None:
    """So many read the place; None where nobody can tell."""
    if people is None:
        tx.execute(delete(sql.size).where(sql.size.c.account == place.account, sql.size.c.place == place.id))
    else:
        sql.upsert(tx, sql.size, ("account", "place"), account=place.account, place=place.id, people=people)


def counted(tx: Connection) -> dict[Place, int]:
    """Every place that was counted."""
    return {Place(AccountId(row.account), PlaceId(row.place)): row.people for row in tx.execute(select(sql.size))}
