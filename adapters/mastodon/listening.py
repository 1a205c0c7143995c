"""Hearing everything once: the stream for speed, pages over REST for certainty. REST is the truth, the stream the wake-up."""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import structlog

from adapters.mastodon import catching_up, hearing
from adapters.mastodon.feeds import PAGE, Feed
from adapters.mastodon.hearing import Heard
from adapters.mastodon.identity import Identity
from adapters.mastodon.reviewing import Review
from adapters.mastodon.stream import Connected, Ended, Stream, Told
from adapters.mastodon.streaming import Streaming
from adapters.mastodon.window import Window
from bridge.contract import Inbox
from bridge.errors import NeedsOperator, Retryable, SendError
from bridge.post import Raw

__all__ = ["BEGINNING", "PAGE", "WINDOW", "Feed", "Listening"]

BEGINNING: Final = "0"
"""A cursor before every id, numeric or ULID: where an account that has nothing yet is read from."""
WINDOW: Final = "window"
"""The cursor under which the window is stored: it moves with each raw, in the same transaction."""
_PAUSES: Final = (1.0, 30.0)  # seconds between two connects: at least, and at most after repeated failure
_STEADY: Final = 2.0  # a connection that stood so many seconds was no failure
_LOOK_AGAIN: Final = 5.0  # seconds between two looks at a server that does not answer, at most
_PATIENCE: Final = 300.0  # seconds, at most, that what the stream tells waits for the pages: rather late than never
_ECHOES_WAIT: Final = 0.5  # seconds that echoes are gathered for
_MOST_ECHOES: Final = 100
_REMEMBERED: Final = 1000  # keys heard by stream, to see what it kept back

log = structlog.get_logger(__name__)


