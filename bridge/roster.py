"""What this replica knows of the others that share its database, and how it tells them of work. Alone, it knows of nobody."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Iterable

import structlog

from bridge.engine import Engine
from bridge.errors import BridgeError
from bridge.store import Store, Tx, lanes, replicas
from bridge.store.presence import CHANNEL, Presence
from bridge.store.replicas import Roll

GONE_S = 5.0
"""Cut off from the database for so long, a replica stops what one does for all: another does it by now."""
FREE = "free"
"""What is told where something that one does for all was let go of."""
_MOST = 500
"""Lanes named in one notification, which PostgreSQL limits to 8,000 bytes; of more it is only said that there are some."""

log = structlog.get_logger()


class Roster:
    """The hearer of a `Presence`.

    `on_roll` are told of each call of the roll, `on_told` of lanes that have work (none: look), `on_news` of what else others
    say, `on_gone` when the database is away for so long that others do by now what this replica did for all.
    """

    def __init__(self, store: Store, engine: Engine, replica: str) -> None:
        self.replica = replica
        self.roll: Roll | None = None
        self.on_roll: list[Callable[[Roll], None]] = []
        self.on_told: list[Callable[[frozenset[int]], None]] = []
        self.on_news: list[Callable[[str], None]] = []
        self.on_gone: list[Callable[[], None]] = []
        self._store = store
        self._engine = engine
        self._presence: Presence | None = None
        self._changed = asyncio.Event()
        self._called_at = 0.0
        self._troubled = False
        self._hears: bool | None = None
        self._to_tell: set[int] = set()
        self._to_say: set[str] = set()
        self._telling: asyncio.Task[None] | None = None

    # ------------------------------------------------------------ being one of several

    def start(self) -> None:
        """Be present, where the database is one that several share."""
        if self._store.coordinated:
            self._called_at = time.monotonic()
            self._presence = self._store.attend(self.replica, self)

    async def leave(self) -> None:
        """Let go of everything that is still ours, at once and for all to see."""
        if self._telling is not None:
            await asyncio.wait({self._telling})
        if self._presence is not None:
            await asyncio.to_thread(self._presence.close)  # or the next heartbeat would bring us back

        def leave(tx: Tx) -> None:
            lanes.leave(tx, self.replica)
            if self._store.coordinated:
                replicas.tell(tx, CHANNEL, f"{self.replica}:")

        with contextlib.suppress(BridgeError):  # the database is away: others see that we are gone
            await self._store.write(leave)

    @property
    def alone(self) -> bool:
        """Whether nobody else is known to live."""
        return self.roll is None or len(self.roll.living) <= 1

    def share(self, of: int) -> int:
        """How many of so many are this replica's fair share."""
        return max(1, math.ceil(of / len(self.roll.living))) if self.roll and self.roll.living else max(1, of)

    async def change(self, seconds: float) -> None:
        """Wait until the roll changes, something is let go of, or so much time has passed."""
        changed = self._changed
        try:
            async with asyncio.timeout(seconds):
                await changed.wait()
        except TimeoutError:
            return

    # ------------------------------------------------------------ telling

    def tell(self, lane_ids: Iterable[int]) -> None:
        """Tell the others that these lanes have work: one notification for all that come together."""
        if not self._store.coordinated:
            return
        self._to_tell |= set(lane_ids)
        self._tell_soon()

    def say(self, news: str) -> None:
        """Tell the others something else: words that begin with a letter."""
        if self._store.coordinated:
            self._to_say.add(news)
            self._tell_soon()

    def _tell_soon(self) -> None:
        if (self._to_tell or self._to_say) and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell(), name="tell replicas")

    async def _tell(self) -> None:
        while self._to_tell or self._to_say:
            ids, news = self._to_tell, self._to_say
            self._to_tell, self._to_say = set(), set()
            named = [",".join(map(str, sorted(ids))) if len(ids) <= _MOST else ""] if ids else []
            words = [f"{self.replica}:{each}" for each in (*named, *sorted(news))]
            try:
                await self._store.write(lambda tx, words=words: _tell_all(tx, words))  # type: ignore[misc]
            except BridgeError:
                return  # they look for themselves, a little later

    # ------------------------------------------------------------ hearing

    def called(self, roll: Roll) -> None:
        """See `bridge.store.presence.Hearer`."""
        before, self.roll = self.roll, roll
        self._called_at = roll.began
        if self._store.clock:
            self._store.clock.set(roll)
        if self._troubled:
            log.info("database.recovered")
            self._troubled = False
        if before is None or before.living != roll.living:
            log.info("replicas.changed", living=len(roll.living))
        for told in self.on_roll:
            told(roll)
        if before is None or before.living != roll.living:
            self._look()

    def connected(self, *, hears: bool) -> None:
        """See `bridge.store.presence.Hearer`."""
        if hears != self._hears and not hears:
            log.warning("replicas.deaf", error="A pooler stands before the database: what others tell does not come through it.")
        self._hears = hears
        self._look()  # what was told while there was no connection

    def heard(self, words: str) -> None:
        """See `bridge.store.presence.Hearer`."""
        teller, _, named = words.partition(":")
        if teller == self.replica:
            return
        if not named:
            self._look()
            return
        if named == FREE:
            self._note_change()
            return
        if not named[0].isdecimal():
            for told in self.on_news:
                told(named)
            return
        ids = frozenset(map(int, named.split(",")))
        for hear in self.on_told:
            hear(ids)

    def cut_off(self, sentence: str) -> None:
        """See `bridge.store.presence.Hearer`."""
        if not self._troubled:
            log.warning("database.trouble", error=sentence)
        self._troubled = True
        if time.monotonic() - self._called_at > GONE_S:
            for told in self.on_gone:
                told()

    def _look(self) -> None:
        self._note_change()
        for told in self.on_told:
            told(frozenset())

    def _note_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _tell_all(tx: Tx, words: Iterable[str]) -> None:
    for each in words:
        replicas.tell(tx, CHANNEL, each)
