"""The sandbox's front: one port that can be unplugged, and everything that can go wrong with a send."""

from __future__ import annotations

import asyncio
import math
import socket
import time
from typing import Final

import aiohttp
from aiohttp import web

from adapters.mastodon.dialects import Dialect
from adapters.mastodon.faults import Faults
from adapters.mastodon.mockserver import BRIDGE_TOKEN
from adapters.mastodon.telling import SESSION, Teller, is_websocket
from adapters.mastodon.upstream import Call, Reply, Upstream, refusal
from bridge.contract import Fault

_NOT_PASSED_ON: Final = frozenset({"authorization", "accept-encoding", "connection", "content-length", "transfer-encoding"})
_ECHO_LEAD: Final = 0.3  # seconds by which an early echo comes before its reply
_ECHO_PATIENCE: Final = 2.0  # seconds to wait for a stream to tell it at all
_LARGEST: Final = 64 * 1024 * 1024


class Proxy:
    """Runs in the sandbox's own loop. The port stays ours while unplugged: a bound socket that does not listen refuses."""

    def __init__(self, faults: Faults, dialect: Dialect) -> None:
        self._faults = faults
        self._dialect = dialect
        self.revoked = False
        """The bridge's token is not accepted any more. A stream that stands stays open."""
        self.stream_refusal = 0
        """The HTTP status with which streams are refused; 0: they are not."""
        self.read_refusal = 0
        """The HTTP status with which the bridge's reads are refused, while streams stand; 0: they are not."""
        self.connects: list[float] = []
        """When streams were asked for (`time.monotonic()`)."""
        self._teller = Teller(faults)
        self._holder = _bound(0)
        self.port = int(self._holder.getsockname()[1])
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._runner: web.AppRunner | None = None
        self._site: web.SockSite | None = None
        self._listener = self._holder
        self._session: aiohttp.ClientSession | None = None
        self.upstream: Upstream | None = None

    async def start(self, mock_port: int) -> Upstream:
        """Serve in front of the mock."""
        self._session = aiohttp.ClientSession(read_bufsize=2**20)
        self.upstream = Upstream(self._session, f"http://127.0.0.1:{mock_port}", self.base_url, self._teller.tell)
        await self.upstream.learn_account()
        app = web.Application(client_max_size=_LARGEST)
        app[SESSION] = self._session
        app.router.add_route("*", "/{path:.*}", self._handle)
        # an abandoned stream must not live on
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await self.plug()
        return self.upstream

    async def stop(self) -> None:
        await self.unplug()
        if self._runner:
            await self._runner.cleanup()
        if self.upstream:
            await self.upstream.finished()
        if self._session:
            await self._session.close()
        self._holder.close()

    async def plug(self) -> None:
        if self._site is None and self._runner is not None:
            self._listener = _bound(self.port)
            self._site = web.SockSite(self._runner, self._listener)
            await self._site.start()

    async def unplug(self) -> None:
        """Refuse new connections and break the open ones."""
        if self._site is None or self._runner is None:
            return
        site, self._site = self._site, None
        # A connection that is accepted but not yet set up when the server closes is lost without being closed
        # (asyncio's Server._attach fails): so accept no more, let those under way be set up, and close then.
        asyncio.get_running_loop().remove_reader(self._listener.fileno())
        await asyncio.sleep(0)
        await site.stop()
        await self._break_connections(self._runner)

    async def _break_connections(self, runner: web.AppRunner) -> None:
        while runner.server is not None and (open_ones := runner.server.connections):
            for connection in open_ones:
                if connection.transport is not None:
                    connection.transport.abort()
            await asyncio.sleep(0)  # until the loop has told them that they are broken

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        upstream = self.upstream
        if upstream is None:
            raise web.HTTPServiceUnavailable
        token = _token(request)
        if self.revoked and token == BRIDGE_TOKEN:
            return _response(refusal(401, "The access token was revoked"))
        if request.path.startswith("/api/v1/streaming") and not request.path.endswith("/health"):
            return await self._stream(request, upstream, token)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _NOT_PASSED_ON}
        call = Call(request.method, request.path, request.query_string, token, await request.read(), headers)
        if refused := self._dialect.refuses(call) or await self._refuses_to_change(call, upstream):
            return _response(self._dialect.worded(refused, self.base_url))
        return await self._send(request, self._dialect.understood(call), upstream)

    async def _stream(self, request: web.Request, upstream: Upstream, token: str) -> web.StreamResponse:
        self.connects.append(time.monotonic())
        if self.stream_refusal:
            return _response(refusal(self.stream_refusal, "No streams here"))
        spoken = self._dialect.websocket if is_websocket(request) else self._dialect.sse and request.path != "/api/v1/streaming"
        if not spoken:
            return _response(refusal(404, "Not Found"))
        return await self._teller.serve(request, upstream, token, self._dialect)

    async def _refuses_to_change(self, call: Call, upstream: Upstream) -> Reply | None:
        if self._dialect.own or not call.edits:
            return None
        source = await upstream.exchange(Call("GET", f"{call.path}/source", token=call.token))
        if source.status != 200:
            return None
        return self._dialect.refuses_to_change(call, source.json, upstream.darkroom.files_of(call.path.rsplit("/", 1)[-1]))

    async def _send(self, request: web.Request, call: Call, upstream: Upstream) -> web.Response:
        sends = call.writes and call.by_bridge
        if self.read_refusal and call.by_bridge and not sends:
            return _response(refusal(self.read_refusal, "The sandbox was told to let nobody read"))
        if sends and (refused := self._refused()):
            return _response(self._dialect.worded(refused, self.base_url))
        lost = sends and self._faults.strike(Fault.REPLY_LOST) is not None
        reply = await upstream.exchange(call)
        if lost and request.transport is not None:
            request.transport.abort()
        elif sends and call.posts and (lead := self._faults.strike(Fault.EARLY_ECHO)) is not None:
            await self._echo_first(reply, lead or _ECHO_LEAD)
        return _response(self._dialect.worded(reply, self.base_url))

    async def _echo_first(self, reply: Reply, lead: float) -> None:
        if reply.status == 200:
            await self._teller.until_told(str(reply.json["id"]), _ECHO_PATIENCE)
            # The bridge reads its stream and its reply on two connections: the lead decides which it sees first.
            await asyncio.sleep(lead)

    def _refused(self) -> Reply | None:
        if (seconds := self._faults.strike(Fault.BUSY)) is not None:
            return refusal(429, "Too many requests", **{"Retry-After": str(math.ceil(seconds))})
        if self._faults.strike(Fault.BROKEN) is not None:
            return refusal(500, "We're sorry, but something went wrong on our end.")
        if self._faults.strike(Fault.REFUSED) is not None:
            return refusal(422, "Validation failed: the sandbox was told to refuse this")
        return None


def _bound(port: int) -> socket.socket:
    """A socket on the port that does not listen yet; several may share it as long as only one listens."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _token(request: web.Request) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else request.query.get("access_token", "")


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, body=reply.body, headers=reply.headers)
