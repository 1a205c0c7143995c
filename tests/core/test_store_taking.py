"""Taking: once per key, durable, many callers in one commit, one service per SQLite file."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from bridge.errors import ConfigError, Retryable
from bridge.post import Raw
from bridge.store import Store, inward, sql
from bridge.store.values import WaitingRaw
from tests.core.desk import Desk
from tests.core.worlds import ALL, NOW, TEAM, at


def taking(raw: Raw) -> Callable[[Connection], WaitingRaw | None]:
    return lambda tx: inward.take(tx, raw, NOW)


async def test_the_same_key_is_taken_once_per_account(desk: Desk) -> None:
    raw = desk.raw(TEAM, "k1", body=b"first")
    assert await desk.write(taking(raw))
    assert not await desk.write(taking(desk.raw(TEAM, "k1", body=b"second")))
    assert await desk.write(taking(desk.raw(ALL, "k1")))
    assert [each.raw.body for each in await desk.waiting(TEAM)] == [b"first"]


async def test_a_raw_comes_back_as_it_was_taken(desk: Desk) -> None:
    raw = Raw(TEAM, "k", b"\x00\xff bytes", at(0.25), {"transport": "socket", "weird": "ü\U0001f600"})
    await desk.write(taking(raw))
    [waiting] = await desk.waiting(TEAM)
    assert (waiting.raw, waiting.taken_at) == (raw, NOW)


async def test_waiting_raws_come_in_platform_order(desk: Desk) -> None:
    for key, seconds in (("late", 3), ("early", 1), ("middle", 2)):
        await desk.write(taking(desk.raw(TEAM, key, at(seconds))))
    assert [each.raw.key for each in await desk.waiting(TEAM)] == ["early", "middle", "late"]


async def test_a_page_and_its_cursor_are_one_transaction(desk: Desk) -> None:
    page = [desk.raw(ALL, "a"), desk.raw(ALL, "b"), desk.raw(ALL, "a")]
    assert await desk.write(lambda tx: len(inward.take_page(tx, ALL, page, "home", "17", NOW))) == 2
    assert await desk.read(lambda tx: inward.cursor(tx, ALL, "home")) == "17"

    def broken(tx: Connection) -> None:
        inward.take_page(tx, ALL, [desk.raw(ALL, "c")], "home", "18", NOW)
        raise ValueError("the page's end was never reached")

    with pytest.raises(ValueError, match="never reached"):
        await desk.write(broken)
    assert await desk.read(lambda tx: inward.cursor(tx, ALL, "home")) == "17"
    assert [each.raw.key for each in await desk.waiting(ALL)] == ["a", "b"]


async def test_of_a_commit_together_only_the_failing_operation_is_undone(desk: Desk) -> None:
    blocked, go = threading.Event(), threading.Event()

    def hold_the_writer(_tx: Connection) -> None:
        blocked.set()
        assert go.wait(10)

    def fail(tx: Connection) -> bool:
        inward.take(tx, desk.raw(TEAM, "half"), NOW)
        raise ValueError("mine alone")

    first = asyncio.create_task(desk.write(hold_the_writer))
    assert await asyncio.to_thread(blocked.wait, 10)
    together = [asyncio.create_task(desk.write(taking(desk.raw(TEAM, f"k{n}")))) for n in range(5)]
    together.insert(2, asyncio.create_task(desk.write(fail)))
    await asyncio.sleep(0)  # all of them are queued behind the one that holds the writer
    go.set()
    results = await asyncio.gather(first, *together, return_exceptions=True)
    assert [type(each) for each in results] == [type(None), *[WaitingRaw] * 2, ValueError, *[WaitingRaw] * 3]
    assert {each.raw.key for each in await desk.waiting(TEAM)} == {"k0", "k1", "k2", "k3", "k4"}


async def test_a_cancelled_caller_leaves_the_writer_alive(desk: Desk) -> None:
    task = asyncio.create_task(desk.write(taking(desk.raw(TEAM, "gone"))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await desk.write(taking(desk.raw(TEAM, "next")))


async def test_a_database_that_fails_is_retryable_for_reading_and_writing(desk: Desk) -> None:
    def gone(tx: Connection) -> None:
        if tx.dialect.name == "postgresql":
            tx.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        raise OperationalError("SELECT 1", {}, Exception("disk is full"))

    with pytest.raises(Retryable):
        await desk.write(gone)
    with pytest.raises(Retryable):
        await desk.read(gone)
    assert await desk.write(taking(desk.raw(TEAM, "afterwards")))


async def test_connections_that_ended_while_nobody_used_them_are_made_anew_without_a_word(
    make_postgresql: Callable[[], str],
) -> None:
    ending = text(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'viabridge' AND pid <> pg_backend_pid()"
    )

    def end_others(tx: Connection) -> int:
        return int(tx.execute(ending).scalar_one())

    store = Store(make_postgresql())
    try:
        assert await store.read(lambda tx: inward.waiting(tx, TEAM, NOW)) == ()
        assert await store.write(end_others) == 1, "the one that reads"
        assert await store.read(end_others) == 1, "it reads again; now the one that writes ends"
        assert await store.write(lambda tx: inward.waiting(tx, TEAM, NOW)) == ()
    finally:
        store.close()


async def test_a_read_only_database_takes_nothing_and_says_so(desk: Desk) -> None:
    def read_only(tx: Connection) -> bool:
        tx.execute(text("SET TRANSACTION READ ONLY" if tx.dialect.name == "postgresql" else "PRAGMA query_only=ON"))
        try:
            return inward.take(tx, desk.raw(TEAM, "lost?"), NOW)
        finally:
            if tx.dialect.name == "sqlite":
                tx.execute(text("PRAGMA query_only=OFF"))

    with pytest.raises(Retryable):
        await desk.write(read_only)
    assert await desk.waiting(TEAM) == ()


async def test_sqlite_commits_are_durable(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'bridge.db'}")
    try:
        for run in (store.write, store.read):
            asked = await run(
                lambda tx: [tx.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("synchronous", "journal_mode")]
            )
            assert asked == [2, "wal"]  # 2 is FULL
    finally:
        store.close()


async def test_postgresql_commits_are_durable(make_postgresql: Callable[[], str]) -> None:
    store = Store(make_postgresql())
    try:
        assert await store.write(lambda tx: tx.exec_driver_sql("SHOW synchronous_commit").scalar_one()) == "on"
    finally:
        store.close()


async def test_what_was_taken_outlives_the_store(url: str) -> None:
    first = Store(url)
    await first.write(taking(Raw(TEAM, "kept", b"x", at())))
    first.close()
    second = Store(url)
    try:
        assert [each.raw.key for each in await second.read(lambda tx: inward.waiting(tx, TEAM, NOW))] == ["kept"]
    finally:
        second.close()


def test_a_second_service_on_one_sqlite_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'bridge.db'}"
    first = Store(url)
    code = f"""
