"""Lists as Slack has them, flat rows with a level, to and from the tree's nested lists. No markup here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bridge.text import Break, Inline, Inlines, List, Paragraph, Str, Text, plain

DEEPEST = 8
"""Slack's own limit of indentation."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a list: how deep it stands (0 is outermost), and its number where it has one."""

    level: int
    children: Inlines
    number: int | None = None

    @property
    def ordered(self) -> bool:
        return self.number is not None


def nest(rows: Sequence[Row]) -> tuple[List, ...]:
    """Rows as lists within lists; a new list begins where the kind changes or a number jumps."""
    lists: list[List] = []
    at = 0
    while at < len(rows):
        first = rows[at]
        items: list[Text] = []
        while at < len(rows) and _continues(rows[at], first, len(items)):
            end = at + 1
            while end < len(rows) and rows[end].level > first.level:
                end += 1
            items.append((Paragraph(rows[at].children), *nest(rows[at + 1 : end])))
            at = end
        lists.append(List(tuple(items), ordered=first.ordered, start=1 if first.number is None else first.number))
    return tuple(lists)


def _continues(row: Row, first: Row, count: int) -> bool:
    number = None if first.number is None else first.number + count
    return row.level == first.level and row.number == number


def flatten(block: List, level: int = 0) -> Iterator[Row]:
    """A list as rows. What else than paragraphs and lists stands in an item becomes its plain words."""
    for number, item in enumerate(block.items, start=block.start):
        head: list[Inline] = []
        nested: list[List] = []
        for part in item:
            if isinstance(part, List):
                nested.append(part)
                continue
            head += [Break()] if head else []
            head += part.children if isinstance(part, Paragraph) else _words(plain((part,)))
        yield Row(min(level, DEEPEST), tuple(head), number if block.ordered else None)
        for inner in nested:
            yield from flatten(inner, level + 1)


def _words(source: str) -> Inlines:
    nodes: list[Inline] = []
    for number, line in enumerate(source.split("\n")):
        nodes += [Break(), Str(line)] if number else [Str(line)]
    return tuple(nodes)
