"""Looking for our own message in a channel's history, by the send key in its metadata."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import Asked
from adapters.slack.parse import send_key
from bridge.contract import Absent, Attempt, Finding, Found
from bridge.post import NativeId, Ref

SKEW: Final = timedelta(minutes=5)
"""By how much Slack's clock may be behind ours."""

PAGE: Final = 200


async def find(web: AsyncWebClient, channel: str, attempt: Attempt, asked: Asked) -> Finding:
    """`Found` where a message carries the attempt's key, `Absent` where all of the time since then was read without it."""
    async for message in _since(web, channel, attempt, asked):
        metadata = message.get("metadata") or {}
        if send_key(metadata.get("event_type", ""), metadata.get("event_payload") or {}) == attempt.key:
            return Found(Ref(attempt.destination.place, NativeId(message["ts"])))
    return Absent()


async def _since(web: AsyncWebClient, channel: str, attempt: Attempt, asked: Asked) -> AsyncIterator[dict[str, Any]]:
    root = attempt.thread.root or attempt.thread.parent
    oldest = f"{(attempt.started_at - SKEW).timestamp():.6f}"
    cursor = ""
    while True:
        window: dict[str, Any] = {
            "channel": channel, "oldest": oldest, "inclusive": True, "limit": PAGE, "include_all_metadata": True,
        }  # fmt: skip
        if cursor:
            window["cursor"] = cursor
        call = web.conversations_replies(ts=root.id, **window) if root else web.conversations_history(**window)
        page = await asked(call)
        for message in page.get("messages") or []:
            yield message
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return
