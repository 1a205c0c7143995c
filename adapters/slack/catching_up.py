"""What was missed while nobody listened: channels and direct conversations read from where they were left, with all that changed.

It is stored oldest first, in the shape in which it would have been heard. What is too old to be posted the core decides.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import history
from adapters.slack.calls import Asked
from adapters.slack.events import POSTS, is_tombstone, is_trace, key_of, part, parts, word
from adapters.slack.parse import HISTORY, is_ts, moment
from bridge.contract import Inbox
from bridge.errors import Rejected, Retryable, SendError, Unparsable
from bridge.post import AccountId, NativeId, Place, PlaceId, Raw, UserId, direct

OVERLAP: Final = 60.0
"""Seconds before its end from which a channel is read again: a message may become visible after a newer one."""

WINDOW: Final = 3 * 86_400.0
"""Seconds before its end in which a channel is looked through for edits, deletions and new answers to old messages."""

WINDOW_PAGES: Final = 25
THREADS: Final = 50
"""Threads of the window that are read although nothing tells of new answers there: for what was edited in them."""

GUESSES: Final = 15
"""Messages asked for answers where history says of none whether it has any."""

PROBES: Final = 30
"""Messages that history does not show any more which are asked for one by one."""

DIRECTS: Final = "directs"
"""The cursor of all direct conversations: our time at which they were read last."""

SKEW: Final = 300.0
"""Seconds by which our clock may be ahead of Slack's."""

PAUSES: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0)
"""Seconds before a channel that could not be read for now is read again; after the last it is left for the next look."""

log = structlog.get_logger(__name__)
V = TypeVar("V")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Channels:
    """How the channels of an account are read. `is_shared` says whether another company reads one."""

    account: AccountId
    web: Callable[[], AsyncWebClient]
    asked: Asked
    is_shared: Callable[[str], Awaitable[bool]]
    known: history.Knowledge = field(default_factory=history.Knowledge)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], float] = time.time

    async def catch_up(self, inbox: Inbox, channels: Iterable[str], *, thorough: bool) -> None:
        """Read each channel from where it was left. One that can't be read is left for the next time, and logged.

        Only a thorough look reads direct conversations as well: each costs a call.
        """
        for channel in channels:
            await self._again(lambda channel=channel: self._channel(inbox, channel, thorough=thorough), channel)  # type: ignore[misc]
        self.known.looked = True
        if thorough:
            await self._again(lambda: self._directs(inbox), DIRECTS)

    async def _again(self, read: Callable[[], Awaitable[None]], channel: str) -> None:
        for pause in PAUSES:
            try:
                await read()
            except Retryable as error:
                log.info("slack channel is asked for again", account=self.account, channel=channel, error=str(error))
                await self.sleep(pause)
            except (SendError, Unparsable) as error:
                log.warning("slack channel not caught up", account=self.account, channel=channel, error=str(error))
                return
            else:
                return

    async def _directs(self, inbox: Inbox) -> None:
        """What people wrote to the app itself since they were looked at last; at first contact nothing."""
        since, begun, first = await inbox.cursor(self.account, DIRECTS), f"{self.now():.6f}", f"first:{DIRECTS}"
        if since is None:
            await inbox.take_page(self.account, (), first, begun)
            await inbox.take_page(self.account, (), DIRECTS, begun)
            return
        floor, start = float(await inbox.cursor(self.account, first) or 0), max(0.0, float(since) - WINDOW)
        raws: list[Raw] = []
        for channel, person in await history.directs(self.web(), self._patient):
            known = await self._standing(inbox, direct(self.account, UserId(person)), start)
            read = _Read(self, channel, float(since) - SKEW, start, known, floor, is_direct=True)
            with suppress(Rejected):  # one of them is no reason to lose the others
                await read.all(thorough=True)
            raws += [self.raw(event, is_shared=False) for event in read.events()]
        await self._take(inbox, sorted(raws, key=lambda raw: raw.at), DIRECTS, since, begun)

    async def _channel(self, inbox: Inbox, channel: str, *, thorough: bool) -> None:
        name = f"history:{channel}"
        since, first = await inbox.cursor(self.account, name), f"first:{channel}"
        if since is None:  # a first contact begins with what is said from now on
            newest = await history.newest(self.web(), channel, self._patient)
            self.known.something |= newest != "0"
            await inbox.take_page(self.account, (), first, newest)
            await inbox.take_page(self.account, (), name, newest)
            return
        floor = float(await inbox.cursor(self.account, first) or 0)
        place = Place(self.account, PlaceId(channel))
        start = max(0.0, float(since) - (WINDOW if thorough else OVERLAP))
        known = await self._standing(inbox, place, start) if thorough else frozenset()
        read = _Read(self, channel, float(since) - OVERLAP, start, known, floor)
        self.known.something |= bool(known) or since != "0"
        await read.all(thorough=thorough)
        is_shared = bool(read.found) and await self.is_shared(channel)
        raws = sorted((self.raw(event, is_shared=is_shared) for event in read.events()), key=lambda raw: raw.at)
        await self._take(inbox, raws, name, since, max((since, *read.tops), key=float))

    async def _standing(self, inbox: Inbox, place: Place, start: float) -> frozenset[NativeId]:
        """What people said there since then and still stands; what the bridge itself says has ids that mean nothing to Slack."""
        return frozenset(filter(is_ts, await inbox.standing(place, moment(f"{start:.6f}"))))

    async def _take(self, inbox: Inbox, raws: Sequence[Raw], name: str, since: str, end: str) -> None:
        """Page by page, oldest first; only with the last one it counts as read."""
        pages = [raws[at : at + history.PAGE] for at in range(0, len(raws), history.PAGE)] or [()]
        for page in pages[:-1]:
            await inbox.take_page(self.account, page, name, since)
        if raws or end != since:
            await inbox.take_page(self.account, pages[-1], name, end)

    def raw(self, event: Json, *, is_shared: bool) -> Raw:
        """The event as it would have been heard."""
        callback = {"type": "event_callback", "event": event, "is_ext_shared_channel": is_shared}
        body = json.dumps(callback).encode()
        return Raw(self.account, key_of(callback, body), body, moment(event["event_ts"]), {"transport": HISTORY})

    async def _patient(self, call: Awaitable[V], *, sending: bool = False, fine: frozenset[str] = frozenset()) -> V:
        """As `asked`; after a "slow down" it waits as long as it was told, so that the next call is not refused too."""
        try:
            return await self.asked(call, sending=sending, fine=fine)
        except Retryable as error:
            if error.after:
                await self.sleep(min(error.after, 60.0))
            raise


