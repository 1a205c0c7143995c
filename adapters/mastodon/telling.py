"""The sandbox's streams: the mock's events passed on as a real server words them, with the faults a stream can have."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any, Final

import aiohttp
from aiohttp import web

from adapters.mastodon import gatekeeping
from adapters.mastodon.dialects import Dialect
from adapters.mastodon.faults import Faults
from adapters.mastodon.hearing import iso
from adapters.mastodon.mockserver import BRIDGE_TOKEN
from adapters.mastodon.outlets import Lines, Messages, Outlet
from adapters.mastodon.upstream import Upstream
from bridge.contract import Fault

_NAMES: Final = {"status_update": "status.update"}  # the mock's spelling, and the server's
_SOURCE: Final = "/api/v1/streaming/user"

Told = tuple[str, Any]


class Teller:
    """The open streams. Events are told in the order in which they came."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._queues: set[asyncio.Queue[Told | None]] = set()
        self._told: set[str] = set()
        self._kept_back: set[tuple[str, str, str]] = set()
        self._news = asyncio.Condition()

    def tell(self, event: str, data: Any) -> None:
        """Tell the account's own streams something that the mock leaves out."""
        for queue in self._queues:
            queue.put_nowait((event, data))

    async def until_told(self, status_id: str, seconds: float) -> None:
        """Wait until the bridge was told that a status appeared; no longer than `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(lambda: status_id in self._told)

    async def serve(self, request: web.Request, upstream: Upstream, token: str, dialect: Dialect) -> web.StreamResponse:
        """One stream, until its client leaves or the mock ends."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        session = request.app[SESSION]
        forever = aiohttp.ClientTimeout(total=None)
        async with session.get(f"{upstream.url}{_SOURCE}", headers=headers, timeout=forever) as source:
            if source.status != 200:
                return web.Response(status=source.status, body=await source.read(), content_type="application/json")
            if is_websocket(request):
                return await self._serve_websocket(request, source, upstream, token, dialect)
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
            await response.prepare(request)
            await self._pump(source, Lines(response), upstream, token, dialect)
            return response

    async def _serve_websocket(
        self, request: web.Request, source: aiohttp.ClientResponse, upstream: Upstream, token: str, dialect: Dialect
    ) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        pumping = asyncio.create_task(self._pump(source, Messages(socket), upstream, token, dialect))
        leaving = asyncio.create_task(_until_left(socket))
        try:
            await asyncio.wait((pumping, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (pumping, leaving):
                task.cancel()
            await asyncio.gather(pumping, leaving, return_exceptions=True)
        await socket.close()
        return socket

    async def _pump(
        self, source: aiohttp.ClientResponse, outlet: Outlet, upstream: Upstream, token: str, dialect: Dialect
    ) -> None:
        queue: asyncio.Queue[Told | None] = asyncio.Queue()
        if await upstream.viewer(token) == upstream.account:
            self._queues.add(queue)
        reading = asyncio.create_task(_read(source, queue))
        try:
            while (told := await queue.get()) is not None:
                await self._pass_on(told, outlet, upstream, token, dialect)
        except ConnectionResetError:
            return
        finally:
            self._queues.discard(queue)
            reading.cancel()

    async def _pass_on(self, told: Told, outlet: Outlet, upstream: Upstream, token: str, dialect: Dialect) -> None:
        event, data = told
        if event == "":
            await outlet.thump()
            return
        await upstream.settled()
        for status in gatekeeping.statuses_in(data):
            gatekeeping.link_mentions(status)
            dialect.spell(status)
        words = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
        about = _about(event, data)
        if token != BRIDGE_TOKEN or about is None or not upstream.journal.concerns_account(about[1]):
            await outlet.tell(event, words)
            return
        if about in self._kept_back or self._faults.silent():
            self._kept_back.add(about)  # from every stream that is open, one that is just closing included
            return
        await outlet.tell(event, words)
        if self._faults.strike(Fault.TWICE) is not None:
            await outlet.tell(event, words)
        await self._note(upstream, *about)

    async def _note(self, upstream: Upstream, kind: str, status_id: str, revision: str) -> None:
        upstream.journal.emitted_id(status_id, kind, revision)
        async with self._news:
            self._told.add(status_id)
            self._news.notify_all()


SESSION: Final = web.AppKey("session", aiohttp.ClientSession)


def _about(event: str, data: Any) -> tuple[str, str, str] | None:
    """What kind of news this is about which status, and the revision of an edit; None for what is no status."""
    if event == "delete":
        return event, str(data), ""
    if event == "notification":
        if data.get("type") != "mention" or not data.get("status"):
            return None
        event, data = "update", data["status"]
    if event not in ("update", "status.update") or not gatekeeping.is_status(data) or data.get("reblog"):
        return None
    return event, str(data["id"]), iso(data.get("edited_at"))


def is_websocket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


async def _until_left(socket: web.WebSocketResponse) -> None:
    """Read what the client says, so that pings are answered; it ends when the client leaves."""
    async for _ in socket:
        pass


async def _read(source: aiohttp.ClientResponse, queue: asyncio.Queue[Told | None]) -> None:
    """The mock's server-sent events into the queue; None at the end."""
    event = data = ""
    try:
        async for line in source.content:
            name, _, value = line.decode().rstrip("\r\n").partition(": ")
            if name == "event":
                event = _NAMES.get(value, value)
            elif name == "data":
                data = value
            elif name.startswith(":"):
                queue.put_nowait(("", None))
            elif event:
                queue.put_nowait((event, data if event == "delete" else json.loads(data)))
                event = data = ""
    except aiohttp.ClientError:
        pass  # the mock ended: so does the stream
    finally:
        queue.put_nowait(None)
