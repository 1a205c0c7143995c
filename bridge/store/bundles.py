"""Copies for one reader that go in one mail: what waits together, and how it is fixed before the first attempt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, exists, or_, select, update

from bridge.contract import Part
from bridge.post import AccountId, Destination, Place, PlaceId, Ref, UserId
from bridge.rhythm import Form, bundle_due
from bridge.store import carried, lanes, sql
from bridge.store.codec import dump_files
from bridge.store.jobs import WAITING, job_of, parts_of
from bridge.store.outward import NewPart
from bridge.store.tables import Action, DeliveryState, LaneKind, PartState
from bridge.store.values import Claim, FrozenPart, Job, Lane

MOST = 200
"""How many copies go in one mail; what is more goes in the next."""
_NOTHING = Part("")

_D, _LANE, _POST = sql.delivery.c, sql.lane.c, sql.post.c
_UNFROZEN = ~exists().where(sql.part.c.delivery_id == _D.id)
_OPEN: tuple[ColumnElement[bool], ...] = (_D.state == DeliveryState.WAITING, _D.carried_by.is_(None), _UNFROZEN)
_CONVERSATION = or_(_POST.root_id == bindparam("root"), _POST.id == bindparam("root"))

_JOBS = WAITING.add_columns(*(_LANE[name].label(f"lane_{name}") for name in ("account", "place", "person", "reader"))).order_by(
    _D.id
)
_OTHERS = _JOBS.where(*_OPEN, _D.id != bindparam("but")).limit(MOST - 1)
_WITH_CONVERSATION = _OTHERS.where(_D.lane_id == bindparam("lane"), _CONVERSATION, _D.form == Form.BUNDLE)
_WITH_READER = _OTHERS.where(
    _LANE.kind == LaneKind.DESTINATION,
    _LANE.account == bindparam("account_of"),
    _LANE.reader == bindparam("reader"),
    _D.form == Form.DIGEST,
    _D.ready_at <= bindparam("now"),
)
_CARRIED = _JOBS.where(_D.carried_by == bindparam("carrier"))


def hold_together(tx: Connection, lane_id: int, root_id: int, now: float, not_before: float) -> None:
    """A post joined its conversation's bundle: all of it waits for the next one a little longer, within bounds."""
    waiting = (_D.lane_id == lane_id, _D.form == Form.BUNDLE, _D.ready_at > now, *_OPEN)
    inside = or_(_POST.root_id == root_id, _POST.id == root_id)
    columns = (_D.id, _D.accepted_at, _D.ready_at)
    rows = tx.execute(select(*columns).where(*waiting, _D.post_id == _POST.id, inside).order_by(_D.id)).all()
    # Never sooner than those before it were due: some of them can still be taken back until then.
    due = max(bundle_due([row.accepted_at for row in rows], now), not_before, *(row.ready_at for row in rows[:-1]))
    tx.execute(update(sql.delivery).where(_D.id.in_([row.id for row in rows])).values(ready_at=due))


def companions(tx: Connection, job: Job, now: float) -> tuple[Job, ...]:
    """What else can go in one mail with this delivery, in the order of acceptance: its conversation, or its reader's digest."""
    to = job.lane.destination
    if to is None or to.reader is None:
        return ()
    keys: dict[str, Any] = {"but": job.delivery_id}
    if job.form == Form.DIGEST:
        return _jobs(tx, _WITH_READER, keys | {"account_of": to.account, "reader": to.reader, "now": now})
    return _jobs(tx, _WITH_CONVERSATION, keys | {"lane": job.lane.id, "root": job.root_id})


def _jobs(tx: Connection, query: Select[Any], keys: dict[str, Any]) -> tuple[Job, ...]:
    return tuple(job_of(tx, _lane(row), row) for row in tx.execute(query, keys).all())


def _lane(row: Any) -> Lane:
    person = UserId(row.lane_person) if row.lane_person else None
    place = Place(AccountId(row.lane_account), PlaceId(row.lane_place), person)
    return Lane(row.lane_id, place.account, Destination(place, row.lane_reader or None))


