"""Queueing a post's copies: what holds them, when each is due, and what names the conversation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from bridge import rhythm, routing, text
from bridge.mappings import Group
from bridge.pausing import Halt
from bridge.post import Destination, EventKind, Place, Post
from bridge.reasons import Reason
from bridge.rhythm import Form, Slot
from bridge.routing import Route, World
from bridge.store import Tx, bundles, halts, ledger, outward
from bridge.store.outward import NewDelivery
from bridge.store.values import KnownPost

_SUBJECT_WIDTH = 60
_AT_ONCE = Slot(0.0)


def subject_of(group: Group, post: Post) -> str:
    """What names the conversation that the post begins."""
    line = post.warning or text.first_line(post.text, _SUBJECT_WIDTH)
    return f"[{group.title}] {line}".strip()


def paused_by(group: str, source: Place, destination: Place, paused: Iterable[Halt]) -> str:
    """Why it waits, where somebody paused what it would leave by; else empty."""
    return Reason.PAUSED if any(halt.covers(group, source, destination) for halt in paused) else ""


def copies_of(tx: Tx, world: World, post: Post, routes: Iterable[Route], now: float) -> tuple[NewDelivery, ...]:
    """One copy per route of a post that waited for a human."""
    paused = halts.as_seen(tx, world.halts)
    return tuple(
        NewDelivery(
            route.destination,
            EventKind.CREATED,
            route.group.id,
            route.group.via,
            route.audience,
            give_up_at=now + route.group.give_up_after.total_seconds(),
            held=paused_by(route.group.id, post.ref.place, route.destination.place, paused),
        )
        for route in routes
    )


def queue_copies(
    tx: Tx,
    world: World,
    event_id: int,
    post_id: int,
    post: Post,
    copies: Iterable[NewDelivery],
    parent: KnownPost | None,
    now: float,
) -> set[int]:
    """Queue a post's copies, each for when it is due; the lanes with new work."""
    copies = tuple(copies)
    to_readers = any(new.destination.reader is not None for new in copies)
    answered = ledger.body_of(tx, parent.id) if parent is not None and to_readers else None
    root_id = parent.root_id if parent is not None else post_id
    due = [(new, _slot(world, new, post, answered, now)) for new in copies]
    return _queue(tx, event_id, post_id, root_id, due, now)


def queue_change(
    tx: Tx, world: World, event_id: int, known: KnownPost, new: NewDelivery, post: Post | None, now: float
) -> set[int]:
    """A change of a post whose copy stands there or may come to; of a `post`, for whoever gets it anew. The lanes with new work.

    Who had the post is told of its correction, whatever they choose to hear of by now.
    """
    slot = _slot(world, new, post, None, now) if post is not None else _AT_ONCE
    return _queue(tx, event_id, known.id, known.root_id, [(new, slot or _AT_ONCE)], now)


def _queue(
    tx: Tx, event_id: int, post_id: int, root_id: int, due: Sequence[tuple[NewDelivery, Slot | None]], now: float
) -> set[int]:
    for new, slot in due:
        if slot is None:
            outward.note(tx, event_id, post_id, new, now, Reason.CHOSEN)
    wanted = [(new, slot) for new, slot in due if slot is not None]
    lanes = outward.queue(tx, event_id, post_id, [_timed(new, slot, now) for new, slot in wanted], now)
    for lane_id, (new, slot) in zip(lanes, wanted, strict=True):
        if slot.form is Form.BUNDLE and not new.held:
            bundles.hold_together(tx, lane_id, root_id, now, new.ready_at)
    return set(lanes)


def _timed(new: NewDelivery, slot: Slot, now: float) -> NewDelivery:
    if slot == _AT_ONCE:
        return new
    ready_at = max(new.ready_at, slot.ready_at) if slot.ready_at > now else new.ready_at
    later = max(0.0, ready_at - max(now, new.ready_at))
    return replace(new, ready_at=ready_at, give_up_at=new.give_up_at + later, form=slot.form)


def _slot(world: World, new: NewDelivery, post: Post, answered: Post | None, now: float) -> Slot | None:
    """When the destination's reader gets the post; at once where it is no reader's."""
    to: Destination = new.destination
    reader = routing.reader_at(world, to)
    if reader is None or to.reader is None:
        return _AT_ONCE
    group = world.places.groups.get(new.group)
    announcer = world.person(post)
    announced = group is not None and announcer is not None and announcer.id in group.announcers and rhythm.is_announcement(post)
    person = world.mappings.people.get(reader.person)
    for_them = (answered is not None and world.is_same(to.account, to.reader, answered)) or (
        person is not None and rhythm.names(post, person, post.ref.place.account)
    )
    choice = world.choices.get((to.account, to.reader), rhythm.NOTHING_CHOSEN)
    return rhythm.slot(reader.rhythm, choice, rhythm.weight(announced=announced, for_them=for_them), now, patient=world.patient)
