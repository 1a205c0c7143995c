"""The law (one raw per event, one outcome per destination, copies equal to receipts), asked of the sandboxes' journals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from bridge.demo.town import Town
from bridge.store import Store
from bridge.store.audit import Claims, claims

LOOK_S = 0.02


async def settled(town: Town, store: Store, within: float = 20.0) -> Claims:
    """Wait until everything that the sandboxes handed out was taken and nothing waits; raises `TimeoutError` with what does."""
    deadline = time.monotonic() + within
    while True:
        current = await store.read(claims)
        missing = [key for key in _emitted(town) if key not in current.raws]
        if not missing and not current.raws_waiting and not current.deliveries_waiting:
            return current
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"not taken: {missing}; raws waiting: {current.raws_waiting}; deliveries waiting: {current.deliveries_waiting}"
            )
        await asyncio.sleep(LOOK_S)


def breaches(town: Town, current: Claims) -> Sequence[str]:
    """How the law is broken, in sentences; nothing if it holds."""
    emitted = [each for each in _emitted(town) if each not in current.raws]
    found = [f"{account}: {key} was handed out and never taken" for account, key in emitted]
    found += [f"{account}: {key} stands {times} times" for (account, key), times in current.raws.items() if times != 1]
    standing = _standing(town)
    known = {copy for copy in current.copies if copy[0] in town.sandboxes}
    found += [f"{copy} stands there, without a receipt" for copy in sorted(standing - known)]
    found += [f"{copy} has a receipt and does not stand there" for copy in sorted(known - standing)]
    if current.events_without_outcome:
        found.append(f"{current.events_without_outcome} relayed events have no destination's outcome")
    return found


def _emitted(town: Town) -> Sequence[tuple[str, str]]:
    return [(account, event.key) for account, sandbox in town.sandboxes.items() for event in sandbox.emitted()]


def _standing(town: Town) -> set[tuple[str, str, str]]:
    return {
        (account, message.place, message.id)
        for account, sandbox in town.sandboxes.items()
        for message in sandbox.standing()
        if message.by_bridge
    }
