"""The databases that the store's tests run on: an SQLite file, and a real PostgreSQL."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlmodel import SQLModel

from bridge.store import Store
from tests.core.desk import Desk
from tests.core.office import Office, make_office
from tests.postgresql import MIGRATED, SHARED


@pytest.fixture(scope="session")
def emptied(postgresql: Callable[[str], str]) -> Iterator[Callable[[], str]]:
    """Makes the shared database as good as new, whoever was still connected to it: rows go, numbers begin again. Its URL."""
    others = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid != pg_backend_pid()"
    )
    rows = "; ".join(str(table.delete()) for table in reversed(SQLModel.metadata.sorted_tables))
    numbers = "SELECT setval(format('%I', sequencename)::regclass, 1, false) FROM pg_sequences"
    engine = create_engine(postgresql(SHARED), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:

        def empty() -> str:
            for statement in (others, rows, numbers):
                connection.execute(text(statement))
            return postgresql(SHARED)

        yield empty
    engine.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database, closed: a copy of its file costs an eighth of migrating anew."""
    made = tmp_path_factory.mktemp("sqlite") / f"{MIGRATED}.db"
    Store(f"sqlite:///{made}").close()
    return made


@pytest.fixture
def sqlite(migrated_sqlite: Path, tmp_path: Path) -> str:
    """The URL of a fresh, migrated SQLite database."""
    return f"sqlite:///{shutil.copyfile(migrated_sqlite, tmp_path / 'bridge.db')}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """An empty database of each kind. Its tables are to be left as they are: see `fresh_url`."""
    if request.param == "sqlite":
        copied: str = request.getfixturevalue("sqlite")
        return copied
    shared: str = request.getfixturevalue("emptied")()
    return shared


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_url(request: pytest.FixtureRequest) -> str:
    """As `url`, for a test that spoils it for those after it."""
    if request.param == "sqlite":
        copied: str = request.getfixturevalue("sqlite")
        return copied
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


@pytest.fixture
def office(desk: Desk) -> Office:
    """A commander at work: Lynn is the admin; the channel can tell one person alone; mails can't be taken back."""
    return make_office(desk)
