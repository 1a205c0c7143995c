"""Who posts where, how much of late, and whether they were stopped because it went in circles; and what waits for that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Float, bindparam, case, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from bridge.loops import Earlier, Mark, mark
from bridge.post import AccountId, Place, PlaceId, Post, UserId
from bridge.reasons import Reason
from bridge.store import sql
from bridge.store.codec import load_post
from bridge.store.tables import UNSENT, DeliveryState

_MOST = 50
_O, _D, _POST = sql.origin.c, sql.delivery.c, sql.post.c
STOPPING = (Reason.LOOP, Reason.FLOOD)


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody, or something, whose posts from a place to a group wait. `waiting` counts the copies."""

    id: int
    group: str
    account: AccountId
    place: PlaceId
    user: UserId
    name: str
    reason: str
    at: float
    waiting: int


# ---------------------------------------------------------------- what the breaker looks at


# `mark <> ''` is what the index of marks is made for; without it every post of the window would be looked at.
_ALIKE = (_POST.mark == bindparam("mark"), _POST.mark != "", _POST.at >= bindparam("since"))
_MARKED = select(_POST.id).where(*_ALIKE).limit(1)
_EARLIER = (
    select(_POST.author, _POST.body, _POST.hops)
    .where(*_ALIKE)
    .where(exists().where(_D.post_id == _POST.id, _D.group.in_(bindparam("groups", expanding=True))))
    .order_by(_POST.at.desc())
    .limit(_MOST)
)


def earlier(tx: Connection, new: Mark, groups: Iterable[str], since: float) -> tuple[Earlier, ...]:
    """The posts of these groups since then that have the same key; with their names where these may tell anything."""
    if not new.key or tx.execute(_MARKED, {"mark": new.key, "since": since}).first() is None:  # most posts are like no other
        return ()
    rows = tx.execute(_EARLIER, {"mark": new.key, "since": since, "groups": list(groups)})
    return tuple(Earlier(row.author, _names(row.body) if new.names or row.hops else frozenset(), row.hops) for row in rows)


def _names(body: str) -> frozenset[str]:
    return mark(load_post(body)).names if body else frozenset()


def count(tx: Connection, group: str, post: Post, now: float, period: float) -> tuple[int, str]:
    """One more post: how many they made in the running period, and why they are stopped, if they are."""
    row = tx.execute(
        _count(tx.dialect.name),
        {
            **_columns(group, post.ref.place, post.author.user),
            "name": sql.storable(post.author.name),
            "now": now,
            "period": period,
        },
    ).one()
    return row.posts, row.stopped


@cache
def _count(dialect: str) -> Any:
    table = sql.origin
    into: Any = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    now, period = bindparam("now", type_=Float), bindparam("period", type_=Float)
    new: dict[str, Any] = {name: bindparam(name) for name in ("group", "account", "place", "user", "name")}
    made = into.values(**new, since=now, posts=1, stopped="", stopped_at=None)
    over = _O.since <= now - period
    return made.on_conflict_do_update(
        index_elements=["group", "account", "place", "user"],
        set_={
            "name": made.excluded.name,
            "posts": case((over, 1), else_=_O.posts + 1),
            "since": case((over, now), else_=_O.since),
        },
    ).returning(_O.posts, _O.stopped)


def _columns(group: str, place: Place, user: UserId) -> dict[str, str]:
    return {"group": group, "account": place.account, "place": place.id, "user": user}


def stop(tx: Connection, group: str, post: Post, reason: Reason, now: float) -> None:
    """What they post waits from now on."""
    mine = (_O[name] == value for name, value in _columns(group, post.ref.place, post.author.user).items())
    tx.execute(update(sql.origin).where(*mine, _O.stopped == "").values(stopped=reason, stopped_at=now))


# ---------------------------------------------------------------- answers to what is held


