"""The composition root: the only place that sees adapters. Makes a service from a mapping file and runs it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib.util
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import structlog
import uvicorn
from fastapi import APIRouter
from starlette.types import ASGIApp

import adapters
from bridge import log, mappings
from bridge.contract import Adapter, Checked, Level
from bridge.engine import Step, pass_by
from bridge.errors import ConfigError, SendError
from bridge.mappings import Mappings
from bridge.post import AccountId
from bridge.service import Service
from bridge.store import DatabaseAway, Store
from bridge.web.app import make_app
from bridge.web.front import Front

GRACE_S = 5
_AWAY_S = 3.0
"""Seconds between two looks for a database that is away, at most."""

logger = structlog.get_logger()


def load(path: Path, *, need_secrets: bool = True) -> Mappings:
    """The mapping file, checked against the platforms there are. Raises `MappingError`."""
    platforms = {name: manifest.settings for name, manifest in adapters.available().items()}
    return mappings.load(path, platforms, need_secrets=need_secrets)


def open_adapters(loaded: Mappings) -> dict[AccountId, Adapter]:
    """One adapter per account, not yet signed in."""
    platforms = adapters.available()
    return {account: platforms[entry.platform].adapter(account, entry.settings) for account, entry in loaded.accounts.items()}


@contextlib.asynccontextmanager
async def bridge(
    loaded: Mappings, database: str, *, at_step: Callable[[Step], None] = pass_by, patient: bool = True
) -> AsyncIterator[tuple[Service, list[APIRouter]]]:
    """A running service, and the routes by which platforms call in. Raises `ConfigError` for an unusable database.

    Unless `patient`, mail is sent as it is written, without waiting for more of its conversation.
    """
    async with over(await asyncio.to_thread(Store, database), loaded, at_step, patient=patient) as running:
        yield running


@contextlib.asynccontextmanager
async def over(
    store: Store, loaded: Mappings, at_step: Callable[[Step], None] = pass_by, *, patient: bool = True
) -> AsyncIterator[tuple[Service, list[APIRouter]]]:
    """As `bridge`, over an open store, which is closed at the end."""
    platforms = adapters.available()
    by_reader = frozenset(account for account, entry in loaded.accounts.items() if platforms[entry.platform].by_reader)
    try:
        connected = open_adapters(loaded)
        async with Service(store, loaded, connected, by_reader, at_step, patient=patient).running() as service:
            yield service, _webhooks(loaded, connected, service)
    finally:
        await asyncio.to_thread(store.close)


def _webhooks(loaded: Mappings, connected: dict[AccountId, Adapter], service: Service) -> list[APIRouter]:
    routers = []
    for name, manifest in adapters.available().items():
        accounts = {account: connected[account] for account, entry in loaded.accounts.items() if entry.platform == name}
        if manifest.webhooks and accounts:
            routers.append(manifest.webhooks(accounts, service.from_anywhere()))
    return routers


class Server(uvicorn.Server):
    """The HTTP server (uvicorn) under our own signal handling: open streams end before it waits for connections to close."""

    def __init__(self, app: ASGIApp, host: str, port: int, closing: asyncio.Event) -> None:
        self._closing = closing
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=GRACE_S,
                server_header=False,
                proxy_headers=False,  # nobody's word is taken for where a client is: the status page asks that
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The library's own way raises the signal again when it is done, which would end us before our lanes are drained."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end)
        try:
            yield
        finally:
            # A second signal ends the process at once, the usual way.
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def end(self) -> None:
        """Stop serving: streams first."""
        self._closing.set()
        self.should_exit = True


async def serve(
    loaded: Mappings, database: str, host: str, port: int, *, at_step: Callable[[Step], None] = pass_by, patient: bool = True
) -> None:
    """Run the service until SIGTERM or SIGINT. Raises `ConfigError`, before anything is started where it is the address.

    A database that is away is waited for: until it is there, probes are answered and platforms are told to come again.
    """
    front, closing = Front(), asyncio.Event()
    with listen(host, port) as listening:
        url = _url(listening)  # now, as a service that is told to end while it starts closes it
        server = Server(front, host, port, closing)
        serving = asyncio.create_task(server.serve([listening]), name="http")
        try:
            if store := await _opened(database, serving):
                async with over(store, loaded, at_step, patient=patient) as (service, routers):
                    front.behind = make_app(service, routers, closing)
                    logger.info("service.ready", url=url)
                    await asyncio.wait({serving})
        finally:
            server.end()
            await serving


async def _opened(database: str, serving: asyncio.Task[None]) -> Store | None:
    """The store, once its database is there; None if the service is told to end before. Raises `ConfigError`."""
    pause = 0.0
    while not serving.done():
        try:
            return await asyncio.to_thread(Store, database)
        except DatabaseAway as error:
            if not pause:
                logger.error("database.away", error=error.sentence)  # noqa: TRY400 - the sentence says it all
        pause = min(_AWAY_S, pause * 2 or 0.2)
        await asyncio.wait({serving}, timeout=pause)
    return None


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. Raises `ConfigError` with the cure."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.getaddrinfo(host, port, family)  # alone, as `create_server` hides which of the two failed
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConfigError(_cure(host, port, error)) from error


def _cure(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        what, cure = f"Port {port} on {host} is in use.", "Stop what uses it, or choose another --port; 0 takes a free one."
    elif error.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT} or isinstance(error, socket.gaierror):
        what = f"{host} is not an address of this machine."
        cure = "Choose another --host: 127.0.0.1 is for this machine alone, 0.0.0.0 is every address it has."
    elif error.errno == errno.EACCES:
        what, cure = f"Port {port} on {host} may not be opened by this user.", "Choose another --port, from 1024 up."
    else:
        what, cure = f"{host}:{port} can't be listened on ({error.strerror}).", "Choose another --host or --port."
    return f"{what} {cure}"


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


async def check_accounts(loaded: Mappings) -> Sequence[tuple[AccountId, Checked | SendError]]:
    """Sign in to every account and let its adapter look around."""
    findings: list[tuple[AccountId, Checked | SendError]] = []
    for account, adapter in open_adapters(loaded).items():
        try:
            async with adapter.open():
                findings.extend([(account, wrong) for wrong in await _unusable(adapter, loaded, account)])
                findings.extend((account, checked) for checked in await adapter.check())
        except SendError as error:
            findings.append((account, error))
    return findings


async def _unusable(adapter: Adapter, loaded: Mappings, account: AccountId) -> Sequence[Checked]:
    """The account's places that can't be used, each with the cure; the others the adapter knows from now on."""
    wrong: list[Checked] = []
    for name in sorted({place.name for group in loaded.groups for place in group.places if place.account == account}):
        try:
            await adapter.pin(name)
        except SendError as error:
            wrong.append(Checked(Level.ERROR, f"{name} can't be used", error.sentence))
    return wrong


def run(path: Path, database: str, host: str, port: int, *, json_logs: bool = False, patient: bool = True) -> None:
    """Load the mapping file and serve it. Raises `ConfigError`."""
    log.configure(json=json_logs)
    log.catch_uncaught()
    loaded = load(path)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(serve(loaded, database, host, port, patient=patient))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster event loop where there is a build of it."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    return factory
