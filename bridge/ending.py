"""How a delivery ends: what is written down, and what its author is told of it, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge import feedback
from bridge.post import Destination, Ref
from bridge.reasons import Reason
from bridge.routing import World
from bridge.store import Tx, bundles, lanes, outward
from bridge.store.tables import DeliveryState
from bridge.store.values import Claim, FrozenPart, Job

_FAILURES = {Reason.NO_BODY, Reason.GAVE_UP, Reason.REJECTED, Reason.PERHAPS_SENT, Reason.INTERNAL}
"""Reasons that end a delivery as "not delivered"; all others say that it needed no sending."""


@dataclass(frozen=True, slots=True)
class End:
    """That a delivery ends without a copy: as `outward.conclude`. `detail` is a platform's own sentence, or empty."""

    destination: Destination
    reason: Reason
    detail: str
    in_doubt: bool

    @property
    def state(self) -> DeliveryState:
        return DeliveryState.NOT_DELIVERED if self.reason in _FAILURES else DeliveryState.FILTERED


def settle(
    tx: Tx, world: World, claim: Claim, job: Job, part: FrozenPart, ref: Ref, now: float, rest: float
) -> tuple[bool, set[int]]:
    """The part is done; whether raws were parked for it, and lanes with something to tell. `rest` as `outward.settle`'s pace.

    `ref` is what was sent: where several copies went in it, each stands at a ref of its own.
    """
    together = bundles.together(tx, job)
    parked = outward.settle(tx, claim, job, part, part.ref or ref, now, rest, message=ref.id)
    return parked, _delivered(tx, world, together, now)


def _delivered(tx: Tx, world: World, together: Sequence[Job], now: float) -> set[int]:
    return {lane for each in together for lane in feedback.delivered(tx, world, each, now)}


def conclude(tx: Tx, world: World, claim: Claim, job: Job, end: End, now: float) -> tuple[bool, set[int]] | None:
    """The delivery ends; as `settle`. None, and without effect, under a lost claim."""
    if not lanes.owns(tx, claim):
        return None
    together = bundles.together(tx, job)
    sentence = end.detail or end.reason.sentence
    parked = outward.conclude(tx, claim, job, end.state, end.reason, sentence, now, in_doubt=end.in_doubt)
    if end.state is not DeliveryState.NOT_DELIVERED:
        return parked, _delivered(tx, world, together, now)
    told: set[int] = set()
    for each in together:
        told |= feedback.failed(tx, world, each, each.lane.destination or end.destination, end.reason, end.detail, now)
    return parked, told
