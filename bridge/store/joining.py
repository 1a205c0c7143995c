"""Readers who are not in the mapping file: who asked to read along or was invited, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from bridge.post import AccountId, Destination, Place, PlaceId
from bridge.store import sql


class Step(StrEnum):
    """How far somebody's joining has come."""

    ASKED = "asked"  # they wrote, or an admin invited them; the address is not proved to be theirs
    CONFIRMED = "confirmed"  # it is; an admin decides
    READS = "reads"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Joining:
    """Somebody who reads a place, or wants to. `by` is who invited or decided; `at` is since when it stands so."""

    to: Destination
    name: str
    step: Step
    at: float
    by: str = ""


_J = sql.joining.c


def find(tx: Connection, to: Destination) -> Joining | None:
    """How far they have come."""
    keys = (_J.account == to.account, _J.place == to.place.id, _J.address == (to.reader or ""))
    row = tx.execute(select(sql.joining).where(*keys)).one_or_none()
    return _joining(row) if row is not None else None


def put(tx: Connection, joining: Joining) -> None:
    """Write down how far they have come."""
    place = joining.to.place
    sql.upsert(
        tx,
        sql.joining,
        ("account", "place", "address"),
        account=place.account,
        place=place.id,
        address=joining.to.reader or "",
        name=sql.storable(joining.name)[:200],
        step=joining.step,
        at=joining.at,
        by=sql.storable(joining.by)[:200],
    )


def known(tx: Connection) -> tuple[Joining, ...]:
    """Everybody, in order of place and address."""
    return tuple(map(_joining, tx.execute(select(sql.joining).order_by(_J.account, _J.place, _J.address))))


def _joining(row: Any) -> Joining:
    to = Destination(Place(AccountId(row.account), PlaceId(row.place)), row.address)
    return Joining(to, row.name, Step(row.step), row.at, row.by)
