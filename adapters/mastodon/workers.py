"""A few daemon threads with one SDK client each: Mastodon.py is synchronous, and its clients are not thread-safe."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import requests
from mastodon import Mastodon
from mastodon.errors import MastodonError

T = TypeVar("T")

CONNECT_TIMEOUT: Final = 5.0
"""Seconds for reaching the server at all. Together with the answer's time-out it bounds a request."""

USER_AGENT: Final = "viabridge"


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is, how we sign in, and how many seconds an answer may take."""

    server: str
    token: str
    timeout: float

    def __repr__(self) -> str:
        return f"Access({self.server})"


class CallFailed(Exception):
    """A call to the SDK failed. `error` is what it raised; `after` the seconds the server asked us to wait."""

    def __init__(self, error: MastodonError, after: float | None) -> None:
        super().__init__(type(error).__name__)
        self.error = error
        self.after = after


class Session(requests.Session):
    """A session with a short connect time-out that remembers how long the server last asked us to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.after: float | None = None
        self.hooks["response"].append(self._note)

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request; `timeout` (seconds for the answer) gets the connect time-out beside it."""
        self.after = None
        if isinstance(timeout := kwargs.get("timeout"), int | float):
            kwargs["timeout"] = (min(CONNECT_TIMEOUT, timeout), timeout)
        return super().request(*args, **kwargs)

    def _note(self, response: requests.Response, *_: object, **__: object) -> None:
        asked = response.headers.get("Retry-After", "")
        self.after = float(asked) if asked.isdigit() else None


def client_for(access: Access) -> tuple[Mastodon, Session]:
    """A client that never sleeps, never guesses versions, and gives up in time."""
    session = Session()
    client = Mastodon(
        access_token=access.token,
        api_base_url=access.server,
        ratelimit_method="throw",
        request_timeout=access.timeout,
        version_check_mode="none",
        session=session,
        user_agent=USER_AGENT,
    )
    return client, session


Job = tuple[Future[Any], Callable[[Mastodon], Any]]


class Workers:
    """`count` threads that run calls in the order they come. They are daemons: a hanging request holds up no shutdown."""

    def __init__(self, access: Access, count: int = 4) -> None:
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, args=(access,), name=f"mastodon-{n}", daemon=True) for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, call: Callable[[Mastodon], T]) -> T:
        """What `call` returns. Raises `CallFailed` where the SDK raised an error of its own."""
        future: Future[T] = Future()
        self._jobs.put((future, call))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let the threads end after what they are doing; calls still waiting are cancelled."""
        for _ in self._threads:
            self._jobs.put(None)

    def _work(self, access: Access) -> None:
        client, session = client_for(access)
        while (job := self._jobs.get()) is not None:
            future, call = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(call(client))
            except MastodonError as error:
                future.set_exception(CallFailed(error, session.after))
            except BaseException as error:  # noqa: BLE001 - carried to the caller's task, not handled here
                future.set_exception(error)
