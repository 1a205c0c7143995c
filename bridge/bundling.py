"""What several deliveries to one reader come to: one native message for all of them, and where each will stand in it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bridge.contract import Adapter, Bundler, Item, Part
from bridge.keys import send_key
from bridge.planning import Known, context_of, shown
from bridge.post import Destination, EventKind
from bridge.store import bundles
from bridge.store.outward import NewPart
from bridge.store.tables import Action
from bridge.store.values import Job


@dataclass(frozen=True, slots=True)
class Bundle:
    """The message, and the copies in it."""

    part: NewPart
    items: tuple[bundles.Item, ...]


def may_go_along(job: Job) -> bool:
    """Whether there is something to bring: a post, or a first correction of one that stands there."""
    if job.post is None:
        return False
    return job.kind == EventKind.CREATED or (job.kind == EventKind.EDITED and bool(job.copies) and not job.corrected)


def conversations(jobs: Sequence[Job], known: Mapping[int, Known]) -> tuple[tuple[Job, ...], ...]:
    """The deliveries by conversation, in their order; the conversations by group, and in the order in which they began."""
    found: dict[tuple[str, int], list[Job]] = {}
    for job in sorted(jobs, key=lambda each: each.delivery_id):
        found.setdefault((known[job.delivery_id].title, job.root_id), []).append(job)
    groups = list(dict.fromkeys(group for group, _ in found))
    return tuple(tuple(found[key]) for key in sorted(found, key=lambda key: groups.index(key[0])))


def plan(jobs: Sequence[Job], adapter: Adapter, bundler: Bundler, known: Mapping[int, Known]) -> Bundle:
    """One message for all of the deliveries; the first carries the others, and the message goes to its destination.

    `known` is what was looked up for each, by its id.
    """
    carrier = jobs[0]
    destination = _destination(carrier)
    key = send_key(f"{carrier.event_key}|bundle", destination, 0, carrier.generation)
    talks = conversations(jobs, known)
    ordered = [job for talk in talks for job in talk]
    items: dict[int, tuple[bundles.Item, Item]] = {}
    for number, job in enumerate(ordered, start=1):
        to, last = _destination(job), number == len(ordered)
        ref = bundler.refer(key, 0 if len(talks) == 1 and last else number, to.place)
        first = max((copy.number for copy in job.copies), default=-1) + 1
        of_store = bundles.Item(job, first, send_key(key, to, number, 0), ref)
        context = context_of(job, adapter, known[job.delivery_id], corrected=job.kind == EventKind.EDITED)
        if job.post is None:
            raise ValueError(f"delivery {job.delivery_id} has nothing to bring")
        items[job.delivery_id] = (of_store, Item(shown(job.post, known[job.delivery_id]), to, context, ref))
    part: Part = bundler.bundle([[items[job.delivery_id][1] for job in talk] for talk in talks], destination)
    return Bundle(NewPart(Action.SEND, 0, part, key), tuple(of_store for of_store, _ in items.values()))


def _destination(job: Job) -> Destination:
    if job.lane.destination is None:
        raise ValueError(f"lane {job.lane.id} brings nothing")
    return job.lane.destination
