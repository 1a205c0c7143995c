"""The ways to a server's stream: which addresses and transports to try, in which order, and which one worked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from adapters.mastodon import sse, websocket
from adapters.mastodon.stream import Connected, Ended, Stream

_TRY_AGAIN: Final = (401, 408, 425, 429)  # says nothing about the way: the token, or the moment, is wrong
_MOST: Final = 8  # ways; a server may not send us round for ever


class Transport(StrEnum):
    SSE = "server-sent events"
    WEBSOCKET = "WebSocket"


@dataclass(frozen=True, slots=True)
class Way:
    """A server (http or https) and how to speak with it."""

    base: str
    transport: Transport


def ways(server: str, advertised: str | None, override: str | None, *, websocket_first: bool) -> tuple[Way, ...]:
    """What to try, best first: the address an admin named, else the advertised one, else the server's own; each both ways."""
    bases = (override,) if override else (advertised, server)
    order = (Transport.WEBSOCKET, Transport.SSE) if websocket_first else (Transport.SSE, Transport.WEBSOCKET)
    return tuple(dict.fromkeys(Way(base, transport) for base in bases if base for transport in order))


class Streaming:
    """Opens the connections, one at a time. Goes on to the next way where one is refused; stays with what has worked."""

    def __init__(self, found: Sequence[Way], token: str) -> None:
        self._ways = list(found)
        self._token = token
        self._at = 0
        self._proven = False
        self._untried = len(self._ways) - 1

    def __str__(self) -> str:
        return f"{self.way.transport} at {self.way.base}"

    def __repr__(self) -> str:
        return f"Streaming({self})"  # no token

    @property
    def way(self) -> Way:
        """The one that the next connection takes."""
        return self._ways[self._at]

    def connect(self) -> Stream:
        speak = sse if self.way.transport is Transport.SSE else websocket
        return Stream(speak.following(self.way.base, self._token))

    def note(self, ended: Ended, *, stood: bool) -> bool:
        """Learn from a connection's end. Whether the next one takes a way that is untried: no reason to wait long."""
        if stood:
            self._proven, self._untried = True, len(self._ways) - 1
            return False
        refused = ended.status is not None and ended.status < 500 and ended.status not in _TRY_AGAIN
        if self._proven and not refused:
            return False  # an outage, most likely: the way itself is good
        if ended.moved and self._may_follow(ended.moved):
            self._ways.insert(self._at + 1, Way(ended.moved, self.way.transport))
            self._untried += 1
        self._proven = False
        self._at = (self._at + 1) % len(self._ways)
        self._untried = max(self._untried - 1, -1)
        return self._untried >= 0

    def _may_follow(self, base: str) -> bool:
        """Never from an encrypted connection to one that is not, and nowhere twice."""
        known = {way.base for way in self._ways}
        safe = base.startswith("https://") or (base.startswith("http://") and not self.way.base.startswith("https://"))
        return safe and base not in known and len(self._ways) < _MOST


async def probe(streaming: Streaming, within: float) -> str:
    """Open the stream and close it at once, by one way after the other: empty where it stands, else what each said.

    `within` is in seconds, for each way.
    """
    said: list[str] = []
    while True:
        way, stream = streaming.way, streaming.connect()
        try:
            async with asyncio.timeout(within):
                news = await stream.news.get()
        except TimeoutError:
            news = Ended("no answer")
        finally:
            stream.close()
        if isinstance(news, Connected):
            return ""
        ended = news if isinstance(news, Ended) else Ended("nonsense")
        said.append(f"{way.transport}: {ended.reason}")
        if not streaming.note(ended, stood=False):
            return "; ".join(said)
