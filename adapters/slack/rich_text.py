"""Slack's `rich_text` blocks read into the tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, Final

from adapters.slack.emoji import from_codepoints
from adapters.slack.lists import DEEPEST, Row, nest
from adapters.slack.mentions import channel_reference
from adapters.slack.mrkdwn import is_address
from bridge.text import (
    Block,
    Bold,
    Break,
    Code,
    CodeBlock,
    Inline,
    Inlines,
    Italic,
    Link,
    Mention,
    Paragraph,
    Quote,
    Str,
    Strike,
    Text,
    plain_inlines,
)

Json = dict[str, Any]

_STYLES: Final = (("strike", Strike), ("italic", Italic), ("bold", Bold))


def read_blocks(blocks: object) -> Text:
    """The tree of a message's blocks; empty where none of them is rich text (then its `text` is to be read)."""
    rich = [block for block in _dicts(blocks) if block.get("type") == "rich_text"]
    return tuple(part for block in rich for part in _elements(_dicts(block.get("elements"))))


def _dicts(value: object) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _elements(elements: Sequence[Json]) -> Iterator[Block]:
    for is_list, run in groupby(elements, key=lambda element: element.get("type") == "rich_text_list"):
        if is_list:
            yield from nest([row for element in run for row in _read_rows(element)])
        else:
            for element in run:
                yield from _read_element(element)


def _read_rows(element: Json) -> Iterator[Row]:
    ordered = element.get("style") == "ordered"
    first = _number(element.get("offset")) + 1
    for number, item in enumerate(_dicts(element.get("elements")), start=first):
        yield Row(min(_number(element.get("indent")), DEEPEST), _read_inlines(item), number if ordered else None)


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 10**6 else 0


def _read_element(element: Json) -> Iterator[Block]:
    nodes = _read_inlines(element)
    match element.get("type"):
        case "rich_text_preformatted":
            language = element.get("language")
            yield CodeBlock(plain_inlines(nodes).strip("\n"), language if isinstance(language, str) else "")
        case "rich_text_quote":
            yield Quote(tuple(_paragraphs(nodes)))
        case _:
            yield from _paragraphs(nodes)


def _paragraphs(nodes: Inlines) -> Iterator[Block]:
    """Two breaks part paragraphs; breaks at the ends only keep Slack's blocks apart."""
    paragraph: list[Inline] = []
    for is_break, run in groupby(nodes, key=lambda node: isinstance(node, Break)):
        found = list(run)
        if not is_break or (len(found) == 1 and paragraph):
            paragraph += found
        elif paragraph:
            yield Paragraph(tuple(paragraph))
            paragraph = []
    if paragraph and isinstance(paragraph[-1], Break):
        paragraph.pop()
    if paragraph:
        yield Paragraph(tuple(paragraph))


def _read_inlines(element: Json) -> Inlines:
    return _merged([node for leaf in _dicts(element.get("elements")) for node in _read_leaf(leaf)])


def _merged(nodes: Sequence[Inline]) -> Inlines:
    """Neighbours under the same mark under one: Slack's styles are flat, each leaf carries all of its own."""
    merged: list[Inline] = []
    for node in nodes:
        match merged[-1] if merged else None, node:
            case Bold(before), Bold(after):
                merged[-1] = Bold(_merged(before + after))
            case Italic(before), Italic(after):
                merged[-1] = Italic(_merged(before + after))
            case Strike(before), Strike(after):
                merged[-1] = Strike(_merged(before + after))
            case Str(before), Str(after):
                merged[-1] = Str(before + after)
            case _:
                merged.append(node)
    return tuple(merged)


def _read_leaf(leaf: Json) -> Iterator[Inline]:
    style = leaf.get("style")
    for node in _bare(leaf, is_code=isinstance(style, dict) and style.get("code") is True):
        if isinstance(node, Break):
            yield node
            continue
        for name, mark in _STYLES:
            if isinstance(style, dict) and style.get(name) is True:
                node = mark((node,))  # noqa: PLW2901 - each style wraps the last
        yield node


def _said(leaf: Json, key: str) -> str:
    value = leaf.get(key)
    return value if isinstance(value, str) else ""


def _bare(leaf: Json, *, is_code: bool) -> Iterator[Inline]:
    match leaf.get("type"):
        case "text":
            yield from _lines(_said(leaf, "text"), is_code=is_code)
        case "link":
            url, label = _said(leaf, "url"), _said(leaf, "text")
            yield Link(url, (Str(label),) if label and label != url else ()) if is_address(url) else Str(label or url)
        case "emoji":
            yield from_codepoints(_said(leaf, "name"), _said(leaf, "unicode"))
        case "user":
            yield Mention(_said(leaf, "user_id"), _said(leaf, "user_id"))
        case "channel":
            yield channel_reference(_said(leaf, "channel_id"))
        case _:
            yield Str(_words(leaf))


def _lines(text: str, *, is_code: bool) -> Iterator[Inline]:
    for number, line in enumerate(text.split("\n")):
        if number:
            yield Break()
        if line:
            yield Code(line) if is_code else Str(line)


def _words(leaf: Json) -> str:
    """What a leaf says that means something only in Slack; of ones newer than this code, what they say of themselves."""
    match leaf.get("type"):
        case "broadcast":
            return f"@{_said(leaf, 'range')}"
        case "usergroup":
            return "@group"
        case "color":
            return _said(leaf, "value")
        case _:
            return _said(leaf, "text") or _said(leaf, "fallback")
