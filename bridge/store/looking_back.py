"""The ledger held against what stands at a place: what was never heard of, what stands twice; and what came of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, delete, select

from bridge.contract import Seen
from bridge.post import AccountId, NativeId, Place, PlaceId
from bridge.store import sql

GAP, DOUBLE = "gap", "double"


@dataclass(frozen=True, slots=True)
class Finding:
    """A `gap` (nobody had told of the message) or a `double` (a second copy under one key), and what was done about it."""

    at: float
    account: AccountId
    place: PlaceId
    kind: str
    native: NativeId
    outcome: str


def unknown(tx: Connection, account: AccountId, place: Place, seen: Sequence[Seen]) -> tuple[Seen, ...]:
    """Those that were neither taken nor are in the ledger."""
    keys, natives = [each.raw.key for each in seen], [each.ref.id for each in seen]
    r = sql.raw.c
    taken = set(tx.execute(select(r.key).where(r.account == account, r.key.in_(keys))).scalars())
    known = _natives(tx, sql.post, place, natives) | _natives(tx, sql.receipt, place, natives)
    return tuple(each for each in seen if each.raw.key not in taken and each.ref.id not in known)


def twice(tx: Connection, place: Place, seen: Sequence[Seen]) -> tuple[Seen, ...]:
    """Those that were sent under a key of which another message stands there, as the ledger knows: the ones it does not know."""
    p, d, c = sql.part.c, sql.delivery.c, sql.receipt.c
    with_key = [each for each in seen if each.key]
    here = (c.account == place.account, c.place == place.id, c.person == "", c.standing)
    its = (p.delivery_id == d.id, c.post_id == d.post_id, c.lane_id == d.lane_id, c.number == p.place_in_post)
    sent = set(tx.execute(select(p.key).where(p.key.in_([each.key for each in with_key]), *its, *here)).scalars())
    known = _natives(tx, sql.receipt, place, [each.ref.id for each in with_key])
    return tuple(each for each in with_key if each.key in sent and each.ref.id not in known)


def _natives(tx: Connection, table: Table, place: Place, natives: Sequence[NativeId]) -> set[str]:
    c = table.c
    at_place = (c.account == place.account, c.native.in_(natives), c.place == place.id, c.person == "")
    return set(tx.execute(select(c.native).where(*at_place)).scalars())


def note(tx: Connection, findings: Sequence[Finding]) -> None:
    """Write them down."""
    for each in findings:
        sql.insert_new(
            tx,
            sql.finding,
            at=each.at,
            account=each.account,
            place=each.place,
            kind=each.kind,
            native=each.native,
            outcome=sql.storable(each.outcome),
        )


def findings(tx: Connection, most: int = 200) -> tuple[Finding, ...]:
    """The latest, newest first."""
    rows = tx.execute(select(sql.finding).order_by(sql.finding.c.id.desc()).limit(most))
    return tuple(
        Finding(row.at, AccountId(row.account), PlaceId(row.place), row.kind, NativeId(row.native), row.outcome) for row in rows
    )


def forget(tx: Connection, before: float) -> int:
    """Forget old findings; how many."""
    return tx.execute(delete(sql.finding).where(sql.finding.c.at < before)).rowcount
