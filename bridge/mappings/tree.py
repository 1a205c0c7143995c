"""The file as a tree of values that know where they stand. It knows YAML, not what a mapping file means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

Path = tuple[str | int, ...]
"""Keys and list positions from the top of the file down to a value."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something stands: line and column from 0, and how many characters of that line it takes."""

    line: int
    column: int
    length: int = 1


TOP: Final = Spot(0, 0)
"""Where a file begins."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. `written` is how it stands in the file; `quoted` tells `"no"` from `no`."""

    value: str | int | float | bool | None
    spot: Spot
    written: str = ""
    quoted: bool = False


@dataclass(slots=True)
class Row:
    """A list. `lost` counts the items that were dropped because of a problem already reported.

    `numbers` say which item of the file each was, from 1: what people count.
    """

    items: list[Node]
    spot: Spot
    numbers: list[int] = field(default_factory=list)
    lost: int = 0


@dataclass(slots=True)
class Table:
    """Keys and values. `lost` are the keys that were dropped because of a problem already reported."""

    items: dict[str, Node]
    keys: dict[str, Spot]
    spot: Spot
    lost: set[str] = field(default_factory=set)

    @property
    def names(self) -> set[str]:
        """Every key that the file has here, dropped ones too: what a reference to it may name."""
        return {*self.items, *self.lost}


Node = Scalar | Row | Table


def data(node: Node) -> object:
    """The plain values, as pydantic reads them."""
    match node:
        case Scalar():
            return node.value
        case Row():
            return [data(item) for item in node.items]
        case Table():
            return {key: data(item) for key, item in node.items.items()}


def at(node: Node, path: Path) -> Node | None:
    """What stands at the path, or None."""
    for step in path:
        below = child(node, step)
        if below is None:
            return None
        node = below
    return node


def child(node: Node, step: str | int) -> Node | None:
    """What stands one step below, or None."""
    if isinstance(node, Table) and isinstance(step, str):
        return node.items.get(step)
    if isinstance(node, Row) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None


def spot(node: Node, path: Path) -> Spot:
    """Where the value at the path stands; the nearest table or list above it where nothing does.

    A short form (`- lee` for `- {person: lee}`) has no value of its own below it, so its own spot answers.
    """
    found = node
    for step in path:
        below = child(found, step)
        if below is None:
            break
        found = below
    return found.spot


def key_spot(node: Node, path: Path) -> Spot:
    """Where the key that ends the path stands; for a list item, the item itself."""
    above = at(node, path[:-1])
    if path and isinstance(above, Table) and path[-1] in above.keys:
        return above.keys[str(path[-1])]
    return spot(node, path)


def drop(node: Node, path: Path) -> None:
    """Take what stands at the path out of the tree, and remember that it was there."""
    above = at(node, path[:-1])
    step = path[-1]
    if isinstance(above, Table) and isinstance(step, str) and step in above.items:
        del above.items[step]
        above.lost.add(step)
    elif isinstance(above, Row) and isinstance(step, int) and step < len(above.items):
        del above.items[step]
        del above.numbers[step]
        above.lost += 1


def counted(node: Node, path: Path) -> Path:
    """The path with list positions as people count them in the file: from 1, dropped items included."""
    said: list[str | int] = []
    for depth, step in enumerate(path):
        above = at(node, path[:depth])
        said.append(above.numbers[step] if isinstance(above, Row) and isinstance(step, int) and step < len(above.items) else step)
    return tuple(said)


def walk(node: Node, path: Path = ()) -> Iterator[tuple[Path, Scalar]]:
    """Every single value with its path."""
    match node:
        case Scalar():
            yield path, node
        case Row():
            for index, item in enumerate(node.items):
                yield from walk(item, (*path, index))
        case Table():
            for key, item in node.items.items():
                yield from walk(item, (*path, key))
