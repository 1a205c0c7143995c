"""How the sandbox hands events out, as Slack does: by socket or by signed HTTP, again and again until they are acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import json
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from adapters.slack.calls import ended
from adapters.slack.sandbox_commands import form_of
from adapters.slack.sandbox_values import APP, BOT_USER, TEAM, Json
from adapters.slack.sandbox_workspace import Happening
from adapters.slack.signature import sign
from bridge.contract import Emitted
from bridge.post import DIRECT, NativeId, PlaceId


@dataclass(slots=True)
class Handout:
    """One event on its way; `done` is set when it was acknowledged (or, by HTTP, given up)."""

    number: int
    emitted: Emitted
    callback: Json
    twice: bool = False
    envelope: str = "events_api"
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, order=True)
class _Turn:
    """One attempt that waits to leave; the earliest event's is the smallest."""

    number: int
    come: asyncio.Event = field(default_factory=asyncio.Event, compare=False)
    over: asyncio.Event = field(default_factory=asyncio.Event, compare=False)


@dataclass(frozen=True, slots=True)
class _Ack:
    """What is known of an envelope: `said` is True when it was acknowledged, False when its socket went without that."""

    socket: web.WebSocketResponse
    said: asyncio.Future[bool]


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
    copies: int = 0
    """Under how many event ids more the next message comes: Slack has been seen to use eleven."""
    reversed: int = 0
    """How many pairs of events leave in the wrong order."""
    deaf: bool = False
    """Whether what happens now is never handed out, as after hours without anybody who takes it."""
    silences: list[float] = field(default_factory=list)
    _sockets: list[web.WebSocketResponse] = field(default_factory=list)
    _connected: asyncio.Event = field(default_factory=asyncio.Event)
    _acks: dict[str, _Ack] = field(default_factory=dict)
    _turns: list[_Turn] = field(default_factory=list)
    _waited_for: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _quiet_until: float = 0.0
    _kept: Handout | None = None

    def emit(self, happening: Happening, *, is_direct: bool, is_shared: bool) -> Handout:
        """Start to hand an event out; events leave in the order in which this is called."""
        message, now = happening.message, int(time.time())
        if self.deaf:
            return Handout(0, Emitted(happening.kind, PlaceId(message.room), NativeId(message.ts), ""), {})
        number = next(self._numbers)
        event_id = f"Ev{number:09d}"
        place = DIRECT if is_direct else PlaceId(message.room)
        callback: Json = {
            "token": "not-for-checking", "team_id": TEAM, "context_team_id": TEAM, "api_app_id": APP, "event": happening.event,
            "type": "event_callback", "event_id": event_id, "event_time": now, "is_ext_shared_channel": is_shared,
            "authorizations": [{"enterprise_id": None, "team_id": TEAM, "user_id": BOT_USER, "is_bot": True}],
        }  # fmt: skip
        emitted = Emitted(happening.kind, place, NativeId(message.ts), _key(happening, f"{TEAM}:{event_id}"))
        return self._begin(Handout(number, emitted, callback, twice=self._takes_twice()))

    def ask(self, callback: Json, room: str) -> Handout:
        """Hand out a command or a shortcut, as `emit` does events; over HTTP Slack tries these once only."""
        trigger = str(callback["trigger_id"])
        emitted = Emitted("command", PlaceId(room), NativeId(trigger), f"{TEAM}:{trigger}")
        envelope = "slash_commands" if "command" in callback else "interactive"
        return self._begin(Handout(next(self._numbers), emitted, callback, envelope=envelope))

    def _begin(self, handout: Handout) -> Handout:
        if handout.number == 1:
            self._start(self._usher())
        if self.reversed > 0 and self._kept is None:
            self._kept = handout
            return handout
        out = [handout, self._kept] if self._kept else [handout]
        if self._kept:
            self._kept, self.reversed = None, self.reversed - 1
            out[1].number, out[0].number = out[0].number, out[1].number
        for one in out:
            self._start(self._hand_out(one))
        self._repeat(handout)
        return handout

    def _repeat(self, handout: Handout) -> None:
        """The same under other event ids."""
        copies, self.copies = self.copies, 0
        for _ in range(copies):
            number = next(self._numbers)
            callback = {**handout.callback, "event_id": f"Ev{number:09d}"}
            self._start(self._hand_out(Handout(number, handout.emitted, callback)))

    def _start(self, duty: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(duty)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _takes_twice(self) -> bool:
        self.twice, was = max(0, self.twice - 1), self.twice
        return was > 0

    async def _hand_out(self, handout: Handout) -> None:
        carry = self._by_http if self.events_url else self._by_socket
        await carry(handout, 0)
        handout.done.set()
        if handout.twice:
            await carry(handout, 1)

    @contextlib.asynccontextmanager
    async def _turn(self, handout: Handout) -> AsyncIterator[None]:
        """When events can leave and none before this one waits: what must go again goes before what is newer."""
        turn = _Turn(handout.number)
        heapq.heappush(self._turns, turn)
        self._waited_for.set()
        await turn.come.wait()
        if handout.emitted not in self.journal:
            self.journal.append(handout.emitted)
        try:
            yield
        finally:
            turn.over.set()

    async def _usher(self) -> None:
        while True:
            await self._waited_for.wait()
            await self._ready()
            turn = heapq.heappop(self._turns)
            if not self._turns:
                self._waited_for.clear()
            turn.come.set()
            await turn.over.wait()

    async def _ready(self) -> None:
        """Wait for the plug, through a silence, and for a listener."""
        if self.silences:
            self._quiet_until = time.monotonic() + self.silences.pop(0)
        await asyncio.sleep(max(0.0, self._quiet_until - time.monotonic()))
        await self.plugged.wait()
        if not self.events_url:
            await self._connected.wait()

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
                if message.type == aiohttp.WSMsgType.TEXT and (ack := self._acks.get(_envelope_of(message.data))):
                    _say(ack, acknowledged=True)
        finally:
            self._sockets.remove(socket)
            for ack in self._acks.values():
                if ack.socket is socket:
                    _say(ack, acknowledged=False)
            if not self._sockets:
                self._connected.clear()
        return socket

    async def refresh(self) -> None:
        """Ask clients to connect anew, as Slack does every few hours."""
        for socket in tuple(self._sockets):
            with contextlib.suppress(ConnectionError):  # gone already
                await socket.send_json({"type": "disconnect", "reason": "refresh_requested"})

    async def babble(self, frames: Sequence[str | bytes]) -> None:
        """Say things that Slack never says."""
        for socket in self._sockets:
            for frame in frames:
                await (socket.send_bytes(frame) if isinstance(frame, bytes) else socket.send_str(frame))

    async def _by_socket(self, handout: Handout, attempt: int) -> None:
        for number in itertools.count(attempt):
            envelope = f"{handout.callback.get('event_id') or handout.emitted.key}-{number}"
            async with self._turn(handout):
                if not self._sockets:
                    continue  # gone just now
                ack = self._acks[envelope] = _Ack(self._sockets[-1], asyncio.get_running_loop().create_future())
                with contextlib.suppress(ConnectionError, RuntimeError):  # as above: its handler says so too
                    await ack.socket.send_json(_enveloped(envelope, handout, number))
            try:
                async with asyncio.timeout(self.ack_timeout):
                    if await ack.said:
                        return
            except TimeoutError:
                pass
            finally:
                del self._acks[envelope]

    # ------------------------------------------------------------ by HTTP

    async def _by_http(self, handout: Handout, attempt: int) -> None:
        again = self.retry_delays if handout.envelope == "events_api" else ()
        for number, delay in enumerate((0.0, *again), start=attempt):
            await asyncio.sleep(delay)
            async with self._turn(handout):
                pass
            if await self._posted(handout, number):
                return
        self.dropped.append(handout.emitted)

    async def _posted(self, handout: Handout, number: int) -> bool:
        is_event = handout.envelope == "events_api"
        body = json.dumps(handout.callback).encode() if is_event else form_of(handout.callback)
        now = str(int(time.time()))
        kind = "application/json" if is_event else "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, "X-Slack-Request-Timestamp": now}
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
        await ended(self._tasks)


def _key(happening: Happening, event_id: str) -> str:
    """How a bridge has to name it: a message's events by what they say of it, as Slack itself repeats them under other ids."""
    message = happening.message
    revision = {"created": ":created", "edited": f":edited:{message.edited}", "deleted": ":deleted"}.get(happening.kind)
    return f"{message.room}:{message.ts}{revision}" if revision else event_id


def _say(ack: _Ack, *, acknowledged: bool) -> None:
    if not ack.said.done():
        ack.said.set_result(acknowledged)


def _envelope_of(text: str) -> str:
    try:
        said = json.loads(text)
    except ValueError:
        return ""
    return str(said.get("envelope_id", "")) if isinstance(said, dict) else ""


def _enveloped(envelope: str, handout: Handout, attempt: int) -> Json:
    retry = {"retry_attempt": attempt, "retry_reason": "timeout"} if attempt else {"retry_attempt": 0, "retry_reason": ""}
    is_event = handout.envelope == "events_api"
    said = {
        "type": handout.envelope,
        "envelope_id": envelope,
        "accepts_response_payload": not is_event,
        "payload": handout.callback,
    }
    return {**said, **(retry if is_event else {})}
