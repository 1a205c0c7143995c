"""What only one person sees: ephemeral messages, answers to commands, and the mark on a message of theirs."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import Asked
from adapters.slack.refusals import Unsupported
from adapters.slack.render import Message
from bridge.contract import Absent, Attempt, Part
from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain
from bridge.post import DIRECT, Commanded, Destination, Mark, NativeId, Place, Post, Ref
from bridge.text import is_blank

log = structlog.get_logger(__name__)

EMOJI: Final = {Mark.WAITS: "double_vertical_bar", Mark.FAILED: "warning", Mark.DONE: "white_check_mark"}
_BEFORE: Final = {Mark.WAITS: Mark.DONE, Mark.FAILED: Mark.DONE, Mark.DONE: Mark.FAILED, Mark.NONE: Mark.WAITS}
"""Which mark of ours can stand where another is put: only that one is taken away, as each look costs a call."""
HOSTS: Final = frozenset({"hooks.slack.com", "hooks.slack-gov.com"})
"""Where Slack takes answers; an answer never goes anywhere else."""
FRESH: Final = 25 * 60.0
"""Seconds for which an address is good; Slack says half an hour."""
USES: Final = 5
_ABSENT: Final = frozenset({"not_in_channel", "channel_not_found", "user_not_in_channel", "is_archived"})
_MOOT: Final = frozenset({"already_reacted", "no_reaction", "message_not_found", "too_many_reactions", "thread_locked"})


# ---------------------------------------------------------------- a part that marks something


@dataclass(frozen=True, slots=True)
class Tag:
    """What a message is to be marked with. `channel` is empty where it stands in a direct conversation."""

    mark: Mark
    channel: str
    ts: str


def dress(parts: tuple[Part, ...], post: Post) -> tuple[Part, ...]:
    """The parts of a notice, the first with the mark that it puts on what it answers."""
    if post.mark is None or post.reply_to is None:
        return parts
    place = post.reply_to.place
    tag = {"mark": post.mark, "channel": "" if place.is_direct else place.id, "ts": post.reply_to.id}
    first = json.loads(parts[0].body) if not is_blank(post.text) else {"text": "", "blocks": []}
    return (Part(json.dumps({**first, "tag": tag}, ensure_ascii=False, separators=(",", ":")), parts[0].files), *parts[1:])


def undress(part: Part) -> tuple[Part, Tag | None]:
    """The message alone, and the mark."""
    body = json.loads(part.body)
    tag = body.pop("tag", None)
    if tag is None:
        return part, None
    plain = Part(json.dumps(body, ensure_ascii=False, separators=(",", ":")), part.files)
    return plain, Tag(Mark(tag["mark"]), tag["channel"], tag["ts"])


def is_aside(place: Place) -> bool:
    """Whether only one person sees what is said there, at a place that others see as well."""
    return place.person is not None and place.id != DIRECT


def shown_at(place: Place) -> Place:
    """Where it stands if it could not be said aside: in the person's direct conversation."""
    return Place(place.account, DIRECT, place.person) if is_aside(place) else place


# ---------------------------------------------------------------- saying it


@dataclass(slots=True)
class _Way:
    """An address at which Slack takes answers to a command."""

    url: str
    since: float
    uses: int = 0


