"""From pydantic's findings to problems in words, each at its place in the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from bridge.mappings import tree as trees
from bridge.mappings.problems import Code, Problem, nearest, quoted, suggest
from bridge.mappings.schema import keys_at
from bridge.mappings.tree import TOP, Node, Path, Row, Scalar, Spot, Table

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

ONE: Final[Mapping[str, str]] = MappingProxyType(
    {"accounts": "account", "people": "person", "groups": "group", "places": "place", "readers": "reader", "tests": "test"}
)
"""What one entry of each list or table is called."""

KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("string_type", "string_sub_type", "path_type", "url_type"), "must be text"),
        **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
        **dict.fromkeys(("float_type", "float_parsing", "decimal_type"), "must be a number"),
        **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
        **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "must be a list"),
        **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "must be a table of keys"),
    }
)
"""Pydantic's types of "wrong kind of value", in words."""

VALUES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "string_too_short": "must have at least {min_length} characters",
        "string_too_long": "must have at most {max_length} characters",
        "too_short": "must have at least {min_length} entries",
        "too_long": "must have at most {max_length} entries",
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be at least {ge}",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be at most {le}",
        "string_pattern_mismatch": "has not the form that is expected here",
        "url_parsing": "must be an address such as https://host.example",
        "url_scheme": "must be an address such as https://host.example",
    }
)
"""Pydantic's types of "wrong value", in words."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem, and what to leave out so that the rest can still be checked. No problem: it follows from another."""

    problem: Problem | None
    drop: Path


@dataclass(frozen=True, slots=True)
class Subject:
    """What was validated: the tree and model of a whole file, or of one account's entry, which stands at `base`.

    `start` is where findings about the whole are shown.
    """

    file: str
    tree: Node
    model: type[BaseModel]
    base: Path = ()
    start: Spot = TOP

    def where(self, path: Path) -> str:
        """The path below `base` as people say it."""
        return where((*self.base, *trees.counted(self.tree, path)))

    @property
    def open(self) -> bool:
        """Whether values may be quoted back. An account's may not: a secret may stand where it should not."""
        return not self.base


@dataclass(frozen=True, slots=True)
class _Located:
    """One of pydantic's findings at its path; `fork` is the path where a union split, if one did."""

    path: Path
    fork: Path | None
    error: ErrorDetails


def translate(errors: Iterable[ErrorDetails], subject: Subject) -> Iterator[Finding]:
    """Each finding once, in words."""
    for located in _folded([_locate(error, subject.tree) for error in errors]):
        yield _finding(located[0], _sentence(located), subject)


def where(path: Path) -> str:
    """A path, `counted` from 1, as people say it: `group "all-hands", place 1, direction`."""
    said: list[str] = []
    for before, step in zip((None, *path), path, strict=False):
        one = ONE.get(str(before)) if before is not None else None
        if one is None:
            said.append(f"entry {step}" if isinstance(step, int) else step)
        else:
            said[-1] = f"{one} {step}" if isinstance(step, int) else f"{one} {quoted(step)}"
    return ", ".join(said)


def _locate(error: ErrorDetails, tree: Node) -> _Located:
    """The finding's path in the tree. Steps that are not there name a branch of a union, or a missing key."""
    node, path, fork = tree, list[str | int](), None
    steps = error["loc"]
    for number, step in enumerate(steps):
        below = trees.child(node, step)
        if below is not None:
            node = below
            path.append(step)
        elif error["type"] == "missing" and number == len(steps) - 1:
            path.append(step)
        elif fork is None:
            fork = tuple(path)
    return _Located(tuple(path), fork, error)


def _folded(found: Sequence[_Located]) -> Iterator[list[_Located]]:
    """One group per problem: of a union's branches, those that went deepest are what the writer meant."""
    forks = {item.fork: 0 for item in found if item.fork is not None}
    for item in found:
        if item.fork is not None:
            forks[item.fork] = max(forks[item.fork], len(item.path))
    groups: dict[tuple[Path, bool, str], list[_Located]] = {}
    for item in found:
        if item.fork is not None and len(item.path) < forks[item.fork]:
            continue
        alone = "" if item.fork is not None else item.error["type"]
        groups.setdefault((item.path, item.fork is not None, alone), []).append(item)
    yield from groups.values()


