"""The users and channels that a text names by id, and the text with their names instead. Pure; names are looked up elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, assert_never

from bridge.text import Block, Bold, CodeBlock, Inline, Inlines, Italic, Link, List, Mention, Paragraph, Quote, Str, Strike, Text

PRIVATE: Final = "#private-channel"
"""How a channel is called that not everybody in the workspace may know of, or that nobody could look up; as in Slack."""

_ADDRESS: Final = "slack://channel?id="
_CHANNEL: Final = re.compile(r"[CG][A-Z0-9]{6,}")


def channel_reference(channel: str) -> Link:
    """A channel that Slack itself says is named here, until it has its name.

    It is a link to Slack's own address of it, which nobody can type: what is typed leads to the web, mail or telephone only.
    """
    return Link(_ADDRESS + channel, (Str(PRIVATE),))


def _referred(node: Inline) -> str:
    """The channel that a node refers to; empty where it is anything else."""
    return node.url.removeprefix(_ADDRESS) if isinstance(node, Link) and node.url.startswith(_ADDRESS) else ""


@dataclass(frozen=True, slots=True)
class Named:
    """Ids without a name yet."""

    users: frozenset[str]
    channels: frozenset[str]


def named(text: Text) -> Named:
    """The users and channels that the text names by id alone."""
    leaves = [leaf for block in text for leaf in _leaves(block)]
    users = frozenset(leaf.user for leaf in leaves if isinstance(leaf, Mention))
    channels = frozenset(id_ for leaf in leaves if _CHANNEL.fullmatch(id_ := _referred(leaf)))
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
        if isinstance(node, Bold | Italic | Strike | Link) and not _referred(node):
            yield from _inner(node.children)
        else:
            yield node


def with_names(text: Text, users: Mapping[str, str], channels: Mapping[str, str]) -> Text:
    """The text with each known user's and channel's name; unknown users keep what they had, unknown channels have none."""
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
        case Link() if channel := _referred(node):
            return Str(f"#{channels[channel]}" if channel in channels else PRIVATE)
        case Bold(children) | Italic(children) | Strike(children):
            return type(node)(_named_inlines(children, users, channels))
        case Link(url, children):
            return Link(url, _named_inlines(children, users, channels))
        case _:
            return node
