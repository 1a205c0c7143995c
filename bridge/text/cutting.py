"""Cutting a long text into parts that fit: nothing lost, nothing doubled, no link or grapheme cut."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import TypeVar, assert_never

from bridge.text.tree import (
    Block,
    Bold,
    Break,
    Code,
    CodeBlock,
    Emoji,
    Inline,
    Italic,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Str,
    Strike,
    Text,
    link_words,
    plain_inlines,
)

Pieces = Callable[[str], Iterator[str]]
"""How a string is cut: into the smallest pieces that stay whole. A generator, for a long text is only begun."""

_WORDS = re.compile(r"\s*\S+\s*|\s+")
_LINES = re.compile(r"[^\n]*\n|[^\n]+")

# A base character with all that modifies or joins it (selectors, skin tones, ZWJ chains, flags, jamo) is one piece.
_EXTEND = r"[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]"
_FLAG = r"[\U0001f1e6-\U0001f1ff]{2}"
_JAMO = r"[\u1100-\u115f]+[\u1160-\u11a7]*[\u11a8-\u11ff]*"
_GRAPHEMES = re.compile(rf"\r\n|{_FLAG}|{_JAMO}|.{_EXTEND}*(?:\u200d(?:.{_EXTEND}*)?)*", re.DOTALL)


def _by_words(text: str) -> Iterator[str]:
    return (found.group() for found in _WORDS.finditer(text))


def _by_lines(text: str) -> Iterator[str]:
    return (found.group() for found in _LINES.finditer(text))


def _by_graphemes(text: str) -> Iterator[str]:
    held = ""
    for found in _GRAPHEMES.finditer(text):
        # The expression knows the common marks; those of all other scripts are told by their category.
        if held and unicodedata.category(found.group()[0]).startswith("M"):
            held += found.group()
            continue
        if held:
            yield held
        held = found.group()
    if held:
        yield held


def split(text: Text, fits: Callable[[int, Text], bool]) -> tuple[Text, ...]:
    """Cut `text` into parts so that `fits(number of the part from 0, part)` holds for each.

    Cuts fall between blocks where that wastes little, else between words, else (a word that is too long for any
    part, as in scripts without spaces) between graphemes. No character is lost or doubled; links, mentions and emoji
    are never cut, but for the label of a link that alone is too long. What can't be made to fit stands alone in its
    part. `fits` must hold for the beginning of whatever it holds for; it is asked once about the whole, then only about
    beginnings of at most twice the pieces of a part, so that a text costs in proportion to its length.
    """
    if fits(0, text):
        return (text,)
    parts: list[Text] = []
    rest = text
    while rest:
        head, rest = _cut_to_fit(rest, partial(fits, len(parts)))
        if _holds_something(head):
            parts.append(head)
    return tuple(parts) or (text,)


def _holds_something(text: Text) -> bool:
    return _take(text, 1, partial(_take_block, pieces=_by_words))[0] > 0


def _cut_to_fit(text: Text, fits: Callable[[Text], bool]) -> tuple[Text, Text]:
    words = _largest(text, _by_words, fits)
    head, rest = cut(text, words, _by_words)
    if not rest or fits(cut(rest, 1, _by_words)[0]):
        return cut(text, _at_a_block(text, words, _by_words), _by_words) if rest else (head, rest)
    graphemes = _largest(text, _by_graphemes, fits)
    if not graphemes:
        return cut(text, 1, _by_words)
    return cut(text, _at_a_block(text, graphemes, _by_graphemes), _by_graphemes)


def _largest(text: Text, pieces: Pieces, fits: Callable[[Text], bool]) -> int:
    """With how many pieces the text's beginning still fits; by doubling, then bisection."""
    low, high = 0, 1
    while fits((halves := cut(text, high, pieces))[0]):
        low, high = high, high * 2
        if not halves[1]:
            return low
    while high - low > 1:
        middle = (low + high) // 2
        if fits(cut(text, middle, pieces)[0]):
            low = middle
        else:
            high = middle
    return low


def _at_a_block(text: Text, limit: int, pieces: Pieces) -> int:
    """The last block boundary at or before `limit`, unless that would waste more than 40 % of the part."""
    total = 0
    for block in text:
        taken = _take_block(block, limit - total + 1, pieces)[0]
        if total + taken > limit:
            break
        total += taken
    return total if total >= limit * 0.6 else limit


