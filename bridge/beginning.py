"""A lane's next delivery: found, and begun in the same transaction where nothing has to be asked for it first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bridge.gathering import Gathering, still_goes
from bridge.planning import plan
from bridge.post import Destination, EventKind
from bridge.reasons import Reason
from bridge.store import Tx, jobs, outward
from bridge.store.outward import NewPart
from bridge.store.values import FrozenPart, Job

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Begun:
    """A delivery whose first part is written down as attempted, and must be attempted now.

    `began` is when that was about to be written down, in monotonic seconds.
    """

    job: Job
    parts: Sequence[FrozenPart]
    began: float


Next = Begun | Job | float | None
"""What a lane has next: something to do, when there will be something (seconds since the epoch), or nothing."""


def find(tx: Tx, gathering: Gathering, now: float, began: float) -> Next:
    """What the lane has next; begun where that can be.

    Not where others share the database: whoever takes a lane over has to wait until what was begun has surely ended.
    """
    claim, to, engine = gathering.claim, gathering.claim.lane.destination, gathering.engine
    found = jobs.next_job(tx, claim, now)
    if not isinstance(found, Job) or to is None or engine.shared or engine.stopping.is_set():
        return found
    if not _is_plain(gathering, found, to, now):
        return found
    planned = _planned(gathering, found, to)
    parts = outward.freeze(tx, claim, found, planned, attempted_at=now) if planned else None
    return Begun(found, parts, began) if parts else found


def _is_plain(gathering: Gathering, job: Job, to: Destination, now: float) -> bool:
    """Whether it is a post's first copy, all of whose words are here."""
    if job.kind != EventKind.CREATED or job.frozen or job.copies or job.post is None or job.post.media or to.reader is not None:
        return False
    return now < job.give_up_at and still_goes(gathering.world(), job) and not gathering.mentions.are_asked_for(job)


def _planned(gathering: Gathering, job: Job, to: Destination) -> Sequence[NewPart]:
    try:
        planned = plan(job, gathering.adapter, to, gathering.known_by_now(job))
    except Exception:  # it must not undo what else this transaction writes; it is made once more, and ends the delivery then
        log.exception("delivery.not_rendered", delivery=job.delivery_id)
        return ()
    return () if isinstance(planned, Reason) else planned
