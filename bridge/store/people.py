"""Who follows a protected account or asks to, what was decided about them, and whom handles mean."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, insert, select, update

from bridge.contract import Follower
from bridge.post import AccountId, UserId
from bridge.store import sql
from bridge.store.tables_people import FollowState

LOOKED = "followers"
"""The cursor that says since when we know who follows: whoever followed before that is no news."""


class Deed(StrEnum):
    """What can be decided about somebody at the door."""

    APPROVE = "approve"
    REJECT = "reject"
    REMOVE = "remove"


AFTER = {Deed.APPROVE: FollowState.FOLLOWING, Deed.REJECT: FollowState.GONE, Deed.REMOVE: FollowState.GONE}
NATIVE = "native"
"""By whom, where it was decided in the platform itself, past us."""


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody as we saw them last. `wish` was decided by `by`, and is not known to be done yet."""

    follower: Follower
    state: FollowState
    at: float
    wish: Deed | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of the audit log. `by` is `file` (the mapping file names them), an admin's name, or `native`."""

    at: float
    what: str
    account: AccountId
    user: UserId
    handle: str
    by: str


def known(tx: Connection, account: AccountId) -> dict[UserId, Known]:
    """Everybody ever seen at the account's door, longest known first."""
    f = sql.follower.c
    rows = tx.execute(select(sql.follower).where(f.account == account).order_by(f.at, f.user))
    return {UserId(row.user): _known(row) for row in rows}


def note(tx: Connection, account: AccountId, person: Known) -> None:
    """Write down how somebody stands now."""
    follower = person.follower
    sql.upsert(
        tx,
        sql.follower,
        ("account", "user"),
        account=account,
        user=follower.user,
        name=sql.storable(follower.name),
        handles=json.dumps(follower.handles),
        moved=follower.moved,
        state=person.state,
        at=person.at,
        wish=person.wish or "",
        by=person.by,
    )


def wish(tx: Connection, account: AccountId, user: UserId, deed: Deed, by: str) -> None:
    """Write down what is about to be done: after a crash it is known who wanted it."""
    f = sql.follower.c
    tx.execute(update(sql.follower).where(f.account == account, f.user == user).values(wish=deed, by=sql.storable(by)))


def unwish(tx: Connection, account: AccountId, user: UserId) -> None:
    """It was refused, and will not be done."""
    f = sql.follower.c
    tx.execute(update(sql.follower).where(f.account == account, f.user == user).values(wish="", by=""))


def decided(tx: Connection, account: AccountId, follower: Follower, what: Deed, by: str, now: float) -> bool:
    """Write down that it is done, with its line in the audit log; False where that was written already."""
    f, state = sql.follower.c, AFTER[what]
    changed = tx.execute(
        update(sql.follower)
        .where(f.account == account, f.user == follower.user, f.state != state)
        .values(state=state, at=now, wish="", by="")
    )
    if not changed.rowcount:
        unwish(tx, account, follower.user)
        return False
    record(tx, Decision(now, what, account, follower.user, handle_of(follower), by))
    return True


def record(tx: Connection, decision: Decision) -> None:
    """One more line in the audit log."""
    tx.execute(
        insert(sql.decision).values(
            at=decision.at,
            what=decision.what,
            account=decision.account,
            user=decision.user,
            handle=sql.storable(decision.handle),
            by=sql.storable(decision.by),
        )
    )


def decisions(tx: Connection, most: int = 1000) -> tuple[Decision, ...]:
    """The audit log, newest first."""
    rows = tx.execute(select(sql.decision).order_by(sql.decision.c.id.desc()).limit(most))
    return tuple(Decision(row.at, row.what, AccountId(row.account), UserId(row.user), row.handle, row.by) for row in rows)


def looked(tx: Connection, account: AccountId, now: float) -> None:
    """Write down that all followers were seen once."""
    sql.upsert(tx, sql.cursor, ("account", "name"), account=account, name=LOOKED, value=str(now))


def following(tx: Connection) -> Mapping[AccountId, frozenset[UserId]]:
    """Who follows, of each account whose followers were all seen once: of any other, nobody is known to."""
    accounts = tx.execute(select(sql.cursor.c.account).where(sql.cursor.c.name == LOOKED)).scalars()
    f = sql.follower.c
    rows = tx.execute(select(f.account, f.user).where(f.state == FollowState.FOLLOWING)).all()
    return {AccountId(each): frozenset(UserId(row.user) for row in rows if row.account == each) for each in accounts}


def handle_of(follower: Follower) -> str:
    """How people call them: their @name where they have one."""
    names = [handle for handle in follower.handles if handle.startswith("@")]
    return max(names, key=len) if names else (follower.handles[0] if follower.handles else str(follower.user))


def _known(row: Any) -> Known:
    follower = Follower(UserId(row.user), row.name, tuple(json.loads(row.handles)), row.moved)
    return Known(follower, FollowState(row.state), row.at, Deed(row.wish) if row.wish else None, row.by)


# ---------------------------------------------------------------- whom handles mean


def user_of(tx: Connection, account: AccountId, handle: str) -> UserId | None:
    """Whom the handle was found to mean; None if that was never found out."""
    h = sql.handle.c
    found = tx.execute(select(h.user).where(h.account == account, h.handle == handle)).scalar_one_or_none()
    return UserId(found) if found is not None else None


def meant(tx: Connection, account: AccountId) -> Mapping[str, UserId]:
    """Whom each handle was found to mean at the account."""
    h = sql.handle.c
    return {row.handle: UserId(row.user) for row in tx.execute(select(h.handle, h.user).where(h.account == account))}


def remember(tx: Connection, account: AccountId, handle: str, user: UserId) -> None:
    """The handle means this user."""
    sql.upsert(tx, sql.handle, ("account", "handle"), account=account, handle=handle, user=user)
