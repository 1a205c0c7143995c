"""The message-ID ledger: which posts are known, where their copies stand, and what happened to them."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, exists, func, or_, select, update

from bridge.post import Audience, Author, Destination, EventKind, NativeId, Place, Post, Ref
from bridge.store import sql
from bridge.store.codec import dump_post, load_post
from bridge.store.tables import DeliveryState, PartState
from bridge.store.values import KnownDelivery, KnownPost, KnownReceipt, Told

NOTICE = "notice:"
"""Before a notice's key, in its native id."""

# ---------------------------------------------------------------- looking up


def find_post(tx: Connection, ref: Ref) -> KnownPost | None:
    """The post with this native id."""
    row = _at(tx, sql.post, ref)
    return _known(row, direct=bool(row.person)) if row is not None else None


def standing_since(tx: Connection, place: Place, since: float) -> tuple[NativeId, ...]:
    """The native ids of the place's own posts since then that are not known to be deleted, oldest first."""
    c = sql.post.c
    here = [c[name] == value for name, value in sql.place_columns(place).items()]
    rows = tx.execute(select(c.native).where(*here, c.at >= since, c.deleted_at.is_(None)).order_by(c.at))
    return tuple(NativeId(row.native) for row in rows)


def find_receipt(tx: Connection, ref: Ref) -> KnownReceipt | None:
    """The copy of ours with this native id, standing or not."""
    row = _at(tx, sql.receipt, ref)
    return KnownReceipt(row.id, row.post_id, row.standing) if row is not None else None


def post_behind(tx: Connection, ref: Ref) -> KnownPost | None:
    """The post that is answered by naming `ref`, be it the original that stands there or a copy of ours.

    A direct message can answer what stands before the group, so of the account's places any will do.
    """
    if (row := _at(tx, sql.post, ref, anywhere=ref.place.is_direct)) is not None:
        return _known(row, direct=bool(row.person))
    if (receipt := _at(tx, sql.receipt, ref, anywhere=ref.place.is_direct)) is not None:
        row = tx.execute(select(sql.post).where(sql.post.c.id == receipt.post_id)).one()
        return _known(row, direct=bool(receipt.person))
    return None


def told(tx: Connection, ref: Ref) -> Told | None:
    """The notice that stands at `ref`, however its place is called by whoever answers it."""
    p, r, e = sql.post.c, sql.receipt.c, sql.event.c
    row = tx.execute(
        select(p.native, p.account, p.place, p.person).where(
            r.account == ref.place.account, r.native == ref.id, r.post_id == p.id, e.post_id == p.id, e.kind == EventKind.NOTICE
        )
    ).one_or_none()
    return Told(row.native.removeprefix(NOTICE), sql.place_of(row)) if row is not None else None


def reader_of(tx: Connection, ref: Ref) -> Destination | None:
    """To which reader of a place the copy at `ref` went, however the place is called; None where it went to none."""
    r, lane = sql.receipt.c, sql.lane.c
    row = tx.execute(
        select(sql.lane).where(r.account == ref.place.account, r.native == ref.id, r.lane_id == lane.id, lane.reader != "")
    ).one_or_none()
    return sql.destination_of(row) if row is not None else None


def _at(tx: Connection, table: Table, ref: Ref, *, anywhere: bool = False) -> Any:
    """The row of what stands at `ref`; None if there is none, or if that is in doubt.

    Platforms that delete by id alone name the account's main place, so a direct one of the account with that id will do.
    """
    rows = tx.execute(_with_id(table), {"account": ref.place.account, "native": ref.id}).all()
    person = ref.place.person or ""
    exactly = [row for row in rows if row.place == ref.place.id and row.person == person]
    found = exactly or (rows if anywhere else [row for row in rows if row.person])
    return found[0] if len(found) == 1 else None


@cache
def _with_id(table: Table) -> Select[Any]:
    return select(table).where(table.c.account == bindparam("account"), table.c.native == bindparam("native"))


def _known(row: Any, *, direct: bool) -> KnownPost:
    return KnownPost(row.id, row.root_id or row.id, row.deleted_at is not None, direct)


def stands(tx: Connection, ref: Ref) -> bool:
    """Whether a post, or something the bridge said, was noted under exactly this ref."""
    return tx.execute(_STANDS, {"native": ref.id, **sql.place_columns(ref.place)}).first() is not None


def notices_since(tx: Connection, account: str, keys: tuple[str, ...], since: float) -> int:
    """How many notices whose keys begin so were made since then for people of the account."""
    p = sql.post.c
    begun = or_(*(p.native.startswith(f"{NOTICE}{key}", autoescape=True) for key in keys))
    mine = (p.at >= since, p.account == account, p.person != "", begun)
    return tx.execute(select(func.count()).select_from(sql.post).where(*mine)).scalar_one()


