"""The next delivery of a lane, with everything that is needed to render and send it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, select

from bridge.contract import Excerpt, Part, Thread
from bridge.post import Audience, EventKind, Ref
from bridge.store import blobs, sql
from bridge.store.codec import load_files, load_post
from bridge.store.tables import Action, DeliveryState, PartState
from bridge.store.values import Claim, FrozenPart, Job, Lane, StandingCopy
from bridge.text import first_line

_DELIVERY, _LANE, _EVENT, _POST = sql.delivery.c, sql.lane.c, sql.event.c, sql.post.c

WAITING = select(
    sql.delivery,
    _LANE.not_before,
    _LANE.paused,
    _LANE.failures,
    _EVENT.kind.label("event_kind"),
    _EVENT.revision,
    *(_POST[name] for name in ("account", "place", "person", "native", "body", "version", "subject", "parent_id", "root_id")),
).where(
    _DELIVERY.state == DeliveryState.WAITING,
    _DELIVERY.lane_id == _LANE.id,
    _DELIVERY.event_id == _EVENT.id,
    _DELIVERY.post_id == _POST.id,
)
_BEFORE = sql.delivery.alias()
# A change of a post waits for its copy, whichever lane's message brings that.
_IS_BROUGHT = exists().where(
    _BEFORE.c.post_id == _DELIVERY.post_id,
    _BEFORE.c.lane_id == _DELIVERY.lane_id,
    _BEFORE.c.state == DeliveryState.WAITING,
    _BEFORE.c.carried_by.is_not(None),
    _BEFORE.c.seq < _DELIVERY.seq,
)
_MINE = (_DELIVERY.lane_id == bindparam("lane"), _DELIVERY.carried_by.is_(None), ~_IS_BROUGHT)
_READY = WAITING.where(*_MINE, _DELIVERY.ready_at <= bindparam("now")).order_by(_DELIVERY.seq).limit(1)
_UPCOMING = select(func.min(_DELIVERY.ready_at)).where(_DELIVERY.state == DeliveryState.WAITING, *_MINE)
_PARTS = select(sql.part).where(sql.part.c.delivery_id == bindparam("delivery")).order_by(sql.part.c.number)


def next_job(tx: Connection, claim: Claim, now: float) -> Job | float | None:
    """The lane's next delivery that is ready; or when one will be (seconds since the epoch); or None: the lane is idle."""
    row = tx.execute(_READY, {"lane": claim.lane.id, "now": now}).one_or_none()
    if row is None:
        upcoming: float | None = tx.execute(_UPCOMING, {"lane": claim.lane.id}).scalar_one()
        return upcoming
    return job_of(tx, claim.lane, row) if row.not_before <= now else float(row.not_before)


def job_of(tx: Connection, lane: Lane, row: Any) -> Job:
    """The delivery of the lane in a row of `WAITING`."""
    parts = parts_of(tx, row.id)
    finished = [part.ref for part, state in parts if state == PartState.DONE and part.action is Action.SEND]
    changes = row.kind in {EventKind.EDITED, EventKind.DELETED}
    again = row.generation > 0  # a part may stand from before
    return Job(
        delivery_id=row.id,
        event_key=f"{sql.ref_of(row)}|{row.event_kind}|{row.revision}",
        kind=row.kind,
        generation=row.generation,
        attempts=row.attempts,
        accepted_at=row.accepted_at,
        ready_at=row.ready_at,
        give_up_at=row.give_up_at,
        paused=row.paused,
        failures=row.failures,
        group=row.group,
        via=row.via,
        audience=Audience(row.audience),
        post=blobs.with_files(tx, row.post_id, load_post(row.body)) if row.body else None,
        post_id=row.post_id,
        version=row.version,
        subject=_subject(tx, lane, row),
        parent=_excerpt(tx, lane, row.parent_id, Audience(row.audience)),
        thread=_thread(tx, lane, row),
        copies=copies(tx, row.post_id, lane.id) if changes or again else (),
        parts=tuple(part for part, state in parts if state != PartState.DONE),
        frozen=bool(parts),
        previous=finished[-1] if finished else None,
        corrected=changes and _was_corrected(tx, row.post_id, lane.id),
        lane=lane,
        form=row.form,
        root_id=row.root_id or row.post_id,
        carries=bool(parts) and lane.destination is not None and lane.destination.reader is not None and _carries(tx, row.id),
    )