def held_before(tx: Connection, posts: Iterable[int]) -> dict[int, tuple[str, float]]:
    """Of each lane where one of the posts is still to be sent: why it is held, if it is, and when it will be ready.

    What waits to go with others holds no answer up: the answer takes it along.
    """
    rows = tx.execute(
        select(_D.lane_id, _D.state, _D.reason, case((_D.form == "", _D.ready_at), else_=0.0).label("ready_at"))
        .where(_D.post_id.in_(list(posts)), _D.state.in_(UNSENT), _D.kind == "created")
        .order_by(_D.id)
    )
    found: dict[int, tuple[str, float]] = {}
    for row in rows:
        reason, ready_at = found.get(row.lane_id, ("", 0.0))
        held = row.reason if row.state == DeliveryState.HELD else ""
        found[row.lane_id] = (reason or held, max(ready_at, row.ready_at))
    return found


# ---------------------------------------------------------------- what an admin does


def stopped(tx: Connection) -> tuple[Stopped, ...]:
    """Who is stopped, in the order it happened."""
    rows = tx.execute(select(sql.origin).where(_O.stopped != "").order_by(_O.stopped_at, _O.id)).all()
    return tuple(
        Stopped(
            row.id,
            row.group,
            AccountId(row.account),
            PlaceId(row.place),
            UserId(row.user),
            row.name,
            row.stopped,
            row.stopped_at,
            _waiting(tx, row),
        )
        for row in rows
    )


def _waiting(tx: Connection, row: Any) -> int:
    theirs = (_POST.account == row.account, _POST.place == row.place, _POST.user == row.user)
    held = (_D.state == DeliveryState.HELD, _D.reason.in_(STOPPING), _D.group == row.group, _D.post_id == _POST.id)
    number: int = tx.execute(select(func.count()).select_from(sql.delivery).where(*held, *theirs)).scalar_one()
    return number


def let_go(tx: Connection, origin_id: int) -> bool:
    """They are stopped no longer, and their count begins anew; False where they were not stopped."""
    mine = update(sql.origin).where(_O.id == origin_id, _O.stopped != "")
    return tx.execute(mine.values(stopped="", stopped_at=None, posts=0, since=0.0)).rowcount > 0


def drop(tx: Connection, origin_id: int, detail: str, now: float) -> int:
    """What of theirs waits ends here; how many copies that were."""
    row = tx.execute(select(sql.origin).where(_O.id == origin_id)).one_or_none()
    if row is None:
        return 0
    theirs = select(_POST.id).where(_POST.account == row.account, _POST.place == row.place, _POST.user == row.user)
    held = (_D.state == DeliveryState.HELD, _D.reason.in_(STOPPING), _D.group == row.group, _D.post_id.in_(theirs))
    ended = {"state": DeliveryState.FILTERED, "reason": Reason.DROPPED, "detail": sql.storable(detail), "done_at": now}
    return tx.execute(update(sql.delivery).where(*held).values(ended)).rowcount


def settle(tx: Connection, now: float) -> tuple[int, tuple[int, ...]]:
    """Queue what is held for nobody who is still stopped, nor answers what is; how many copies, and their lanes.

    What waited has its whole patience again: the wait was ours.
    """
    still = {(row.group, row.account, row.place, row.user) for row in tx.execute(select(sql.origin).where(_O.stopped != ""))}
    held = (_D.state == DeliveryState.HELD, _D.reason.in_(STOPPING), _D.post_id == _POST.id)
    columns = (_POST.account, _POST.place, _POST.user, _POST.parent_id, _POST.root_id)
    rows = tx.execute(select(_D.id, _D.lane_id, _D.post_id, _D.group, *columns).where(*held).order_by(_D.seq)).all()
    kept: set[tuple[int, int | None]] = set()
    freed: list[Any] = []
    for row in rows:
        waits = (row.group, row.account, row.place, row.user) in still
        if waits or {(row.lane_id, row.parent_id), (row.lane_id, row.root_id)} & kept:
            kept.add((row.lane_id, row.post_id))
        else:
            freed.append(row)
    free = update(sql.delivery).where(_D.id == bindparam("_delivery"), _D.state == DeliveryState.HELD)
    values = {"state": DeliveryState.WAITING, "reason": "", "done_at": None, "give_up_at": now + (_D.give_up_at - _D.accepted_at)}
    if freed:
        tx.execute(free.values(values), [{"_delivery": row.id} for row in freed])
    return len(freed), tuple(sorted({row.lane_id for row in freed}))
