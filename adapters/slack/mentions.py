"""The users and channels that a text names by id, and the text with their names instead. Pure; names are looked up elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, assert_never

from bridge.text import Block, Bold, CodeBlock, Inline, Inlines, Italic, Link, List, Mention, Paragraph, Quote, Str, Strike, Text

_CHANNEL: Final = re.compile(r"(?<![\w/])#([CG][A-Z0-9]{8,})\b")


@dataclass(frozen=True, slots=True)
class Named:
    """Ids without a name yet."""

    users: frozenset[str]
    channels: frozenset[str]


def named(text: Text) -> Named:
    """The users and channels that the text names by id alone."""
    leaves = [leaf for block in text for leaf in _leaves(block)]
    users = frozenset(leaf.user for leaf in leaves if isinstance(leaf, Mention))
    channels = frozenset(id_ for leaf in leaves if isinstance(leaf, Str) for id_ in _CHANNEL.findall(leaf.text))
    return Named(users, channels)


def _leaves(block: Block) -> Iterator[Inline]:
    match block:
        case Paragraph(children):
            yield from _inner(children)
        case Quote(children):
            for child in children:
                yield from _leaves(child)
        case List(items):
            for item in items:
                for child in item:
                    yield from _leaves(child)
        case CodeBlock():
            return
        case _:
            assert_never(block)


def _inner(nodes: Inlines) -> Iterator[Inline]:
    for node in nodes:
        if isinstance(node, Bold | Italic | Strike | Link):
            yield from _inner(node.children)
        else:
            yield node


def with_names(text: Text, users: Mapping[str, str], channels: Mapping[str, str]) -> Text:
    """The text with each known user's and channel's name; unknown ones keep what they had."""
    return tuple(_named_block(block, users, channels) for block in text)


def _named_block(block: Block, users: Mapping[str, str], channels: Mapping[str, str]) -> Block:
    match block:
        case Paragraph(children):
            return Paragraph(_named_inlines(children, users, channels))
        case Quote(children):
            return Quote(with_names(children, users, channels))
        case List(items):
            return replace(block, items=tuple(with_names(item, users, channels) for item in items))
        case CodeBlock():
            return block
        case _:
            assert_never(block)


def _named_inlines(nodes: Inlines, users: Mapping[str, str], channels: Mapping[str, str]) -> Inlines:
    return tuple(_named_inline(node, users, channels) for node in nodes)


def _named_inline(node: Inline, users: Mapping[str, str], channels: Mapping[str, str]) -> Inline:
    match node:
        case Mention(user, label):
            return Mention(user, users.get(user, label))
        case Str(words):
            return Str(_CHANNEL.sub(lambda found: f"#{channels.get(found.group(1), found.group(1))}", words))
        case Bold(children) | Italic(children) | Strike(children):
            return type(node)(_named_inlines(children, users, channels))
        case Link(url, children):
            return Link(url, _named_inlines(children, users, channels))
        case _:
            return node