from bridge.store import Store
try:
    Store({url!r})
except Exception as error:
    print(type(error).__name__, error)
"""
    try:
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30).stdout
        assert said.startswith("ConfigError Another viabridge (process ")
        assert "already uses" in said
        assert "--database" in said
        with pytest.raises(ConfigError, match="already uses"):
            Store(url)
    finally:
        first.close()
    Store(url).close()  # freed with its holder


def test_a_refused_second_service_leaves_the_holders_number_readable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'bridge.db'}"
    first = Store(url)
    try:
        for _ in range(2):
            with pytest.raises(ConfigError, match=r"process \d+"):
                Store(url)
    finally:
        first.close()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "is not a database URL"),
        ("sqlite://", "must be a file"),
        ("sqlite:///:memory:", "must be a file"),
        ("sqlite:////proc/nowhere/bridge.db", "cannot be used"),
        ("postgresql+psycopg://nobody@127.0.0.1:1/none", "cannot be reached"),
    ],
)
def test_an_unusable_database_is_a_sentence(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Store(url)


async def test_a_database_of_a_newer_version_is_refused_in_a_sentence(fresh_url: str) -> None:
    store = Store(fresh_url)
    await store.write(lambda tx: tx.execute(text("UPDATE alembic_version SET version_num = '9999'")).rowcount)
    store.close()
    with pytest.raises(ConfigError, match="newer viabridge"):
        Store(fresh_url)


async def test_a_held_raw_is_kept_and_in_nobodys_way(desk: Desk) -> None:
    await desk.write(taking(desk.raw(TEAM, "odd", body=b"?")))
    [odd] = await desk.waiting(TEAM)
    await desk.write(lambda tx: inward.hold(tx, odd.id, "unparsable"))
    assert await desk.waiting(TEAM) == ()
    assert await desk.read(lambda tx: inward.next_ready_at(tx, TEAM, -1.0)) is None
    [row] = await desk.rows(sql.raw)
    assert (bytes(row.body), row.state, row.reason) == (b"?", "held", "unparsable")
