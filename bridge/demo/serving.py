"""The demo's page over HTTP: its routes, the stream of what changes, and a server that ends in good order."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Coroutine
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles

from bridge import web
from bridge.demo.page import Page, Refused
from bridge.demo.rehearsal import rehearse
from bridge.demo.stage import Stage
from bridge.errors import ConfigError
from bridge.main import Server
from bridge.web.app import SECURITY_HEADERS, stream

_HERE = Path(__file__).parent
_WEB = Path(web.__file__).parent


async def serve(stage: Stage, host: str, port: int, began: float) -> None:
    """Serve the page until SIGTERM or SIGINT. `began` is when the start began, on `time.perf_counter`'s clock.

    Raises `ConfigError` where the port is taken.
    """
    closing = asyncio.Event()
    page = Page(stage)
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        hint = "Choose another --port; 0 takes a free one."
        raise ConfigError(f"{host}:{port} can't be used ({error.strerror}). {hint}") from error
    with listening:
        async with asyncio.TaskGroup() as tasks:
            beside = [
                tasks.create_task(page.watch.run(), name="watch"),
                tasks.create_task(_rehearse(stage, page), name="rehearsal"),
            ]
            _print(stage, f"http://{host}:{listening.getsockname()[1]}/", time.perf_counter() - began)
            await Server(make_app(page, closing), host, port, closing).serve([listening])
            for task in beside:
                task.cancel()


async def _rehearse(stage: Stage, page: Page) -> None:
    await rehearse(stage, page.watch.roles)
    page.watch.open_doors()


def _print(stage: Stage, url: str, seconds: float) -> None:
    print(f"ready in {seconds:.1f} s\n\n    {url}\n\nAny ordinary client can join in:")  # noqa: T201 - speaks to a terminal
    for account, sandbox in stage.town.sandboxes.items():
        print(f"  {stage.town.manifests[account].title}")  # noqa: T201
        for what, value in sandbox.joining.items():
            print(f"    {what}: {value}")  # noqa: T201
    print("\nCtrl-C ends it and leaves nothing behind.", flush=True)  # noqa: T201


def make_app(page: Page, closing: asyncio.Event) -> FastAPI:
    """The application. `closing` ends the streams."""
    app = FastAPI(title="viabridge demo", docs_url=None, redoc_url=None, openapi_url=None)
    app.mount("/static", StaticFiles(directory=_WEB / "static"))
    app.mount("/demo", StaticFiles(directory=_HERE / "static"))
    actions = {"write": page.write, "reply": page.reply, "edit": page.edit, "delete": page.delete, "plug": page.plug}

    @app.get("/")
    async def whole() -> HTMLResponse:
        return HTMLResponse(await page.html())

    @app.get("/events")
    async def events(request: Request, since: str = "") -> Response:
        return stream(page.watch.changes(request.headers.get("last-event-id", since), closing))

    @app.get("/stranger/{account}")
    async def stranger(account: str) -> Response:
        try:
            return HTMLResponse(await page.stranger(account))
        except Refused as refused:
            return PlainTextResponse(str(refused), status_code=404)

    @app.post("/do/{action}")
    async def act(action: str, request: Request) -> Response:
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return PlainTextResponse("Other sites may not act here.", status_code=403)
        if action not in actions:
            return PlainTextResponse("There is no such button.", status_code=404)
        async with request.form() as form:
            return await _done(page, actions[action](form), quiet="x-quiet" in request.headers)

    @app.middleware("http")
    async def headers(request: Request, call_next) -> Response:  # type: ignore[no-untyped-def]  # noqa: ANN001
        response: Response = await call_next(request)
        for name, value in SECURITY_HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return app


async def _done(page: Page, action: Coroutine[None, None, None], *, quiet: bool) -> Response:
    """Do what a form asks; a script hears how it went, a reader without scripts gets the page again."""
    try:
        await action
    except Refused as refused:
        return PlainTextResponse(str(refused), status_code=400)
    except Exception as error:  # noqa: BLE001 - each sandbox refuses in its platform's own words
        return PlainTextResponse(f"The tool refused this: {error}", status_code=400)
    page.watch.touch()
    return Response(status_code=204) if quiet else RedirectResponse("/", status_code=303)