@dataclass(slots=True)
class _Read:
    """One channel, while it is read. `known` are its posts in the ledger since `start`; times are Slack's seconds.

    What stood there up to `floor`, when it was read first, is none of ours. Of a direct conversation only those threads are
    read of which Slack says that they have something new: there are many, and each costs a call.
    """

    by: Channels
    channel: str
    since: float
    start: float
    known: frozenset[NativeId]
    floor: float
    is_direct: bool = False
    found: dict[str, Json] = field(default_factory=dict)
    tops: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    async def all(self, *, thorough: bool) -> None:
        async for message in self._messages(self.start, pages=WINDOW_PAGES):
            self.tops.append(message["ts"])
            self.found[message["ts"]] = message
        if self.tops and min(map(float, self.tops)) > self.since > self.start:  # the window held more than its pages
            async for message in self._messages(self.since):
                self.found[message["ts"]] = message
        for root in self._threads(thorough=thorough):
            try:
                async for message in self._messages(self.start if thorough else self.since, root):
                    self.found.setdefault(message["ts"], message)
            except Rejected:  # nothing of a thread is no reason to lose the rest
                continue
        for ts in sorted(self.known - self.found.keys())[-PROBES:]:
            if await self._is_gone(ts):
                self.gone.append(ts)

    async def _messages(self, oldest: float, root: str = "", *, pages: int = 1000) -> AsyncIterator[Json]:
        """What stands there; a page that is refused for now is asked for again."""
        seen: set[str] = set()
        for pause in PAUSES:
            try:
                reading = history.messages(self.by.web(), self.channel, self.by._patient, f"{oldest:.6f}", root, pages=pages)  # noqa: SLF001
                async for message in reading:
                    if message["ts"] not in seen:
                        seen.add(message["ts"])
                        yield message
            except Retryable:
                await self.by.sleep(pause)
            else:
                return
        raise Retryable("Slack did not let us read a channel to its end.")

    def _threads(self, *, thorough: bool) -> list[str]:
        """The first messages of the threads to be read, newest first."""
        tops = sorted((self.found[ts] for ts in self.tops), key=lambda message: float(message["ts"]), reverse=True)
        rooted = [message for message in tops if _has_answers(message)]
        named = [word(message, "thread_ts") for message in tops if word(message, "thread_ts") not in ("", message["ts"])]
        if self.is_direct:
            return list(dict.fromkeys([*named, *(one["ts"] for one in rooted if self._may_be_new(one))]))
        if not rooted:
            return list(dict.fromkeys([*named, *(message["ts"] for message in tops[:GUESSES])]))
        fresh = [one["ts"] for one in rooted if self._may_be_new(one)]
        others = [one["ts"] for one in rooted][:THREADS] if thorough else []
        return list(dict.fromkeys([*named, *fresh, *others]))

    def _may_be_new(self, root: Json) -> bool:
        latest = word(root, "latest_reply")
        return not latest or float(latest) >= self.since

    async def _is_gone(self, ts: str) -> bool:
        try:
            return await history.is_gone(self.by.web(), self.channel, self.by._patient, ts)  # noqa: SLF001
        except SendError:
            return False  # nobody can say

    def events(self) -> Iterator[Json]:
        """What was found as the events that would have told of it."""
        for ts, message in self.found.items():
            if is_tombstone(message):
                if ts in self.known:
                    yield self._deleted(ts)
            elif word(message, "subtype") in POSTS:
                yield from self._said(ts, message)
        yield from map(self._deleted, self.gone)

    def _said(self, ts: str, message: Json) -> Iterator[Json]:
        if ts in self.known:
            if at := _changed_at(message):
                change = {"type": "message", "subtype": "message_changed", "channel": self.channel, "ts": at, "event_ts": at}
                yield {**change, "message": {**message, "edited": {"ts": at}}}
        elif float(ts) >= self.since and float(ts) > self.floor:
            yield {**message, "type": "message", "channel": self.channel, "event_ts": ts}

    def _deleted(self, ts: str) -> Json:
        """When exactly it was deleted nobody can tell any more."""
        newest = max((*self.found, ts), key=float)
        event = {"type": "message", "subtype": "message_deleted", "channel": self.channel, "deleted_ts": ts}
        return {**event, "ts": newest, "event_ts": newest}


def _changed_at(message: Json) -> str:
    """When it was changed last; empty where it never was. Of a removed file only that it is gone is known: shortly after."""
    edited, removed = word(part(message, "edited"), "ts"), sum(map(is_trace, parts(message, "files")))
    if not removed:
        return edited
    seconds, _, fraction = (edited or word(message, "ts")).partition(".")
    micros = int(seconds) * 1_000_000 + int(f"{fraction:0<6}"[:6]) + removed
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


def _has_answers(message: Json) -> bool:
    return bool(message.get("reply_count") or message.get("latest_reply")) or word(message, "thread_ts") == message["ts"]
