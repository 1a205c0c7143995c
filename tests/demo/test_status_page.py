"""The service's status page, in words and live, over a service that runs in the demo's town."""

from __future__ import annotations

import asyncio
import re

import pytest

from bridge.demo import stage
from bridge.demo.cast import Kind, roles
from bridge.main import Server
from bridge.web.app import make_app

pytestmark = [pytest.mark.timeout(120)]


async def fetched(port: int, path: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        return (await reader.read()).decode()
    finally:
        writer.close()


async def test_it_shows_what_waits_and_what_arrived() -> None:
    async with stage.opened() as ready:
        closing = asyncio.Event()
        server = Server(make_app(ready.service, [], closing), "127.0.0.1", 0, closing)
        serving = asyncio.create_task(server.serve())
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            port = int(server.servers[0].sockets[0].getsockname()[1])
            assert "Nothing waits." in await fetched(port, "/")
            channel, timeline = (
                next(role for role in roles(ready.town) if role.kind is kind) for kind in (Kind.CHANNEL, Kind.TIMELINE)
            )
            await timeline.sandbox.unplug()
            await channel.say(channel.voices[0], "Can everyone meet?")
            async with asyncio.timeout(20):
                while "waiting</span> On the way" not in (page := await fetched(port, "/")) and "reconnecting" not in page:
                    await asyncio.sleep(0.05)
            assert re.search(r"1, oldest \d+ s", page)
            assert "Can everyone meet?" not in page
            assert "script-src 'self'" in page
        finally:
            server.end()
            await serving
