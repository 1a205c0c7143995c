"""Statuses of ours that came to stand for too many people: never relayed, and removed however often that takes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from adapters.mastodon.hearing import Entity
from bridge.errors import SendError
from bridge.post import UserId

_REMEMBERED: Final = 1000
_TRIES: Final = 50
_PAUSES: Final = (1.0, 60.0)  # seconds between two tries: at first, and at most

log = structlog.get_logger(__name__)


def too_visible(status: Entity, visibility: str, person: UserId | None) -> bool:
    """Whether others can read it than was asked: a mention, too, lets its person read the status."""
    strangers = [mention for mention in status.get("mentions") or () if str(mention["id"]) != person]
    return bool(status["visibility"] != visibility or strangers)


class Outcasts:
    """The last thousand. `remove` deletes a status by its id, over by a given time, and raises `SendError`s."""

    def __init__(self, remove: Callable[[str, float | None], Awaitable[None]]) -> None:
        self._remove = remove
        self._known: OrderedDict[str, None] = OrderedDict()
        self._standing: dict[str, int] = {}  # what still has to be removed, and how often that was tried
        self._work = asyncio.Event()

    def __contains__(self, status_id: object) -> bool:
        return status_id in self._known

    async def cast_out(self, status_id: str, end: float) -> None:
        """Remove it by `end` if that can be done (`time.monotonic()`), else later.

        Its echo and its deletion are nobody's post from here on.
        """
        self._known[status_id] = None
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        self._standing[status_id] = 0
        self._work.set()
        await self._try(status_id, end)

    async def keep_removing(self) -> None:
        """Until cancelled."""
        while True:
            await self._work.wait()
            pause = _PAUSES[0]
            while self._standing:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _PAUSES[1])
                for status_id in tuple(self._standing):
                    await self._try(status_id)
            self._work.clear()

    async def _try(self, status_id: str, end: float | None = None) -> None:
        try:
            await self._remove(status_id, end)
        except SendError as error:
            tries = self._standing[status_id] = self._standing.get(status_id, 0) + 1
            if tries < _TRIES:
                return
            log.error("a status that too many can read could not be removed", id=status_id, error=error.sentence)  # noqa: TRY400
        self._standing.pop(status_id, None)
