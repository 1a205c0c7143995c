"""Hearing everything once: the stream for speed, pages over REST for certainty. REST is the truth, the stream the wake-up."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from adapters.mastodon import hearing
from adapters.mastodon.identity import Identity
from adapters.mastodon.stream import Connected, Ended, Stream, Told
from bridge.contract import Inbox
from bridge.errors import NeedsOperator, Retryable, SendError
from bridge.post import Raw

PAGE: Final = 40
"""Items per page: the most that servers give."""
BEGINNING: Final = "0"
"""A cursor before every id, numeric or ULID: where an account that has nothing yet is read from."""
_PAUSES: Final = (1.0, 30.0)  # seconds between two connects: at least, and at most after repeated failure
_STEADY: Final = 2.0  # a connection that stood so many seconds was no failure
_LOOK_AGAIN: Final = 5.0  # seconds between two looks at a server that does not answer, at most
_REMEMBERED: Final = 1000  # keys heard by stream, to see what it kept back

log = structlog.get_logger(__name__)

Fetch = Callable[[str], Awaitable[Sequence[hearing.Entity]]]


@dataclass(frozen=True, slots=True)
class Feed:
    """Something read page by page: its cursor's name, the pages after an id (newest first), the status in an item."""

    name: str
    after: Fetch
    status_of: Callable[[hearing.Entity], hearing.Entity | None]
    newest: str
    """Where it stood when we signed in: at first contact nothing older is read."""


@dataclass(frozen=True, slots=True)
class _End:
    reason: str
    lasted: float


class Listening:
    """One account's ears. `duty` is run with every look over REST (is the account still locked?)."""

    def __init__(
        self,
        identity: Identity,
        feeds: Sequence[Feed],
        connect: Callable[[], Stream],
        duty: Callable[[], Awaitable[None]],
        scan: float,
    ) -> None:
        self._identity = identity
        self._feeds = feeds
        self._connect = connect
        self._duty = duty
        self._scan = scan
        self._look = asyncio.Event()
        self._reachable = asyncio.Event()
        self._heard: deque[str] = deque(maxlen=_REMEMBERED)
        self._stream: Stream | None = None
        self._connected_at: float | None = None
        self._deaf = False

    async def run(self, inbox: Inbox) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_looking(inbox))
            tasks.create_task(self._keep_following(inbox))

    # ------------------------------------------------ the stream

    async def _keep_following(self, inbox: Inbox) -> None:
        pause = _PAUSES[0]
        while True:
            ended = await self._follow(inbox)
            pause = _PAUSES[0] if ended.lasted > _STEADY else min(pause * 2, _PAUSES[1])
            if not self._deaf:
                log.warning("stream ended", account=self._identity.account, reason=ended.reason)
            self._deaf = True
            await self._rest(pause * random.uniform(1.0, 1.5))  # noqa: S311 - jitter, no secret

    async def _rest(self, seconds: float) -> None:
        """Wait before the next connect; less when the server proves to be reachable again, but never under a second."""
        self._reachable.clear()
        await asyncio.sleep(_PAUSES[0])
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds - _PAUSES[0]):
                await self._reachable.wait()

    async def _follow(self, inbox: Inbox) -> _End:
        """One connection, to its end."""
        self._stream = stream = self._connect()
        try:
            while True:
                match await stream.news.get():
                    case Connected():
                        self._connected_at = time.monotonic()
                        self._look.set()
                        if self._deaf:
                            log.info("stream stands again", account=self._identity.account)
                        self._deaf = False
                    case Told(name, payload):
                        await self._hear(inbox, name, payload)
                    case Ended(reason):
                        return _End(reason, time.monotonic() - (self._connected_at or time.monotonic()))
        finally:
            self._connected_at = None
            stream.close()

    async def _hear(self, inbox: Inbox, name: str, payload: object) -> None:
        try:
            raw = hearing.of_event(self._identity.account, self._identity.user, name, payload)
        except (KeyError, TypeError, ValueError) as error:
            # nothing a server says may end the listening; REST tells it again, and parse then holds what it can't read
            log.warning("unreadable event", account=self._identity.account, name=name, error=type(error).__name__)
            self._look.set()
            return
        if raw is None:
            return
        self._heard.append(raw.key)
        await self._take(inbox, raw)

    async def _take(self, inbox: Inbox, raw: Raw) -> None:
        """Store it, however long the store is down: a stream tells each thing once, and no page repeats an edit."""
        wait = 0.1
        while True:
            try:
                return await inbox.take(raw)
            except Retryable as error:
                log.warning("not stored yet", key=raw.key, error=type(error).__name__)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)

    # ------------------------------------------------ the pages

    async def _keep_looking(self, inbox: Inbox) -> None:
        """Look when the stream has (re)connected, and every `scan` seconds whatever the stream says."""
        failures, looked_at = 0, time.monotonic()
        while True:
            self._look.clear()
            started = time.monotonic()
            try:
                found = await self._look_once(inbox)
            except SendError as error:
                self._log_outage(error, failures)
                failures += 1
                await asyncio.sleep(min(_LOOK_AGAIN, 0.5 * 2 ** min(failures, 8), self._scan))
                continue
            if failures:
                log.info("the timeline can be read again", account=self._identity.account)
            failures = 0
            self._reachable.set()
            self._distrust(found, looked_at)
            looked_at = started
            with suppress(TimeoutError):
                async with asyncio.timeout(self._scan):
                    await self._look.wait()

    async def _look_once(self, inbox: Inbox) -> list[Raw]:
        found = [raw for feed in self._feeds for raw in await self._catch_up(inbox, feed)]
        await self._duty()
        return found

    def _log_outage(self, error: SendError, failures: int) -> None:
        if not failures:
            level = log.error if isinstance(error, NeedsOperator) else log.warning
            level("cannot read the timeline", account=self._identity.account, error=error.sentence)

    async def _catch_up(self, inbox: Inbox, feed: Feed) -> list[Raw]:
        """Everything after the cursor, oldest first; the cursor moves with each page. Returns what was new to it."""
        account = self._identity.account
        cursor = await inbox.cursor(account, feed.name)
        if cursor is None:
            cursor = feed.newest
            await inbox.take_page(account, (), feed.name, cursor)
        caught: list[Raw] = []
        while page := await feed.after(cursor):
            statuses = [status for item in reversed(page) if (status := feed.status_of(item)) is not None]
            raws = [hearing.created(account, status) for status in statuses]
            if cursor == (newest := str(page[0]["id"])):
                break  # a server that repeats itself must not keep us here
            cursor = newest
            await inbox.take_page(account, raws, feed.name, cursor)
            caught.extend(raws)
        return caught

    def _distrust(self, found: Sequence[Raw], looked_at: float) -> None:
        """Reconnect a stream that stood all the time since the last look and yet kept back what REST has now."""
        connected = self._connected_at
        kept_back = [raw.key for raw in found if raw.key not in self._heard]
        if kept_back and connected is not None and connected < looked_at and self._stream is not None:
            log.warning("the stream kept something back", account=self._identity.account, missed=len(kept_back))
            self._stream.close()
