"""What the parts of the engine share: the accounts they serve, the clock, and the steps of a post's way."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bridge.contract import Adapter
from bridge.post import AccountId


def _set() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


class Step(StrEnum):
    """The steps of a post's way between which the process may die; named so that tests can kill it there."""

    TAKE = "take"  # heard, not yet stored
    TAKEN = "taken"  # stored, not yet acknowledged
    ACCEPTED = "accepted"
    ATTEMPTING = "attempting"  # written down, not yet sent
    SENT = "sent"  # the platform has it, no receipt yet
    SETTLED = "settled"


@dataclass(slots=True)
class Account:
    """An account while the service runs. `trouble` is why it is not open, in a sentence.

    `needs_human` is what a human must mend before it can be well, until it was well for a while; `gate`, why it is no
    longer sure that only those can read it who should. `hostile` as in the adapter's capabilities.
    """

    id: AccountId
    adapter: Adapter
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: str = ""
    needs_human: str = ""
    gate: str = ""
    catching_up: int = 0
    """By how many catch-ups the account's raws are held back just now."""
    caught_up: int = 0
    """How many have ended."""
    missed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when something that was heard could not be stored: it comes again, and what follows it must wait."""
    held_until: float = 0.0
    """Until when raws are held back for a catch-up that is about to begin; seconds since the epoch."""
    relisten: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever knows that it hears nothing, though its connection stands: it is signed in to anew."""
    hostile: bool = False
    unpinned: dict[str, str] = field(default_factory=dict)
    """Names of places that could not be looked up, or mean something else by now, each with what a human must mend."""
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the platform tells that its places changed: what their names mean is looked up again."""
    placed: asyncio.Event = field(default_factory=_set)
    """Not set while that is to be done: what is heard meanwhile is judged only after it."""

    def is_behind(self, now: float) -> bool:
        """Whether raws are held back, as others that come before them are still to be stored."""
        return bool(self.catching_up) or self.missed.is_set() or now < self.held_until


def pass_by(_step: Step) -> None:
    """A step is passed without notice."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The accounts, and everything that would otherwise be global.

    `now` is seconds since the epoch, `monotonic` those of a clock that nobody sets, `jitter` 0..1. `shared` is whether other
    replicas serve the same accounts.
    """

    accounts: Mapping[AccountId, Account]
    now: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = random.random
    at_step: Callable[[Step], None] = pass_by
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    shared: bool = False

    async def until(self, when: float, wake: asyncio.Event) -> None:
        """Wait until `when` (seconds since the epoch), `wake`, or the end of the service, whichever is first."""
        waits = [asyncio.ensure_future(wake.wait()), asyncio.ensure_future(self.stopping.wait())]
        try:
            await asyncio.wait(waits, timeout=max(0.0, when - self.now()), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def serving(self, account: AccountId) -> Account | None:
        """As `ready`; but where others may have the account open while it is closed here, None at once."""
        if self.shared:
            found = self.accounts.get(account)
            return found if found is not None and found.opened.is_set() and not self.stopping.is_set() else None
        return await self.ready(account)

    async def ready(self, account: AccountId) -> Account | None:
        """The account once it is open; None if the service ends first, or there is no such account (any more)."""
        found = self.accounts.get(account)
        if found is None:
            return None
        while not found.opened.is_set():
            if self.stopping.is_set():
                return None
            await self.until(self.now() + 1.0, found.opened)
        return found
