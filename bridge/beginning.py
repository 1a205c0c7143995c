"""A lane's next delivery: found, and begun in the same transaction where nothing has to be asked for it first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from bridge.gathering import Gathering, still_goes
from bridge.planning import plan
from bridge.post import Destination, EventKind
from bridge.reasons import Reason
from bridge.store import Tx, jobs, outward, sql
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

    Not where others share the database: whoever takes a lane over has to wait until what was begun has surely ended. Nor
    where the account is signed out, or the service ends.
    """
    found, to = jobs.next_job(tx, gathering.claim, now), gathering.claim.lane.destination
    if not isinstance(found, Job) or to is None or not _may_begin(gathering):
        return found
    try:
        parts = _begin(tx, gathering, found, to, now)
    except Exception:  # it must not undo what else this transaction writes; made once more, it ends the delivery
        log.exception("delivery.not_begun", delivery=found.delivery_id)
        return found
    return Begun(found, parts, began) if parts else found


def _may_begin(gathering: Gathering) -> bool:
    engine = gathering.engine
    account = engine.accounts.get(gathering.claim.lane.account)
    return not engine.shared and not engine.stopping.is_set() and account is not None and account.opened.is_set()


def _begin(tx: Tx, gathering: Gathering, job: Job, to: Destination, now: float) -> Sequence[FrozenPart] | None:
    if not _is_plain(gathering, job, to, now):
        return None
    planned = plan(job, gathering.adapter, to, gathering.known_by_now(job))
    if isinstance(planned, Reason) or not planned:
        return None
    with sql.savepoint(tx):
        return outward.freeze(tx, gathering.claim, job, planned, attempted_at=now)


def _is_plain(gathering: Gathering, job: Job, to: Destination, now: float) -> bool:
    """Whether it is a post's first copy, all of whose words are here."""
    if job.kind != EventKind.CREATED or job.frozen or job.copies or job.post is None or job.post.media or to.reader is not None:
        return False
    return now < job.give_up_at and still_goes(gathering.world(), job) and not gathering.mentions.are_asked_for(job)
