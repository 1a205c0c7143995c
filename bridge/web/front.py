"""What answers while the database is not there yet: the process lives, is not ready, and takes nothing."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


class Front:
    """An application that another comes to stand `behind`."""

    def __init__(self) -> None:
        self.behind: ASGIApp = _closed()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.behind(scope, receive, send)


def _closed() -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "ok"}

    # Whoever calls in is not told that anything was taken, so it comes again.
    @app.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
    async def later(request: Request) -> JSONResponse:  # noqa: ARG001 - the framework's way to leave the body unread
        words = {"status": "not ready", "database": "cannot be reached"}
        return JSONResponse(words, status_code=503, headers={"Retry-After": "5"})

    return app
