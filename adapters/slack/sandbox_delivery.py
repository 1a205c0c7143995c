"""How the sandbox hands events out, as Slack does: by socket or by signed HTTP, again and again until they are acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from adapters.slack.sandbox_workspace import APP, BOT_USER, TEAM, Happening, Json
from adapters.slack.signature import sign
from bridge.contract import Emitted
from bridge.post import DIRECT, NativeId, PlaceId


@dataclass(slots=True)
class Handout:
    """One event on its way; `done` is set when it was acknowledged (or, by HTTP, given up)."""

    emitted: Emitted
    callback: Json
    twice: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class Delivery:
    """The way out. `events_url` empty means Socket Mode; delays and time-outs are in seconds, far shorter than Slack's."""

    events_url: str
    signing_secret: str
    ack_timeout: float
    retry_delays: Sequence[float]
    journal: list[Emitted] = field(default_factory=list)
    dropped: list[Emitted] = field(default_factory=list)
    plugged: asyncio.Event = field(default_factory=asyncio.Event)
    twice: int = 0
    silences: list[float] = field(default_factory=list)
    _sockets: list[web.WebSocketResponse] = field(default_factory=list)
    _connected: asyncio.Event = field(default_factory=asyncio.Event)
    _acks: dict[str, asyncio.Event] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _quiet_until: float = 0.0

    def emit(self, happening: Happening, *, is_direct: bool, is_shared: bool) -> Handout:
        """Start to hand an event out; events leave in the order in which this is called."""
        message, now = happening.message, int(time.time())
        event_id = f"Ev{next(self._numbers):09d}"
        place = DIRECT if is_direct else PlaceId(message.room)
        callback: Json = {
            "token": "not-for-checking", "team_id": TEAM, "context_team_id": TEAM, "api_app_id": APP, "event": happening.event,
            "type": "event_callback", "event_id": event_id, "event_time": now, "is_ext_shared_channel": is_shared,
            "authorizations": [{"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        }  # fmt: skip
        emitted = Emitted(happening.kind, place, NativeId(message.ts), f"{TEAM}:{event_id}")
        handout = Handout(emitted, callback, twice=self._takes_twice())
        task = asyncio.create_task(self._hand_out(handout))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return handout

    def _takes_twice(self) -> bool:
        self.twice, was = max(0, self.twice - 1), self.twice
        return was > 0

    async def _hand_out(self, handout: Handout) -> None:
        carry = self._by_http if self.events_url else self._by_socket
        await carry(handout, 0)
        handout.done.set()
        if handout.twice:
            await carry(handout, 1)

    async def _ready(self, emitted: Emitted) -> None:
        """Wait for the plug and through a silence; held by the one whose turn it is, so that nothing overtakes."""
        if self.silences:
            self._quiet_until = time.monotonic() + self.silences.pop(0)
        await asyncio.sleep(max(0.0, self._quiet_until - time.monotonic()))
        await self.plugged.wait()
        if not self.events_url:
            await self._connected.wait()
        if emitted not in self.journal:
            self.journal.append(emitted)

    # ------------------------------------------------------------ by socket

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """A client's socket: hello, then events, until it goes."""
        socket = web.WebSocketResponse(heartbeat=30)
        hello = {"type": "hello", "num_connections": len(self._sockets) + 1, "connection_info": {"app_id": APP}}
        try:
            await socket.prepare(request)
            await socket.send_json(hello)
        except ConnectionError:
            return web.Response()  # gone before it was greeted
        self._sockets.append(socket)
        self._connected.set()
        try:
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT and (ack := self._acks.pop(_envelope_of(message.data), None)):
                    ack.set()
        finally:
            self._sockets.remove(socket)
            if not self._sockets:
                self._connected.clear()
        return socket

    async def refresh(self) -> None:
        """Ask clients to connect anew, as Slack does every few hours."""
        for socket in self._sockets:
            await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})

    async def _by_socket(self, handout: Handout, attempt: int) -> None:
        for number in itertools.count(attempt):
            envelope = f"{handout.callback['event_id']}-{number}"
            acked = self._acks[envelope] = asyncio.Event()
            async with self._turn:
                await self._ready(handout.emitted)
                socket = self._sockets[-1]
                with contextlib.suppress(ConnectionError, RuntimeError):  # gone just now: the next attempt finds another
                    await socket.send_json(_enveloped(envelope, handout.callback, number))
            if await self._acknowledged(acked, socket):
                return
            self._acks.pop(envelope, None)

    async def _acknowledged(self, acked: asyncio.Event, socket: web.WebSocketResponse) -> bool:
        """Whether the acknowledgement came before the time was up or the socket was gone."""
        until = time.monotonic() + self.ack_timeout
        while not acked.is_set() and not socket.closed and time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(acked.wait(), 0.05)
        return acked.is_set()

    # ------------------------------------------------------------ by HTTP

    async def _by_http(self, handout: Handout, attempt: int) -> None:
        for number, delay in enumerate((0.0, *self.retry_delays), start=attempt):
            await asyncio.sleep(delay)
            async with self._turn:
                await self._ready(handout.emitted)
            if await self._posted(handout.callback, number):
                return
        self.dropped.append(handout.emitted)

    async def _posted(self, callback: Json, number: int) -> bool:
        body = json.dumps(callback).encode()
        now = str(int(time.time()))
        headers = {"Content-Type": "application/json", "X-Slack-Request-Timestamp": now}
        headers["X-Slack-Signature"] = sign(self.signing_secret, now, body)
        if number:
            headers |= {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": "http_error"}
        timeout = aiohttp.ClientTimeout(total=self.ack_timeout)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self.events_url, data=body, headers=headers) as said,
            ):
                return said.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    # ------------------------------------------------------------ life

    async def close(self) -> None:
        """Stop handing out."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _envelope_of(text: str) -> str:
    try:
        said = json.loads(text)
    except ValueError:
        return ""
    return str(said.get("envelope_id", "")) if isinstance(said, dict) else ""


def _enveloped(envelope: str, callback: Json, attempt: int) -> Json:
    retry = {"retry_attempt": attempt, "retry_reason": "timeout"} if attempt else {"retry_attempt": 0, "retry_reason": ""}
    return {"type": "events_api", "envelope_id": envelope, "accepts_response_payload": False, "payload": callback, **retry}
