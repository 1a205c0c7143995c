"""The two ways in which the sandbox's server puts an event on the wire."""

from __future__ import annotations

import json
from typing import Protocol

from aiohttp import web


class Outlet(Protocol):
    """An open stream to one client. Raises `ConnectionResetError` once the client is gone."""

    async def tell(self, event: str, payload: str) -> None: ...

    async def thump(self) -> None:
        """A sign of life."""


class Lines:
    """Server-sent events."""

    def __init__(self, response: web.StreamResponse) -> None:
        self._response = response

    async def tell(self, event: str, payload: str) -> None:
        await self._response.write(f"event: {event}\ndata: {payload}\n\n".encode())

    async def thump(self) -> None:
        await self._response.write(b":thump\n\n")


class Messages:
    """WebSocket messages: the payload is JSON within JSON, or, of a deletion, the bare id."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket

    async def tell(self, event: str, payload: str) -> None:
        await self._socket.send_str(json.dumps({"stream": ["user"], "event": event, "payload": payload}))

    async def thump(self) -> None:
        await self._socket.ping()
