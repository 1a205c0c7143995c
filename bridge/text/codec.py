"""The tree as JSON, for the ledger and for golden files: a string is `Str`, any other node a list led by its tag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, assert_never

from bridge.text.tree import (
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
)

Json = list[Any]


def to_json(text: Text) -> Json:
    """A text as nested lists: `[["p", "Hello ", ["b", "you"]], ["quote", ["p", "…"]]]`."""
    return [_block_to_json(block) for block in text]


def from_json(data: Json) -> Text:
    """The text that `to_json` wrote. Raises `ValueError` on anything else."""
    if not isinstance(data, list):
        raise ValueError(f"not a text: {data!r:.80}")  # noqa: TRY004 - the one error of this module, whatever is wrong
    return tuple(_block_from_json(block) for block in data)


def _block_to_json(block: Block) -> Json:
    match block:
        case Paragraph(children):
            return ["p", *_inlines_to_json(children)]
        case Quote(children):
            return ["quote", *to_json(children)]
        case CodeBlock(code, language):
            return ["pre", code, language] if language else ["pre", code]
        case List(items, ordered, start):
            tag: Json = ["ol", start] if ordered else ["ul"]
            return [*tag, *(to_json(item) for item in items)]
        case _:
            assert_never(block)


def _block_from_json(data: Json) -> Block:
    match data:
        case ["p", *children]:
            return Paragraph(_inlines_from_json(children))
        case ["quote", *children]:
            return Quote(from_json(children))
        case ["pre", str(code)]:
            return CodeBlock(code)
        case ["pre", str(code), str(language)]:
            return CodeBlock(code, language)
        case ["ul", *items]:
            return List(tuple(from_json(item) for item in items))
        case ["ol", int(start), *items]:
            return List(tuple(from_json(item) for item in items), ordered=True, start=start)
        case _:
            raise ValueError(f"not a block: {data!r:.80}")


def _inlines_to_json(nodes: Inlines) -> Json:
    return [_inline_to_json(node) for node in nodes]


def _inline_to_json(node: Inline) -> Json | str:
    match node:
        case Str(text):
            return text
        case Bold(children):
            return ["b", *_inlines_to_json(children)]
        case Italic(children):
            return ["i", *_inlines_to_json(children)]
        case Strike(children):
            return ["s", *_inlines_to_json(children)]
        case Code(text):
            return ["code", text]
        case Link(url, children):
            return ["a", url, *_inlines_to_json(children)]
        case Mention(user, label):
            return ["at", user, label]
        case Emoji(name, char):
            return ["emoji", name, char]
        case Break():
            return ["br"]
        case _:
            assert_never(node)


_MARKS: dict[str, Callable[[Inlines], Inline]] = {"b": Bold, "i": Italic, "s": Strike}


def _inlines_from_json(data: Json) -> Inlines:
    return tuple(_inline_from_json(node) for node in data)


def _inline_from_json(data: Json | str) -> Inline:
    match data:
        case str():
            return Str(data)
        case ["b" | "i" | "s" as tag, *children]:
            return _MARKS[tag](_inlines_from_json(children))
        case ["code", str(text)]:
            return Code(text)
        case ["a", str(url), *children]:
            return Link(url, _inlines_from_json(children))
        case ["at", str(user), str(label)]:
            return Mention(user, label)
        case ["emoji", str(name), str(char)]:
            return Emoji(name, char)
        case ["br"]:
            return Break()
        case _:
            raise ValueError(f"not an inline node: {data!r:.80}")
