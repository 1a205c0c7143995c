"""Running constant statements at the driver's own price: compiled once, executed without a library in between.

SQLAlchemy spends several times as long on preparing an execution and its result as SQLite on doing it; a post needs
about forty of them. Statements that are executed with parameters are constants here, and take the short way: their SQL,
the order of their parameters, and the columns' conversions are taken from SQLAlchemy's own compilation. All others, and
those whose SQL depends on their parameters, go through SQLAlchemy as ever.

Conditions that are the same in every execution stand in the SQL itself. As parameters they would cost more than the rest:
SQLite plans a statement anew whenever a value is bound that its choice of a partial index depended on.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import BindParameter, Connection, Select, UpdateBase, literal_column
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound
from sqlalchemy.sql import visitors
from sqlalchemy.sql.compiler import SQLCompiler

_MOST: Final = 1000
"""Statements that are remembered. There are about a hundred; more would mean that one is made anew for each call."""

_CONSTANTS: Final = (Select, UpdateBase)
_Convert = Callable[[Any], Any]


class Rows:
    """What a statement answered: the part of `sqlalchemy.CursorResult` that is used here, read to its end already."""

    __slots__ = ("_row", "_values", "rowcount")

    def __init__(self, values: Sequence[Any], rowcount: int, row: _Convert = tuple) -> None:
        self._values = values
        self._row = row
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Any]:
        return map(self._row, self._values)

    def all(self) -> Sequence[Any]:
        return list(self)

    def first(self) -> Any:
        return self._row(self._values[0]) if self._values else None

    def one_or_none(self) -> Any:
        return self._row(self._only()) if self._values else None

    def one(self) -> Any:
        return self._row(self._only())

    def scalar_one_or_none(self) -> Any:
        return self._only()[0] if self._values else None

    def scalar_one(self) -> Any:
        return self._only()[0]

    def _only(self) -> Any:
        if not self._values:
            raise NoResultFound("No row was found when one was required")
        if len(self._values) > 1:
            raise MultipleResultsFound("Multiple rows were found when one or none was required")
        return self._values[0]


class _Compiled:
    """A statement in the words of one dialect, for one set of parameters."""

    def __init__(self, compiled: SQLCompiler, names: Sequence[str], dialect: Dialect) -> None:
        self.sql = compiled.string
        self._given: Mapping[str, Any] = compiled.params
        self._order = compiled.positiontup
        self._inwards: Mapping[str, Any] = compiled._bind_processors  # noqa: SLF001 - the library's own conversions
        self._row, self._outwards = _shape(compiled, dialect)
        all_given = self._order is not None and len(self._order) > 1 and set(self._order) <= set(names)
        self._as_given = itemgetter(*self._order) if all_given and self._order and not self._inwards else None

    def parameters(self, given: Mapping[str, Any]) -> Any:
        """As the driver wants them: in order, or by name."""
        if self._as_given is not None:
            return self._as_given(given)
        values = {**self._given, **given}
        for name, convert in self._inwards.items():
            values[name] = convert(values[name])
        return values if self._order is None else tuple([values[name] for name in self._order])

    def rows(self, cursor: Any) -> Rows:
        if cursor.description is None:
            return Rows((), cursor.rowcount)
        fetched = cursor.fetchall()
        if self._outwards:
            fetched = list(map(self._converted, fetched))
        return Rows(fetched, cursor.rowcount, self._row)

    def _converted(self, row: Sequence[Any]) -> Sequence[Any]:
        values = list(row)
        for index, convert in self._outwards:
            values[index] = convert(values[index])
        return values


def _shape(compiled: SQLCompiler, dialect: Dialect) -> tuple[_Convert, Sequence[tuple[int, _Convert]]]:
    """What makes a row of values, and which values are to be converted first."""
    columns = compiled._result_columns  # noqa: SLF001 - as above
    row = namedtuple("Row", [column.keyname for column in columns], rename=True)  # type: ignore[misc] # noqa: PYI024
    found = ((index, column.type.result_processor(dialect, None)) for index, column in enumerate(columns))
    return row._make, [(index, convert) for index, convert in found if convert is not None]


_known: Final[dict[tuple[Any, ...], _Compiled | None]] = {}


class Quick(Connection):
    """A connection whose statements with parameters take the short way, unless somebody listens to what is executed."""

    def execute(self, statement: Any, parameters: Any = None, **options: Any) -> Any:
        quickly = parameters and not options and isinstance(parameters, dict)
        compiled = self._compiled(statement, parameters) if quickly else None
        if compiled is None:
            return super().execute(statement, parameters, **options)
        return compiled.rows(self.execute_plainly(compiled.sql, compiled.parameters(parameters)))

    def execute_all(self, statement: Any, parameters: Sequence[Mapping[str, Any]]) -> None:
        """Execute a statement that answers nothing once for each of the parameters, all of which have the same names."""
        compiled = self._compiled(statement, parameters[0]) if len(parameters) > 1 else None
        if compiled is None:
            for each in parameters:
                self.execute(statement, each)
            return
        values = [compiled.parameters(each) for each in parameters]
        self._run(lambda driver: driver.cursor().executemany(compiled.sql, values), compiled.sql)

    def execute_plainly(self, sql: str, parameters: Any = ()) -> Any:
        """Run a statement in the driver's own words; its cursor. Raises what SQLAlchemy would."""
        return self._run(lambda driver: driver.execute(sql, parameters), sql)

    def _compiled(self, statement: Any, parameters: Mapping[str, Any]) -> _Compiled | None:
        return None if self.engine.dispatch.before_cursor_execute else _compiled(statement, parameters, self.dialect)

    def _run(self, words: Callable[[Any], Any], sql: str) -> Any:
        try:
            return words(self.connection.dbapi_connection)
        except self.dialect.loaded_dbapi.Error as error:
            raise self._wrapped(error, sql) from error

    def _wrapped(self, error: Exception, sql: str) -> DBAPIError:
        """The driver's error as SQLAlchemy tells it, which is what our callers know."""
        lost = self.dialect.is_disconnect(error, self.connection, None)  # type: ignore[arg-type]
        base = self.dialect.loaded_dbapi.Error
        if lost:
            self.invalidate(error)
        return DBAPIError.instance(  # type: ignore[return-value]
            sql, None, error, base, hide_parameters=True, connection_invalidated=lost, dialect=self.dialect
        )


