"""Tasks are ended though what they wait in swallows a cancellation."""

from __future__ import annotations

import asyncio
import contextlib

from adapters.slack.calls import ended


async def test_a_task_that_swallows_a_cancellation_is_ended_all_the_same() -> None:
    begun = asyncio.Event()

    async def deaf() -> None:
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    task = asyncio.create_task(deaf())
    await begun.wait()
    async with asyncio.timeout(10):
        await ended([task])
    assert task.cancelled()


async def test_what_has_ended_already_needs_no_waiting() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    await task
    await ended([task])
    await ended([])
