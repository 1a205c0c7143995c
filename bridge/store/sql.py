"""Small helpers that hide where SQLite's and PostgreSQL's words differ, and turn columns into values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from bridge.post import AccountId, Destination, NativeId, Place, PlaceId, Ref, UserId
from bridge.store import tables, tables_commands, tables_people, tables_replicas, tables_upkeep
from bridge.store.codec import dump_ref, load_ref

if TYPE_CHECKING:
    from bridge.store.quick import Quick

raw: Table = tables.RawRow.__table__  # type: ignore[attr-defined]
post: Table = tables.PostRow.__table__  # type: ignore[attr-defined]
event: Table = tables.EventRow.__table__  # type: ignore[attr-defined]
lane: Table = tables.LaneRow.__table__  # type: ignore[attr-defined]
delivery: Table = tables.DeliveryRow.__table__  # type: ignore[attr-defined]
part: Table = tables.PartRow.__table__  # type: ignore[attr-defined]
receipt: Table = tables.ReceiptRow.__table__  # type: ignore[attr-defined]
cursor: Table = tables.CursorRow.__table__  # type: ignore[attr-defined]
pin: Table = tables.PinRow.__table__  # type: ignore[attr-defined]
origin: Table = tables_upkeep.OriginRow.__table__  # type: ignore[attr-defined]
finding: Table = tables_upkeep.FindingRow.__table__  # type: ignore[attr-defined]
replica: Table = tables_replicas.ReplicaRow.__table__  # type: ignore[attr-defined]
size: Table = tables_replicas.SizeRow.__table__  # type: ignore[attr-defined]
follower: Table = tables_people.FollowerRow.__table__  # type: ignore[attr-defined]
decision: Table = tables_people.DecisionRow.__table__  # type: ignore[attr-defined]
alert: Table = tables_people.AlertRow.__table__  # type: ignore[attr-defined]
reader: Table = tables_people.ReaderRow.__table__  # type: ignore[attr-defined]
joining: Table = tables_people.JoiningRow.__table__  # type: ignore[attr-defined]
choice: Table = tables_people.ChoiceRow.__table__  # type: ignore[attr-defined]
offboarded: Table = tables_people.OffboardedRow.__table__  # type: ignore[attr-defined]
handle: Table = tables_people.HandleRow.__table__  # type: ignore[attr-defined]
command: Table = tables_commands.CommandRow.__table__  # type: ignore[attr-defined]
halt: Table = tables_commands.HaltRow.__table__  # type: ignore[attr-defined]
reaction: Table = tables_commands.ReactionRow.__table__  # type: ignore[attr-defined]
reach: Table = tables_commands.ReachRow.__table__  # type: ignore[attr-defined]


# Making a statement costs more than running it, so each is made once; a dialect's name tells which words it is in.


def insert_new(tx: Connection, table: Table, **values: Any) -> int | None:
    """Insert a row unless one like it stands there; its id, or None if it stood there."""
    found: int | None = tx.execute(_insert(table, tx.dialect.name), values).scalar_one_or_none()
    return found


@cache
def _insert(table: Table, dialect: str) -> Any:
    return _into(table, dialect).on_conflict_do_nothing().returning(table.c.id)


def insert_all(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows with the same columns, except those like which one stands there."""
    if rows:
        cast("Quick", tx).execute_all(_insert_without_answer(table, tx.dialect.name), rows)


@cache
def _insert_without_answer(table: Table, dialect: str) -> Any:
    return _into(table, dialect).on_conflict_do_nothing()


def upsert(tx: Connection, table: Table, keys: tuple[str, ...], **values: Any) -> None:
    """Insert a row, or set its other columns where one with these keys stands there."""
    tx.execute(_upsert(table, keys, tuple(values), tx.dialect.name), values)


@cache
def _upsert(table: Table, keys: tuple[str, ...], columns: tuple[str, ...], dialect: str) -> Any:
    statement = _into(table, dialect)
    rest = {name: statement.excluded[name] for name in columns if name not in keys}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=rest)


def _into(table: Table, dialect: str) -> Any:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def savepoint(tx: Connection) -> AbstractContextManager[object]:
    """What fails inside is undone, and nothing before it."""
    return tx.begin_nested()


def for_update(tx: Connection, statement: Any) -> Any:
    """`statement` (a constant), locking the selected rows until the transaction ends; SQLite has one writer and needs none."""
    return _locking(statement) if tx.dialect.name == "postgresql" else statement


@cache
def _locking(statement: Any) -> Any:
    return statement.with_for_update()


def place_columns(place: Place) -> dict[str, str]:
    """A place as columns."""
    return {"account": place.account, "place": place.id, "person": place.person or ""}


def place_of(row: Any) -> Place:
    """The place in a row's columns."""
    return Place(
        AccountId(row.account),
        PlaceId(row.place),
        UserId(row.person) if row.person else None,
    )


def ref_of(row: Any) -> Ref:
    """The ref in a row's columns."""
    return Ref(place_of(row), NativeId(row.native))


def destination_of(row: Any) -> Destination:
    """The destination in a lane row's columns."""
    return Destination(place_of(row), row.reader or None)


def storable(words: str) -> str:
    """The words without what a database refuses in a text column: NUL, and halves of surrogate pairs."""
    return words.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def ref_text(ref: Ref | None) -> str:
    """A ref in one column; empty for none."""
    return json.dumps(dump_ref(ref)) if ref else ""


def ref_from(column: str) -> Ref | None:
    """The ref in one column."""
    return load_ref(json.loads(column)) if column else None