def _compiled(statement: Any, parameters: Mapping[str, Any], dialect: Dialect) -> _Compiled | None:
    """As compiled once; None for a statement whose SQL, or whose values, come to be only when it is executed."""
    key = (dialect.name, statement, *parameters)
    if key in _known:
        return _known[key]
    if not isinstance(statement, _CONSTANTS):
        return None
    if len(_known) >= _MOST:
        raise AssertionError("A statement that is executed with parameters must be made once, not for each call.")
    _known[key] = _compile(statement, tuple(parameters), dialect)
    return _known[key]


def _compile(statement: Any, names: tuple[str, ...], dialect: Dialect) -> _Compiled | None:
    said = visitors.replacement_traverse(statement, {}, lambda element, **_: _constant(element, names, dialect))
    compiled = said.compile(dialect=dialect, column_keys=list(names) if said.is_dml else None)
    late = compiled.post_compile_params or compiled.literal_execute_params or compiled.prefetch
    return None if late else _Compiled(compiled, names, dialect)


def _constant(element: Any, names: tuple[str, ...], dialect: Dialect) -> Any:
    """A parameter of a condition whose value never changes, in SQL's own words; None for anything else.

    Only words and whole numbers are the same to a database whichever way they come; and what is set or inserted is none.
    """
    if not isinstance(element, BindParameter) or not element.unique or element.expanding or element.key in names:
        return None
    say = element.type.dialect_impl(dialect).literal_processor(dialect) if isinstance(element.value, str | int) else None
    said = say(element.value) if say else "%"
    return None if "%" in said else literal_column(said, element.type)  # that sign has a meaning for some drivers
