"""How whoever serves a lane is woken: with the new work itself, or to look for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bridge.store.values import WaitingRaw

MOST_HANDED = 500
"""If more than so many raws wait unasked for, they are dropped from memory and looked for."""


class Wake(asyncio.Event):
    """Wakes who serves a lane: with the new work itself, handed over, or to look for it in the database.

    `leaving` asks them to let go of the lane after what they are doing: another replica is to have it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.leaving = False
        self.must_look = True
        """Whether something may wait for them that was not handed over."""
        self._handed: list[WaitingRaw] = []

    def set(self) -> None:
        """There may be something to be looked for."""
        self.must_look = True
        self._handed.clear()
        super().set()

    def hand(self, raws: Sequence[WaitingRaw]) -> None:
        """These came; they need not be looked for where all else is known."""
        self._handed.extend(raws)
        if len(self._handed) > MOST_HANDED:  # nobody takes them: the database has them all the same
            self.must_look = True
        if self.must_look:
            self._handed.clear()
        super().set()

    def take_handed(self, most: int) -> tuple[WaitingRaw, ...]:
        """What was handed over and not yet asked for, in platform order, at most so many."""
        self._handed.sort(key=lambda each: (each.raw.at, each.id))
        taken, self._handed = tuple(self._handed[:most]), self._handed[most:]
        return taken

    def looked(self, *, all_seen: bool) -> None:
        """They looked after all that was handed over by now was stored."""
        self._handed.clear()
        self.must_look = self.must_look or not all_seen
