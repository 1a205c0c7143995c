"""One look at how things stand for all who watch: at most one a second, and none while nobody asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from bridge.errors import BridgeError
from bridge.store.status import Status

FRESH_S = 1.0
STALE_S = 30.0
TIMES_ITS_COST = 20
"""A look is good for this many times what it took (within `FRESH_S` to `STALE_S`), so that looks never crowd out posts."""
PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen last. `trouble` is why it may be old: the database could not be asked."""

    status: Status
    trouble: str = ""


class Snapshot:
    """Asks `look` when somebody wants to know and the last answer is no longer fresh. `clock` is in seconds."""

    def __init__(self, look: Callable[[], Awaitable[Status]], clock: Callable[[], float] = time.monotonic) -> None:
        self._look = look
        self._clock = clock
        self._seen = Seen(Status(0, 0, ()))
        self._fresh_until = float("-inf")
        self._looking: asyncio.Task[None] | None = None

    async def now(self) -> Seen:
        """How things stand; an outage of the database is told, never raised."""
        if self._clock() >= self._fresh_until:
            # Whoever asks waits for the one look that is under way: it outlives an asker who leaves, and one that hangs
            # holds a single reader thread however many ask.
            looking = self._looking = self._looking or asyncio.create_task(self._refresh())
            done, _ = await asyncio.wait({looking}, timeout=PATIENCE_S)
            if not done:
                return replace(self._seen, trouble="The database does not answer.")
            looking.result()
        return self._seen

    async def _refresh(self) -> None:
        began = self._clock()
        try:
            self._seen = Seen(await self._look())
        except BridgeError as error:
            self._seen = replace(self._seen, trouble=error.sentence)
        finally:
            self._looking = None
        now = self._clock()
        self._fresh_until = now + min(STALE_S, max(FRESH_S, TIMES_ITS_COST * (now - began)))
