"""A few daemon threads with one SDK client each: Mastodon.py is synchronous, and its clients are not thread-safe."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import requests
import structlog
from mastodon import Mastodon
from mastodon.errors import MastodonError, MastodonRatelimitError

from adapters.mastodon.pace import Pace
from adapters.mastodon.punctual import CONNECT_TIMEOUT, Paced, Session
from bridge.errors import SendError

T = TypeVar("T")

QUEUE_TIMEOUT: Final = 2.0
"""Seconds that a call may wait for a thread; one that waited longer is never sent."""

USER_AGENT: Final = "viabridge"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Access:
    """Where the server is, how we sign in, and how many seconds an answer may take."""

    server: str
    token: str
    timeout: float

    def __repr__(self) -> str:
        return f"Access({self.server})"

    @property
    def patience(self) -> float:
        """Seconds from asking for a call to its end, at most."""
        return self.patience_for(self.timeout)

    def patience_for(self, answer: float) -> float:
        """The same for a call whose answer may take so many seconds."""
        return QUEUE_TIMEOUT + CONNECT_TIMEOUT + answer


class NotBegun(Exception):
    """No thread was free in time: the call was surely not sent."""


class Overdue(Exception):
    """The call was begun and is not over in time."""


class Garbled(Exception):
    """The SDK could not make sense of what came: what was asked may well have been done."""


class CallFailed(Exception):
    """A call to the SDK failed. `error` is what it raised; `after` the seconds the server asked us to wait."""

    def __init__(self, error: MastodonError | NotBegun | Overdue | Garbled, after: float | None) -> None:
        super().__init__(type(error).__name__)
        self.error = error
        self.after = after

    @property
    def answer(self) -> tuple[int | None, str]:
        """The HTTP status, None where there was no answer, and what the server said."""
        if isinstance(self.error, MastodonRatelimitError):
            return 429, ""
        match self.error.args:
            case (_, int(status), _, said):
                return status, str(said or "it gives no reason")
            case _:
                return None, ""

    @property
    def never_sent(self) -> bool:
        """Whether the request surely did not reach the server. The SDK hides the cause in the exception's context."""
        if isinstance(self.error, NotBegun):
            return True
        cause = self.error.__context__
        if isinstance(cause, Paced | requests.ConnectTimeout | requests.exceptions.InvalidURL):
            return True
        reason = getattr(cause.args[0], "reason", None) if isinstance(cause, requests.ConnectionError) and cause.args else None
        return type(reason).__name__ in ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")


def client_for(access: Access, pace: Pace | None = None) -> tuple[Mastodon, Session]:
    """A client that never sleeps, never guesses versions, and gives up in time."""
    session = Session(pace)
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


@dataclass(slots=True, eq=False)
class _Job:
    """A call; it begins before `begin_by` or never, and is over by `end` (`time.monotonic()`). `session` runs it.

    `answer` is how many seconds its answer may take where that is more than usual.
    """

    call: Callable[[Mastodon], Any]
    begin_by: float
    end: float
    answer: float | None
    future: Future[Any] = field(default_factory=Future)
    session: Session | None = None

    def begun(self) -> bool:
        """Whether a thread has taken it; else none will."""
        return not self.future.cancel()

    def overdue(self) -> CallFailed:
        """Give it up: nobody waits for it any more."""
        if self.session:
            self.session.abort(self.end)
        return CallFailed(Overdue(), None)


class Workers:
    """`count` threads that run calls in the order they come. They are daemons: a hanging request holds up no shutdown."""

    def __init__(self, access: Access, pace: Pace | None = None, count: int = 4) -> None:
        self._access = access
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, args=(access, pace or Pace()), name=f"mastodon-{n}", daemon=True)
            for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, call: Callable[[Mastodon], T], end: float | None = None, answer: float | None = None) -> T:
        """What `call` returns; over by `end` (`time.monotonic()`), at most `Access.patience` from now.

        `answer` is how many seconds its answer may take where that is more than usual.

        Raises `CallFailed` where the SDK raised an error of its own, or where there was no time.
        """
        now = time.monotonic()
        latest = now + self._access.patience_for(answer or self._access.timeout)
        end = min(latest, end or latest)
        job = _Job(call, min(now + QUEUE_TIMEOUT, end), end, answer)
        self._jobs.put(job)
        coming: asyncio.Future[T] = asyncio.wrap_future(job.future)
        try:
            await asyncio.wait({coming}, timeout=job.begin_by - now)
            if not coming.done() and not job.begun():
                raise CallFailed(NotBegun(), None)
            await asyncio.wait({coming}, timeout=end - time.monotonic())
            if not coming.done():
                raise job.overdue()
            return coming.result()
        finally:
            coming.cancel()  # if the caller was cancelled: what did not begin need not begin

    def close(self) -> None:
        """Let the threads end after what they are doing; calls still waiting are cancelled."""
        for _ in self._threads:
            self._jobs.put(None)

    def _work(self, access: Access, pace: Pace) -> None:
        client, session = client_for(access, pace)
        while (job := self._jobs.get()) is not None:
            job.session = session
            if not job.future.set_running_or_notify_cancel():
                continue
            if time.monotonic() >= job.begin_by:
                job.future.set_exception(CallFailed(NotBegun(), None))
                continue
            session.begin(job.end, job.answer)
            try:
                job.future.set_result(job.call(client))
            except MastodonError as error:
                job.future.set_exception(CallFailed(error, _after(error, session)))
            except SendError as error:
                job.future.set_exception(error)
            except Exception as error:  # noqa: BLE001 - the SDK trips over its own reading of an answer, also of a good one
                log.warning("the SDK could not read an answer", error=type(error).__name__)
                job.future.set_exception(CallFailed(Garbled(), None))


def _after(error: MastodonError, session: Session) -> float | None:
    """How long to wait before the next try, where the server has said so, now or before."""
    return error.__context__.after if isinstance(error.__context__, Paced) else session.after
