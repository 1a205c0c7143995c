"""From text to the tree: YAML 1.2, with own words for the traps that everybody falls into once."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from bridge.mappings.problems import Code, Problem, quoted
from bridge.mappings.traps import bare_sign, hidden_value, mend, syntax
from bridge.mappings.tree import Node, Row, Scalar, Spot, Table

REPAIRS: Final = 100
"""Bare signs that are mended in memory to find what else is wrong, before reading stops."""

DEPTH: Final = 20
"""Levels of nesting that are read; a mapping file needs eight."""

TAG: Final = "tag:yaml.org,2002:"
TEXTS: Final = frozenset({"str", "timestamp", "merge", "value"})


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: the tree, if the text is YAML, and what is wrong with it so far."""

    tree: Table | None
    problems: tuple[Problem, ...]


def read(source: str, file: str) -> Reading:
    r"""The text as a tree. `source` has `\n` line ends and no byte order mark (`normalise`)."""
    found: list[Problem] = []
    mended: set[tuple[int, int]] = set()
    text = source
    for _ in range(REPAIRS):
        try:
            node = _compose(text)
        except RecursionError:
            return Reading(None, (*found, Problem(file, 1, 1, Code.YAML_EXTRA, "the file is nested too deeply")))
        except YAMLError as error:
            trap = bare_sign(error, text, file)
            if trap is None:
                return Reading(None, (*found, *syntax(error, text, file)))
            found.append(trap)
            mended.add((trap.line - 1, trap.column - 1))
            text = mend(text, trap)
            continue
        return _built(node, source, file, mended, found)
    return Reading(None, tuple(found))


def normalise(source: str) -> str:
    r"""The text with `\n` line ends and without a byte order mark."""
    return source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _compose(text: str) -> Any:
    yaml = YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # that there are anchors at all is a problem of its own
            return yaml.compose(text)
    except (AssertionError, AttributeError, IndexError, KeyError, NotImplementedError, TypeError, ValueError) as error:
        # The scanner is not proof against every text (`%YAML x`, a broken escape); to us all of it is "not YAML".
        raise YAMLError("it cannot be read") from error


# ---------------------------------------------------------------- building the tree


