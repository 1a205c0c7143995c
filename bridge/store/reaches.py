"""Where posts of a place went, when that was last looked at."""

from __future__ import annotations

import json

from sqlalchemy import Connection, select

from bridge.post import AccountId, Place, PlaceId
from bridge.store import sql


def known(tx: Connection) -> dict[Place, frozenset[str]]:
    """Of every place that was looked at, where its posts went then."""
    rows = tx.execute(select(sql.reach))
    return {Place(AccountId(row.account), PlaceId(row.place)): frozenset(json.loads(row.destinations)) for row in rows}


def note(tx: Connection, place: Place, destinations: frozenset[str]) -> frozenset[str] | None:
    """Write down where they go now; where they went before, None if that was never looked at."""
    before = known(tx).get(place)
    if before != destinations:
        words = json.dumps(sorted(destinations))
        sql.upsert(tx, sql.reach, ("account", "place"), account=place.account, place=place.id, destinations=words)
    return before
