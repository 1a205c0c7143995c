"""Telling authors what becomes of their posts, in the transaction in which it is decided: nothing fails unsaid."""

from __future__ import annotations

from collections.abc import Iterable

from bridge import assurances, reach
from bridge.assurances import Ended
from bridge.pausing import Halt
from bridge.post import Destination, EventKind, Place, Post, aside
from bridge.reasons import Reason
from bridge.routing import World
from bridge.saying import notify, was_said
from bridge.store import Tx, ledger, outcomes
from bridge.store.tables import DeliveryState
from bridge.store.undelivered import Returned
from bridge.store.values import Job


def place_for(world: World, post: Post) -> Place | None:
    """Where the post's author alone is told something; None where there is no such way."""
    place, author = post.ref.place, post.author
    if place.is_direct:
        return place
    return aside(place, author.user) if place.account in world.asides and author.user and not author.is_bot else None


# ---------------------------------------------------------------- when it is accepted


def first_post(tx: Tx, world: World, post: Post, now: float) -> set[int]:
    """Who reads it from now on, the first time somebody writes at a mirrored place."""
    place = place_for(world, post)
    if place is None or post.ref.place.is_direct or was_said(tx, assurances.mirrored_key(place), place):
        return set()
    return notify(tx, assurances.mirrored(place, post.ref, reach.reached(world, post.ref.place)), now)


def waits(tx: Tx, world: World, post: Post, halts: Iterable[Halt], now: float) -> set[int]:
    """That it stays for now, as somebody paused what it would leave by."""
    place = place_for(world, post)
    return notify(tx, assurances.waits(place, post.ref, next(iter(halts), None)), now) if place else set()


def go_on(tx: Tx, world: World, posts: Iterable[int], outbreak: str, now: float) -> set[int]:
    """That these posts wait no longer."""
    woken: set[int] = set()
    for post_id in posts:
        post = ledger.body_of(tx, post_id)
        place = place_for(world, post) if post else None
        if post and place and place.account in world.asides:
            woken |= notify(tx, assurances.goes_on(place, post.ref, outbreak), now)
    return woken


def refused(tx: Tx, world: World, post: Post, reason: Reason, now: float, *, held: bool) -> set[int]:
    """That it waits for a human, or came too late; who wrote directly is answered otherwise. Of other refusals nothing."""
    place = place_for(world, post)
    if place is None or post.ref.place.is_direct or not (held or reason is Reason.TOO_OLD):
        return set()
    told = assurances.held(place, post.ref, reason) if held else assurances.missed(place, post.ref, now)
    return notify(tx, told, now)


# ---------------------------------------------------------------- when a delivery ends


def failed(tx: Tx, world: World, job: Job, destination: Destination, reason: str, detail: str, now: float) -> set[int]:
    """That a copy was given up."""
    place = place_for(world, job.post) if job.post and job.kind != EventKind.NOTICE else None
    if place is None or job.post is None:
        return set()
    to = assurances.name_of(world, destination)
    key = f"{job.event_key}:{destination.place}:{job.generation}"
    return notify(tx, assurances.failed(place, job.post.ref, job.kind, key, to, reason, detail), now)


def came_back(tx: Tx, world: World, each: Returned, why: str, now: float) -> set[int]:
    """That a copy which was handed over came back later."""
    post = ledger.body_of(tx, each.post_id)
    place = place_for(world, post) if post and each.kind != EventKind.NOTICE else None
    if place is None or post is None:
        return set()
    key = f"{each.event_key}:{each.destination.place}:{each.generation}:returned"
    to = assurances.name_of(world, each.destination)
    return notify(tx, assurances.failed(place, post.ref, each.kind, key, to, Reason.RETURNED, f"It came back ({why})."), now)


def delivered(tx: Tx, world: World, job: Job, now: float) -> set[int]:
    """That all copies are there, where the group confirms all, or after a replay. Who wrote directly was told at first."""
    if job.post is None or not (job.generation or (job.kind == EventKind.CREATED and _confirms(world, job.group))):
        return set()
    place = place_for(world, job.post)
    found = outcomes.of_post(tx, job.post_id) if place and not job.post.ref.place.is_direct else ()
    if place is None or not found or any(each.state != DeliveryState.DELIVERED for each in found):
        return set()
    ended = [
        Ended(assurances.name_of(world, each.destination), each.done_at or now)
        for each in found
        if each.kind == EventKind.CREATED
    ]
    key = f"{job.event_key}:{job.generation}"
    return notify(tx, assurances.handed(place, job.post.ref, key, ended, after_all=job.generation > 0), now)


def _confirms(world: World, name: str) -> bool:
    group = world.places.groups.get(name)
    return group is not None and group.confirm == "all"
