"""How calls to Slack are run where their exceptions must not be known, and how tasks that run the SDK's code are ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, Protocol, TypeVar

V = TypeVar("V")


class Asked(Protocol):
    """Runs a call to Slack; raises only `bridge.errors.SendError`s."""

    async def __call__(self, call: Awaitable[V], *, sending: bool = False, fine: frozenset[str] = frozenset()) -> V: ...


async def ended(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel the tasks until they have ended: the SDK waits in ways that can swallow a cancellation (`wait_for` before 3.12)."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=1)
