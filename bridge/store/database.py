"""Opening a database: engine settings, the lock beside an SQLite file, and bringing the tables up to date."""

from __future__ import annotations

import fcntl
import functools
import os
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import NullPool

from bridge.errors import ConfigError
from bridge.store.quick import Quick

_BUSY_MS = 5_000

ABANDONED_MS = 1_500
"""A transaction that stands still for so long is ended, and its locks with it: its owner was stopped or cut off.

Less than `lanes.MISSED_S`, so that whoever takes the lanes over finds them unlocked.
"""
_PATIENCE = (
    f"SET {{local}} idle_in_transaction_session_timeout = {ABANDONED_MS}",
    "SET {local} lock_timeout = 5000",  # nobody holds a lock for as long; rather an error than a writer that stands still
)
_NETWORK = {
    "connect_timeout": 5,
    # A server that vanished without a word is noticed in seconds, not hours.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8_000,
}


class DatabaseAway(ConfigError):
    """The database can't be reached; it may come, so the service waits for it."""


class Lock:
    """An exclusive hold on an SQLite database: while one service has it, no second one starts."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + ".lock")
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._file, 20).decode(errors="replace").strip()
            os.close(self._file)
            raise ConfigError(
                f"Another viabridge{f' (process {holder})' if holder else ''} already uses {database}. "
                "Stop it first, or give this one a database of its own with --database."
            ) from None
        os.ftruncate(self._file, 0)
        os.write(self._file, str(os.getpid()).encode())

    def release(self) -> None:
        os.close(self._file)


def lock(url: str) -> Lock | None:
    """The lock for an SQLite `url`, None for a database that coordinates replicas itself. Raises `ConfigError`."""
    path = sqlite_path(url)
    if path is None:
        return None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)  # it will hold what people write
        return Lock(path)
    except OSError as error:
        raise ConfigError(f"The database {path} cannot be used: {error.strerror}. Is its folder there and writable?") from error


def sqlite_path(url: str) -> Path | None:
    """The file of an SQLite `url`. Raises `ConfigError` for a URL that names no usable database."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError(
            f"--database {url!r} is not a database URL. Write sqlite:///viabridge.db or postgresql+psycopg://user@host/name."
        ) from error
    if parsed.get_backend_name() != "sqlite":
        return None
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigError("The database must be a file, as what is taken must outlive the process: sqlite:///viabridge.db")
    return Path(parsed.database)


def open_engine(url: str) -> Engine:
    """An engine whose tables are up to date. Raises `ConfigError` when the database cannot be used; then nothing is left open."""
    engine = connect(url)
    try:
        migrate(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def connect(url: str) -> Engine:
    """An engine whose transactions are durable once committed."""
    if sqlite_path(url) is not None:
        engine = create_engine(url, hide_parameters=True, connect_args={"check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, connect_args=_named("viabridge"))
        event.listen(engine, "connect", _prepare_postgresql)
        event.listen(engine, "begin", _begin_postgresql)
    engine._connection_cls = Quick  # noqa: SLF001 - the library has no public way to say it
    return engine


def connect_alone(url: str) -> Engine:
    """An engine for one PostgreSQL session of its own, in which each statement is a transaction."""
    return create_engine(
        url, hide_parameters=True, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=_named("viabridge presence")
    )


def _named(name: str) -> dict[str, Any]:
    """How to connect; the name is what an admin of the database sees."""
    return {**_NETWORK, "application_name": name}


def is_pooled(connection: Any) -> bool:
    """Whether a pooler (PgBouncer) stands between this PostgreSQL connection and the server: then no session is ours alone.

    A pooler names a process number of its own invention when we sign in; the server's own answer differs.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        found: int = cursor.fetchone()[0]
    return bool(found != connection.pgconn.backend_pid)


def _prepare_postgresql(connection: Any, record: Any) -> None:
    autocommit, connection.autocommit = connection.autocommit, True
    record.info["pooled"] = is_pooled(connection)
    if record.info["pooled"]:
        connection.prepare_threshold = None  # what is prepared over one server connection is unknown to the next
    else:
        for statement in _PATIENCE:
            connection.execute(statement.format(local=""))
    connection.autocommit = autocommit


def _begin_postgresql(connection: Connection) -> None:
    if connection.info["pooled"]:
        for statement in _PATIENCE:
            connection.exec_driver_sql(statement.format(local="LOCAL"))


def _prepare_sqlite(connection: object, _record: object) -> None:
    # The driver's own transactions begin late and hide read snapshots; ours are explicit (see _begin_sqlite).
    connection.isolation_level = None  # type: ignore[attr-defined]
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    # In WAL, NORMAL may lose commits at power loss; then the source would have been told a lie.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Quick) -> None:
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.execute_plainly("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def migrate(engine: Engine) -> None:
    """Bring the tables to this version's form. Raises `ConfigError` when the database cannot be reached or is newer."""
    config = _config()
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                # One of the replicas that start together migrates, the others wait for it, however long it takes.
                for patience in ("lock_timeout", "idle_in_transaction_session_timeout"):
                    connection.exec_driver_sql(f"SET LOCAL {patience} = 0")
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7331001)")
            if MigrationContext.configure(connection).get_current_revision() != _newest():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    except OperationalError as error:
        away = ConfigError if engine.dialect.name == "sqlite" else DatabaseAway
        raise away(f"The database cannot be reached: {str(error.orig).strip().splitlines()[0]}") from error
    except CommandError as error:
        raise ConfigError(
            "The database was made by a newer viabridge than this one; upgrade viabridge, or restore a backup."
        ) from error


def revision_of(engine: Engine) -> str:
    """The version of the tables; empty where there are none. Raises `ConfigError` when the database cannot be reached."""
    try:
        with engine.connect().execution_options(reads_only=True) as connection:
            return MigrationContext.configure(connection).get_current_revision() or ""
    except OperationalError as error:
        raise ConfigError(f"The database cannot be reached: {str(error.orig).strip().splitlines()[0]}") from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


@functools.cache
def _newest() -> str | None:
    """The last migration there is. To find it, all of them are read, so that is done once."""
    return ScriptDirectory.from_config(_config()).get_current_head()