def _carries(tx: Connection, delivery_id: int) -> bool:
    return tx.execute(select(exists().where(_DELIVERY.carried_by == delivery_id))).scalar_one()


def _was_corrected(tx: Connection, post_id: int, lane_id: int) -> bool:
    d = sql.delivery.c
    return tx.execute(
        select(
            exists().where(
                d.post_id == post_id,
                d.lane_id == lane_id,
                d.kind == EventKind.EDITED,
                d.state == DeliveryState.DELIVERED,
            )
        )
    ).scalar_one()


def parts_of(tx: Connection, delivery_id: int) -> list[tuple[FrozenPart, str]]:
    """The delivery's frozen parts in order, each with its state."""
    rows = tx.execute(_PARTS, {"delivery": delivery_id})
    return [(_frozen(row), row.state) for row in rows]


def _frozen(row: Any) -> FrozenPart:
    attempted = row.state == PartState.ATTEMPTING
    return FrozenPart(
        id=row.id,
        delivery_id=row.delivery_id,
        number=row.number,
        action=Action(row.action),
        place_in_post=row.place_in_post,
        part=Part(row.body, load_files(row.files)),
        key=row.key,
        ref=sql.ref_from(row.ref),
        attempted_at=datetime.fromtimestamp(row.attempted_at, UTC) if attempted else None,
        lost_answers=row.lost_answers,
    )


def _subject(tx: Connection, lane: Lane, post: Any) -> str:
    """What names the conversation; empty for a reader who came to it later, as it begins with words of its first post."""
    if post.root_id is None:
        return str(post.subject)
    row = tx.execute(select(sql.post.c.subject, sql.post.c.user).where(sql.post.c.id == post.root_id)).one()
    return str(row.subject) if _was_theirs(tx, lane, post.root_id, row.user) else ""


def _excerpt(tx: Connection, lane: Lane, post_id: int | None, audience: Audience) -> Excerpt | None:
    """What is answered; without its words for a copy that more people see than it was for, and for readers who came later."""
    if post_id is None:
        return None
    row = tx.execute(select(sql.post.c.author, sql.post.c.user, sql.post.c.body).where(sql.post.c.id == post_id)).one()
    post = load_post(row.body) if row.body else None
    # a direct message that is answered before the group went to the group
    shown = post is not None and audience <= max(post.audience, Audience.GROUP) and _was_theirs(tx, lane, post_id, row.user)
    return Excerpt(row.author, first_line(post.text) if post is not None and shown else "…")


def _was_theirs(tx: Connection, lane: Lane, post_id: int, author: str) -> bool:
    """Whether a reader was to get the post, or wrote it: what was said before they came is not for them. True of other places."""
    reader = lane.destination.reader if lane.destination is not None else None
    if reader is None or author.lower() == reader.lower():
        return True
    theirs = (_DELIVERY.post_id == post_id, _DELIVERY.lane_id == lane.id)
    return tx.execute(select(exists().where(*theirs))).scalar_one()


def _thread(tx: Connection, lane: Lane, post: Any) -> Thread:
    return Thread(
        root=_standing_at(tx, lane, post.root_id),
        parent=_standing_at(tx, lane, post.parent_id),
    )


def _standing_at(tx: Connection, lane: Lane, post_id: int | None) -> Ref | None:
    """What a reader of the lane knows the post by: the first part of its copy, or the original where it stands there.

    Where both stand at the place, the others there see only the copy: that is why there is one. Of one's own mail one knows
    the id; to others it may tell its author's address or machine.
    """
    if post_id is None or lane.destination is None:
        return None
    if standing := copies(tx, post_id, lane.id):
        return standing[0].ref
    row = tx.execute(select(sql.post).where(sql.post.c.id == post_id)).one()
    reader = lane.destination.reader
    if reader is not None and row.user.lower() != reader.lower():
        return None
    return sql.ref_of(row) if sql.place_of(row) == lane.destination.place else None


def copies(tx: Connection, post_id: int, lane_id: int) -> tuple[StandingCopy, ...]:
    """The parts of a post that stand at a lane's destination, in order."""
    c = sql.receipt.c
    rows = tx.execute(select(sql.receipt).where(c.post_id == post_id, c.lane_id == lane_id, c.standing).order_by(c.number))
    return tuple(StandingCopy(row.number, sql.ref_of(row)) for row in rows)
