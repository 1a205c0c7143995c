"""Backups: everything in one file, beside a running service; and back, into either kind of database."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from bridge.errors import ConfigError
from bridge.post import Destination
from bridge.store import Store, Tx, blobs, saving, sql
from tests.core.desk import Desk
from tests.core.worlds import NOW, TIMELINE, created

Rows = dict[str, list[str]]


def rows_of(tx: Tx) -> Rows:
    """Everything that is to be kept."""
    tables = (table for table in SQLModel.metadata.sorted_tables if table.name not in (sql.replica.name, sql.cursor.name))
    return {table.name: sorted(repr(tuple(row)) for row in tx.execute(select(table))) for table in tables}


async def lively(store: Store) -> Desk:
    """A database with posts of which one was brought, a cursor, and an answer."""
    desk = Desk(store)
    await desk.hear(first := created("Can everyone meet?"))
    await desk.deliver(TIMELINE, "109")
    await desk.hear(created("Yes", reply_to=first.ref))
    return desk


async def test_a_backup_holds_everything_and_is_taken_beside_a_running_service(store: Store, url: str, tmp_path: Path) -> None:
    desk = await lively(store)
    file = tmp_path / "backup"
    assert saving.back_up(url, file) > 0
    await desk.hear(created("after the backup"))
    assert file.stat().st_mode & 0o077 == 0
    copy = f"sqlite:///{tmp_path / 'copy.db'}"
    saving.restore(file, copy, NOW)
    assert "after the backup" not in str(rows := await rows_in(copy))
    assert "Can everyone meet?" in str(rows)


async def test_what_is_restored_is_what_was_backed_up_and_ids_go_on(url: str, tmp_path: Path) -> None:
    """From a file into either kind of database."""
    source, file = f"sqlite:///{tmp_path / 'source.db'}", tmp_path / "backup"
    store = Store(source)
    await lively(store)
    before = await store.read(rows_of)
    store.close()
    saving.back_up(source, file)
    saving.restore(file, url, NOW)
    restored = Store(url)
    try:
        assert await restored.read(rows_of) == before
        assert await restored.read(saving.restored_at) == NOW
        desk = Desk(restored, _keys=itertools.count(100))
        await desk.hear(created("new"))
        assert await desk.count(sql.post) == 3
        lanes = await desk.rows(sql.lane, sql.lane.c.kind == "destination")
        assert Destination(TIMELINE) in map(sql.destination_of, lanes)
    finally:
        restored.close()


async def test_a_backup_holds_few_files_in_memory_at_once(store: Store, url: str, tmp_path: Path) -> None:
    megabyte = 1_000_000
    for number in range(40):
        await store.write(
            lambda tx, n=number: sql.upsert(tx, blobs.blob, ("id",), id=str(n), size=megabyte, body=bytes(megabyte), used_at=NOW)
        )  # type: ignore[misc]
    tracemalloc.start()
    try:
        saving.back_up(url, tmp_path / "backup")
        assert tracemalloc.get_traced_memory()[1] < 20 * megabyte
    finally:
        tracemalloc.stop()
    saving.restore(tmp_path / "backup", f"sqlite:///{tmp_path / 'copy.db'}", NOW)
    assert len((await rows_in(f"sqlite:///{tmp_path / 'copy.db'}"))["blob"]) == 40


FULL = """
import resource, sys
from pathlib import Path
from bridge.errors import ConfigError
from bridge.store import saving
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
try:
    saving.back_up(sys.argv[1], Path(sys.argv[2]))
except ConfigError as error:
    print(error)
"""


def test_a_backup_for_which_there_is_no_room_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    store = Store(url := f"sqlite:///{tmp_path / 'big.db'}")
    with store._engine.begin() as connection:
        sql.upsert(connection, blobs.blob, ("id",), id="1", size=9_000_000, body=bytes(9_000_000), used_at=NOW)
    store.close()
    done = subprocess.run([sys.executable, "-c", FULL, url, tmp_path / "backup"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("The backup could not be made: ")
    assert not list(tmp_path.glob("backup*"))


async def rows_in(url: str) -> Rows:
    store = Store(url)
    try:
        return await store.read(rows_of)
    finally:
        store.close()


def empty(url: str) -> str:
    Store(url).close()
    return url


@pytest.fixture
def taken(tmp_path: Path) -> Path:
    """A backup of an empty database."""
    saving.back_up(empty(f"sqlite:///{tmp_path / 'empty.db'}"), tmp_path / "taken")
    return tmp_path / "taken"


def not_there(folder: Path, taken: Path) -> None:
    saving.restore(folder / "nowhere", f"sqlite:///{folder / 'new.db'}", NOW)


def no_backup(folder: Path, taken: Path) -> None:
    (folder / "notes").write_text("no database at all, and long enough to be looked at" * 50)
    saving.restore(folder / "notes", f"sqlite:///{folder / 'new.db'}", NOW)


def over_another(folder: Path, taken: Path) -> None:
    saving.back_up(f"sqlite:///{folder / 'empty.db'}", taken)


def of_nothing(folder: Path, taken: Path) -> None:
    saving.back_up(f"sqlite:///{folder / 'nothing.db'}", folder / "new")


def into_a_full_one(folder: Path, taken: Path) -> None:
    saving.restore(taken, f"sqlite:///{folder / 'new.db'}", NOW)
    saving.restore(taken, f"sqlite:///{folder / 'new.db'}", NOW)


def into_no_folder(folder: Path, taken: Path) -> None:
    saving.back_up(f"sqlite:///{folder / 'empty.db'}", folder / "missing" / "file")


@pytest.mark.parametrize(
    ("deed", "sentence"),
    [
        (not_there, "There is no backup"),
        (no_backup, "is no backup"),
        (over_another, "is there already"),
        (of_nothing, "There is no database"),
        (into_a_full_one, "is not empty"),
        (into_no_folder, "can't be written"),
    ],
)
def test_what_cannot_be_done_is_said(deed: Callable[[Path, Path], None], sentence: str, taken: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=sentence):
        deed(tmp_path, taken)
    assert not list(tmp_path.glob("*.unfinished"))


def test_nothing_is_restored_into_a_database_in_use(taken: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'used.db'}"
    store = Store(url)
    try:
        for deed in (lambda: saving.restore(taken, url, NOW), lambda: saving.vacuum(url), lambda: saving.migrate(url)):
            with pytest.raises(ConfigError, match="already uses"):
                deed()
    finally:
        store.close()


def test_tables_are_brought_up_to_date_and_room_is_given_back(url: str) -> None:
    assert saving.migrate(url).isdecimal()
    saving.vacuum(url)
