"""Erasing a person: which posts are theirs, where copies stand, and emptying all that says something of them. Ids stay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, and_, delete, exists, func, or_, select, update

from bridge.post import AccountId, Author, Destination, Ref, UserId
from bridge.store import blobs, pruning, sql
from bridge.store.codec import load_post
from bridge.store.tables import DeliveryState, PartState

ERASED = "(erased)"
_POST, _D, _P, _LANE, _C = sql.post.c, sql.delivery.c, sql.part.c, sql.lane.c, sql.receipt.c


@dataclass(frozen=True, slots=True)
class Written:
    """Somebody at an account who wrote something; `author` as they were seen last, None where no text of theirs is kept."""

    account: AccountId
    user: UserId
    author: Author | None


@dataclass(frozen=True, slots=True)
class Theirs:
    """A post of theirs. `said` is false for what the bridge said to them."""

    id: int
    ref: Ref
    said: bool
    deleted: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """A copy of a post that stands somewhere."""

    post: int
    destination: Destination
    sent_at: float


def writers(tx: Connection) -> tuple[Written, ...]:
    """Everybody who ever wrote, at each account."""
    latest = select(func.max(_POST.id)).where(_POST.user != "").group_by(_POST.account, _POST.user)
    rows = tx.execute(select(_POST.account, _POST.user, _POST.body).where(_POST.id.in_(latest)))
    return tuple(
        Written(AccountId(row.account), UserId(row.user), load_post(row.body).author if row.body else None) for row in rows
    )


def named(tx: Connection, account: AccountId, handles: Iterable[str]) -> frozenset[UserId]:
    """Whom these handles were found to mean at the account."""
    h = sql.handle.c
    return frozenset(tx.execute(select(h.user).where(h.account == account, h.handle.in_(list(handles)))).scalars())


def posts(tx: Connection, them: Sequence[tuple[AccountId, UserId]], after: int = 0, most: int = 200) -> tuple[Theirs, ...]:
    """Their posts, and what was said to them, after that id; oldest first."""
    if not them:
        return ()
    theirs = or_(*(and_(_POST.account == account, or_(_POST.user == user, _POST.person == user)) for account, user in them))
    rows = tx.execute(select(sql.post).where(theirs, _POST.id > after).order_by(_POST.id).limit(most))
    users = {user for _, user in them}
    return tuple(Theirs(row.id, sql.ref_of(row), row.user in users, row.deleted_at is not None) for row in rows)


def standing(tx: Connection, post_ids: Sequence[int]) -> tuple[Standing, ...]:
    """Where copies of these posts stand."""
    columns = (_C.post_id, _C.sent_at, _LANE.account, _LANE.place, _LANE.person, _LANE.reader)
    rows = tx.execute(select(*columns).where(_C.post_id.in_(post_ids), _C.standing, _C.lane_id == _LANE.id))
    return tuple(Standing(row.post_id, sql.destination_of(row), row.sent_at) for row in rows)


def under_way(tx: Connection, post_ids: Sequence[int]) -> frozenset[int]:
    """Those of the posts of which something is being sent just now: it needs its words until that is settled."""
    attempting = exists().where(_P.delivery_id == _D.id, _P.state == PartState.ATTEMPTING)
    sending = select(_D.post_id).where(_D.post_id.in_(post_ids), _D.state == DeliveryState.WAITING, attempting)
    return frozenset(tx.execute(sending).scalars())


def scrub(tx: Connection, post_ids: Sequence[int]) -> None:
    """Empty these posts, whatever was made of them, their files, and who wrote them."""
    pruning.forget(tx, post_ids)
    tx.execute(update(sql.post).where(_POST.id.in_(post_ids)).values(user="", author=""))
    files = list(tx.execute(delete(blobs.file).where(blobs.file.c.post_id.in_(post_ids)).returning(blobs.file.c.blob)).scalars())
    unused = ~exists().where(blobs.file.c.blob == blobs.blob.c.id)
    tx.execute(delete(blobs.blob).where(blobs.blob.c.id.in_(files), unused))


def scrub_person(tx: Connection, them: Sequence[tuple[AccountId, UserId]], words: Iterable[str]) -> None:
    """Forget them at doors, as origins, by handles, and in what admins were told; `words` are their handles and names."""
    for account, user in them:
        for table in (sql.follower, sql.origin, sql.handle):
            tx.execute(delete(table).where(table.c.account == account, table.c.user == user))
        d = sql.decision.c
        tx.execute(update(sql.decision).where(d.account == account, d.user == user).values(user="", handle=ERASED))
    for word in words:
        tx.execute(update(sql.alert).where(sql.alert.c.text.contains(word, autoescape=True)).values(text=ERASED))
