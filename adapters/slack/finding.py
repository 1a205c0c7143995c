"""Looking for our own message after its sending was in doubt: by the send key in its metadata, else by what it says.

That it is not shown counts only where Slack shows something at all: what answers with empty lists would have us send twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import history
from adapters.slack.calls import Asked
from adapters.slack.events import part, parts, word
from adapters.slack.mrkdwn import read_mrkdwn
from adapters.slack.parse import send_key
from adapters.slack.render import Message
from bridge.contract import Absent, Attempt, Finding, Found, Unknown
from bridge.errors import Rejected
from bridge.post import NativeId, Ref
from bridge.text import plain

SKEW: Final = timedelta(minutes=5)
"""By how much Slack's clock may be behind ours."""


ELSEWHERE: Final = 5
"""Channels that are looked at to see whether Slack shows anything at all."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. `others` are the ids of messages known to be something else; `files` those uploaded for it.

    `heard` are messages of ours in the channel that Slack told of; `elsewhere` are further channels that the app reads;
    `is_empty`: as far as we know nothing was ever said anywhere.
    """

    attempt: Attempt
    users: frozenset[str]
    others: frozenset[str]
    files: frozenset[str] = frozenset()
    heard: tuple[Mapping[str, Any], ...] = ()
    elsewhere: tuple[str, ...] = ()
    is_empty: bool = False

    def is_it(self, message: Mapping[str, Any]) -> bool:
        """Whether it is. Metadata tells for certain; where Slack shows none (a file was shared), our own words do."""
        key = send_key(word(part(message, "metadata"), "event_type"), part(part(message, "metadata"), "event_payload"))
        if key:
            return key == self.attempt.key
        shared = frozenset(word(file, "id") for file in parts(message, "files"))
        if self.files & shared:
            return True
        ours = self.users & {word(message, "user"), word(message, "bot_id")}
        if not ours or word(message, "ts") in self.others or bool(shared) != bool(self.attempt.part.files):
            return False
        return self._is_same_thread(message) and _words(word(message, "text")) == _words(Message.of(self.attempt.part).text)

    def _is_same_thread(self, message: Mapping[str, Any]) -> bool:
        root = self.attempt.thread.root or self.attempt.thread.parent
        thread = word(message, "thread_ts")
        return thread == root.id if root else thread in ("", word(message, "ts"))


def _words(text: str) -> str:
    return " ".join(plain(read_mrkdwn(text)).split())


async def find(web: AsyncWebClient, channel: str, wanted: Wanted, asked: Asked) -> Finding:
    """`Found` where it stands, `Absent` where all since the attempt was read without it, `Unknown` where Slack shows nothing."""
    attempt, place = wanted.attempt, wanted.attempt.destination.place
    root = attempt.thread.root or attempt.thread.parent
    since = (attempt.started_at - SKEW).timestamp()
    shown: set[str] = set()
    try:
        async for message in history.messages(web, channel, asked, f"{since:.6f}", root.id if root else ""):
            if wanted.is_it(message):
                return Found(Ref(place, NativeId(message["ts"])))
            shown.add(message["ts"])
        is_absent = bool(shown) or await _is_honest(web, channel, root.id if root else "", wanted, asked)
    except Rejected:
        is_absent = False
    for told in wanted.heard:  # what history showed was judged by more than its words
        if told["ts"] not in shown and float(told["ts"]) >= since and wanted.is_it(told):
            return Found(Ref(place, NativeId(told["ts"])))
    return Absent() if is_absent else Unknown()


async def _is_honest(web: AsyncWebClient, channel: str, root: str, wanted: Wanted, asked: Asked) -> bool:
    """Whether nothing stands where nothing is shown: what never shows anything proves nothing."""
    if root:
        return not await history.shows_nothing_of(web, channel, asked, root)
    if await history.newest(web, channel, asked) != "0":
        return True
    if wanted.heard or wanted.others:
        return False  # something of ours stands there, and is not shown
    for other in wanted.elsewhere[:ELSEWHERE]:
        if await history.newest(web, other, asked) != "0":
            return True
    return wanted.is_empty