def _sentence(located: Sequence[_Located]) -> str:
    said = list(dict.fromkeys(_said(item.error) for item in located))
    if len(said) > 1 and all(sentence.startswith("must be ") for sentence in said):
        return "must be " + " or ".join(sentence.removeprefix("must be ") for sentence in said)
    return said[0]


def _said(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in KINDS:
        return KINDS[kind]
    if kind in {"too_short", "string_too_short"} and context.get("min_length") == 1:
        return "must not be empty"
    if kind in VALUES:
        return VALUES[kind].format(**context)
    if kind in {"literal_error", "enum"}:
        choices = _choices(error)
        return "must be " + (" or ".join(choices) if len(choices) < 3 else f"one of {', '.join(choices)}")
    if kind in {"value_error", "assertion_error"}:
        return str(context.get("error", error["msg"]))
    return error["msg"].replace("Input should be", "must be")


def _choices(error: ErrorDetails) -> list[str]:
    return re.findall(r"'([^']*)'", str(error.get("ctx", {}).get("expected", "")))


def _finding(located: _Located, sentence: str, subject: Subject) -> Finding:
    path, kind = located.path, located.error["type"]
    node = trees.at(subject.tree, path)
    if kind == "missing":
        return _missing(path, subject)
    if isinstance(node, Row) and node.lost and kind == "too_short":
        return Finding(None, path)
    if kind == "extra_forbidden":
        return _unknown(path, subject)
    place = subject.where(path)
    colon = ":" if kind in {"value_error", "assertion_error"} else ""
    empty = isinstance(node, Scalar) and node.value is None and located.error["type"] in KINDS
    message = f"{place}{colon} {'is empty; it ' if empty else ''}{sentence}".strip()
    code = Code.WRONG_TYPE if kind in KINDS else Code.WRONG_VALUE
    spot = trees.spot(subject.tree, path) if path else subject.start
    problem = _problem(subject, spot, code, message, _help(located.error, node, subject))
    return Finding(problem, path)


def _missing(path: Path, subject: Subject) -> Finding:
    above, key = trees.at(subject.tree, path[:-1]), str(path[-1])
    if isinstance(above, Table) and key in above.lost:
        return Finding(None, path[:-1])
    place = subject.where(path[:-1]) or "the file"
    spot = trees.key_spot(subject.tree, path[:-1]) if path[:-1] else subject.start
    problem = _problem(subject, spot, Code.MISSING_KEY, f"{place} needs {quoted(key)}", f"add `{key}:`")
    return Finding(problem, path[:-1])


def _unknown(path: Path, subject: Subject) -> Finding:
    place = subject.where(path[:-1])
    key = str(path[-1])
    known = keys_at(subject.model, path[:-1])
    message = f"unknown key {quoted(key)}" + (f" in {place}" if place else "")
    cure = suggest(key, known, "known keys")
    return Finding(_problem(subject, trees.key_spot(subject.tree, path), Code.UNKNOWN_KEY, message, cure), path)


def _help(error: ErrorDetails, node: Node | None, subject: Subject) -> str:
    """The cure, where the value shows what was meant."""
    said = KINDS.get(error["type"], "")
    if isinstance(node, Scalar):
        if node.value is None and said:
            return "write a value, or leave the key out"
        if error["type"] == "literal_error":
            meant = nearest(node.written, _choices(error))
            return f"did you mean {quoted(meant)}?" if meant else ""
        if said == "must be text":
            return f'put it in quotes: "{node.written}"' if subject.open else "put it in quotes"
        if said == "must be a list":
            return f"write [{node.written}]" if subject.open else "put it in brackets: [ ]"
        if said.endswith("number") and isinstance(node.value, str):
            return "write digits without quotes"
    if isinstance(node, Table) and said == "must be text":
        return "put quotes around a text that starts with {"
    if isinstance(node, Table) and said == "must be a list":
        return "begin each entry with a dash: - "
    return ""


def _problem(subject: Subject, spot: Spot, code: Code, message: str, cure: str) -> Problem:
    return Problem(subject.file, spot.line + 1, spot.column + 1, code, message, cure, spot.length)


def dropping_order(path: Path) -> tuple[tuple[int, str], ...]:
    """Sorts paths so that, taken from the end, dropping one does not move another."""
    return tuple((step if isinstance(step, int) else -1, str(step)) for step in path)
