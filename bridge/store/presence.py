"""A replica's presence in a database that several share: its session, its heartbeat, and what the others tell it.

A thread with a connection of its own, so that neither a long queue of writes nor a lock delays the heartbeat. Where the
connection ends, another is made; what was told meanwhile is lost, so the hearer is told to look for itself.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import psycopg
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from bridge.store import replicas
from bridge.store.database import is_pooled
from bridge.store.replicas import Roll

CHANNEL = "viabridge"
BEAT_S = 0.5
STUCK_S = 2.0
"""A service whose event loop stood still for so long does not serve: its heart stops, and others take over."""
AGAIN_S = (0.1, 2.0)
"""Seconds between two tries to connect again: at first, and at most."""


class Hearer(Protocol):
    """Who is told, in the event loop."""

    def called(self, roll: Roll) -> None:
        """The roll was called; the heart beats."""

    def connected(self, *, hears: bool) -> None:
        """The connection stands (again), so something may have been missed. `hears`: whether what others tell comes through."""

    def heard(self, words: str) -> None:
        """Another replica told this."""

    def cut_off(self, sentence: str) -> None:
        """The connection ended, or can't be made."""


@dataclass(frozen=True, slots=True)
class _Session:
    connection: Connection
    driver: Any
    lock: int
    pooled: bool


class Presence:
    """A beating heart, from its making until `close`. Its replica's row stays: who leaves cleanly removes it."""

    def __init__(self, engine: Engine, replica: str, hearer: Hearer, stuck: float = STUCK_S) -> None:
        self._engine = engine
        self._replica = replica
        self._hearer = hearer
        self._stuck = stuck
        self._loop = asyncio.get_running_loop()
        self._lived_at = time.monotonic()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="viabridge-presence", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the session. Returns once the heart stands still, within a beat."""
        self._closing.set()
        self._thread.join()
        self._engine.dispose()

    # ------------------------------------------------------------ in the thread

    def _run(self) -> None:
        pause = AGAIN_S[0]
        while not self._closing.is_set():
            try:
                with self._engine.connect() as connection:
                    session = _begin(connection)
                    pause = AGAIN_S[0]
                    self._tell(lambda session=session: self._hearer.connected(hears=not session.pooled))  # type: ignore[misc]
                    self._attend(session)
            except (DBAPIError, psycopg.Error) as error:
                sentence = f"The database is away: {type(getattr(error, 'orig', error)).__name__}"
                self._tell(lambda sentence=sentence: self._hearer.cut_off(sentence))  # type: ignore[misc]
                self._closing.wait(pause)
                pause = min(pause * 2, AGAIN_S[1])

    def _attend(self, session: _Session) -> None:
        while not self._closing.is_set():
            began = time.monotonic()
            if began - self._lived_at < self._stuck:
                roll = replicas.call(session.connection, self._replica, session.lock)
                self._tell(lambda roll=roll: self._hearer.called(roll))  # type: ignore[misc]
            else:
                self._tell(lambda: None)  # whether it lives again
            self._listen(session, BEAT_S - (time.monotonic() - began))

    def _listen(self, session: _Session, seconds: float) -> None:
        if session.pooled:
            self._closing.wait(max(0.0, seconds))
            return
        for note in session.driver.notifies(timeout=max(0.0, seconds)):
            self._tell(lambda words=note.payload: self._hearer.heard(words))  # type: ignore[misc]

    def _tell(self, news: Callable[[], None]) -> None:
        def told() -> None:
            self._lived_at = time.monotonic()
            if not self._closing.is_set():
                news()

        try:
            self._loop.call_soon_threadsafe(told)
        except RuntimeError:  # the loop is closed
            self._closing.set()


def _begin(connection: Connection) -> _Session:
    """Be known to live for as long as this session does, and hear what is told. Behind a pooler no session is ours to do so."""
    driver: Any = connection.connection.driver_connection
    if is_pooled(driver):
        driver.prepare_threshold = None
        return _Session(connection, driver, 0, pooled=True)
    lock = secrets.randbelow(2**31 - 1) + 1
    held = replicas.holds(connection, lock)
    connection.exec_driver_sql(f"LISTEN {CHANNEL}")
    return _Session(connection, driver, lock if held else 0, pooled=False)