class Listening:
    """One account's ears. `duty` is run with every look over REST (is the account still locked?); `scan` is in seconds.

    What `has_sent` knows, by its id, is handed on as an echo: where it stands was told when it was sent. As nobody waits for
    that, echoes are stored several at once, with the window.
    """

    def __init__(
        self,
        identity: Identity,
        feeds: Sequence[Feed],
        streaming: Streaming,
        review: Review,
        duty: Callable[[], Awaitable[None]],
        scan: float,
        has_sent: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._identity = identity
        self._feeds = feeds
        self._streaming = streaming
        self._review = review
        self._duty = duty
        self._scan = scan
        self._has_sent = has_sent
        self._look = asyncio.Event()
        self._reachable = asyncio.Event()
        self._level = asyncio.Event()  # the pages were read to their end since the stream stands
        self._heard: deque[str] = deque(maxlen=_REMEMBERED)
        self._window: Window | None = None
        self._storing = asyncio.Lock()
        self._echoes: list[Raw] = []  # noted in the window, and not stored yet
        self._echoed = asyncio.Event()  # there are some
        self._review_at = 0.0
        self._stream: Stream | None = None
        self._connected_at: float | None = None
        self._deaf = False

    async def run(self, inbox: Inbox) -> None:
        """Until cancelled. Raises `NeedsOperator` where the server no longer lets us read: then a human must mend it."""
        await together(self._keep_looking(inbox), self._keep_following(inbox), self._keep_storing_echoes(inbox))

    # ------------------------------------------------ the stream

    async def _keep_following(self, inbox: Inbox) -> None:
        pause = _PAUSES[0]
        while True:
            ended, lasted = await self._follow(inbox)
            fresh = self._streaming.note(ended, stood=lasted is not None)
            pause = _PAUSES[0] if fresh or (lasted or 0.0) > _STEADY else min(pause * 2, _PAUSES[1])
            if not self._deaf:
                log.warning("stream ended", account=self._identity.account, reason=ended.reason, next=str(self._streaming))
            self._deaf = True
            if ended.status == 401:
                self._look.set()  # REST tells for certain whether the token is good
            await self._rest(pause * random.uniform(1.0, 1.5))  # noqa: S311 - jitter, no secret

    async def _rest(self, seconds: float) -> None:
        """Wait before the next connect; less when the server proves to be reachable again, but never under a second."""
        self._reachable.clear()
        await asyncio.sleep(_PAUSES[0])
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds - _PAUSES[0]):
                await self._reachable.wait()

    async def _follow(self, inbox: Inbox) -> tuple[Ended, float | None]:
        """One connection, to its end; the seconds that it stood, None for one that never did."""
        self._stream = stream = self._streaming.connect()
        try:
            while True:
                match await stream.news.get():
                    case Connected():
                        await self._connected()
                    case Told(name, payload):
                        await self._hear(inbox, name, payload)
                    case Ended() as ended:
                        return ended, None if self._connected_at is None else time.monotonic() - self._connected_at
        finally:
            self._connected_at = None
            stream.close()

    async def _connected(self) -> None:
        """What was missed comes first: until the pages were read, what the stream tells queues up behind them."""
        self._connected_at = time.monotonic()
        self._review_at = 0.0  # what changed before nobody will tell
        self._level.clear()
        self._look.set()
        if self._deaf:
            log.info("stream stands again", account=self._identity.account, way=str(self._streaming))
        self._deaf = False
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._level.wait()

    async def _hear(self, inbox: Inbox, name: str, payload: object) -> None:
        try:
            heard = hearing.of_event(self._identity.account, self._identity.user, name, payload)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # nothing a server says may end the listening; REST tells it again, and parse then holds what it can't read
            log.warning("unreadable event", account=self._identity.account, name=name[:40], error=type(error).__name__)
            self._review_at = 0.0
            self._look.set()
            return
        if heard is None:
            return
        self._heard.append(heard.raw.key)
        if self._is_echo(heard) and self._window is not None and len(self._echoes) < _MOST_ECHOES:
            self._window.note(heard)
            self._echoes.append(replace(heard.raw, echo=True))
            self._echoed.set()
        else:
            await self._insist(inbox, (heard,))

    async def _insist(self, inbox: Inbox, heard: Sequence[Heard]) -> None:
        """Store it, however long the store is down: a stream tells each thing once."""
        wait = 0.1
        while True:
            try:
                return await self._store(inbox, heard)
            except Retryable as error:
                keys = [*(raw.key for raw in self._echoes), *(each.raw.key for each in heard)]
                log.warning("not stored yet", keys=keys, error=type(error).__name__)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)

    async def _store(self, inbox: Inbox, heard: Sequence[Heard]) -> None:
        """The raws and the window with them, in one transaction: what was taken is known, also after a crash."""
        async with self._storing:  # an older window must not be written over a newer one
            window = await self._known(inbox)
            for each in heard:
                window.note(each)
            echoes = tuple(self._echoes)
            raws = [*echoes, *(replace(each.raw, echo=self._is_echo(each)) for each in heard)]
            await inbox.take_page(self._identity.account, raws, WINDOW, window.dump())
            del self._echoes[: len(echoes)]  # others may have come

    async def _keep_storing_echoes(self, inbox: Inbox) -> None:
        """Store those that came alone, a moment after the first of them."""
        while True:
            await self._echoed.wait()
            self._echoed.clear()
            await asyncio.sleep(_ECHOES_WAIT)
            if self._echoes:
                await self._insist(inbox, ())

    def _is_echo(self, heard: Heard) -> bool:
        """Whether it only tells that what we sent stands, as it was sent."""
        return heard.appeared and heard.revision == "" and self._has_sent(heard.status_id)

    async def _known(self, inbox: Inbox) -> Window:
        if self._window is None:
            self._window = Window.load(await inbox.cursor(self._identity.account, WINDOW))
        return self._window

    # ------------------------------------------------ the pages

    async def _keep_looking(self, inbox: Inbox) -> None:
        """Look when the stream has (re)connected, and every `scan` seconds whatever the stream says."""
        failures, looked_at = 0, time.monotonic()
        while True:
            self._look.clear()
            started = time.monotonic()
            try:
                found = await self._look_once(inbox)
            except NeedsOperator:
                raise  # not an outage: the account is shown in trouble, with the cure, until it can be signed in to again
            except SendError as error:
                if not failures:
                    log.warning("cannot read the timeline", account=self._identity.account, error=error.sentence)
                failures += 1
                await asyncio.sleep(max(error.after or 0.0 if isinstance(error, Retryable) else 0.0, self._again(failures)))
                continue
            if failures:
                log.info("the timeline can be read again", account=self._identity.account)
            failures = 0
            self._reachable.set()
            await self._distrust(inbox, found, looked_at)
            looked_at = started
            with suppress(TimeoutError):
                async with asyncio.timeout(self._scan):
                    await self._look.wait()

    def _again(self, failures: int) -> float:
        return min(_LOOK_AGAIN, 0.5 * 2.0 ** min(failures, 8), self._scan)

    async def _look_once(self, inbox: Inbox) -> list[Heard]:
        started = time.monotonic()
        found = await self._catch_up(inbox)
        if self._connected_at is not None and started >= self._connected_at:
            self._level.set()
        await self._duty()
        if time.monotonic() >= self._review_at:
            found += await self._compare(inbox)
        return found

    async def _compare(self, inbox: Inbox) -> Sequence[Heard]:
        """Edits and deletions since the window's statuses were heard, each under the key that the stream would give it."""
        due, self._review_at = self._review_at, time.monotonic() + self._review.every
        try:
            changes = await self._review.changes(await self._known(inbox))
            if changes:
                await self._store(inbox, changes)
        except SendError:
            self._review_at = due
            raise
        return changes

    async def _catch_up(self, inbox: Inbox) -> list[Heard]:
        """Everything after the cursors, oldest first; each moves with what was stored of its feed. Returns what was found."""
        account = self._identity.account
        cursors = [(feed, await self._cursor(inbox, feed)) for feed in self._feeds]
        caught: list[Heard] = []
        async for run in catching_up.missed(account, cursors):
            if run.heard or self._echoes:
                await self._store(inbox, run.heard)
            await inbox.take_page(account, (), run.feed.name, run.cursor)
            caught.extend(run.heard)
        return caught

    async def _cursor(self, inbox: Inbox, feed: Feed) -> str:
        """Where the feed was read to; at first contact, where it stands."""
        account = self._identity.account
        if (cursor := await inbox.cursor(account, feed.name)) is None:
            cursor = feed.newest
            await inbox.take_page(account, (), feed.name, cursor)
        return cursor

    async def _distrust(self, inbox: Inbox, found: Sequence[Heard], looked_at: float) -> None:
        """Reconnect a stream that stood all the time since the last look and yet kept back what REST has now."""
        connected = self._connected_at
        kept_back = [heard.raw.key for heard in found if heard.raw.key not in self._heard]
        if kept_back and connected is not None and connected < looked_at and self._stream is not None:
            log.warning("the stream kept something back", account=self._identity.account, missed=len(kept_back))
            self._stream.close()
            await inbox.kept_back(self._identity.account, len(kept_back))


async def together(*work: Coroutine[Any, Any, None]) -> None:
    """Run all of it until cancelled. The first failure ends the rest, and a `SendError` is raised as itself, in no group."""
    failures: list[BaseException] = []
    try:
        async with asyncio.TaskGroup() as tasks:
            for each in work:
                tasks.create_task(each)
    except* SendError as group:
        failures.extend(group.exceptions)
    if failures:
        raise failures[0]
