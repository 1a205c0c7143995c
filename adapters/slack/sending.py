"""Sending, changing, removing and finding our messages: once, as a whole, and never where another company reads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import finding, history
from adapters.slack.calls import Asked
from adapters.slack.events import Json, word
from adapters.slack.fileobjects import compared, files_in, standing_in
from adapters.slack.media import Files
from adapters.slack.parse import METADATA, is_ts
from adapters.slack.refusals import MissingScope
from adapters.slack.render import Message
from adapters.slack.scopes import CUSTOMIZE
from bridge.contract import Attempt, File, Finding, Found, Part, Thread
from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain
from bridge.post import Destination, NativeId, Place, Ref

FILE_TIMEOUTS: Final = 4
"""By how many time-outs a part may take longer for each of its files: it is asked for a place, uploaded, and shared."""


@dataclass(slots=True)
class Outcome:
    """What it means that the time is up: `Uncertain` as soon as a message may have left."""

    lost: type[SendError] = Retryable


@dataclass(slots=True)
class Sender:
    """Everything that changes what stands. `channel` finds where to write, `writable` only if nobody else reads there.

    `me` are our own ids in the workspace; `scopes` are the app's permissions, None where Slack does not tell.
    """

    web: Callable[[], AsyncWebClient]
    asked: Asked
    files: Files
    timeout: float
    channel: Callable[[Place], Awaitable[str]]
    writable: Callable[[Place], Awaitable[str]]
    me: Callable[[], frozenset[str]]
    scopes: frozenset[str] | None = None
    known: history.Knowledge = field(default_factory=history.Knowledge)
    elsewhere: Callable[[], Iterable[str]] = tuple
    """The channels that the app reads."""
    _ours: deque[tuple[str, str, str]] = field(default_factory=lambda: deque(maxlen=500))
    """(channel, key, ts) of what we sent: `find` must not take it for another."""
    _heard: deque[tuple[str, Json]] = field(default_factory=lambda: deque(maxlen=500))
    """(channel, message) of ours that Slack told of: they stand, whatever its history shows."""

    @property
    def shows_authors(self) -> bool:
        """Whether a message can bear its author's name."""
        return self.scopes is not None and CUSTOMIZE in self.scopes

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        root = thread.root or thread.parent
        async with self._in_time(part.files) as outcome:
            channel = await self.writable(destination.place)
            ids = await self.files.uploaded(key, part.files) if part.files else ()
            outcome.lost = Uncertain
            if ids:
                comment = _unpinged(Message.of(part).text)
                ts = await self.files.share(ids, part.files, channel, root.id if root else None, comment)
            else:
                ts = await self._post(Message.of(part), channel, root.id if root else None, key)
        self._ours.append((channel, key, ts))
        return Ref(destination.place, NativeId(ts))

    async def _post(self, message: Message, channel: str, root: str | None, key: str) -> str:
        if message.username and not self.shows_authors:
            message = message.attributed()
        try:
            return await self._posted(message, channel, root, key)
        except MissingScope as error:
            if not message.username or error.needed not in (CUSTOMIZE, ""):
                raise
            self.scopes = (self.scopes or frozenset()) - {CUSTOMIZE}
            return await self._posted(message.attributed(), channel, root, key)

    async def _posted(self, message: Message, channel: str, root: str | None, key: str) -> str:
        said = self.web().chat_postMessage(
            channel=channel,
            text=message.text,
            blocks=message.blocks or None,
            thread_ts=root,
            metadata={"event_type": METADATA, "event_payload": {"delivery_id": key}},
            link_names=False,
            parse="none",
            unfurl_links=False,
            unfurl_media=False,
            username=message.username or None,
            icon_url=message.icon or None,
        )
        ts = str((await self.asked(said, sending=True)).get("ts") or "")
        if not ts:
            raise Uncertain("Slack did not say where the message stands.")
        return ts

    async def edit(self, ref: Ref, part: Part) -> None:
        """Replace the words. Of its files the message keeps those that the part has; what came to them since is named."""
        async with self._in_time():
            channel = await self.writable(ref.place)
            gone, added = compared(await self._standing(channel, ref), [file.media for file in part.files])
            message = Message.of(part).naming(added)
            answer = await self._update(channel, ref, message)
            if message.username and not (answer.get("message") or {}).get("username"):
                await self._update(channel, ref, message.attributed())  # it was sent under our own name
            await self.files.remove(gone)

    async def _standing(self, channel: str, ref: Ref) -> tuple[Json, ...]:
        """The files of a message of ours. It is not asked for where we know that it was sent without any."""
        if ref.id not in self.files.shared and any(ts == ref.id for _, _, ts in self._ours):
            return ()
        try:
            return standing_in(await history.one(self.web(), channel, self.asked, ref.id) or {})
        except (Rejected, NeedsOperator):
            return ()  # something less than Slack, or a message that is gone: the edit itself will say so

    async def _update(self, channel: str, ref: Ref, message: Message) -> Any:
        said = self.web().chat_update(
            channel=channel, ts=ref.id, text=message.text, blocks=message.blocks, link_names=False, parse="none"
        )
        return await self.asked(said)

    async def delete(self, ref: Ref) -> None:
        async with self._in_time():
            channel = await self.channel(ref.place)
            files = await self._files_of(channel, ref)
            await self.asked(self.web().chat_delete(channel=channel, ts=ref.id), fine=frozenset({"message_not_found"}))
            await self.files.remove(files)

    async def _files_of(self, channel: str, ref: Ref) -> tuple[str, ...]:
        """The files that go with a message when it is deleted."""
        if known := self.files.shared.pop(ref.id, ()):
            return known
        if self.scopes is not None and "files:write" not in self.scopes:
            return ()
        try:
            message = await history.one(self.web(), channel, self.asked, ref.id)
        except SendError:
            return ()  # the message itself matters more
        return files_in(message or {})

    async def find(self, attempt: Attempt) -> Finding:
        """Whether a message with the attempt's key stands there, as the channel's history shows."""
        channel = await self.channel(attempt.destination.place)
        others = frozenset(ts for where, key, ts in self._ours if key != attempt.key and where == channel)
        uploaded = frozenset(self.files.uploads.get(attempt.key, ()))
        heard = tuple(message for where, message in self._heard if where == channel)
        elsewhere = tuple(each for each in self.elsewhere() if each != channel)
        is_empty = self.known.nothing and not self._ours
        wanted = finding.Wanted(attempt, self.me(), others, uploaded, heard, elsewhere, is_empty)
        found = await finding.find(self.web(), channel, wanted, self.asked)
        if isinstance(found, Found):
            self._ours.append((channel, attempt.key, found.ref.id))
        return found

    def hear(self, message: Json) -> None:
        """A message of ours that Slack tells of."""
        if is_ts(message.get("ts")):
            self._heard.append((word(message, "channel"), message))

    @asynccontextmanager
    async def _in_time(self, files: Sequence[File] = ()) -> AsyncIterator[Outcome]:
        """One time-out over all that one send, edit or deletion asks of Slack: `capabilities.deadline` promises it."""
        outcome = Outcome()
        try:
            async with asyncio.timeout(self.timeout * (1 + FILE_TIMEOUTS * len(files))):
                yield outcome
        except TimeoutError as error:
            raise outcome.lost("Slack did not answer in time.") from error


def _unpinged(text: str) -> str:
    """The words beside a file are no blocks: an unseen joiner keeps `@channel` and its like from being more than words."""
    for name in ("channel", "here", "everyone"):
        text = text.replace(f"@{name}", f"@\u2060{name}")
    return text
