"""Calling a platform for one part, within its deadline; and looking whether a part stands there already."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bridge.contract import Adapter, Attempt, Finding, Part, Thread
from bridge.errors import Retryable, Uncertain
from bridge.media import Spool
from bridge.post import Destination, Ref
from bridge.store.tables import Action
from bridge.store.values import FrozenPart

HELD_UP = "The service stood still for so long that it was too late to send; it is tried again."


@dataclass(frozen=True, slots=True)
class Attempts:
    """What is asked of one destination's adapter. Raises only `SendError`s."""

    adapter: Adapter
    spool: Spool
    destination: Destination
    monotonic: Callable[[], float]

    async def call(self, part: FrozenPart, thread: Thread, began: float) -> Ref:
        """Do what the part is for; where it stands then.

        `began` is when its attempt was about to be written down: the call is over a deadline after it, however long we are
        held up between the two, as whoever takes the lane over relies on it that nothing is sent any more.
        """
        whole = await self.spool.loaded(part.part)
        left = began + self.deadline(part.part) - self.monotonic()
        if left <= 0:
            raise Retryable(HELD_UP)
        try:
            async with asyncio.timeout(left):
                if part.action is Action.SEND:
                    return await self.adapter.send(whole, self.destination, thread, part.key)
                target = part.target
                if part.action is Action.EDIT:
                    await self.adapter.edit(target, whole)
                else:
                    await self.adapter.delete(target)
                return target
        except TimeoutError as error:
            raise Uncertain from error

    def deadline(self, part: Part) -> float:
        """Seconds after which a call with this part has surely ended."""
        can = self.adapter.capabilities
        return can.deadline + can.per_file * len(part.files)

    async def look(self, part: FrozenPart, thread: Thread, begun_at: datetime) -> Finding:
        """Whether a send of it that began then, and whose answer was lost, stands there."""
        attempt = Attempt(part.key, self.destination, part.part, thread, begun_at)
        try:
            async with asyncio.timeout(self.adapter.capabilities.deadline):
                return await self.adapter.find(attempt)
        except TimeoutError as error:
            raise Retryable from error
