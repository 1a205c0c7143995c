"""People of the mapping file whose platform says that they are no member any more, and what was decided about them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, bindparam, func, or_, select

from bridge.post import AccountId, PersonId
from bridge.store import sql


class Step(StrEnum):
    """How far it has come with somebody."""

    SAID = "said"  # their platform said so once; before anything follows it is asked again
    GONE = "gone"  # it is so, and nothing of theirs is anywhere else
    WAITS = "waits"  # an admin decides whether they are removed
    REMOVED = "removed"
    KEPT = "kept"  # an admin decided that they stay
    BACK = "back"  # they are members again


@dataclass(frozen=True, slots=True)
class Offboarded:
    """Somebody as their platform's word has it. `account` said so first, `at`; `times` counts how often they went.

    `doubted`: it is to be asked again soon. `by` is who decided.
    """

    person: PersonId
    account: AccountId
    step: Step
    at: float
    times: int = 1
    doubted: bool = False
    by: str = ""


_O = sql.offboarded.c
_FIND = select(sql.offboarded).where(_O.person == bindparam("_person"))
_OUT = select(_O.person, _O.step).where(or_(_O.step == bindparam("_removed"), _O.step == bindparam("_waits")))


def find(tx: Connection, person: PersonId) -> Offboarded | None:
    """How it stands with somebody, until the transaction ends; None where they were always members."""
    row = tx.execute(sql.for_update(tx, _FIND), {"_person": person}).one_or_none()
    return _offboarded(row) if row is not None else None


def put(tx: Connection, one: Offboarded) -> None:
    """Write down how it stands now."""
    sql.upsert(
        tx,
        sql.offboarded,
        ("person",),
        person=one.person,
        account=one.account,
        step=one.step,
        at=one.at,
        times=one.times,
        doubted=one.doubted,
        by=sql.storable(one.by)[:200],
    )


def known(tx: Connection) -> tuple[Offboarded, ...]:
    """Everybody who is no member, longest first."""
    rows = tx.execute(select(sql.offboarded).where(_O.step != Step.BACK).order_by(_O.at, _O.person))
    return tuple(map(_offboarded, rows))


def out(tx: Connection) -> tuple[frozenset[PersonId], frozenset[PersonId]]:
    """Who was removed, and of whom it is to be decided."""
    rows = tx.execute(_OUT, {"_removed": Step.REMOVED, "_waits": Step.WAITS}).all()
    removed = frozenset(PersonId(row.person) for row in rows if row.step == Step.REMOVED)
    return removed, frozenset(PersonId(row.person) for row in rows if row.step == Step.WAITS)


def gone_since(tx: Connection, since: float) -> int:
    """How many went since then, whatever was decided about them."""
    return tx.execute(select(func.count()).where(_O.at >= since, _O.step != Step.BACK)).scalar_one()


def _offboarded(row: Any) -> Offboarded:
    return Offboarded(PersonId(row.person), AccountId(row.account), Step(row.step), row.at, row.times, bool(row.doubted), row.by)