_STANDS = select(sql.post.c.id).where(*(sql.post.c[name] == bindparam(name) for name in ("account", "native", "place", "person")))


def ref_of(tx: Connection, post_id: int) -> Ref:
    """Where the post stands that has this id."""
    return sql.ref_of(tx.execute(select(sql.post).where(sql.post.c.id == post_id)).one())


def body_of(tx: Connection, post_id: int) -> Post | None:
    """The post's latest form; None once forgotten."""
    body: str = tx.execute(select(sql.post.c.body).where(sql.post.c.id == post_id)).scalar_one()
    return load_post(body) if body else None


def parent_of(tx: Connection, post_id: int) -> KnownPost | None:
    """The post that this one answers before the group's eyes."""
    p = sql.post.c
    parent = select(p.parent_id).where(p.id == post_id).scalar_subquery()
    row = tx.execute(select(sql.post).where(p.id == parent)).one_or_none()
    return _known(row, direct=bool(row.person)) if row is not None else None


def last_by(tx: Connection, place: Place, address: str) -> Post | None:
    """The last post at the place that this author wrote, went out, and is not deleted; of the last hundred there."""
    p, e = sql.post.c, sql.event.c
    here = (p.account == place.account, p.place == place.id, p.person == (place.person or ""), p.deleted_at.is_(None))
    relayed = exists().where(e.post_id == p.id, e.kind == EventKind.CREATED, e.verdict == "relayed")
    bodies = tx.execute(select(p.body).where(*here, relayed, p.body != "").order_by(p.id.desc()).limit(100)).scalars()
    posts = (load_post(body) for body in bodies)
    return next((post for post in posts if post.author.user.lower() == address.lower()), None)


def place_of_copy(tx: Connection, ref: Ref) -> Place | None:
    """Where the copy stands that has this id at the account; None where there is none, or more than one."""
    c = sql.receipt.c
    rows = tx.execute(select(sql.receipt).where(c.account == ref.place.account, c.native == ref.id)).all()
    return sql.place_of(rows[0]) if len(rows) == 1 else None


def has_event(tx: Connection, post_id: int, kind: EventKind, revision: str) -> bool:
    """Whether this very event was accepted before."""
    return tx.execute(
        select(exists().where(*(sql.event.c[k] == v for k, v in _event_key(post_id, kind, revision).items())))
    ).scalar_one()


def _event_key(post_id: int, kind: EventKind, revision: str) -> dict[str, object]:
    return {"post_id": post_id, "kind": kind, "revision": revision}


def sending_to(tx: Connection, place: Place, begun_by: float) -> bool:
    """Whether a send to this place is under way that had begun by then, so that an event there may be its echo."""
    return tx.execute(_SENDING_TO, {**sql.place_columns(place), "begun_by": begun_by}).scalar_one()  # type: ignore[no-any-return]


def doubtful_at(tx: Connection, place: Place, since: float) -> bool:
    """Whether a send to this place ended since then without anybody knowing whether it stands there."""
    return tx.execute(_DOUBTFUL_AT, {**sql.place_columns(place), "since": since}).scalar_one()  # type: ignore[no-any-return]


def _attempts_at_place(*conditions: ColumnElement[bool]) -> Select[Any]:
    p, d, lane = sql.part.c, sql.delivery.c, sql.lane.c
    at_place = (lane[name] == bindparam(name) for name in ("account", "place", "person"))
    attempting = (p.delivery_id == d.id, d.lane_id == lane.id, p.state == PartState.ATTEMPTING)
    return select(exists().where(*attempting, *at_place, *conditions))


_ATTEMPTED_AT, _STATE = sql.part.c.attempted_at, sql.delivery.c.state
_SENDING_TO = _attempts_at_place(_STATE == DeliveryState.WAITING, bindparam("begun_by") >= _ATTEMPTED_AT)
# How a delivery can have ended of which a part may stand: given up, perhaps for good.
_DOUBTFUL_AT = _attempts_at_place(
    or_(_STATE == DeliveryState.NOT_DELIVERED, _STATE == DeliveryState.FILTERED), bindparam("since") <= _ATTEMPTED_AT
)


def last_edit_at(tx: Connection, post_id: int) -> float | None:
    """When the post's latest accepted change was made, by its platform's clock."""
    c = sql.event.c
    found: float | None = tx.execute(select(func.max(c.at)).where(c.post_id == post_id, c.kind == EventKind.EDITED)).scalar_one()
    return found


