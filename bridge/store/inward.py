"""Raws: stored before their source is acknowledged, handed out in platform order, and settled once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Integer, and_, bindparam, or_, select, update

from bridge.post import AccountId, Raw
from bridge.reasons import Reason
from bridge.store import sql
from bridge.store.tables import RawState
from bridge.store.values import WaitingRaw

AT_ONCE = 50
"""Raws that are accepted together, at most."""
PARKED_FOR_S = 5.0
"""A parked raw is looked at again after this long even if nothing released it."""


# Constants, as making a statement costs more than running it, and these run once per post or copy. `state != DONE` is what
# the index of open raws is made for.
_C = sql.raw.c
_DONE = update(sql.raw).where(_C.id == bindparam("_raw")).values(state=RawState.DONE, reason=bindparam("_reason"))
_DONE_AND_FORGOTTEN = _DONE.values(body=b"")
_OPEN = update(sql.raw).where(_C.account == bindparam("_account"), _C.state != RawState.DONE)
_TO_BE_JUDGED = or_(_C.state == RawState.WAITING, _C.state == RawState.PARKED)
_WAITING = (
    select(sql.raw)
    .where(_C.account == bindparam("account"), _C.state != RawState.DONE, _TO_BE_JUDGED, _C.ready_at <= bindparam("now"))
    .order_by(_C.at, _C.id)
    .limit(bindparam("limit", type_=Integer, literal_execute=False))
)
_NEXT_READY_AT = (
    select(_C.ready_at)
    .where(_C.account == bindparam("account"), _C.state != RawState.DONE, _C.state == RawState.WAITING)
    .where(_C.ready_at > bindparam("after"))
    .order_by(_C.ready_at)
    .limit(1)
)
_EARLIER_OPEN = (
    select(_C.state)
    .where(
        _C.account == bindparam("account"),
        _C.state != RawState.DONE,
        or_(_C.state == RawState.PARKED, and_(_C.state == RawState.WAITING, _C.ready_at <= bindparam("now"))),
        or_(_C.at < bindparam("at"), and_(_C.at == bindparam("at"), _C.id < bindparam("id"))),
    )
    .distinct()
)
_RELEASE_PARKED = _OPEN.where(_C.state == RawState.PARKED).values(state=RawState.WAITING, ready_at=0.0)
_RELEASE_POSTPONED = _OPEN.where(_C.state == RawState.WAITING, _C.ready_at > 0).values(ready_at=0.0)


def take(tx: Connection, raw: Raw, now: float) -> WaitingRaw | None:
    """Store a raw; None if it waits for nothing: it is an echo, or its (account, key) stood there already."""
    stored = sql.insert_new(
        tx,
        sql.raw,
        account=raw.account,
        key=raw.key,
        body=b"" if raw.echo else raw.body,
        hints=json.dumps(dict(raw.hints)),
        at=raw.at.timestamp(),
        taken_at=now,
        ready_at=0.0,
        state=RawState.DONE if raw.echo else RawState.WAITING,
        reason=Reason.OWN_ECHO if raw.echo else "",
    )
    return WaitingRaw(stored, raw, now) if stored is not None and not raw.echo else None


def take_page(
    tx: Connection,
    account: AccountId,
    raws: Sequence[Raw],
    cursor: str,
    value: str,
    now: float,
) -> tuple[WaitingRaw, ...]:
    """Store a page and move its cursor in one transaction; what of it waits now."""
    new = tuple(stored for raw in raws if (stored := take(tx, raw, now)) is not None)
    sql.upsert(tx, sql.cursor, ("account", "name"), account=account, name=cursor, value=value)
    return new


def cursor(tx: Connection, account: AccountId, name: str) -> str | None:
    """Where a cursor stands."""
    found: str | None = tx.execute(
        select(sql.cursor.c.value).where(sql.cursor.c.account == account, sql.cursor.c.name == name)
    ).scalar_one_or_none()
    return found


def waiting(tx: Connection, account: AccountId, now: float, limit: int = AT_ONCE) -> tuple[WaitingRaw, ...]:
    """The account's raws that are ready to be understood, in platform order."""
    rows = tx.execute(_WAITING, {"account": account, "now": now, "limit": limit})
    return tuple(_waiting(row) for row in rows)


def _waiting(row: Any) -> WaitingRaw:
    raw = Raw(
        account=AccountId(row.account),
        key=row.key,
        body=bytes(row.body),
        at=datetime.fromtimestamp(row.at, UTC),
        hints=json.loads(row.hints),
    )
    return WaitingRaw(row.id, raw, row.taken_at)


def kept(tx: Connection, account: AccountId, key: str) -> Raw | None:
    """The raw with this key, if its bytes are still kept."""
    c = sql.raw.c
    row = tx.execute(select(sql.raw).where(c.account == account, c.key == key)).one_or_none()
    return _waiting(row).raw if row is not None and row.body else None


def next_ready_at(tx: Connection, account: AccountId, after: float) -> float | None:
    """When the account's next raw becomes ready, of those that do after that; None if none does."""
    found: float | None = tx.execute(_NEXT_READY_AT, {"account": account, "after": after}).scalar_one_or_none()
    return found


def earlier_open(tx: Connection, waiting: WaitingRaw, now: float) -> frozenset[RawState]:
    """In which states raws of the account stand that come before this one and could be judged, or are parked."""
    keys = {"account": waiting.raw.account, "now": now, "at": waiting.raw.at.timestamp(), "id": waiting.id}
    rows = tx.execute(_EARLIER_OPEN, keys)
    return frozenset(RawState(row.state) for row in rows)


def done(tx: Connection, raw_id: int, *, keep_body: bool, reason: str = "") -> None:
    """The raw was understood. Without `keep_body` its bytes are dropped at once: nobody was meant to get them."""
    tx.execute(_DONE if keep_body else _DONE_AND_FORGOTTEN, {"_raw": raw_id, "_reason": reason})


def hold(tx: Connection, raw_id: int, reason: str) -> None:
    """The raw could not be understood; it is kept for a human."""
    tx.execute(update(sql.raw).where(sql.raw.c.id == raw_id).values(state=RawState.HELD, reason=reason))


def park(tx: Connection, raw_id: int, now: float) -> None:
    """The raw waits until a send to its place has settled."""
    tx.execute(update(sql.raw).where(sql.raw.c.id == raw_id).values(state=RawState.PARKED, ready_at=now + PARKED_FOR_S))


def postpone(tx: Connection, raw_id: int, ready_at: float) -> None:
    """The raw waits until `ready_at`."""
    tx.execute(update(sql.raw).where(sql.raw.c.id == raw_id).values(ready_at=ready_at))


def release_parked(tx: Connection, account: AccountId) -> bool:
    """Parked raws of the account are looked at again; whether there were any."""
    return tx.execute(_RELEASE_PARKED, {"_account": account}).rowcount > 0


def release_postponed(tx: Connection, account: AccountId) -> None:
    """Raws of the account that waited for something to come first are looked at again."""
    tx.execute(_RELEASE_POSTPONED, {"_account": account})


def accounts_with_work(tx: Connection, now: float) -> tuple[AccountId, ...]:
    """Accounts that have raws to be understood."""
    c = sql.raw.c
    rows = tx.execute(
        select(c.account)
        .where(c.state != RawState.DONE, c.state.in_([RawState.WAITING, RawState.PARKED]), c.ready_at <= now)
        .distinct()
    )
    return tuple(AccountId(row.account) for row in rows)
