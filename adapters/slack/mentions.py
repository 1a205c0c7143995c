"""The users and channels that a text names by id, and the text with their names instead. Pure; names are looked up elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, assert_never

from bridge.post import UserId
from bridge.text import Block, Bold, CodeBlock, Inline, Inlines, Italic, Link, List, Mention, Paragraph, Quote, Str, Strike, Text

PRIVATE: Final = "#private-channel"
"""How a channel is called that not everybody in the workspace may know of, or that nobody could look up; as in Slack."""

_ADDRESS: Final = "slack://channel?id="
_CHANNEL: Final = re.compile(r"[CG][A-Z0-9_]+")
_USER: Final = re.compile(r"[UW][A-Z0-9_]+")


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


@dataclass(frozen=True, slots=True)
class Called(Mention):
    """A mention that calls the person: `user` is their id here. Nobody can type one."""


def with_names(text: Text, users: Mapping[str, str], channels: Mapping[str, str]) -> Text:
    """The text with each known user's and channel's name; unknown users keep what they had, unknown channels have none."""

    def named_inline(node: Inline) -> Inline | None:
        if isinstance(node, Mention):
            return Mention(node.user, users.get(node.user, node.label))
        if channel := _referred(node):
            return Str(f"#{channels[channel]}" if channel in channels else PRIVATE)
        return None

    return _changed(text, named_inline)


def with_people(text: Text, people: Mapping[str, UserId]) -> Text:
    """The text whose mentions call those people, by their ids here, whom they may call."""

    def called(node: Inline) -> Inline | None:
        user = people.get(node.user) if isinstance(node, Mention) else None
        return Called(user, node.label) if user and isinstance(node, Mention) and _USER.fullmatch(user) else None

    return _changed(text, called)


def _changed(text: Text, change: Callable[[Inline], Inline | None]) -> Text:
    """The text with each inline node that `change` has something else for."""
    return tuple(_changed_block(block, change) for block in text)


def _changed_block(block: Block, change: Callable[[Inline], Inline | None]) -> Block:
    match block:
        case Paragraph(children):
            return Paragraph(_changed_inlines(children, change))
        case Quote(children):
            return Quote(_changed(children, change))
        case List(items):
            return replace(block, items=tuple(_changed(item, change) for item in items))
        case CodeBlock():
            return block
        case _:
            assert_never(block)


def _changed_inlines(nodes: Inlines, change: Callable[[Inline], Inline | None]) -> Inlines:
    return tuple(change(node) or _changed_inline(node, change) for node in nodes)


def _changed_inline(node: Inline, change: Callable[[Inline], Inline | None]) -> Inline:
    match node:
        case Bold(children) | Italic(children) | Strike(children):
            return type(node)(_changed_inlines(children, change))
        case Link(url, children):
            return Link(url, _changed_inlines(children, change))
        case _:
            return node
