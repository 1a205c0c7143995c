"""One streaming connection, whatever its transport: a task that tells its news in order. `listening` decides what they mean."""

from __future__ import annotations

import asyncio
import functools
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

from adapters.mastodon.punctual import CONNECT_TIMEOUT, authority
from adapters.mastodon.workers import USER_AGENT

SILENCE: Final = 45.0
"""Seconds without even a heartbeat (servers send one every 15) after which the connection counts as dead."""
TASK: Final = "mastodon-stream"
_LARGEST_LINE: Final = 2**22


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream stands: what happens from now on is told; what happened before must be caught up."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event, its payload decoded as far as that went: a string that is no JSON stays one."""

    name: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection is over. `status` is the server's answer where it refused one, `moved` where it said to go instead."""

    reason: str
    status: int | None = None
    moved: str = ""


News = Connected | Told | Ended
Tell = Callable[[News], None]
Follow = Callable[[Tell], Awaitable[Ended]]


class Stream:
    """A connection that `follow` opens and follows to its end. `news` ends with exactly one `Ended`."""

    def __init__(self, follow: Follow) -> None:
        self.news: asyncio.Queue[News] = asyncio.Queue()
        self._task = asyncio.create_task(self._run(follow), name=TASK)

    def close(self) -> None:
        """End the connection, whatever it waits for."""
        self._task.cancel()

    async def _run(self, follow: Follow) -> None:
        ended = Ended("closed")
        try:
            ended = await follow(self.news.put_nowait)
        except aiohttp.WSServerHandshakeError as error:
            ended = Ended(f"refused with {error.status}", error.status)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # time-outs are OSErrors; a ValueError is a line that is too long, or an address that is none
            ended = Ended(type(error).__name__)
        finally:
            self.news.put_nowait(ended)


def headers(token: str) -> Mapping[str, str]:
    """How we sign in: never in the address, which servers and proxies write into their logs."""
    return {"Authorization": f"Bearer {token}", "User-Agent": USER_AGENT}


async def session(server: str, silence: float) -> aiohttp.ClientSession:
    """A session for one connection; `silence` is how many seconds nothing may come. Trusts whom the REST calls trust."""
    context = await trust()
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context, force_close=True),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=silence),
        read_bufsize=_LARGEST_LINE,
        **way_out(server),
    )


def way_out(server: str) -> Mapping[str, Any]:
    """A session's arguments for reaching the server through the proxy that the environment names for it, if any.

    `trust_env` would look this up for each request, reading the file `.netrc` in a thread, and refuse to send anything to a
    server that stands in it: a password from there and our token do not go together.
    """
    where = urlsplit(server)
    bypassed = proxy_bypass(where.hostname or "") or proxy_bypass(where.netloc.rpartition("@")[2])
    named = None if bypassed else getproxies().get(where.scheme)
    return {"proxy": named} if named else {}


async def trust() -> ssl.SSLContext:
    """Whom the REST calls trust. Read once: it takes a while, and there may be many accounts."""
    return await asyncio.to_thread(_trust, authority())


@functools.cache
def _trust(own: str) -> ssl.SSLContext:
    if own and Path(own).is_dir():
        return ssl.create_default_context(capath=own)
    return ssl.create_default_context(cafile=own or None)