@dataclass(slots=True)
class _Builder:
    """One pass over the composed nodes. It collects problems and leaves out what they spoil."""

    file: str
    lines: list[str]
    mended: set[tuple[int, int]]
    problems: list[Problem] = field(default_factory=list)

    def build(self, node: Any, depth: int = 0) -> Node | None:
        if depth > DEPTH:
            self._extra(node, "this is nested too deeply", "a mapping file needs eight levels at most")
            return None
        if node.anchor is not None:
            self._extra(node, "references (& and *) do not work here", "write the value out each time")
            return None
        match node:
            case MappingNode() if node.tag == TAG + "map":
                return self._table(node, depth)
            case SequenceNode() if node.tag == TAG + "seq":
                return self._row(node, depth)
            case ScalarNode():
                return self._scalar(node)
            case _:
                self._extra(node, "tags (!) do not work here", "put quotes around a text that starts with !")
                return None

    def _table(self, node: Any, depth: int) -> Table:
        table = Table({}, {}, self._spot(node))
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or key.anchor is not None:
                self._extra(key, "a key must be a plain word", "write `key: value`; quote a text that starts with {")
                continue
            name, spot = str(key.value), self._spot(key)
            if (spot.line, spot.column) in self.mended:
                continue
            if name in table.keys:
                first = table.keys[name].line + 1
                self.add(spot, Code.TWICE, f"{quoted(name)} stands here twice", f"the first is on line {first}: keep one")
                continue
            table.keys[name] = spot
            built = self._empty(spot) if _is_empty(value) else self.build(value, depth + 1)
            if built is None:
                table.lost.add(name)
            else:
                table.items[name] = built
        return table

    def _row(self, node: Any, depth: int) -> Row:
        row = Row([], self._spot(node))
        for number, item in enumerate(node.value, 1):
            built = self._empty(self._dash(item)) if _is_empty(item) else self.build(item, depth + 1)
            if built is None:
                row.lost += 1
            else:
                row.items.append(built)
                row.numbers.append(number)
        return row

    def _scalar(self, node: Any) -> Node | None:
        spot = self._spot(node)
        kind = node.tag.removeprefix(TAG)
        written = str(node.value)
        if (spot.line, spot.column) in self.mended:
            return None
        if any("\ud800" <= sign <= "\udfff" for sign in written):
            self._extra(node, "half a character (\\ud800 … \\udfff) stands here", "write the character itself")
            return None
        if kind in TEXTS:
            return Scalar(written, spot, written, quoted=node.style is not None)
        if kind in CONVERT:
            return Scalar(CONVERT[kind](written), spot, written)
        self._extra(node, "tags (!) do not work here", "put quotes around a text that starts with !")
        return None

    def _empty(self, spot: Spot) -> Scalar | None:
        """The empty value after the key or dash at `spot`; None where a comment hides it, which is reported."""
        line = self.lines[spot.line] if spot.line < len(self.lines) else ""
        comment = re.match(r"""["']?[ \t]*:?[ \t]*#""", line[spot.column + spot.length :])
        if comment is None:
            return Scalar(None, spot)
        self.problems.append(hidden_value(self.file, spot.line, spot.column + spot.length + comment.end() - 1, line))
        return None

    def _dash(self, node: Any) -> Spot:
        """The dash before an empty item: YAML's own mark may stand lines later, where the next thing begins."""
        number = min(node.start_mark.line, len(self.lines) - 1)
        text = self.lines[number][: node.start_mark.column]
        while number > 0 and (not text.strip() or text.lstrip().startswith("#")):
            number -= 1
            text = self.lines[number]
        before_comment = re.split(r"(?<=\s)#", text)[0].rstrip()
        return Spot(number, max(0, len(before_comment) - 1))

    def _extra(self, node: Any, message: str, cure: str) -> None:
        self.add(self._spot(node), Code.YAML_EXTRA, message, cure)

    def add(self, spot: Spot, code: Code, message: str, cure: str) -> None:
        self.problems.append(Problem(self.file, spot.line + 1, spot.column + 1, code, message, cure, spot.length))

    def _spot(self, node: Any) -> Spot:
        start, end = node.start_mark, node.end_mark
        if start.line == end.line:
            return Spot(start.line, start.column, max(1, end.column - start.column))
        if isinstance(node, ScalarNode) and start.line < len(self.lines):
            return Spot(start.line, start.column, max(1, len(self.lines[start.line].rstrip()) - start.column))
        return Spot(start.line, start.column)


def _built(node: Any, source: str, file: str, mended: set[tuple[int, int]], found: list[Problem]) -> Reading:
    builder = _Builder(file, source.split("\n"), mended, found)
    if node is None:
        return Reading(Table({}, {}, Spot(0, 0)), tuple(found))
    if not isinstance(node, MappingNode):
        builder.add(Spot(0, 0), Code.WRONG_TYPE, "the file must be a table of keys", "begin with `accounts:`")
        return Reading(None, tuple(builder.problems))
    tree = builder.build(node)
    return Reading(tree if isinstance(tree, Table) else None, tuple(builder.problems))


def _is_empty(node: Any) -> bool:
    """Whether nothing stands where a value should."""
    return isinstance(node, ScalarNode) and node.value == "" and node.tag == TAG + "null" and node.anchor is None


def _integer(written: str) -> int | str:
    digits = written.replace("_", "")
    try:
        return int(digits, 0 if re.match(r"[-+]?0[xob]", digits) else 10)
    except ValueError:  # more digits than Python converts, or `!!int` before a text
        return written


def _float(written: str) -> float | str:
    try:
        number = float(written.replace("_", ""))
    except ValueError:
        return written
    return number if math.isfinite(number) else written


CONVERT: Final[Mapping[str, Callable[[str], str | int | float | bool | None]]] = {
    "int": _integer,
    "float": _float,
    "bool": lambda written: written.lower() == "true",
    "null": lambda _: None,
}
