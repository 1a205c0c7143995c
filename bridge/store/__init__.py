"""All SQL: the database, its one writer thread, and what may be asked of and written to it.

`Store.write` runs operations such as `inward.take` or `outward.settle` in one durable transaction; `Store.read` runs
queries beside it. The operations are plain functions of a `Tx`, so that a caller composes several into one transaction.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection as Tx
from sqlalchemy.exc import DBAPIError, OperationalError

from bridge.errors import Retryable
from bridge.store import database, lanes, sql
from bridge.store.clock import SharedClock
from bridge.store.database import DatabaseAway
from bridge.store.presence import Hearer, Presence
from bridge.store.session import Session
from bridge.store.writer import Writer

__all__ = ["DatabaseAway", "Store", "Tx", "sql"]  # `sql` declares every table, so that migrating knows them all

T = TypeVar("T")


class Store:
    """An open database. Make it with `Store.open`; `close` it when all that uses it has ended."""

    def __init__(self, url: str) -> None:
        self._lock = database.lock(url)
        try:
            self._engine = database.open_engine(url)
        except BaseException:
            self.unlock()
            raise
        self._url = url
        self._reading = threading.local()
        self._sessions: list[Session] = []
        self.coordinated = self._lock is None
        """Whether several replicas may share this database."""
        self.clock = self._read_clock() if self.coordinated else None
        self.now: Callable[[], float] = self.clock.now if self.clock else time.time
        """Seconds since the epoch, for everything that is written down: the database's clock, where several share it."""
        self._writer = Writer(self._engine)
        self._readers = ThreadPoolExecutor(2, thread_name_prefix="viabridge-reader")

    def _read_clock(self) -> SharedClock:
        try:
            with self._engine.begin() as connection:
                return SharedClock(lanes.database_now(connection))
        except DBAPIError as error:  # it was there a moment ago
            self._engine.dispose()
            raise DatabaseAway(f"The database cannot be reached: {type(error.orig).__name__}") from error

    async def write(self, operation: Callable[[Tx], T]) -> T:
        """Run `operation` in a transaction; its result, once committed and durable.

        Raises `Retryable` when the database is full, read-only or gone; then nothing was kept.
        """
        try:
            return await self._writer.run(operation)
        except DBAPIError as error:
            if _is_outage(error):
                raise Retryable(f"The database cannot be written: {type(error.orig).__name__}") from error
            raise

    async def read(self, query: Callable[[Tx], T]) -> T:
        """Run `query` on a snapshot of what was committed before. Raises `Retryable` when the database is gone."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, self._query, query)
        except DBAPIError as error:
            if _is_outage(error):
                raise Retryable(f"The database cannot be read: {type(error.orig).__name__}") from error
            raise

    def _query(self, query: Callable[[Tx], T]) -> T:
        session: Session | None = getattr(self._reading, "session", None)
        if session is None:
            self._reading.session = session = Session(self._engine, reads_only=True)
            self._sessions.append(session)
        try:
            with session.transaction() as connection:
                return query(connection)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        with session.transaction() as connection:  # it had died while nobody asked anything
            return query(connection)

    def attend(self, replica: str, hearer: Hearer) -> Presence:
        """Be present among the replicas that share this database, until the presence is closed."""
        return Presence(database.connect_alone(self._url), replica, hearer)

    def close(self) -> None:
        """Finish what was begun, then let go of the database."""
        self._writer.close()
        self._readers.shutdown()
        for session in self._sessions:
            session.close()
        self._engine.dispose()
        self.unlock()

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()


def _is_outage(error: DBAPIError) -> bool:
    read_only = getattr(error.orig, "sqlstate", "") == "25006"  # a standby, or an admin's precaution; SQLite says it below
    return isinstance(error, OperationalError) or error.connection_invalidated or read_only
