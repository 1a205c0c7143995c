"""The HTTP side: health, the status page with its stream, and the routes by which platforms call in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, FileSystemLoader, select_autoescape

from bridge import __version__
from bridge.errors import BridgeError
from bridge.service import Service
from bridge.store.status import alive, status

_HERE = Path(__file__).parent
_BODY_LIMIT = 2 * 1024 * 1024
_REFRESH_S = 1.0
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def make_app(service: Service, routers: Sequence[APIRouter], closing: asyncio.Event) -> FastAPI:
    """The application. `closing` is set when the server is to end, so that open streams end first."""
    app = FastAPI(title="viabridge", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    pages = Environment(loader=FileSystemLoader(_HERE / "templates"), autoescape=select_autoescape())
    app.mount("/static", StaticFiles(directory=_HERE / "static"), name="static")
    for router in routers:
        app.include_router(router)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz")
    @app.get("/healthz")
    async def readyz() -> JSONResponse:
        return await _readiness(service)

    @app.get("/")
    async def page() -> HTMLResponse:
        return HTMLResponse(pages.get_template("status.html").render(status=await _status(service), version=__version__))

    @app.get("/api/status")
    async def api_status() -> JSONResponse:
        return JSONResponse(await _status(service))

    @app.get("/events")
    async def events() -> StreamingResponse:
        return stream(_changes(service, closing))

    @app.middleware("http")
    async def headers(request: Request, call_next) -> Response:  # type: ignore[no-untyped-def]  # noqa: ANN001
        response: Response = await call_next(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return app


def stream(events: AsyncIterator[str]) -> StreamingResponse:
    """A response of server-sent events."""
    return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _readiness(service: Service) -> JSONResponse:
    """Ready when the database answers; an outage of a platform is shown on the page, and is no reason for a restart."""
    try:
        async with asyncio.timeout(3.0):
            await service.store.write(alive)
    except (BridgeError, TimeoutError):
        return JSONResponse({"status": "not ready", "database": "cannot be written"}, status_code=503)
    if service.engine.stopping.is_set():
        return JSONResponse({"status": "not ready", "service": "stopping"}, status_code=503)
    return JSONResponse({"status": "ready"})


async def _status(service: Service) -> dict[str, object]:
    now = service.engine.now()
    numbers = asdict(await service.store.read(lambda tx: status(tx, now)))
    names = {(account, place): name for (account, name), place in service.world.pins.items()}
    for place in numbers["places"]:
        place["place"] = names.get((place["account"], place["place"]), place["place"])
    numbers["accounts"] = [
        {"id": account.id, "open": account.opened.is_set(), "trouble": account.trouble}
        for account in service.engine.accounts.values()
    ]
    return numbers


async def _changes(service: Service, closing: asyncio.Event) -> AsyncIterator[str]:
    """The status whenever it changed, looked at once a second."""
    last = ""
    while not closing.is_set():
        current = json.dumps(await _status(service))
        yield f"data: {current}\n\n" if current != last else ": still here\n\n"
        last = current
        try:
            await asyncio.wait_for(closing.wait(), _REFRESH_S)
        except TimeoutError:
            continue
