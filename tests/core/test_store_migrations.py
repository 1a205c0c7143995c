"""Migrations: from nothing they make the tables that the code declares, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text
from sqlmodel import SQLModel

from bridge.store import Store, tables

COUNT = "SELECT count(*) FROM {}"


def differences(tx: Connection) -> list[object]:
    context = MigrationContext.configure(tx, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, SQLModel.metadata))


async def test_the_migrated_tables_are_the_declared_ones(store: Store) -> None:
    assert tables.RawRow.metadata is SQLModel.metadata
    assert await store.read(differences) == []


async def test_partial_indexes_are_made_partial(store: Store) -> None:
    """What `compare_metadata` does not compare."""

    def definitions(tx: Connection) -> dict[str, str]:
        catalogue = (
            "SELECT indexname, indexdef FROM pg_indexes"
            if tx.dialect.name == "postgresql"
            else "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        )
        return dict(list(tx.execute(text(catalogue))))  # type: ignore[arg-type]

    found = await store.read(definitions)
    for name, state in (
        ("raw_open", "done"),
        ("delivery_open", "waiting"),
        ("part_attempting", "attempting"),
        ("delivery_held", "held"),
    ):
        assert "WHERE" in found[name]
        assert f"'{state}'" in found[name]


async def test_migrating_twice_changes_nothing(url: str) -> None:
    Store(url).close()
    store = Store(url)
    try:
        assert await store.read(differences) == []
    finally:
        store.close()


def test_a_failing_migration_leaves_postgresql_untouched(
    make_postgresql: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its tables are made in one transaction: half a schema would refuse every later start."""
    url = make_postgresql()
    engine = create_engine(url)
    with engine.begin() as connection:
        for table in reversed(SQLModel.metadata.sorted_tables):
            connection.execute(text(f'DROP TABLE "{table.name}"'))
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("CREATE TABLE receipt (id int)"))  # in the way of the migration, near its end
    with pytest.raises(Exception, match="receipt"):
        Store(url)
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE receipt"))
    engine.dispose()
    Store(url).close()
