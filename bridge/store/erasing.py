"""Erasing a person: which posts are theirs, where copies stand, and emptying all that says something of them. Ids stay."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select, update

from bridge.post import AccountId, Author, Destination, Ref, UserId
from bridge.reasons import Reason
from bridge.store import blobs, outward, pruning, sql
from bridge.store.codec import load_post
from bridge.store.tables import UNSENT, DeliveryState, PartState, RawState

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


# ---------------------------------------------------------------- readers, whose ids are their addresses

_AT_A_TIME = 100


def is_reader(tx: Connection, account: AccountId, address: str) -> bool:
    """Whether anything is known of a reader with this address: what they get, chose, asked for, or how it stands with them."""
    known = [(table.c.account == account) & (table.c.address == address) for table in _OF_READERS]
    known.append((_LANE.account == account) & or_(_LANE.reader == address, _LANE.person == address))
    return any(tx.execute(select(exists().where(each))).scalar_one() for each in known)


_OF_READERS = (sql.choice, sql.joining, sql.reader)


def scrub_reader(tx: Connection, account: AccountId, address: str, now: float) -> None:
    """Forget an address: what its reader chose and asked for, what is still to be sent to them, and that it was theirs.

    What was sent keeps its receipts, under a name that says nothing.
    """
    for table in _OF_READERS:
        tx.execute(delete(table).where(table.c.account == account, table.c.address == address))
    a = sql.alert.c
    tx.execute(delete(sql.alert).where(or_(a.key.contains(address, autoescape=True), a.about.contains(address, autoescape=True))))
    nobody = f"erased-{secrets.token_hex(8)}"
    mine = (_LANE.account == account, or_(_LANE.reader == address, _LANE.person == address))
    _end_unsent(tx, now, *mine)
    void = {"owner": "", "epoch": _LANE.epoch + 1}  # whoever serves it knows the address
    tx.execute(update(sql.lane).where(_LANE.account == account, _LANE.reader == address).values(reader=nobody, **void))
    for table in (sql.lane, sql.post, sql.receipt):
        more = void if table is sql.lane else {}
        tx.execute(update(table).where(table.c.account == account, table.c.person == address).values(person=nobody, **more))
    told = (_POST.native.like("notice:%"), _POST.native.contains(address, autoescape=True))
    for post in tx.execute(select(_POST.id).where(*told)).scalars().all():
        tx.execute(update(sql.post).where(_POST.id == post).values(native=f"notice:{nobody}:{post}"))


def end_unsent(tx: Connection, to: Destination, now: float) -> None:
    """Nothing that waits for a reader goes to them any more; what is under way just now may."""
    _end_unsent(tx, now, _LANE.account == to.account, _LANE.place == to.place.id, _LANE.reader == (to.reader or ""))


def _end_unsent(tx: Connection, now: float, *lanes: ColumnElement[bool]) -> None:
    waiting = select(_D.id).where(_D.lane_id.in_(select(_LANE.id).where(*lanes)), *_unbegun())
    for each in tx.execute(waiting).scalars().all():
        outward.withdraw(tx, each, Reason.NO_LONGER_MAPPED, now)


def _unbegun() -> tuple[ColumnElement[bool], ...]:
    return (_D.state.in_(UNSENT), ~exists().where(_P.delivery_id == _D.id, _P.state == PartState.ATTEMPTING))


def raws_with(tx: Connection, account: AccountId, words: str, after: int) -> tuple[tuple[int, ...], int | None]:
    """Of the account's next raws after that id, those that hold the words and were understood; up to where, None at the end."""
    r = sql.raw.c
    mine = (r.account == account, r.state == RawState.DONE, r.id > after, r.body != b"")
    rows = tx.execute(select(r.id, r.body, r.hints).where(*mine).order_by(r.id).limit(_AT_A_TIME)).all()
    wanted = words.lower().encode()
    found = tuple(row.id for row in rows if wanted in row.body.lower() or wanted in row.hints.lower().encode())
    return found, rows[-1].id if rows else None


def empty_raws(tx: Connection, ids: Iterable[int]) -> None:
    """Forget what these raws said."""
    tx.execute(update(sql.raw).where(sql.raw.c.id.in_(list(ids))).values(body=b"", hints="{}"))
