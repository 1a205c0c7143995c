"""Backups: everything in the database as one SQLite file, taken beside a running service; and back, into either kind.

Rows are copied as they are, table by table, on one snapshot. So a backup also is the way from one kind of database to the other.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Integer, LargeBinary, Table, func, select
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlmodel import SQLModel

from bridge.errors import ConfigError
from bridge.post import AccountId
from bridge.store import database, inward, sql

_AT_ONCE = 500
_FILES_AT_ONCE = 4
"""How many rows are in memory at once: a file, or a mail with its files, may have 40 MB."""
_RESTORED = "restored"
_NOT_KEPT = {sql.replica.name}
"""Who runs now says nothing about who will."""


def back_up(url: str, file: Path) -> int:
    """Write everything into a new file, which is there whole or not at all; how many rows. Raises `ConfigError`."""
    if file.exists():
        raise ConfigError(f"{file} is there already: name another file, so that no backup is lost.")
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    try:
        unfinished.touch(mode=0o600)  # it holds what people wrote
        with _opened(url) as source, _opened(f"sqlite:///{unfinished}", migrate=True) as target:
            if database.revision_of(source) != database.revision_of(target):
                raise ConfigError("The database was made by another viabridge than this one: run `viabridge migrate` first.")
            rows = _copy(source, target)
            _alone(target)
        unfinished.replace(file)
    except OSError as error:
        raise ConfigError(f"{file} can't be written: {error.strerror}.") from error
    except OperationalError as error:
        said = str(error.orig).strip().splitlines()[0]
        raise ConfigError(f"The backup could not be made: {said}. Is there room for {file}, and the database well?") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return rows


def restore(file: Path, url: str, now: float) -> int:
    """Fill an empty database from a backup; how many rows. What people wrote up to now may stand elsewhere: see `restored_at`.

    Raises `ConfigError` where the file is no backup, or the database is in use or not empty.
    """
    if not file.is_file():
        raise ConfigError(f"There is no backup {file}.")
    held = database.lock(url)
    try:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(shutil.copy(file, folder))  # an older one is brought up to date; the backup stays as it was
            if not _is_backup(copy):
                raise ConfigError(f"{file} is no backup of viabridge's.")
            with _opened(f"sqlite:///{copy}", migrate=True) as source, _opened(url, migrate=True) as target:
                _check_empty(target, url)
                return _copy(source, target, restored_at=now)
    finally:
        if held is not None:
            held.release()


def restored_at(tx: Connection) -> float:
    """When the database was last filled from a backup; 0 for never.

    What was written before may have been brought already, without this database knowing of it.
    """
    return float(inward.cursor(tx, AccountId(""), _RESTORED) or 0.0)


def migrate(url: str) -> str:
    """Bring the tables up to date; their version. Raises `ConfigError`, also while a service uses an SQLite file."""
    held = database.lock(url)
    try:
        with _opened(url, migrate=True) as engine:
            return database.revision_of(engine)
    finally:
        if held is not None:
            held.release()


def vacuum(url: str) -> None:
    """Give back the room of what was forgotten. Raises `ConfigError` while a service uses an SQLite file."""
    held = database.lock(url)
    try:
        with _opened(url) as engine, engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("VACUUM")
    finally:
        if held is not None:
            held.release()


@contextmanager
def _opened(url: str, *, migrate: bool = False) -> Iterator[Engine]:
    path = database.sqlite_path(url)
    if path is not None and not path.exists() and not migrate:
        raise ConfigError(f"There is no database {path}.")
    engine = database.open_engine(url) if migrate else database.connect(url)
    try:
        yield engine
    finally:
        engine.dispose()


def _tables() -> list[Table]:
    """All that is kept, what is referred to before what refers to it."""
    return [table for table in SQLModel.metadata.sorted_tables if table.name not in _NOT_KEPT]


def _copy(source: Engine, target: Engine, *, restored_at: float | None = None) -> int:
    """Every row, as one snapshot shows them, in one transaction."""
    copied = 0
    snapshot = {} if source.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with source.connect().execution_options(reads_only=True, **snapshot) as read, target.begin() as write:
        for table in _tables():
            ordered = select(table).order_by(*table.primary_key.columns)
            for rows in read.execute(ordered, execution_options={"yield_per": _at_once(table)}).mappings().partitions():
                write.execute(table.insert(), [dict(row) for row in rows])
                copied += len(rows)
            _count_on(write, table)
        if restored_at is not None:
            sql.upsert(write, sql.cursor, ("account", "name"), account="", name=_RESTORED, value=repr(restored_at))
    return copied


def _at_once(table: Table) -> int:
    return _FILES_AT_ONCE if any(isinstance(column.type, LargeBinary) for column in table.columns) else _AT_ONCE


def _count_on(write: Connection, table: Table) -> None:
    """PostgreSQL's own counters know nothing of ids that were given."""
    key = list(table.primary_key.columns)
    if write.dialect.name != "postgresql" or len(key) != 1 or not isinstance(key[0].type, Integer):
        return
    counter = func.pg_get_serial_sequence(f'"{table.name}"', key[0].name)
    highest = select(func.coalesce(func.max(key[0]), 0) + 1).scalar_subquery()
    write.execute(select(func.setval(counter, highest, False)))  # noqa: FBT003 - SQL's own argument


def _is_backup(file: Path) -> bool:
    """Whether it is a database of ours."""
    try:
        with _opened(f"sqlite:///{file}") as engine:
            return bool(database.revision_of(engine))
    except (ConfigError, DatabaseError):
        return False


def _check_empty(engine: Engine, url: str) -> None:
    with engine.connect().execution_options(reads_only=True) as connection:
        used = [table.name for table in _tables() if connection.execute(select(table).limit(1)).first() is not None]
    if used:
        where = database.sqlite_path(url) or "the database"
        raise ConfigError(f"{where} is not empty: restore into a new database, and point --database at it.")


def _alone(engine: Engine) -> None:
    """Have all of it in the one file."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA journal_mode=DELETE")
