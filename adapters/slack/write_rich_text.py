"""The tree written as Slack's `rich_text` blocks. In them marks typed elsewhere stay as typed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, assert_never
from urllib.parse import quote

from adapters.slack.lists import flatten
from adapters.slack.mentions import Called
from adapters.slack.mrkdwn import is_address
from adapters.slack.write_mrkdwn import clean
from bridge.text import (
    Block,
    Bold,
    Break,
    Code,
    CodeBlock,
    Emoji,
    Inline,
    Inlines,
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
    plain,
    plain_inlines,
)

Json = dict[str, Any]


def write_blocks(text: Text) -> list[Json]:
    """The text as one `rich_text` block; no block where nothing can be read in it."""
    elements: list[Json] = []
    for is_words, run in groupby(text, key=lambda block: isinstance(block, Paragraph)):
        blocks = tuple(run)
        elements += [_words(blocks)] if is_words else [element for block in blocks for element in _written(block)]
    elements = [element for element in elements if element["elements"]]
    return [{"type": "rich_text", "elements": elements}] if elements else []


def _words(paragraphs: Text) -> Json:
    return {"type": "rich_text_section", "elements": _leaves(_flat(paragraphs))}


def _written(block: Block) -> Iterator[Json]:
    match block:
        case Paragraph():
            yield _words((block,))
        case Quote(children):
            yield {"type": "rich_text_quote", "elements": _leaves(_flat(children))}
        case CodeBlock(code):
            yield {"type": "rich_text_preformatted", "elements": _leaves((Str(code),))}
        case List():
            yield from _written_list(block)
        case _:
            assert_never(block)


def _written_list(block: List) -> Iterator[Json]:
    for (level, ordered), run in groupby(flatten(block), key=lambda row: (row.level, row.ordered)):
        rows = [row for row in run if _leaves(row.children)]
        if not rows:
            continue
        element: Json = {"type": "rich_text_list", "style": "ordered" if ordered else "bullet", "indent": level}
        if (first := rows[0].number or 1) > 1:
            element["offset"] = first - 1
        element["elements"] = [{"type": "rich_text_section", "elements": _leaves(row.children)} for row in rows]
        yield element


def _flat(blocks: Text) -> Inlines:
    """Blocks as inline nodes, blank lines between them; Slack has no blocks within a quote."""
    nodes: list[Inline] = []
    for block in blocks:
        nodes += [Break(), Break()] if nodes else []
        nodes += block.children if isinstance(block, Paragraph) else (Str(plain((block,))),)
    return tuple(nodes)


def _leaves(nodes: Inlines, style: Mapping[str, bool] | None = None) -> list[Json]:
    """Inline nodes as Slack's flat elements; neighbours of one style become one."""
    leaves: list[Json] = []
    for node in nodes:
        for leaf in _leaf(node, style or {}):
            if leaves and leaf["type"] == leaves[-1]["type"] == "text" and leaf.get("style") == leaves[-1].get("style"):
                leaves[-1] = {**leaves[-1], "text": _inert(leaves[-1]["text"] + leaf["text"])}
            else:
                leaves.append(leaf)
    return leaves


def _leaf(node: Inline, style: Mapping[str, bool]) -> list[Json]:
    match node:
        case Str(text):
            return _text(text, style)
        case Bold(children):
            return _leaves(children, {**style, "bold": True})
        case Italic(children):
            return _leaves(children, {**style, "italic": True})
        case Strike(children):
            return _leaves(children, {**style, "strike": True})
        case Code(text):
            return _text(text, {**style, "code": True})
        case Link(url, children):
            return _link(url, plain_inlines(children), style)
        case Mention(user, label):
            called = isinstance(node, Called)
            return [_styled({"type": "user", "user_id": user}, style)] if called else _text(f"@{label}", style)
        case Emoji(name, char):
            return _text(char or f":{name}:", style)
        case Break():
            return _text("\n", style)
        case _:
            assert_never(node)


def _text(source: str, style: Mapping[str, bool]) -> list[Json]:
    text = _inert(clean(source))
    return [_styled({"type": "text", "text": text}, style)] if text else []


def _inert(text: str) -> str:
    """Slack's documents do not promise that text in blocks is literal: an unseen joiner parts `<` from what would ping."""
    return re.sub(r"<(?=[!@#])", "<\u2060", text)


def _link(url: str, label: str, style: Mapping[str, bool]) -> list[Json]:
    if not is_address(url):
        return _text(link_words(url, label), style)
    leaf: Json = {"type": "link", "url": re.sub(r"[\s<>|]", lambda found: quote(found.group()), clean(url))}
    if label.strip() and label.strip() != url:
        leaf["text"] = _inert(clean(label))
    return [_styled(leaf, style)]


def _styled(leaf: Json, style: Mapping[str, bool]) -> Json:
    return {**leaf, "style": dict(style)} if style else leaf
