"""Which ids the places' names in the mapping file were found to mean, and lanes made before that was known."""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from bridge.post import AccountId, PlaceId
from bridge.store import sql


def all_pins(tx: Connection) -> dict[tuple[AccountId, str], PlaceId]:
    """Every name that was pinned so far."""
    rows = tx.execute(select(sql.pin))
    return {(AccountId(row.account), row.name): PlaceId(row.place) for row in rows}


def pin(tx: Connection, account: AccountId, name: str, place: PlaceId, stand_in: PlaceId) -> None:
    """Pin a name for good; what waited under its stand-in now goes to the place."""
    sql.upsert(tx, sql.pin, ("account", "name"), account=account, name=name, place=place)
    c = sql.lane.c
    taken = select(c.id).where(c.account == account, c.place == place)
    if tx.execute(taken.limit(1)).first() is None:
        tx.execute(
            update(sql.lane)
            .where(c.account == account, c.place == stand_in)
            .values(place=place, epoch=c.epoch + 1, not_before=0.0, paused="")
        )