@dataclass(frozen=True, slots=True)
class Item:
    """One of the copies in a mail: as which part of its post, under which key, and where it will stand."""

    job: Job
    place_in_post: int
    key: str
    ref: Ref


def freeze(
    tx: Connection, claim: Claim, job: Job, part: NewPart, items: Sequence[Item], attempted_at: float
) -> tuple[FrozenPart, ...] | None:
    """Fix the one mail that brings `items`, `job` among them, and write its attempt down; None if anything changed meanwhile."""
    versions = {item.job.delivery_id: item.job.version for item in items}
    # In one order for everybody, each with its post, whose lock orders this against a change of the post.
    still = (
        select(_D.id, _POST.version)
        .where(_D.id.in_(versions), _D.post_id == _POST.id, *_OPEN)
        .order_by(_D.id)
        .with_for_update(of=[sql.delivery, sql.post])
    )
    found = {row.id: row.version for row in tx.execute(still)}
    # Asked anew, now that they are locked: the first look may be from before another lane froze one of them.
    frozen = select(sql.part.c.id).where(sql.part.c.delivery_id.in_(versions)).limit(1)
    if found != versions or not lanes.owns(tx, claim) or tx.execute(frozen).first() is not None:
        return None
    for item in items:
        own = item.job.delivery_id == job.delivery_id
        carries = part.part if own else _NOTHING
        sql.insert_new(
            tx,
            sql.part,
            delivery_id=item.job.delivery_id,
            number=0,
            action=Action.SEND,
            place_in_post=item.place_in_post,
            body=carries.body,
            files=dump_files(carries.files),
            key=part.key if own else item.key,
            ref=sql.ref_text(item.ref),
            state=PartState.WAITING,
            lost_answers=0,
        )
    others = [each for each in versions if each != job.delivery_id]
    tx.execute(update(sql.delivery).where(_D.id.in_(others)).values(carried_by=job.delivery_id))
    mine = sql.part.c.delivery_id == job.delivery_id
    tx.execute(update(sql.part).where(mine).values(state=PartState.ATTEMPTING, attempted_at=attempted_at))
    tx.execute(update(sql.delivery).where(_D.id == job.delivery_id).values(attempts=_D.attempts + 1))
    carried.attempting(tx, job.delivery_id, attempted_at)
    return tuple(each for each, _ in parts_of(tx, job.delivery_id))


def hold_over(tx: Connection, account: AccountId, reader: str, until: float) -> None:
    """What waits to be bundled for the reader comes in one mail then."""
    theirs = select(_LANE.id).where(_LANE.kind == LaneKind.DESTINATION, _LANE.account == account, _LANE.reader == reader)
    longer = _D.give_up_at + (until - _D.ready_at)
    waiting = update(sql.delivery).where(_D.lane_id.in_(theirs), _D.form == Form.BUNDLE, *_OPEN)
    tx.execute(waiting.values(form=Form.DIGEST, ready_at=until, give_up_at=longer))


def bring_forward(tx: Connection, to: Destination, due: float, until: float) -> set[int]:
    """What was to come to the reader when a pause ends, at `due`, comes at `until`; the lanes with work."""
    c = sql.lane.c
    mine = select(c.id).where(c.kind == LaneKind.DESTINATION, c.account == to.account, c.reader == (to.reader or ""))
    waiting = update(sql.delivery).where(_D.lane_id.in_(mine), _D.form == Form.DIGEST, _D.ready_at == due, *_OPEN)
    return set(tx.execute(waiting.values(ready_at=until).returning(_D.lane_id)).scalars())


def together(tx: Connection, job: Job) -> tuple[Job, ...]:
    """A frozen delivery, and those that it carries."""
    return (job, *_jobs(tx, _CARRIED, {"carrier": job.delivery_id})) if job.carries else (job,)
