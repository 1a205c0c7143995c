"""Reactions as a summary with names under the copies of a post elsewhere, kept up to date; never as a vote of the bridge."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from bridge import text
from bridge.pausing import Halt
from bridge.post import Audience, Author, Destination, EventKind, NativeId, Place, Post, Reacted, Ref, UserId
from bridge.reasons import Reason
from bridge.routing import World
from bridge.store import Tx, ledger, outward, reactions
from bridge.store.outward import NewDelivery
from bridge.store.reactions import Reaction
from bridge.store.tables import UNSENT, DeliveryState
from bridge.store.values import KnownDelivery, KnownPost

_BRIDGE = Author(UserId("viabridge"), "viabridge", (), is_bot=True)
_TAKEN_BACK = "(reactions were taken back)"
PATIENCE_S = 24 * 3600.0


def react(tx: Tx, world: World, known: KnownPost, event: Reacted, paused: Iterable[Halt], now: float) -> set[int]:
    """Note the reaction and bring the summary up to date wherever else the post stands and a summary can be shown."""
    original = ledger.ref_of(tx, known.id)
    if not reactions.note(tx, known.id, event):
        return set()
    there, halts = reactions.standing(tx, known.id), tuple(paused)
    woken: set[int] = set()
    for to, like in _destinations(tx, world, known, original).items():
        if to.place == event.ref.place or to.account not in world.summaries or to.reader:
            continue
        held = Reason.PAUSED if any(halt.covers(like.group, original.place, to.place) for halt in halts) else ""
        woken |= _show(tx, known, original, to, like, summary(there, to.place), event, now, held=held)
    return woken


def summary(there: Iterable[Reaction], place: Place) -> str:
    """Who reacted how, without those that everybody at the place sees anyway: "👍 Lynn, Karl · 🎉 Mia"."""
    by_emoji: dict[str, dict[str, None]] = {}
    for each in there:
        if each.place != place:
            by_emoji.setdefault(each.emoji, {})[each.name] = None
    return " · ".join(f"{emoji} {', '.join(names)}" for emoji, names in by_emoji.items())


def _destinations(tx: Tx, world: World, known: KnownPost, original: Ref) -> dict[Destination, KnownDelivery]:
    """Where the post stands: its copies, and its own place if the group brings copies there as well; with how they went."""
    deliveries = [each for each in ledger.deliveries_of(tx, known.id) if each.kind == EventKind.CREATED]
    found = {each.destination: each for each in deliveries if each.state == DeliveryState.DELIVERED}
    takes = any(entry.direction.takes for _, entry in world.places.at(original.place))
    return {**({Destination(original.place): deliveries[0]} if deliveries and takes else {}), **found}


def _ref(original: Ref, place: Place) -> Ref:
    return Ref(place, NativeId(f"reactions:{original}"))


def _show(
    tx: Tx,
    known: KnownPost,
    original: Ref,
    to: Destination,
    like: KnownDelivery,
    words: str,
    event: Reacted,
    now: float,
    *,
    held: str,
) -> set[int]:
    ref = _ref(original, to.place)
    shown = ledger.find_post(tx, ref)
    if shown is None and not words:
        return set()
    at = datetime.fromtimestamp(now, UTC)
    post = Post(ref, _BRIDGE, text.from_plain(words or _TAKEN_BACK), Audience.GROUP, at, reply_to=original)
    kind = EventKind.CREATED if shown is None else EventKind.EDITED
    post_id = shown.id if shown else ledger.add_post(tx, ref, _BRIDGE, now, body=post, parent=known, subject="")
    revision = "" if shown is None else f"{event.ref.place}:{event.revision}"
    event_id = ledger.add_event(tx, post_id, kind, revision, raw_id=None, at=now, now=now, verdict="notice", reason="")
    if event_id is None:
        return set()
    if shown:
        ledger.replace_body(tx, post_id, post)
        unsent = [each for each in ledger.deliveries_of(tx, post_id) if each.state in UNSENT and not each.attempted]
        for each in unsent:
            outward.thaw(tx, each.id)
        if unsent:
            return set()  # it shows what is newest when its turn comes
    new = NewDelivery(to, kind, like.group, "", like.audience, give_up_at=now + PATIENCE_S, held=held)
    return set(outward.queue(tx, event_id, post_id, [new], now))


def withdraw(tx: Tx, known: KnownPost, deliveries: Iterable[KnownDelivery], now: float) -> set[int]:
    """The post is gone: so are the summaries under it."""
    original = ledger.ref_of(tx, known.id)
    woken: set[int] = set()
    for place in {original.place, *(each.destination.place for each in deliveries)}:
        shown = ledger.find_post(tx, _ref(original, place))
        if shown is None or shown.deleted:
            continue
        ledger.mark_deleted(tx, shown.id, now)
        event_id = ledger.add_event(
            tx, shown.id, EventKind.DELETED, "", raw_id=None, at=now, now=now, verdict="notice", reason=""
        )
        for each in ledger.deliveries_of(tx, shown.id):
            if each.state in UNSENT and not each.attempted:
                outward.withdraw(tx, each.id, "withdrawn", now)
        if event_id is not None and (last := ledger.deliveries_of(tx, shown.id)):
            new = NewDelivery(Destination(place), EventKind.DELETED, last[0].group, "", last[0].audience, now + PATIENCE_S)
            woken.update(outward.queue(tx, event_id, shown.id, [new], now))
    return woken
