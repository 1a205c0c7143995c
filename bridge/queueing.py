"""Queueing a post's copies: what holds them, and what names the conversation."""

from __future__ import annotations

from collections.abc import Iterable

from bridge import text
from bridge.mappings import Group
from bridge.pausing import Halt
from bridge.post import EventKind, Place, Post
from bridge.reasons import Reason
from bridge.routing import Route, World
from bridge.store import Tx, halts, outward
from bridge.store.outward import NewDelivery

_SUBJECT_WIDTH = 60


def subject_of(group: Group, post: Post) -> str:
    """What names the conversation that the post begins."""
    line = post.warning or text.first_line(post.text, _SUBJECT_WIDTH)
    return f"[{group.title}] {line}".strip()


def paused_by(group: str, source: Place, destination: Place, paused: Iterable[Halt]) -> str:
    """Why it waits, where somebody paused what it would leave by; else empty."""
    return Reason.PAUSED if any(halt.covers(group, source, destination) for halt in paused) else ""


def queue_copies(tx: Tx, world: World, event_id: int, post_id: int, post: Post, routes: Iterable[Route], now: float) -> set[int]:
    """One delivery per route of a post that waited for a human; the lanes with new work."""
    paused = halts.as_seen(tx, world.halts)
    return {
        outward.queue(
            tx,
            event_id,
            post_id,
            NewDelivery(
                route.destination,
                EventKind.CREATED,
                route.group.id,
                route.group.via,
                route.audience,
                give_up_at=now + route.group.give_up_after.total_seconds(),
                held=paused_by(route.group.id, post.ref.place, route.destination.place, paused),
            ),
            now,
        )
        for route in routes
    }
