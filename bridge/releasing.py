"""What is held, and what a human decides about it: it goes its way, or nowhere."""

from __future__ import annotations

from datetime import UTC, datetime

from bridge import routing
from bridge.errors import BridgeError
from bridge.queueing import copies_of, queue_copies, subject_of
from bridge.reasons import Reason
from bridge.routing import World
from bridge.store import Tx, held, ledger


class NotHeld(BridgeError):
    """Nothing of that name is held."""


def release(tx: Tx, name: str, world: World, now: float) -> set[int]:
    """Let a held post go where it would have gone; the lanes with new work. `name` is as `viabridge held` lists it.

    Raises `NotHeld` where there is none, or the mapping file brings it nowhere.
    """
    event_id, post_id = _find(tx, name)
    post = ledger.body_of(tx, post_id)
    if post is None:
        raise NotHeld(f"The text of {name} is no longer kept.")
    plan = routing.plan(world, post, datetime.fromtimestamp(now, UTC), approved=True)
    if plan.refusal is not None:
        raise NotHeld(f"{name} goes nowhere: {plan.refusal.sentence}")
    ledger.decide(tx, event_id, "relayed", "")
    ledger.name_subject(tx, post_id, subject_of(plan.routes[0].group, post))
    copies = copies_of(tx, world, post, plan.routes, now)
    return queue_copies(tx, world, event_id, post_id, post, copies, ledger.parent_of(tx, post_id), now)


def discard(tx: Tx, name: str) -> None:
    """Let a held post go nowhere. Its text is forgotten. Raises `NotHeld`."""
    event_id, post_id = _find(tx, name)
    ledger.decide(tx, event_id, "dropped", Reason.DISCARDED)
    ledger.forget_body(tx, post_id)


def _find(tx: Tx, name: str) -> tuple[int, int]:
    found = held.find(tx, name)
    if found is None:
        raise NotHeld(f"Nothing called {name} is held: see `viabridge held`.")
    return found
