"""Server-sent events, Mastodon's older transport: reads them off an open connection and decodes them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.mastodon.stream import SILENCE, Connected, Ended, Follow, Tell, Told, headers, session

PATH: Final = "/api/v1/streaming/user"
_AWAY: Final = (301, 302, 303, 307, 308)
_KEPT_AS_WORDS: Final = ("delete", "announcement.delete")


def following(base: str, token: str, silence: float = SILENCE) -> Follow:
    """How to follow the server-sent events of the server at `base`."""

    async def follow(tell: Tell) -> Ended:
        async with (
            await session(base, silence) as client,
            # redirects are not followed here: the client would leave the token behind
            client.get(base + PATH, headers=headers(token), allow_redirects=False) as response,
        ):
            if response.status in _AWAY:
                return Ended(f"sent away with {response.status}", response.status, origin(response.headers.get("Location", "")))
            if response.status != 200 or response.content_type != "text/event-stream":
                return Ended(f"refused with {response.status}", response.status if response.status >= 400 else 404)
            tell(Connected())
            async for told in events(response.content):
                tell(told)
        return Ended("the server closed the stream")

    return follow


async def events(lines: AsyncIterable[bytes]) -> AsyncIterator[Told]:
    """The events in the lines; heartbeats (comments) are none."""
    name, data = "", []
    async for line in lines:
        words = line.decode(errors="replace").rstrip("\r\n")
        field, _, value = words.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif not words:
            if name:
                yield Told(name, decoded(name, "\n".join(data)))
            name, data = "", []


def decoded(name: str, payload: Any) -> Any:
    """The payload as it is meant; an id stays the string it is, even one that would pass for a number."""
    if not isinstance(payload, str):
        return payload
    if name in _KEPT_AS_WORDS:
        return payload.strip().strip('"')
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return payload


def origin(address: str) -> str:
    """The server in an address; empty for one that is not whole."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme and parts.netloc else ""
