"""Names of Slack's users and channels, remembered for a while. How they are asked for is the adapter's business."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from bridge.errors import SendError

V = TypeVar("V")

FRESH: Final = 600.0
"""Seconds for which a looked-up name is not asked for again."""


@dataclass(frozen=True, slots=True)
class User:
    """A Slack user as the bridge shows and finds them."""

    id: str
    name: str
    email: str = ""
    handle: str = ""
    is_bot: bool = False

    @property
    def handles(self) -> tuple[str, ...]:
        """The ways the mapping file may name them."""
        return tuple(filter(None, (self.id, self.email, f"@{self.handle}" if self.handle else "")))


class Remembered(Generic[V]):
    """Looked-up values by id. A failed look-up answers with what was known before, or nothing; it never raises.

    `look_up` raises `SendError`; `clock` counts seconds.
    """

    def __init__(self, look_up: Callable[[str], Awaitable[V]], clock: Callable[[], float]) -> None:
        self._look_up = look_up
        self._clock = clock
        self._known: dict[str, tuple[float, V]] = {}

    async def get(self, key: str) -> V | None:
        known = self._known.get(key)
        if known and self._clock() - known[0] < FRESH:
            return known[1]
        try:
            value = await self._look_up(key)
        except SendError:
            return known[1] if known else None
        self.put(key, value)
        return value

    def put(self, key: str, value: V) -> None:
        """Remember what was learned otherwise."""
        self._known[key] = (self._clock(), value)
