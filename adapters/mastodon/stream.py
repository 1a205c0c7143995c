"""One server-sent-events connection, followed in a thread of its own. It only tells; `listening` decides.

WebSocket streaming, for servers that have nothing else, will be a second class with the same three members.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from typing import Any, Final

import requests
from mastodon import StreamListener
from mastodon.errors import MastodonError

from adapters.mastodon.punctual import CONNECT_TIMEOUT
from adapters.mastodon.workers import USER_AGENT

SILENCE: Final = 45.0
"""Seconds without even a heartbeat (servers send one every 15) after which the connection counts as dead."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The stream stands: what happens from now on is told; what happened before must be caught up."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event as the SDK decoded it."""

    name: str
    payload: Any


@dataclass(frozen=True, slots=True)
class Ended:
    """The connection is over; `status` is the server's answer where it refused one."""

    reason: str
    status: int | None = None


News = Connected | Told | Ended


class Stream:
    """A connection to `{url}/api/v1/streaming/user`. `news` ends with exactly one `Ended`."""

    def __init__(self, url: str, token: str) -> None:
        self.news: asyncio.Queue[News] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._url = f"{url}/api/v1/streaming/user"
        self._token = token
        self._lock = threading.Lock()
        self._response: requests.Response | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._follow, name="mastodon-stream", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the connection, also while the thread waits for the next byte."""
        with self._lock:
            self._closed = True
            response = self._response
        if response is not None:
            # close() alone does not wake a thread that is reading
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                response.raw.shutdown()

    def _follow(self) -> None:
        ended = Ended("closed")
        try:
            ended = self._read()
        except (MastodonError, OSError, AttributeError) as error:
            # OSError covers requests; AttributeError is how urllib3 says that the response was closed under it
            ended = Ended(type(error).__name__)
        finally:
            self._tell(ended)

    def _read(self) -> Ended:
        headers = {"Authorization": f"Bearer {self._token}", "User-Agent": USER_AGENT}
        with (
            requests.Session() as session,
            session.get(self._url, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT, SILENCE)) as response,
        ):
            if response.status_code != requests.codes.ok:
                return Ended(f"refused with {response.status_code}", response.status_code)
            with self._lock:
                if self._closed:
                    return Ended("closed")
                self._response = response
            self._tell(Connected())
            _Listener(self).handle_stream(response)  # type: ignore[no-untyped-call] # the SDK leaves it untyped
        return Ended("the server closed the stream")

    def _tell(self, news: News) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone: nobody listens any more
            self._loop.call_soon_threadsafe(self.news.put_nowait, news)

    def tell_event(self, name: str, payload: object) -> None:
        """Called by the listener, in the stream's thread."""
        self._tell(Told(name, payload))


class _Listener(StreamListener):
    """Only enqueues: an exception in a listener would end the stream without a word."""

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream

    def on_any_event(self, name: str, data: Any = None, for_stream: str | None = None) -> None:  # noqa: ARG002
        self._stream.tell_event(name, data)


def probe(url: str, token: str, timeout: float) -> str:
    """Open the stream and close it at once: empty where it stands, else what is wrong. Blocking; `timeout` in seconds."""
    headers = {"Authorization": f"Bearer {token}", "User-Agent": USER_AGENT}
    address = f"{url}/api/v1/streaming/user"
    try:
        with requests.get(address, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT, timeout)) as response:
            return "" if response.status_code == requests.codes.ok else f"it answers {response.status_code}"
    except requests.RequestException as error:
        return type(error).__name__
