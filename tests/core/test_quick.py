"""Constant statements by the short way answer as SQLAlchemy would, and fail as it would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    event,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError, MultipleResultsFound, NoResultFound, OperationalError

from bridge.store import database
from bridge.store.quick import Quick, Rows, _compiled

METADATA = MetaData()
THING = Table(
    "thing",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("body", LargeBinary, nullable=False),
    Column("standing", Boolean, nullable=False),
    Column("at", Float, nullable=False),
    Column("colour", Text, default="grey"),
)
ADD = insert(THING).returning(THING.c.id)
FIND = select(THING).where(THING.c.name == bindparam("name"))
AMONG = select(THING.c.id).where(THING.c.name.in_(bindparam("names", expanding=True)))
RENAME = update(THING).where(THING.c.name == bindparam("old")).values(name=bindparam("new"))
WHOLE: dict[str, Any] = {"name": "it's 5 % “café”", "body": b"\0\xff", "standing": True, "at": 1.5, "colour": "red"}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Engine]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/quick.db"
    else:
        make: Callable[[], str] = request.getfixturevalue("make_postgresql")
        url = make()
    found = database.connect(url)
    METADATA.create_all(found)
    yield found
    found.dispose()


def test_the_short_way_is_taken(engine: Engine) -> None:
    with engine.begin() as connection:
        assert isinstance(connection, Quick)
        assert isinstance(connection.execute(ADD, WHOLE), Rows)


def test_values_come_back_as_they_went_in(engine: Engine) -> None:
    with engine.begin() as connection:
        made = connection.execute(ADD, WHOLE).scalar_one()
        short = connection.execute(FIND, {"name": WHOLE["name"]}).one()
        long = connection.execute(select(THING).where(THING.c.name == WHOLE["name"])).one()
    assert tuple(short) == tuple(long) == (made, *WHOLE.values())
    assert (short.standing, short.body, short.at) == (True, b"\0\xff", 1.5)
    assert isinstance(short.standing, bool)


def test_the_same_statement_with_other_columns_is_another(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(ADD, WHOLE)
        less = {**WHOLE, "name": "b"}
        del less["colour"]
        connection.execute(ADD, less)
        assert connection.execute(FIND, {"name": "b"}).one().colour == "grey"


def test_a_statement_whose_words_depend_on_its_values_goes_the_long_way(engine: Engine) -> None:
    with engine.begin() as connection:
        made = [connection.execute(ADD, {**WHOLE, "name": name}).scalar_one() for name in "abc"]
        assert set(connection.execute(AMONG, {"names": ["a", "c"]}).scalars()) == {made[0], made[2]}
        assert set(connection.execute(AMONG, {"names": ["b"]}).scalars()) == {made[1]}


@pytest.mark.parametrize("colour", ["it's red", "5 % red"])
def test_what_never_changes_is_found(engine: Engine, colour: str) -> None:
    statement = update(THING).where(THING.c.name == bindparam("old"), THING.c.colour == colour, THING.c.standing)
    rename = statement.values(name=bindparam("new"))
    with engine.begin() as connection:
        connection.execute(ADD, {**WHOLE, "colour": colour})
        assert connection.execute(rename, {"old": WHOLE["name"], "new": "new"}).rowcount == 1
        assert connection.execute(rename, {"old": WHOLE["name"], "new": "new"}).rowcount == 0


def test_what_never_changes_stands_in_the_words_themselves(engine: Engine) -> None:
    find = select(THING.c.id).where(THING.c.name == bindparam("name"), THING.c.colour != "it's red", THING.c.at > 1)
    said = _compiled(find, {"name": ""}, engine.dialect)
    assert said is not None
    assert "'it''s red'" in said.sql
    assert said.parameters({"name": "a"}) in ({"name": "a"}, ("a",))


def test_how_many_rows_were_changed_is_told(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(ADD, WHOLE)
        assert connection.execute(RENAME, {"old": WHOLE["name"], "new": "new"}).rowcount == 1
        assert connection.execute(RENAME, {"old": WHOLE["name"], "new": "newer"}).rowcount == 0


def test_what_was_done_is_rolled_back_with_the_transaction(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.begin()
        connection.execute(ADD, WHOLE)
        connection.rollback()
        assert connection.execute(FIND, {"name": WHOLE["name"]}).one_or_none() is None


def test_a_refusal_is_told_as_ever_and_without_values(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(ADD, WHOLE)
        with pytest.raises(IntegrityError) as told:
            connection.execute(ADD, WHOLE)
    assert not told.value.connection_invalidated
    assert "red" not in str(told.value).split("[SQL")[-1]


def test_a_connection_that_died_is_told_and_not_used_again(make_postgresql: Callable[[], str]) -> None:
    engine = database.connect(make_postgresql())
    METADATA.create_all(engine)
    with engine.connect() as connection, engine.begin() as other:
        pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")
        with pytest.raises(OperationalError) as told:
            connection.execute(ADD, WHOLE)
    assert told.value.connection_invalidated
    with engine.begin() as connection:
        assert connection.execute(ADD, WHOLE).scalar_one()
    engine.dispose()


def test_who_listens_to_statements_hears_them_all(engine: Engine) -> None:
    heard: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        heard.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    with engine.begin() as connection:
        connection.execute(ADD, WHOLE)
    assert [words for words in heard if "INSERT" in words]


def test_rows_are_counted_as_asked() -> None:
    assert Rows([], 0).one_or_none() is None
    assert Rows([], 0).scalar_one_or_none() is None
    assert Rows([(1,)], 1).scalar_one() == Rows([(1,), (2,)], 2).first()[0] == 1
    with pytest.raises(NoResultFound):
        Rows([], 0).one()
    with pytest.raises(MultipleResultsFound):
        Rows([(1,), (2,)], 2).one()
