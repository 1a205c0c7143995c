"""The account's recent past for the core's comparison: its own statuses, then what names it, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from adapters.mastodon import hearing
from adapters.mastodon.feeds import Feed
from bridge.contract import Page, Seen
from bridge.post import AccountId, NativeId, Place, PlaceId, Ref


@dataclass(frozen=True, slots=True)
class Past:
    """See `bridge.contract.History`. A cursor is the feed's number and the id before which it goes on."""

    account: AccountId
    feeds: Sequence[Feed]

    async def page(self, place: PlaceId, since: datetime, cursor: str) -> Page:
        number, _, before = (cursor or "0:").partition(":")
        feed = self.feeds[int(number)]
        items = await feed.before(before or None)
        heard = [hearing.created(self.account, status) for item in items if (status := feed.status_of(item)) is not None]
        there = Place(self.account, place)
        seen = tuple(Seen(each.raw, Ref(there, NativeId(each.status_id))) for each in heard if each.raw.at >= since)
        if items and len(seen) == len(heard):
            return Page(seen, f"{number}:{items[-1]['id']}")
        following = int(number) + 1
        return Page(seen, f"{following}:" if following < len(self.feeds) else None)
