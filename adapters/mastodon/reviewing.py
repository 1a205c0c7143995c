"""What changed while nobody listened: no stream tells it again, so the newest statuses are compared with what was heard."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from adapters.mastodon import hearing
from adapters.mastodon.feeds import Feed
from adapters.mastodon.hearing import Entity, Heard
from adapters.mastodon.window import Window
from bridge.errors import Rejected
from bridge.post import AccountId

EVERY: Final = 300.0
"""Seconds between two reviews at most: a stream that stands may keep an edit back as well as a post."""
OFTEN: Final = 60.0
"""The same for servers whose streams tell nothing of the deletions of those whom the account does not follow, as GoToSocial."""
_PAGES: Final = 2  # of each feed: as many as the window is long
_BELIEVED: Final = 60.0  # seconds for which a status that was looked up alone is taken to stand

log = structlog.get_logger(__name__)


class Review:
    """Reads the newest pages of `feeds`, and one by one what they leave out. `standing` gives a status, None if it is gone."""

    def __init__(
        self,
        account: AccountId,
        feeds: Sequence[Feed],
        standing: Callable[[str], Awaitable[Entity | None]],
        clock: Callable[[], float] = time.monotonic,
        every: float = EVERY,
    ) -> None:
        self._account = account
        self._feeds = feeds
        self._standing = standing
        self._clock = clock
        self.every = every
        self._stood: dict[str, float] = {}

    async def changes(self, window: Window) -> Sequence[Heard]:
        """The edits and deletions since the window's statuses were heard, edits first. Raises `SendError`."""
        listed = [status for feed in self._feeds for status in await self._newest(feed, window)]
        gone: list[str] = []
        for status_id in window.unlisted(listed):
            status = await self._look_up(status_id)
            if status is None:
                gone.append(status_id)
            elif status:
                listed.append(status)
        edits = {str(status["id"]): hearing.edited(self._account, status) for status in window.changed(listed)}
        return [*edits.values(), *(hearing.deleted(self._account, status_id) for status_id in gone)]

    async def _newest(self, feed: Feed, window: Window) -> Sequence[Entity]:
        """The feed's newest statuses, as far back as the window may reach."""
        found: list[Entity] = []
        before: str | None = None
        for _ in range(_PAGES):
            if not window.ids or not window.unlisted(found):
                break
            if not (page := await feed.before(before)):
                break
            found += [status for item in page if (status := feed.status_of(item)) is not None]
            before = str(page[-1]["id"])
        return found

    async def _look_up(self, status_id: str) -> Entity | None:
        """As it stands; None only if the server says it is gone; empty where it stood a moment ago, or may not be seen."""
        now = self._clock()
        self._stood = {each: until for each, until in self._stood.items() if until > now}
        if status_id in self._stood:
            return {}
        try:
            status = await self._standing(status_id)
        except Rejected as error:  # forbidden is not gone: a deletion is believed only where the server says so
            log.warning("cannot look a status up", account=self._account, status=status_id, error=type(error).__name__)
            status = {}
        if status is not None:
            self._stood[status_id] = now + _BELIEVED
        return status
