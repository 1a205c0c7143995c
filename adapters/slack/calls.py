"""How a call to Slack is run where its exceptions must not be known: through a function that translates them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol, TypeVar

V = TypeVar("V")


class Asked(Protocol):
    """Runs a call to Slack; raises only `bridge.errors.SendError`s."""

    async def __call__(self, call: Awaitable[V], *, sending: bool = False, fine: frozenset[str] = frozenset()) -> V: ...
