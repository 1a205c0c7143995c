"""The HTTP side: health, the status page with its stream, and the routes by which platforms call in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.datastructures import MutableHeaders
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge import __version__
from bridge.errors import BridgeError
from bridge.looking import named
from bridge.places import is_unpinned, unpinned_name
from bridge.service import Service
from bridge.store.status import alive, status
from bridge.web import waiting
from bridge.web.api import api
from bridge.web.guard import ByAccident, Elsewhere, only_from_here, refuse, refuse_accident
from bridge.web.snapshot import Seen, Snapshot

_HERE = Path(__file__).parent
_LARGEST_BODY = 2 * 1024 * 1024
_REFRESH_S = 1.0
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def make_app(service: Service, routers: Sequence[APIRouter], closing: asyncio.Event) -> ASGIApp:
    """The application. `closing` is set when the server is to end, so that open streams end first."""
    app = FastAPI(
        title="viabridge", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, max_body_size=_LARGEST_BODY
    )
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    app.add_exception_handler(Elsewhere, refuse)
    app.add_exception_handler(ByAccident, refuse_accident)
    for router in (*routers, _health(service), api(service), waiting.routes(service), _pages(service, closing)):
        app.include_router(router)

    app.add_middleware(SecurityHeaders)
    return Straight(app, routers)


class Straight:
    """Leads requests to plain routes past all that a framework does for pages, which costs more than hearing what was said.

    Of such a route only its own address is straight; whatever else is asked there goes the usual way.
    """

    def __init__(self, app: ASGIApp, routers: Sequence[APIRouter]) -> None:
        plain = [route for router in routers for route in router.routes if type(route) is Route and not route.param_convertors]
        self._app = app
        self._plain = {(route.path, method): SecurityHeaders(route.app) for route in plain for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = (scope.get("path", ""), scope.get("method", ""))
        await self._plain.get(asked, self._app)(scope, receive, send)


class SecurityHeaders:
    """Puts `SECURITY_HEADERS` on every answer. Plain ASGI: the framework's own way costs a task and a queue per request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


def stream(events: AsyncIterator[str]) -> StreamingResponse:
    """A response of server-sent events."""
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _health(service: Service) -> APIRouter:
    """What a supervisor asks."""
    routes = APIRouter()

    @routes.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz")
    @routes.get("/healthz")
    async def readyz() -> JSONResponse:
        return await _readiness(service)

    return routes


def _pages(service: Service, closing: asyncio.Event) -> APIRouter:
    """What shows how things stand, to this machine alone: nobody is asked for a password yet."""
    routes = APIRouter(dependencies=[Depends(only_from_here)])
    templates = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=select_autoescape())
    snapshot = Snapshot(lambda: service.store.read(lambda tx: status(tx, service.engine.now())))

    @routes.get("/")
    async def page() -> HTMLResponse:
        words = view(service, await snapshot.now())
        return HTMLResponse(templates.get_template("status.html").render(status=words, version=__version__))

    @routes.get("/api/status")
    async def api_status() -> JSONResponse:
        return JSONResponse(view(service, await snapshot.now()))

    @routes.get("/events")
    async def events() -> StreamingResponse:
        return stream(changes(service, snapshot, closing))

    return routes


async def _readiness(service: Service) -> JSONResponse:
    """Ready when the database answers; an outage of a platform is shown on the page, and is no reason for a restart."""
    try:
        async with asyncio.timeout(3.0):
            await service.store.write(lambda tx: alive(tx, service.engine.now()))
    except (BridgeError, TimeoutError):
        return JSONResponse({"status": "not ready", "database": "cannot be written"}, status_code=503)
    if service.engine.stopping.is_set():
        return JSONResponse({"status": "not ready", "service": "stopping"}, status_code=503)
    return JSONResponse({"status": "ready"})


def view(service: Service, seen: Seen) -> dict[str, object]:
    """What the page and the API say: places by their names, accounts as they are now."""
    numbers = asdict(seen.status)
    names = {(account, place): name for (account, name), place in service.world.pins.items()}
    numbers["places"] = [place for place in numbers["places"] if not _was_left(place)]
    for place in numbers["places"]:
        place["place"] = names.get((place["account"], place["place"]), unpinned_name(place["place"]))
    numbers["accounts"] = [
        {"id": account.id, "open": account.opened.is_set(), "trouble": account.trouble or account.gate}
        for account in service.engine.accounts.values()
    ]
    halts = [{"what": named(service.world, halt), "by": halt.by, "since": halt.at} for halt in service.world.halts]
    return numbers | {"trouble": seen.trouble, "halts": halts}


def _was_left(place: Mapping[str, Any]) -> bool:
    """A stand-in whose deliveries went to the place itself, once its name was looked up."""
    return is_unpinned(place["place"]) and not (
        place["waiting"] or place["later"] or place["delivered"] or place["not_delivered"]
    )


async def changes(service: Service, snapshot: Snapshot, closing: asyncio.Event) -> AsyncGenerator[str, None]:
    """The status whenever it changed, looked at once a second."""
    last = ""
    while not closing.is_set():
        current = json.dumps(view(service, await snapshot.now()))
        yield f"data: {current}\n\n" if current != last else ": still here\n\n"
        last = current
        with suppress(TimeoutError):
            async with asyncio.timeout(_REFRESH_S):
                await closing.wait()
