"""Reading what stands in a channel: pages of its history and its threads, newest first. What for is decided elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import Asked
from adapters.slack.events import is_tombstone, word
from adapters.slack.parse import is_ts

PAGE: Final = 200

GONE: Final = frozenset({"thread_not_found", "message_not_found"})
"""What Slack says of a message that does not stand there (any more)."""

Json = dict[str, Any]


@dataclass(slots=True)
class Knowledge:
    """Whether anything was ever said in the account's channels: where nothing was, empty lists are no lie."""

    something: bool = False
    looked: bool = False

    @property
    def nothing(self) -> bool:
        """We looked, at what we know and at what is shown, and there is nothing."""
        return self.looked and not self.something


async def messages(
    web: AsyncWebClient, channel: str, asked: Asked, oldest: str, root: str = "", *, pages: int = 1000
) -> AsyncIterator[Json]:
    """The channel's messages since `oldest` (a ts), or of the thread under `root`; of `pages` pages at most."""
    cursor = ""
    for _ in range(pages):
        found, cursor = await page(web, channel, asked, oldest, root, cursor)
        for message in found:
            yield message
        if not cursor:
            return


async def page(
    web: AsyncWebClient, channel: str, asked: Asked, oldest: str, root: str = "", cursor: str = ""
) -> tuple[list[Json], str]:
    """One page of it, and where the next one begins; empty where it was the last."""
    window: Json = {
        "channel": channel, "oldest": oldest, "inclusive": True, "limit": PAGE, "include_all_metadata": True,
    }  # fmt: skip
    if cursor:
        window["cursor"] = cursor
    if root:
        answer = await asked(web.conversations_replies(ts=root, **window), fine=GONE)
    else:
        answer = await asked(web.conversations_history(**window))
    found = [each for each in answer.get("messages") or [] if isinstance(each, dict) and is_ts(each.get("ts"))]
    return found, (answer.get("response_metadata") or {}).get("next_cursor") or ""


async def directs(web: AsyncWebClient, asked: Asked) -> list[tuple[str, str]]:
    """The app's direct conversations: channel and person, without those whose person left."""
    found: list[Json] = []
    cursor = ""
    while True:
        page = await asked(web.conversations_list(types="im", limit=PAGE, cursor=cursor or None))
        found += [each for each in page.get("channels") or [] if isinstance(each, dict) and each.get("is_im")]
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            here = [(word(each, "id"), word(each, "user")) for each in found if not each.get("is_user_deleted")]
            return [each for each in here if each[0].startswith("D") and each[1] not in ("", "USLACKBOT")]


async def newest(web: AsyncWebClient, channel: str, asked: Asked) -> str:
    """The ts of the channel's newest message; `0` where there is none."""
    page = await asked(web.conversations_history(channel=channel, limit=PAGE))
    return max((message["ts"] for message in page.get("messages") or [] if is_ts(message.get("ts"))), key=float, default="0")


async def one(web: AsyncWebClient, channel: str, asked: Asked, ts: str) -> Json | None:
    """The message, wherever in the channel it stands; None where it was not shown."""
    page = await asked(web.conversations_replies(channel=channel, ts=ts, limit=PAGE), fine=GONE)
    return next((found for found in page.get("messages") or [] if found.get("ts") == ts), None)


async def shows_nothing_of(web: AsyncWebClient, channel: str, asked: Asked, root: str) -> bool:
    """Whether a thread is neither shown, with its first message at least, nor said to be gone."""
    page = await asked(web.conversations_replies(channel=channel, ts=root, limit=PAGE), fine=GONE)
    return bool(page.get("ok")) and not page.get("messages")


async def is_gone(web: AsyncWebClient, channel: str, asked: Asked, ts: str) -> bool:
    """Whether Slack itself says that the message stands no more. That it is not among others proves nothing."""
    page = await asked(web.conversations_replies(channel=channel, ts=ts, limit=PAGE), fine=GONE)
    found = page.get("messages") or []
    if not page.get("ok"):
        return True  # it says that there is no such message
    # an answer without any is none: something less than Slack shows nothing of what stands
    return any(is_tombstone(message) for message in found if message.get("ts") == ts)