def deliveries_of(tx: Connection, post_id: int) -> tuple[KnownDelivery, ...]:
    """All deliveries of a post so far, in the order they were accepted."""
    d, lane = sql.delivery.c, sql.lane.c
    rows = tx.execute(
        select(
            sql.delivery,
            lane.account,
            lane.place,
            lane.person,
            lane.reader,
            _attempted(d.id).label("attempted"),
        )
        .where(d.post_id == post_id, d.lane_id == lane.id)
        .order_by(d.id)
    )
    return tuple(
        KnownDelivery(
            row.id,
            row.lane_id,
            row.kind,
            row.state,
            row.attempted,
            sql.destination_of(row),
            row.group,
            row.via,
            Audience(row.audience),
            row.give_up_at - max(row.accepted_at, row.ready_at),
        )
        for row in rows
    )


def _attempted(delivery_id: Any) -> Any:
    return exists().where(sql.part.c.delivery_id == delivery_id, sql.part.c.state != PartState.WAITING).correlate(sql.delivery)


# ---------------------------------------------------------------- writing down


def add_post(
    tx: Connection,
    ref: Ref,
    author: Author | None,
    at: float,
    *,
    body: Post | None,
    parent: KnownPost | None,
    subject: str,
    mark: str = "",
    hops: int = 0,
) -> int:
    """Note a post; its id. One that stands there keeps what it has."""
    made = sql.insert_new(
        tx,
        sql.post,
        **sql.place_columns(ref.place),
        native=ref.id,
        author=sql.storable(author.name) if author else "",
        user=author.user if author else "",
        mark=mark,
        hops=hops,
        body=dump_post(body) if body else "",
        subject=sql.storable(subject),
        version=0,
        at=at,
        parent_id=parent.id if parent else None,
        root_id=parent.root_id if parent else None,
    )
    if made is not None:
        return made
    c = sql.post.c
    there: int = tx.execute(
        select(c.id).where(c.native == ref.id, *(c[k] == v for k, v in sql.place_columns(ref.place).items()))
    ).scalar_one()
    return there


def add_event(
    tx: Connection,
    post_id: int,
    kind: EventKind,
    revision: str,
    *,
    raw_id: int | None,
    at: float,
    now: float,
    verdict: str,
    reason: str,
) -> int | None:
    """Note what happened; None if this very event was noted before."""
    return sql.insert_new(
        tx,
        sql.event,
        **_event_key(post_id, kind, revision),
        raw_id=raw_id,
        at=at,
        accepted_at=now,
        verdict=verdict,
        reason=reason,
    )


def replace_body(tx: Connection, post_id: int, post: Post) -> None:
    """The post's new form, which everything not yet frozen will show."""
    c = sql.post.c
    tx.execute(
        update(sql.post)
        .where(c.id == post_id)
        .values(body=dump_post(post), author=sql.storable(post.author.name), version=c.version + 1)
    )


def decide(tx: Connection, event_id: int, verdict: str, reason: str) -> None:
    """What a human decided about an event that was held."""
    tx.execute(update(sql.event).where(sql.event.c.id == event_id).values(verdict=verdict, reason=reason))


def name_subject(tx: Connection, post_id: int, subject: str) -> None:
    """What the conversation is called that the post begins; an answer keeps the name of the one it belongs to."""
    c = sql.post.c
    tx.execute(update(sql.post).where(c.id == post_id, c.parent_id.is_(None)).values(subject=sql.storable(subject)))


def forget_body(tx: Connection, post_id: int) -> None:
    """Nobody is to read it any more."""
    tx.execute(update(sql.post).where(sql.post.c.id == post_id).values(body=""))


def mark_deleted(tx: Connection, post_id: int, now: float) -> None:
    """The post is gone at its source."""
    tx.execute(update(sql.post).where(sql.post.c.id == post_id).values(deleted_at=now))


def copy_removed(tx: Connection, receipt_id: int) -> None:
    """A copy of ours is gone, by whoever's hand."""
    tx.execute(update(sql.receipt).where(sql.receipt.c.id == receipt_id).values(standing=False))


def add_receipt(tx: Connection, post_id: int, lane_id: int, number: int, ref: Ref, now: float) -> None:
    """Note that a part of the post stands at `ref`."""
    sql.upsert(
        tx,
        sql.receipt,
        ("post_id", "lane_id", "number"),
        post_id=post_id,
        lane_id=lane_id,
        number=number,
        **sql.place_columns(ref.place),
        native=ref.id,
        sent_at=now,
        standing=True,
    )