def cut(text: Text, n: int, pieces: Pieces = _by_words) -> tuple[Text, Text]:
    """The first `n` pieces, and the rest; both keep the marks they stand in. Nothing but whole pieces is cut off."""
    return _take(text, n, partial(_take_block, pieces=pieces))[1:]


Node = TypeVar("Node")
Whole = TypeVar("Whole")
Taken = tuple[int, Node, Node | None]
"""How many pieces were taken, the node of them, and the node of the rest, or None where that was all."""


def _take(
    nodes: tuple[Node, ...], n: int, take: Callable[[Node, int], Taken[Node]]
) -> tuple[int, tuple[Node, ...], tuple[Node, ...]]:
    """Up to `n` pieces from the beginning of `nodes`: how many, the nodes of them, the rest. Empty nodes go along."""
    head: list[Node] = []
    left = n
    for index, node in enumerate(nodes):
        taken, first, rest = take(node, max(left, 1))
        if taken > left:
            return n - left, tuple(head), nodes[index:]
        head.append(first)
        left -= taken
        if rest is not None:
            return n - left, tuple(head), (rest, *nodes[index + 1 :])
    return n - left, tuple(head), ()


def _take_block(block: Block, n: int, pieces: Pieces) -> Taken[Block]:
    match block:
        case Paragraph(children):
            return _within(children, n, partial(_take_inline, pieces=pieces), Paragraph)
        case Quote(children):
            return _within(children, n, partial(_take_block, pieces=pieces), Quote)
        case CodeBlock(code, language):
            # A code block is cut at line ends, an overlong line between graphemes.
            taken, at = _reach(_by_lines(code) if pieces is _by_words else pieces(code), n)
            rest = CodeBlock(code[at:], language) if at < len(code) else None
            return taken, CodeBlock(code[:at], language), rest
        case List(items):
            taken, first, after = _take(items, n, partial(_take_item, pieces=pieces))
            head = replace(block, items=first)
            start = block.start + len(items) - len(after) if block.ordered else block.start
            return taken, head, replace(block, items=after, start=start) if after else None
        case _:
            assert_never(block)


def _take_item(item: Text, n: int, pieces: Pieces) -> Taken[Text]:
    taken, first, rest = _take(item, n, partial(_take_block, pieces=pieces))
    return taken, first, rest or None


def _within(
    nodes: tuple[Node, ...], n: int, take: Callable[[Node, int], Taken[Node]], wrap: Callable[[tuple[Node, ...]], Whole]
) -> Taken[Whole]:
    """What `take` takes from `nodes`, in the mark or block they stand in."""
    taken, first, rest = _take(nodes, n, take)
    return taken, wrap(first), wrap(rest) if rest else None


def _take_inline(node: Inline, n: int, pieces: Pieces) -> Taken[Inline]:
    match node:
        case Str(text) | Code(text):
            taken, at = _reach(pieces(text), n)
            rest = type(node)(text[at:]) if at < len(text) else None
            return taken, type(node)(text[:at]), rest
        case Bold(children) | Italic(children) | Strike(children):
            return _within(children, n, partial(_take_inline, pieces=pieces), type(node))
        case Link(url, children) if pieces is not _by_words and _label_differs(node):
            taken, shown, hidden = _take(children, n, partial(_take_inline, pieces=pieces))
            # A blank label would show the address once more: blanks never stand alone on either side.
            if not plain_inlines(hidden).strip():
                return taken, node, None
            if not plain_inlines(shown).strip():
                return taken, Str(""), Link(url, hidden)
            return taken, Link(url, shown), Link(url, hidden)
        case Link() | Mention() | Emoji() | Break():
            return 1, node, None
        case _:
            assert_never(node)


def _label_differs(link: Link) -> bool:
    label = plain_inlines(link.children)
    return bool(label.strip()) and link_words(link.url, label) != link.url.removeprefix("mailto:")


def _reach(found: Iterable[str], n: int) -> tuple[int, int]:
    """How many of the first `n` pieces there are, and how many characters they have."""
    lengths = [len(piece) for piece in islice(found, n)]
    return len(lengths), sum(lengths)
