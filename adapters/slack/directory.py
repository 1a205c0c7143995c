"""Names of Slack's users and channels, remembered for a while. How they are asked for is the adapter's business."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from bridge.errors import Retryable, SendError

V = TypeVar("V")

FRESH: Final = 600.0
"""Seconds for which a looked-up name is not asked for again."""

FAILED: Final = 30.0
"""Seconds for which what could not be looked up is not asked for again, so that an outage does not hold up every post."""

PAUSE: Final = 0.5
"""Seconds between two look-ups of what must be known, where Slack names no wait of its own."""


@dataclass(frozen=True, slots=True)
class User:
    """A Slack user as the bridge shows and finds them."""

    id: str
    name: str
    email: str = ""
    handle: str = ""
    is_bot: bool = False
    avatar: str = ""

    @property
    def handles(self) -> tuple[str, ...]:
        """The ways the mapping file may name them."""
        return tuple(filter(None, (self.id, self.email, f"@{self.handle}" if self.handle else "")))


class Remembered(Generic[V]):
    """Looked-up values by id. A failed look-up leaves what was known before, or nothing; it never raises.

    `look_up` raises `SendError`; `clock` counts seconds.
    """

    def __init__(self, look_up: Callable[[str], Awaitable[V]], clock: Callable[[], float]) -> None:
        self._look_up = look_up
        self._clock = clock
        self._known: dict[str, tuple[float, V]] = {}
        self._failures: dict[str, tuple[float, SendError]] = {}

    def known(self, key: str) -> V | None:
        """The value as last looked up, however long ago."""
        known = self._known.get(key)
        return known[1] if known else None

    def may_be_known_later(self, key: str) -> bool:
        """Whether it is unknown only because Slack was busy or could not be reached."""
        return self.known(key) is None and self._wait(key) is not None

    async def learn(self, key: str) -> None:
        """Look it up, unless it is fresh or has just failed."""
        failed = self._failures.get(key)
        if not failed or self._clock() - failed[0] >= FAILED:
            await self._ask(key)

    async def insist(self, key: str, within: float) -> None:
        """Look it up again and again until it is known or surely can't be; the caller bounds it to `within` seconds."""
        await self._ask(key)
        while self.known(key) is None and (wait := self._wait(key)) is not None and wait < within:
            await asyncio.sleep(wait)
            await self._ask(key)

    def _wait(self, key: str) -> float | None:
        """Seconds until a failed look-up is worth another try; None where it did not fail, or will again."""
        failed = self._failures.get(key)
        return (failed[1].after or PAUSE) if failed and isinstance(failed[1], Retryable) else None

    async def _ask(self, key: str) -> None:
        known = self._known.get(key)
        if known and self._clock() - known[0] < FRESH:
            return
        failure: SendError | None = Retryable("Slack did not answer in time.")
        try:
            self.put(key, await self._look_up(key))
            failure = None
        except SendError as error:
            failure = error
        finally:  # also where the caller's time is up, which cancels this
            if failure:
                self._failures[key] = (self._clock(), failure)

    def forget(self, key: str) -> None:
        """Look it up again before it is used next; until that works, what was known stays."""
        if known := self._known.get(key):
            self._known[key] = (-FRESH + self._clock() - 1, known[1])

    def put(self, key: str, value: V) -> None:
        """Remember what was learned otherwise."""
        self._known[key] = (self._clock(), value)
        self._failures.pop(key, None)
