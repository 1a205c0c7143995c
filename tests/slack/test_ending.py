"""What is told to end ends: whatever the other side does, whatever comes at the very moment, and with all that it began."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.slack.adapter import SlackAdapter
from adapters.slack.sandbox import SlackSandbox
from tests.slack.desk import Box, Desk


@asynccontextmanager
async def listening(adapter: SlackAdapter) -> AsyncIterator[None]:
    """An adapter that hears; at the end it is told to end, and has to."""
    box = Box()
    async with adapter.open():
        task = asyncio.create_task(adapter.listen(box))
        await box.until(lambda: box.caught_up == 1)
        yield
        task.cancel()
        async with asyncio.timeout(10):
            await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()


def left_behind() -> set[str]:
    """What of the SDK still runs."""
    names = {str(task.get_coro()) for task in asyncio.all_tasks()}
    return {name for name in names if "SocketModeClient" in name}


async def test_listening_ends_though_slack_says_no_goodbye(sandbox: SlackSandbox, adapter: SlackAdapter) -> None:
    speaks = threading.Event()
    try:
        async with listening(adapter):
            assert left_behind()
            mute = asyncio.create_task(sandbox.with_server(lambda _: speaks.wait(30)))
            await asyncio.sleep(0)  # now the sandbox does nothing else
        assert left_behind() == set()
    finally:
        speaks.set()
    assert await mute


async def test_nobody_connects_anew_once_listening_has_ended(sandbox: SlackSandbox, adapter: SlackAdapter) -> None:
    async with listening(adapter):
        sandbox.busy("apps.connections.open", 1, 30)
        await sandbox.refresh()
        async with asyncio.timeout(10):
            while await sandbox.with_server(lambda server: server.busy["apps.connections.open"]):
                await asyncio.sleep(0.01)
    assert left_behind() == set()


async def test_the_sandbox_ends_though_a_socket_goes_at_that_very_moment(desk: Desk) -> None:
    async def ends() -> None:
        delivery = desk.sandbox._server.delivery
        (ack,) = delivery._acks.values()
        ack.said.set_result(False)  # as at the end of the socket's handler
        await delivery.close()

    desk.box.failures = 10**6
    await desk.sandbox.write("lynn", "hi")
    await desk.box.until(lambda: desk.box.failures < 10**6)
    async with asyncio.timeout(10):
        await desk.sandbox._run(ends())


async def test_waiting_for_a_file_ends_though_another_is_heard_of_at_that_very_moment(desk: Desk) -> None:
    await desk.sandbox.with_server(lambda server: server.absent.add("files.info"))
    files = desk.adapter._files
    waiting = asyncio.create_task(files._stands(["F1"], "C0ALLHANDS1"))
    async with asyncio.timeout(10):
        while not files._heard._waiters:
            await asyncio.sleep(0.01)
    files.hear(["F2"], "C0ALLHANDS1", "1.000000")
    await asyncio.sleep(0)
    waiting.cancel()
    _, late = await asyncio.wait({waiting}, timeout=10)
    waiting.cancel()
    assert not late
    assert waiting.cancelled()
