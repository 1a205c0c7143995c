"""The page's stream: what changes while a slow reader is being told is told next, and every change has a higher number."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.demo.watch import Watch


@pytest.fixture
def watch() -> Watch:
    nobody: Any = SimpleNamespace(town=SimpleNamespace(sandboxes={}, manifests={}))
    return Watch(nobody, lambda _board: {})


async def test_what_changes_while_a_reader_is_told_is_told_next(watch: Watch) -> None:
    start = watch.position
    watch._note({"one": "1"})
    async with contextlib.aclosing(watch.changes(start, asyncio.Event())) as stream:
        assert '"one"' in await anext(stream)
        watch._note({"one": "1", "two": "2"})
        async with asyncio.timeout(5):
            assert '"two"' in await anext(stream)


async def test_a_piece_that_is_gone_is_told_as_gone(watch: Watch) -> None:
    watch._note({"one": "1"})
    start = watch.position
    watch._note({})
    async with contextlib.aclosing(watch.changes(start, asyncio.Event())) as stream:
        assert '{"id": "one", "html": null}' in await anext(stream)


async def test_an_unchanged_piece_keeps_its_number(watch: Watch) -> None:
    watch._note({"one": "1"})
    before = watch.position
    watch._note({"one": "1"})
    assert watch.position == before


async def test_the_stream_ends_when_the_server_closes(watch: Watch) -> None:
    closing = asyncio.Event()
    asyncio.get_running_loop().call_soon(closing.set)
    async with asyncio.timeout(5):
        assert [event async for event in watch.changes(watch.position, closing)] in ([], [": still here\n\n"])


class Idle(Watch):
    """One for which nothing ever moves: a look needs a whole stage."""

    async def _due(self) -> bool:
        return False


async def test_looking_ends_though_it_is_asked_to_look_at_that_very_moment(watch: Watch) -> None:
    watch = Idle(watch._stage, watch._render)
    looking = asyncio.create_task(watch.run())
    async with asyncio.timeout(5):
        while not watch._asked._waiters:
            await asyncio.sleep(0)
    watch._asked.set()
    await asyncio.sleep(0)
    looking.cancel()
    _, late = await asyncio.wait({looking}, timeout=5)
    looking.cancel()
    assert not late
