"""Calling a platform for one part, within its deadline; and looking whether a part stands there already."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from bridge.contract import Adapter, Attempt, Finding, Part, Thread
from bridge.errors import Retryable, Uncertain
from bridge.media import Spool
from bridge.post import Destination, Ref
from bridge.store.tables import Action
from bridge.store.values import FrozenPart


@dataclass(frozen=True, slots=True)
class Attempts:
    """What is asked of one destination's adapter. Raises only `SendError`s."""

    adapter: Adapter
    spool: Spool
    destination: Destination

    async def call(self, part: FrozenPart, thread: Thread) -> Ref:
        """Do what the part is for; where it stands then."""
        whole = await self.spool.loaded(part.part)
        try:
            async with asyncio.timeout(self.deadline(part.part)):
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
