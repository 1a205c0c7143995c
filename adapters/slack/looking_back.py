"""A channel's recent past for the core's comparison, newest first. Answers in threads are read by `catching_up`, not here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import history
from adapters.slack.calls import Asked
from adapters.slack.catching_up import Channels
from adapters.slack.events import POSTS, part, word
from adapters.slack.parse import send_key
from bridge.contract import Page, Seen
from bridge.post import NativeId, Place, PlaceId, Ref


@dataclass(frozen=True, slots=True)
class Past:
    """See `bridge.contract.History`."""

    channels: Channels
    web: Callable[[], AsyncWebClient]
    asked: Asked

    async def page(self, place: PlaceId, since: datetime, cursor: str) -> Page:
        messages, following = await history.page(self.web(), place, self.asked, f"{since.timestamp():.6f}", cursor=cursor)
        said = [message for message in messages if word(message, "subtype") in POSTS]
        shared = bool(said) and await self.channels.is_shared(place)
        here = Place(self.channels.account, place)
        seen = []
        for message in said:
            event = {**message, "type": "message", "channel": place, "event_ts": message["ts"]}
            metadata = part(message, "metadata")
            key = send_key(word(metadata, "event_type"), part(metadata, "event_payload"))
            seen.append(Seen(self.channels.raw(event, is_shared=shared), Ref(here, NativeId(message["ts"])), key))
        return Page(tuple(seen), following or None)
