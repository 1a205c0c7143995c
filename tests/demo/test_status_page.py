"""The service's status page, in words and live, over a service that runs in the demo's town; and where `serve` puts it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bridge.demo import stage
from bridge.demo.cast import Kind, roles
from bridge.demo.town import Town
from bridge.main import Server
from bridge.web.app import make_app

pytestmark = [pytest.mark.timeout(120)]

ROOT = Path(__file__).resolve().parents[2]


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


async def serving(folder: Path, mappings: Path, port: int) -> asyncio.subprocess.Process:
    words = ("--mappings", str(mappings), "--database", f"sqlite:///{folder / 'bridge.db'}", "--port", str(port), "--json-logs")
    command, piped = (sys.executable, "-m", "bridge.cli", "serve", *words), asyncio.subprocess.PIPE
    surroundings = os.environ | {"PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(*command, cwd=folder, env=surroundings, stdout=piped, stderr=piped)


async def logged(process: asyncio.subprocess.Process, event: str) -> dict[str, str]:
    """The first log line about that."""
    assert process.stderr is not None
    while line := await process.stderr.readline():
        found: dict[str, str] = json.loads(line)
        if found["event"] == event:
            return found
    pytest.fail(f"it ended without {event}", pytrace=False)


async def test_port_0_takes_a_free_one_and_the_log_says_which(tmp_path: Path) -> None:
    async with Town(tmp_path, ("email",)) as town:
        process = await serving(tmp_path, town.write_mappings(), 0)
        try:
            address = urlsplit((await logged(process, "service.ready"))["url"])
            assert address.hostname == "127.0.0.1"
            assert address.port
            assert "200 OK" in await fetched(address.port, "/")
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.communicate(), 20)
            assert process.returncode == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def test_a_taken_port_ends_it_as_a_bad_configuration_does(tmp_path: Path) -> None:
    async with Town(tmp_path, ("email",)) as town:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            process = await serving(tmp_path, town.write_mappings(), port)
            _, said = await process.communicate()
    assert process.returncode == 78
    assert said.decode().startswith(f"Port {port} on 127.0.0.1 is in use.")
    assert len(said.splitlines()) == 1
