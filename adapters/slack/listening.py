"""Hearing everything until cancelled: what was missed first, then what is said, and again and again a look whether all came."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from adapters.slack.calls import ended
from adapters.slack.catching_up import Channels
from bridge.contract import Inbox
from bridge.errors import NeedsOperator

if TYPE_CHECKING:
    from adapters.slack.socket_mode import Socket

HOLD: Final = 60.0
"""Seconds for which what is heard live waits for what was missed, so that it does not overtake it; then it goes first."""

SCAN: Final = 600.0
"""Seconds between two looks at history while all seems well."""


@dataclass(slots=True)
class Departure:
    """Whether Slack told that the app was removed or its token revoked; `why` says so to an admin."""

    why: str = ""
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, why: str) -> None:
        self.why = why
        self.told.set()

    def forget(self) -> None:
        self.told.clear()


@dataclass(slots=True)
class Prompt:
    """That channels are to be looked at before it is time: there is a new one, or Slack kept something back (`thorough`)."""

    thorough: bool = False
    told: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, *, thorough: bool = False) -> None:
        self.thorough = self.thorough or thorough
        self.told.set()

    async def wait(self, seconds: float) -> bool:
        """Until it was told, for so many seconds at most; whether the look is to be thorough."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.told.wait()
        self.told.clear()
        thorough, self.thorough = self.thorough, False
        return thorough


@dataclass(frozen=True, slots=True)
class Listening:
    """One account's ears. `socket` is None where Slack calls us; `mapped` are the channels that are read after a downtime."""

    channels: Channels
    mapped: Callable[[], Iterable[str]]
    departure: Departure
    prompt: Prompt
    socket: Socket | None = None
    _late: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, inbox: Inbox) -> None:
        """Until cancelled. Raises `NeedsOperator` when the app was removed from the workspace."""
        self.prompt.told.clear()  # all that there is now is looked at anyhow
        gone = asyncio.ensure_future(self.departure.told.wait())
        tasks = [gone, asyncio.ensure_future(self._hear(inbox)), asyncio.ensure_future(self._look_again(inbox))]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await ended([*tasks, *self._late])
        if gone in done:
            raise NeedsOperator(self.departure.why)
        for task in done:
            task.result()

    async def _hear(self, inbox: Inbox) -> None:
        account = self.channels.account
        if self.socket is not None:
            await self.socket.listen(inbox, lambda: self._catch_up(inbox))
        with inbox.catching_up(account):
            await self._catch_up(inbox)
        await asyncio.Event().wait()

    async def _catch_up(self, inbox: Inbox) -> None:
        """Read what was missed. What takes longer than `HOLD` goes on beside what is heard."""
        work = self.channels.catch_up(inbox, tuple(self.mapped()), thorough=True)
        task = asyncio.create_task(work, name="slack catch-up")
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        await asyncio.wait({task}, timeout=HOLD)
        if task.done():
            task.result()

    async def _look_again(self, inbox: Inbox) -> None:
        while True:
            thorough = await self.prompt.wait(SCAN)
            await self.channels.catch_up(inbox, tuple(self.mapped()), thorough=thorough)
