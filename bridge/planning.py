"""What a delivery comes to: the native messages to be sent, changed or removed, or the reason why there are none. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bridge import retry, text
from bridge.contract import Absent, Adapter, Capabilities, Context, Part, Unknown
from bridge.keys import send_key
from bridge.post import Destination, EventKind, Post, UserId
from bridge.reasons import Reason
from bridge.store.outward import NewPart
from bridge.store.tables import Action
from bridge.store.values import FrozenPart, Job

_NOTHING = Part("")

REPEATS = 5
"""How many lost answers a send is repeated after where nobody can tell whether it stands. A crash always costs a repeat."""

SETTLES_S = 3.0
"""Within so many seconds a replica that was only late to say that it lives has settled what it sent."""


@dataclass(frozen=True, slots=True)
class Known:
    """What was looked up for a delivery: its group's title, who may really be mentioned, and how `late` it says it is.

    `public_url` is the mapping file's; empty where it has none.
    """

    title: str
    mentions: Mapping[str, UserId] = field(default_factory=dict)
    late: str = ""
    public_url: str = ""


def plan(job: Job, adapter: Adapter, destination: Destination, known: Known) -> Sequence[NewPart] | Reason:
    """The parts of the delivery, in the order they are to be done."""
    match job.kind:
        case EventKind.DELETED:
            return _removals(job, adapter, destination)
        case _ if job.post is None:
            return Reason.NO_BODY
        case EventKind.EDITED if not job.copies:
            return Reason.NO_COPY
        case EventKind.EDITED if adapter.capabilities.edit:
            return _changes(job, _render(job, job.post, adapter, destination, known), destination)
        case EventKind.EDITED:
            return _correction(job, job.post, adapter, destination, known)
        case _ if job.copies:
            return _rest(job, _render(job, job.post, adapter, destination, known), adapter, destination)
        case _:
            return _sends(job, _render(job, job.post, adapter, destination, known), destination)


def _render(
    job: Job, post: Post, adapter: Adapter, destination: Destination, known: Known, *, corrected: bool = False
) -> tuple[Part, ...]:
    return adapter.render(shown(post, known), destination, context_of(job, adapter, known, corrected=corrected))


def shown(post: Post, known: Known) -> Post:
    """The post as its copy has it: saying so where it comes late."""
    return replace(post, text=text.prepend(post.text, (text.Str(known.late),))) if known.late else post


def context_of(job: Job, adapter: Adapter, known: Known, *, corrected: bool) -> Context:
    """What rendering the delivery may know beside its post."""
    return Context(
        limits=adapter.limits,
        via=job.via,
        group=known.title,
        audience=job.audience,
        parent=job.parent,
        threaded=job.thread.root is not None or job.thread.parent is not None,
        subject=job.subject,
        corrected=corrected,
        mentions=known.mentions,
        public_url=known.public_url,
    )


def _sends(job: Job, parts: Sequence[Part], destination: Destination, first: int = 0) -> Sequence[NewPart] | Reason:
    """Each part sent; `first` is the number of the first one in the post."""
    sends = [NewPart(Action.SEND, first + n, part, _key(job, destination, n)) for n, part in enumerate(parts)]
    return sends or Reason.EMPTY


def _removals(job: Job, adapter: Adapter, destination: Destination) -> Sequence[NewPart] | Reason:
    if not job.copies:
        return Reason.NO_COPY
    if not adapter.capabilities.delete:
        return Reason.CANNOT_REMOVE
    last_first = reversed(job.copies)
    return [NewPart(Action.DELETE, c.number, _NOTHING, _key(job, destination, n), c.ref) for n, c in enumerate(last_first)]


def _changes(job: Job, parts: Sequence[Part], destination: Destination) -> Sequence[NewPart]:
    """Each standing part changed, further ones sent, those left over removed."""
    changes: list[NewPart] = []
    next_number = max(copy.number for copy in job.copies) + 1
    for n in range(max(len(parts), len(job.copies))):
        key = _key(job, destination, n)
        if n >= len(parts):
            changes.append(NewPart(Action.DELETE, job.copies[n].number, _NOTHING, key, job.copies[n].ref))
        elif n < len(job.copies):
            changes.append(NewPart(Action.EDIT, job.copies[n].number, parts[n], key, job.copies[n].ref))
        else:
            changes.append(NewPart(Action.SEND, next_number + n - len(job.copies), parts[n], key))
    return changes


def _rest(job: Job, parts: Sequence[Part], adapter: Adapter, destination: Destination) -> Sequence[NewPart] | Reason:
    """A post that is sent again and of which parts stand: those are brought up to date where they can be, the others sent."""
    if adapter.capabilities.edit:
        return _changes(job, parts, destination)
    missing = parts[len(job.copies) :]
    return _sends(job, missing, destination, max(copy.number for copy in job.copies) + 1) if missing else Reason.CANNOT_CHANGE


def _correction(job: Job, post: Post, adapter: Adapter, destination: Destination, known: Known) -> Sequence[NewPart] | Reason:
    """One corrected copy beside the first, where copies can't be changed."""
    if job.corrected:
        return Reason.CANNOT_CHANGE
    first = max(copy.number for copy in job.copies) + 1
    return _sends(job, _render(job, post, adapter, destination, known, corrected=True), destination, first)


def is_outdated(job: Job, destination: Destination, part: FrozenPart) -> bool:
    """Whether the part was frozen before the delivery was queued anew."""
    return job.generation > 0 and part.key != _key(job, destination, part.number)


def _key(job: Job, destination: Destination, number: int) -> str:
    return send_key(job.event_key, destination, number, job.generation)


def again_at(part: FrozenPart, finding: Absent | Unknown, can: Capabilities, deadline: float, *, shared: bool) -> float | None:
    """From when on a send that was not found may be sent again, in seconds since the epoch; None where that might double it.

    `deadline` is how many seconds after its begin the call has surely ended. `shared`: another replica may have begun it.
    """
    began = part.begun_at.timestamp()
    if isinstance(finding, Absent):
        return 0.0 if can.idempotent else began + deadline
    if not can.repeatable or part.lost_answers > REPEATS:
        return None
    if part.lost_answers > 1:  # who perhaps got it twice is spared a third for a while
        return began + retry.backoff(2 * (part.lost_answers - 1), jitter=1.0)
    # The first repeat goes at once, unless who sent it before may still be about to write down its receipt.
    return began + min(deadline, SETTLES_S) if shared and not part.lost_answers else began
