"""What a platform may hand to any replica: it waits a moment for what was handed to others, so that all goes in its order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bridge.contract import Taker
from bridge.post import Raw
from bridge.store.values import WaitingRaw

GATHER_S = 0.3
"""What one source hands to several replicas at once is gathered for so long, so that it can be accepted in its order."""
_GATHER = "gather"


@dataclass(frozen=True, slots=True)
class FromAnywhere:
    """`bridge.contract.Taker` for what may come to any replica; `needed` tells whether there are several."""

    inbox: Taker
    needed: Callable[[], bool]

    async def take(self, raw: Raw) -> None:
        """See `bridge.contract.Taker.take`."""
        await self.inbox.take(replace(raw, hints={**raw.hints, _GATHER: "1"}) if self.needed() else raw)

    async def file(self, blob: str) -> bytes | None:
        """See `bridge.contract.Taker.file`."""
        return await self.inbox.file(blob)


def gathered(batch: tuple[WaitingRaw, ...], now: float) -> tuple[tuple[WaitingRaw, ...], float]:
    """Of raws in platform order those that may be accepted by now, and when others may.

    One that waited long enough takes all before it along: what comes to stand before them later is a latecomer anyway.
    """
    ready_at = [each.taken_at + GATHER_S if _GATHER in each.raw.hints else 0.0 for each in batch]
    ready = [number for number, at in enumerate(ready_at, start=1) if at <= now]
    return batch[: max(ready, default=0)], min(ready_at, default=now)
