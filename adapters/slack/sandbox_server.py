"""The sandbox's HTTP side: addresses, tokens, and the faults that befall the bridge's sends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from adapters.slack.sandbox_api import Api, Caller
from adapters.slack.sandbox_commands import Counter
from adapters.slack.sandbox_delivery import Delivery, Handout
from adapters.slack.sandbox_files import FileStore
from adapters.slack.sandbox_scopes import is_told
from adapters.slack.sandbox_values import BOT_USER, Json, Message, Refused
from adapters.slack.sandbox_workspace import Happening, Workspace
from adapters.slack.scopes import CUSTOMIZE, NEEDED, WISHED
from bridge.contract import Fault

BOT_TOKEN: Final = "xoxb-sandbox-viabridge"  # noqa: S105 - opens nothing but this sandbox
APP_TOKEN: Final = "xapp-sandbox-viabridge"  # noqa: S105 - as above
SCOPES: Final = ",".join(sorted({*NEEDED, *WISHED} - {CUSTOMIZE}))
_SENDS: Final = frozenset({"chat.postMessage", "chat.update", "chat.delete", "files.completeUploadExternal"})
_AT_SENDS: Final = frozenset({Fault.BUSY, Fault.BROKEN, Fault.REFUSED, Fault.REPLY_LOST, Fault.EARLY_ECHO})


@dataclass(slots=True)
class Server:
    """One workspace behind Slack's own HTTP interface. Everything here runs on one loop."""

    delivery: Delivery
    refusal: str
    scopes: str | None = SCOPES
    callers: dict[str, Caller] = field(default_factory=dict)
    faults: list[tuple[Fault, float]] = field(default_factory=list)
    port: int = 0
    workspace: Workspace = field(init=False)
    files: FileStore = field(init=False)
    counter: Counter = field(default_factory=Counter)
    absent: set[str] = field(default_factory=set)
    """Methods that it does not have, as something less than Slack."""
    blank: set[str] = field(default_factory=set)
    """Methods, or channels, that show nothing of what stands."""
    slow: dict[str, float] = field(default_factory=dict)
    """Seconds that a method takes."""
    busy: dict[str, list[float]] = field(default_factory=dict)
    """How often a method is refused for now, and with which Retry-After."""
    _api: Api = field(init=False)
    _removed: dict[str, Caller] = field(default_factory=dict)
    _runner: web.AppRunner | None = None
    _held: socket.socket | None = None
    _listening: socket.socket | None = None
    _tickets: set[str] = field(default_factory=set)
    _happened: list[Happening] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workspace = Workspace(self._happened.append)
        self.files = FileStore(self.workspace)
        self._api = Api(self.workspace, self._ticket, self.files, self.counter)
        self.grant(self.scopes)
        self.callers |= {APP_TOKEN: Caller("app", BOT_USER)}
        for member in self.workspace.members.values():
            if not member.is_bot:
                self.callers[f"xoxp-{member.handle}"] = Caller("user", member.id)

    @property
    def home(self) -> str:
        """Where it is served."""
        return f"http://127.0.0.1:{self.port}"

    # ------------------------------------------------------------ life

    async def plug(self) -> None:
        """Listen, on the same port as before."""
        if self._runner is not None:
            return
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/api/{method}", self._answer)
        app.router.add_get("/link", self._link)
        app.router.add_post("/commands/{ticket}", self._answered)
        app.router.add_post("/upload/{id}", self.files.taken)
        app.router.add_get("/files/{id}/{rest:.*}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        self._listening = self._held or self._bound()
        self._held = None
        await web.SockSite(self._runner, self._listening).start()
        self.files.address = f"http://127.0.0.1:{self.port}"
        self.delivery.plugged.set()

    async def unplug(self) -> None:
        """Drop everything and refuse connections; the port stays ours, bound but not listening."""
        if self._runner is None:
            return
        self.delivery.plugged.clear()
        runner, self._runner = self._runner, None
        if self._listening is not None:
            # what is accepted while its server closes would leak (asyncio in Python 3.11): accept no more, let those in be in
            asyncio.get_running_loop().remove_reader(self._listening)
            await asyncio.sleep(0)
        await runner.cleanup()
        self._held = self._bound()

    def _bound(self) -> socket.socket:
        held = socket.socket()
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", self.port))
        self.port = held.getsockname()[1]
        return held

    async def close(self) -> None:
        """End for good."""
        await self.delivery.close()
        await self.unplug()
        if self._held is not None:
            self._held.close()

    def emit_all(self) -> list[Handout]:
        """Hand out what happened since the last time."""
        happened = list(self._happened)
        self._happened.clear()
        granted = frozenset((self.scopes or SCOPES).split(","))
        rooms = [(one, self.workspace.rooms[one.message.room]) for one in happened]
        rooms = [(one, room) for one, room in rooms if is_told(one.event, room.type, granted)]
        return [self.delivery.emit(one, is_direct=room.type == "im", is_shared=room.is_shared) for one, room in rooms]

    def grant(self, scopes: str | None) -> None:
        """What the bot may do from now on; None: everything, and Slack does not say so."""
        self.scopes = scopes
        self.callers[BOT_TOKEN] = Caller("bot", BOT_USER, frozenset(scopes.split(",")) if scopes else frozenset())

    def tell(self, event: Json) -> None:
        """Say something of the workspace itself."""
        at = self.workspace.now()
        self._happened.append(Happening("other", Message("C0ALLHANDS1", at, BOT_USER, ""), {**event, "event_ts": at}))

    def uninstall(self) -> None:
        """Let the app be removed from the workspace: Slack says so once, and its tokens are good for nothing."""
        self.tell({"type": "app_uninstalled"})
        self._removed = {token: caller for token, caller in self.callers.items() if caller.kind != "user"}
        self.callers = {token: caller for token, caller in self.callers.items() if caller.kind == "user"}

    def install(self) -> None:
        """Let it be installed again, with the same tokens."""
        self.callers |= self._removed

    # ------------------------------------------------------------ requests

    def _ticket(self) -> str:
        ticket = secrets.token_hex(8)
        self._tickets.add(ticket)
        return f"ws://127.0.0.1:{self.port}/link?ticket={ticket}"

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403)
        self._tickets.discard(ticket)  # an address opens one socket
        return await self.delivery.socket(request)

    async def _file(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return self.files.handed_out(request, is_known=token in self.callers)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        method, args = request.match_info["method"], await _args(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or str(args.pop("token", ""))
        caller = self.callers.get(token)
        if caller is None:
            return self._json({"ok": False, "error": "invalid_auth" if token else "not_authed"})
        if method in self.absent:
            return self._json({"ok": False, "error": "unknown_method", "req_method": method})
        if method in self.blank or (method == "conversations.history" and args.get("channel") in self.blank):
            return self._json({"ok": True, "messages": [], "has_more": False})
        await asyncio.sleep(self.slow.get(method, 0.0))
        if waits := self.busy.get(method):
            return self._misbehaved(Fault.BUSY, waits.pop(0))
        suffers = caller.kind == "bot" and method in _SENDS
        fault, seconds = self._fault() if suffers else (None, 0.0)
        if fault in (Fault.BUSY, Fault.BROKEN, Fault.REFUSED):
            return self._misbehaved(fault, seconds)
        answer = self._called(method, caller, args)
        if fault is Fault.EARLY_ECHO:
            await _settled(self.emit_all())
        return await self._sent(request, answer, is_lost=fault is Fault.REPLY_LOST)

    async def _answered(self, request: web.Request) -> web.StreamResponse:
        """The answer to a command, by the address that came with it: no token opens that."""
        body = await _args(request)
        return web.Response(status=self.counter.answered(request.match_info["ticket"], body), text="ok")

    def _fault(self) -> tuple[Fault | None, float]:
        """The next send's fault."""
        return self.faults.pop(0) if self.faults else (None, 0.0)

    def _misbehaved(self, fault: Fault, seconds: float) -> web.Response:
        if fault is Fault.BUSY:
            return self._json({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": f"{seconds:g}"})
        if fault is Fault.BROKEN:
            return web.Response(status=503, text="<html>upstream connect error</html>", content_type="text/html")
        return self._json({"ok": False, "error": self.refusal})

    def _called(self, method: str, caller: Caller, args: Mapping[str, Any]) -> Json:
        try:
            return {"ok": True, **self._api.call(method, caller, args)}
        except Refused as refused:
            return {"ok": False, "error": refused.code, **refused.more}

    def _json(self, answer: Json, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
        scopes = {"X-OAuth-Scopes": self.scopes} if self.scopes is not None else {}
        return web.json_response(answer, status=status, headers={**scopes, **(headers or {})})

    async def _sent(self, request: web.Request, answer: Json, *, is_lost: bool) -> web.StreamResponse:
        """Answer first, then let the event follow, which is the usual order; or lose the answer."""
        response = self._json(answer)
        if is_lost:
            if request.transport is not None:
                request.transport.abort()
        else:
            with contextlib.suppress(ConnectionError):
                await response.prepare(request)
                await response.write_eof()
        self.emit_all()
        return response


async def _settled(handouts: list[Handout]) -> None:
    """Wait until the echo was acknowledged; not for ever, as nobody may be listening."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            for handout in handouts:
                await handout.done.wait()


async def _args(request: web.Request) -> dict[str, Any]:
    """Arguments as Slack takes them: from the query, a form, or JSON."""
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError:
            body = {}
        return {**args, **(body if isinstance(body, dict) else {})}
    return {**args, **dict(await request.post())}


def suffers_at_send(fault: Fault) -> bool:
    """Whether a fault befalls sends; the others befall events."""
    return fault in _AT_SENDS
