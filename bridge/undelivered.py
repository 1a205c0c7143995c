"""What an admin does about deliveries that ended as "not delivered": send them again, or give them up for good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from bridge import audience
from bridge.post import EventKind
from bridge.reasons import Reason
from bridge.routing import World
from bridge.saying import NOTICE_LIFE_S
from bridge.store import Store, Tx, halts, undelivered
from bridge.store.undelivered import Undelivered, Which

UNTOLD_S = 48 * 3600.0
"""How long a delivery of a group that left the mapping file is tried again; its worker finds that out at once."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it: the lanes with new work, how many are `queued`, and why others are not, with how many."""

    lanes: frozenset[int] = frozenset()
    queued: int = 0
    left: dict[Reason, int] = field(default_factory=dict)


def obstacle(each: Undelivered) -> Reason | None:
    """Why it must not, or can't, be sent again any more; None where it may. Pure."""
    if each.kind == EventKind.DELETED:
        return None
    if each.deleted:
        return Reason.WITHDRAWN
    if each.wanted is None:
        return Reason.NO_BODY
    if each.kind == EventKind.NOTICE:
        return None
    narrowed = audience.too_wide(each.audience, each.wanted, consented=each.original.place.is_direct)
    return Reason.NARROWED if narrowed else None


async def replay(store: Store, world: Callable[[], World], which: Which, by: str, now: float) -> Replayed:
    """Queue them again, oldest first. What must not be sent any more ends for good; what can't be sent stays as it is."""
    lanes: set[int] = set()
    queued, left, after = 0, dict[Reason, int](), 0
    while True:
        found = await store.write(lambda tx, after=after: _replay_page(tx, world(), which, after, now))  # type: ignore[misc]
        if not found:
            break
        for _, lane in found:
            if isinstance(lane, Reason):
                left[lane] = left.get(lane, 0) + 1
            else:
                lanes.add(lane)
                queued += 1
        after = found[-1][0].id
    log.info("undelivered.replayed", queued=queued, left=sum(left.values()), group=which.group, by=by)
    return Replayed(frozenset(lanes), queued, left)


def _replay_page(tx: Tx, world: World, which: Which, after: int, now: float) -> list[tuple[Undelivered, int | Reason]]:
    patience = {group.id: group.give_up_after.total_seconds() for group in world.mappings.groups}
    page: list[tuple[Undelivered, int | Reason]] = []
    for each in undelivered.listed(tx, which, after):
        reason = obstacle(each)
        if reason is None:
            lasts = NOTICE_LIFE_S if each.kind == EventKind.NOTICE else patience.get(each.group, UNTOLD_S)
            lane = undelivered.send_again(tx, each.id, now + lasts, lambda other: obstacle(other) is None)
            if lane is not None:
                page.append((each, lane))
            continue
        if reason is not Reason.NO_BODY:
            undelivered.end(tx, [each.id], reason, reason.sentence, now)
        page.append((each, reason))
    halts.settle(tx, now)  # what somebody paused waits on
    return page


async def drop(store: Store, which: Which, by: str, now: float) -> int:
    """Give them up for good; how many there were."""
    dropped = 0

    def drop_page(tx: Tx) -> int:
        ids = [each.id for each in undelivered.listed(tx, which)]
        return undelivered.end(tx, ids, Reason.DROPPED, f"{Reason.DROPPED.sentence} It was {by}.", now)

    while ended := await store.write(drop_page):
        dropped += ended
    log.info("undelivered.dropped", dropped=dropped, group=which.group, by=by)
    return dropped
