"""One connection that a thread keeps: getting one anew for each transaction costs as much as what most of them do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError


class Session:
    """Transactions over a connection that is made when it is needed, and anew after anything went wrong.

    For one thread; only `close` may be called by another, once no transaction runs.
    """

    def __init__(self, engine: Engine, *, reads_only: bool = False) -> None:
        self._engine = engine
        self._reads_only = reads_only
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Commits at its end, or rolls back what raised."""
        if self._connection is None:
            self._connection = self._engine.connect().execution_options(reads_only=self._reads_only)
        try:
            with self._connection.begin():
                yield self._connection
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the connection; the next transaction makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError):  # it is gone already
                connection.close()