@dataclass(slots=True)
class Asides:
    """Says things to one person. `home` is where the Web API is, beside which a test server takes answers, too.

    `channel` finds somebody's direct conversation; `timeout` is in seconds.
    """

    home: str
    asked: Asked
    web: Callable[[], AsyncWebClient]
    channel: Callable[[Place], Awaitable[str]]
    timeout: float
    clock: Callable[[], float] = time.monotonic
    _ways: dict[tuple[str, str], _Way] = field(default_factory=dict)

    def listen(self, command: Commanded, url: str) -> None:
        """Remember where the answer to a command is taken."""
        now = self.clock()
        self._ways = {key: way for key, way in self._ways.items() if now - way.since < FRESH}
        if self._is_slacks(url):
            self._ways[command.place.id, command.author.user] = _Way(url, now)

    def _is_slacks(self, url: str) -> bool:
        try:
            found, home = urlsplit(url), urlsplit(self.home)
            is_home = (found.scheme, found.hostname, found.port) == (home.scheme, home.hostname, home.port)
        except ValueError:
            return False
        return is_home or (found.scheme == "https" and found.hostname in HOSTS and found.port in (None, 443))

    async def bring(self, part: Part, destination: Destination, key: str) -> Ref | Part:
        """Do what of it only one person is to see; where that stands, or what is left to be said the usual way."""
        plain, tag = undress(part)
        is_ours = is_aside(destination.place)
        if tag is None and not is_ours:
            return plain
        lost: type[SendError] = Retryable
        try:
            async with asyncio.timeout(self.timeout):
                web, message = self.web(), Message.of(plain)
                if tag:
                    await self._mark(web, tag, tag.channel or await self.channel(destination.place))
                lost = Uncertain
                if (tag and not message.text) or (is_ours and await self._say(web, destination.place, message)):
                    return Ref(destination.place, NativeId(f"aside:{key}"))
        except TimeoutError as error:
            raise lost("Slack did not answer in time.") from error
        return plain

    async def find(self, attempt: Attempt) -> Absent | None:
        """What only one person sees stands nowhere: if its answer was lost it is said again, as twice is better than never."""
        return Absent() if is_aside(attempt.destination.place) else None

    async def _mark(self, web: AsyncWebClient, tag: Tag, channel: str) -> None:
        """Put the mark on the message, and take ours of before away. Where Slack won't let us, the words must do."""
        wanted, before = EMOJI.get(tag.mark), EMOJI[_BEFORE[tag.mark]]
        try:
            await self.asked(web.reactions_remove(channel=channel, timestamp=tag.ts, name=before), fine=_MOOT)
            if wanted:
                await self.asked(web.reactions_add(channel=channel, timestamp=tag.ts, name=wanted), fine=_MOOT)
        except (NeedsOperator, Rejected) as error:
            log.info("slack message not marked", error=error.sentence)

    async def _say(self, web: AsyncWebClient, place: Place, message: Message) -> bool:
        """Say it to the place's person there; False where it is to be said directly, as the app can't be heard at the place."""
        if await self._answered(web, place, message):
            return True
        content: dict[str, Any] = {"text": message.text, "blocks": message.blocks or None}
        said = web.chat_postEphemeral(channel=place.id, user=str(place.person), link_names=False, parse="none", **content)
        try:
            answer: Any = await self.asked(said, sending=True, fine=_ABSENT)
        except Unsupported:
            return await self._is_nobody_there(place)
        return bool(answer.get("ok"))

    async def _is_nobody_there(self, place: Place) -> bool:
        """Whether something less than Slack has no way at all to tell one person something; then that is left."""
        try:
            await self.channel(shown_at(place))
        except Unsupported:
            log.info("slack tells nobody alone", account=place.account)
            return True
        return False

    async def _answered(self, web: AsyncWebClient, place: Place, message: Message) -> bool:
        """Say it by the address that came with the person's last command, while it is good."""
        way = self._ways.get((place.id, str(place.person)))
        if way is None or way.uses >= USES or self.clock() - way.since >= FRESH or web.session is None:
            return False
        way.uses += 1
        body = {"response_type": "ephemeral", "replace_original": False, "text": message.text, "blocks": message.blocks}
        status = await self.asked(_posted(web, way.url, body), sending=True)
        if status >= 400:  # it is used up, or Slack forgot it
            self._ways.pop((place.id, str(place.person)), None)
        return status < 400


async def _posted(web: AsyncWebClient, url: str, body: dict[str, Any]) -> int:
    if web.session is None:
        return 599
    async with web.session.post(url, json=body, proxy=web.proxy, allow_redirects=False) as answer:
        return answer.status if answer.status != 302 else 410
