"""A Slack sandbox, and the real adapter signed in to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from adapters.slack.adapter import SlackAdapter
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.settings import SlackSettings
from bridge.post import Destination, Place
from tests.slack.desk import TEAM, Box, Desk


@pytest.fixture
async def sandbox() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(ack_timeout=0.3) as running:
        yield running


@pytest.fixture
def adapter(sandbox: SlackSandbox) -> SlackAdapter:
    return SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))


@pytest.fixture
async def desk(sandbox: SlackSandbox, adapter: SlackAdapter) -> AsyncIterator[Desk]:
    box = Box()
    async with adapter.open():
        place = Place(TEAM, await adapter.pin("all-hands"))
        listening = asyncio.create_task(adapter.listen(box))
        yield Desk(sandbox, adapter, box, Destination(place))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


@pytest.fixture
async def stranger() -> AsyncIterator[str]:
    """The address of a server that is not Slack: it answers sign-in with a page (status 200), and all else never."""

    async def page(request: web.Request) -> web.Response:
        if "auth.test" not in request.path:
            await asyncio.Event().wait()
        return web.Response(text="<html>Sign in to the Wi-Fi</html>", content_type=request.headers.get("X-Type", "text/html"))

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", page)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    await web.SockSite(runner, held).start()
    yield f"http://127.0.0.1:{held.getsockname()[1]}/api/"
    await runner.cleanup()
