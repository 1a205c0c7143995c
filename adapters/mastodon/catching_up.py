"""Reading on from the stored cursors: several feeds as one, oldest first, in the order things were said."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from adapters.mastodon import hearing
from adapters.mastodon.feeds import Feed
from adapters.mastodon.hearing import Heard
from bridge.post import AccountId

_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Run:
    """What comes next, all from one feed. Once it is stored the feed's cursor stands at `cursor`."""

    feed: Feed
    heard: Sequence[Heard]
    cursor: str


@dataclass(frozen=True, slots=True)
class _Item:
    id: str
    heard: Heard | None
    """None: it is about no status, and only moves the cursor."""

    @property
    def at(self) -> datetime:
        return self.heard.raw.at if self.heard else _BEFORE_ALL


class _Reading:
    """One feed that is read on from a cursor, a page at a time."""

    def __init__(self, account: AccountId, feed: Feed, cursor: str) -> None:
        self.feed = feed
        self.waiting: deque[_Item] = deque()
        self._account = account
        self._cursor = cursor
        self._finished = False

    async def look(self) -> bool:
        """Whether there is more; asks for the next page once the last is used up. Raises `SendError`."""
        if not self.waiting and not self._finished:
            page = await self.feed.after(self._cursor)
            # a server that repeats itself must not keep us here
            self._finished = not page or str(page[0]["id"]) == self._cursor
            if not self._finished:
                self._cursor = str(page[0]["id"])
                self.waiting.extend(self._item(entity) for entity in reversed(page))
        return bool(self.waiting)

    def _item(self, entity: hearing.Entity) -> _Item:
        status = self.feed.status_of(entity)
        return _Item(str(entity["id"]), hearing.created(self._account, status) if status is not None else None)

    def take(self, until: datetime | None) -> Run:
        """At least the next item, and those after it that are no later than `until`."""
        taken = [self.waiting.popleft()]
        while self.waiting and (until is None or self.waiting[0].at <= until):
            taken.append(self.waiting.popleft())
        return Run(self.feed, [item.heard for item in taken if item.heard is not None], taken[-1].id)


async def missed(account: AccountId, cursors: Sequence[tuple[Feed, str]]) -> AsyncIterator[Run]:
    """Everything after the cursors in the order it was said, whichever feed has it. Raises `SendError`."""
    readings = [_Reading(account, feed, cursor) for feed, cursor in cursors]
    while ready := [reading for reading in readings if await reading.look()]:
        first = min(ready, key=lambda reading: reading.waiting[0].at)
        others = [reading.waiting[0].at for reading in ready if reading is not first]
        yield first.take(min(others, default=None))
