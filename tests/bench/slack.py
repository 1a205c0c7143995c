"""Slack on the bench: a Web API that takes everything; events, signed or by socket, come again until they are acknowledged."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import defaultdict
from contextlib import suppress
from typing import Final

import aiohttp
from aiohttp import web

from tests.bench.journal import Journal, words

SECRET: Final = "bench-signing-secret"
TEAM: Final = "TBENCH"
USER: Final = "UBENCH01"
BOT: Final = "UBRIDGE1"


class Slack:
    """One workspace, whose every channel has the app in it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._clock = time.time()
        self._count = 0
        self._turns: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.events_url = ""
        self.client: aiohttp.ClientSession | None = None
        self._socket: web.WebSocketResponse | None = None
        self._connected = asyncio.Event()
        self._acks: dict[str, asyncio.Future[None]] = {}

    def ts(self) -> str:
        """Slack's time of a message, which is its id: never the same twice."""
        self._clock = max(time.time(), self._clock + 0.000_002)
        return f"{self._clock:.6f}"

    async def call(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        said = await request.post() if request.content_type != "application/json" else await request.json()
        channel = str(said.get("channel") or request.query.get("channel") or "")
        match method:
            case "auth.test":
                answer = {"team_id": TEAM, "team": "Bench", "user_id": BOT, "bot_id": "BBRIDGE", "user": "viabridge", "url": "x"}
            case "apps.connections.open":
                answer = {"url": f"ws://{request.host}/slack/socket"}
            case "conversations.info":
                answer = {"channel": _channel(channel)}
            case "users.info":
                answer = {
                    "user": {"id": USER, "name": "lynn", "profile": {"display_name": "Lynn", "email": "lynn@bench.example"}}
                }
            case "chat.postMessage":
                ts = self.ts()
                self._journal.copy(f"slack/{channel}", str(said.get("text")))
                answer = {"channel": channel, "ts": ts, "message": {"ts": ts}}
            case "conversations.history" | "conversations.replies":
                answer = {"messages": [], "has_more": False}
            case _:
                return web.json_response({"ok": False, "error": "unknown_method"})
        return web.json_response({"ok": True, **answer})

    async def say(self, number: int, channel: str) -> None:
        """Somebody writes; delivered once it is acknowledged, again where it is not."""
        self._journal.said[number] = time.perf_counter()
        async with self._turns[channel]:
            await self._deliver(number, channel)

    async def _deliver(self, number: int, channel: str) -> None:
        self._count += 1
        ts = self.ts()
        event = {"type": "message", "channel": channel, "user": USER, "text": words(number), "ts": ts, "event_ts": ts}
        event |= {"channel_type": "channel", "team": TEAM}
        callback: dict[str, object] = {"type": "event_callback", "team_id": TEAM, "api_app_id": "ABENCH", "event": event}
        callback |= {"event_id": f"Ev{self._count}", "event_time": int(float(ts))}
        begun = time.perf_counter()
        await (self._by_http(json.dumps(callback).encode()) if self.events_url else self._by_socket(callback))
        self._journal.acknowledged.append(time.perf_counter() - begun)

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """The bridge's socket; the last one is used."""
        self._socket = socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1, "connection_info": {"app_id": "ABENCH"}})
        self._connected.set()
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT and (ack := self._acks.pop(str(message.json().get("envelope_id")), None)):
                ack.set_result(None)
        if self._socket is socket:
            self._socket = None
            self._connected.clear()
        return socket

    async def _by_socket(self, callback: dict[str, object]) -> None:
        await self._connected.wait()
        assert self._socket is not None
        envelope = str(callback["event_id"])
        self._acks[envelope] = asyncio.get_running_loop().create_future()
        said = {"type": "events_api", "envelope_id": envelope, "payload": callback, "accepts_response_payload": False}
        await self._socket.send_json(said | {"retry_attempt": 0, "retry_reason": ""})
        await self._acks[envelope]

    async def _by_http(self, body: bytes) -> None:
        assert self.client is not None
        while True:
            stamp = str(int(time.time()))
            signature = "v0=" + hmac.new(SECRET.encode(), b"v0:" + stamp.encode() + b":" + body, hashlib.sha256).hexdigest()
            headers = {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": signature, "Content-Type": "application/json"}
            with suppress(aiohttp.ClientError):  # nobody there: Slack tries again as well
                async with self.client.post(self.events_url, data=body, headers=headers) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)


def _channel(channel: str) -> dict[str, object]:
    return {"id": channel, "name": channel.lower(), "is_member": True, "is_channel": True, "is_private": False, "num_members": 9}
