"""The people whom a status names: which of its links are whose, and the account's own name at its head. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlsplit

from adapters.mastodon.identity import Identity
from bridge.post import UserId
from bridge.text import (
    Block,
    Bold,
    Break,
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
    plain_inlines,
)

_TYPED_HANDLE: Final = re.compile(r"@[\w.-]*\w(?:@[\w.-]*\w)?")
_AFTER_HANDLE: Final = re.compile(r"^\s*(?:[:,;]|[-\u2013\u2014](?=\s))?\s*")


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody whom the status says it names: their id, the address of their page, and `name` or `name@host`."""

    user: UserId
    url: str
    acct: str


class People:
    """Whose an address is. Servers link the same person by different addresses: by page, by actor, by another host's view."""

    def __init__(self, named: Iterable[Named]) -> None:
        people = tuple(named)
        self._by_url: Mapping[str, UserId] = {one.url: one.user for one in people if one.url}
        self._by_name: Mapping[tuple[str, str], UserId] = {
            (one.acct.partition("@")[0].lower(), host): one.user
            for one in people
            for host in (_host(one.url), one.acct.partition("@")[2].lower())
            if host
        }

    def at(self, url: str, shown: str) -> UserId | None:
        """Who is linked by `url` and shown as `shown` (`karl`, `karl@social.example`); None where the status does not say."""
        name, _, host = shown.removeprefix("@").lower().partition("@")
        return self._by_url.get(url) or self._by_name.get((name, host or _host(url)))


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def without_leading_mention(text: Text, identity: Identity) -> Text:
    """The text without the mentions of the account at its very start: they are the address, not the message."""
    if not text or not isinstance(first := text[0], Paragraph):
        return text
    kept: list[Inline] = []
    rest = list(first.children)
    while rest:
        match rest[0]:
            case Mention(user) if user == identity.user:
                rest = [*_without_gap(rest[1:])]
            case Str(words) if (handle := _TYPED_HANDLE.match(words.lstrip())) and identity.is_me(handle.group()):
                rest = [*_without_gap((Str(words.lstrip()[handle.end() :]), *rest[1:]))]
            case Mention() | Str() as other if isinstance(other, Mention) or not other.text.strip(" ,;"):
                kept.append(rest.pop(0))  # someone else is addressed too: that stays
            case _:
                break
    remaining = (*kept, *rest)
    return (Paragraph(remaining), *text[1:]) if remaining else text[1:]


def _without_gap(nodes: Iterable[Inline]) -> Inlines:
    """What follows an address without the sign, spaces and breaks that set it off."""
    rest = list(nodes)
    if rest and isinstance(first := rest[0], Str):
        rest[0] = Str(_AFTER_HANDLE.sub("", first.text))
    while rest and (rest[0] == Break() or (isinstance(blank := rest[0], Str) and not blank.text.strip())):
        rest.pop(0)
    return tuple(rest)


def name_people(text: Text, people: People) -> Text:
    """The text with people's ids in the place of their addresses, where the status names them."""
    return tuple(_in_block(block, people) for block in text)


def _in_block(block: Block, people: People) -> Block:
    match block:
        case Paragraph(children):
            return Paragraph(_in_all(children, people))
        case Quote(children):
            return Quote(name_people(children, people))
        case List(items):
            return replace(block, items=tuple(name_people(item, people) for item in items))
        case _:
            return block


def _in_all(nodes: Inlines, people: People) -> Inlines:
    return tuple(_in_inline(node, people) for node in nodes)


def _in_inline(node: Inline, people: People) -> Inline:
    match node:
        case Mention(url, label):
            return Mention(people.at(url, label) or url, label)
        case Link(url, children) if (shown := plain_inlines(children)).startswith("@") and (user := people.at(url, shown)):
            return Mention(user, shown.removeprefix("@"))  # a server that marks its mentions as mere links
        case Link(url, children):
            return Link(url, _in_all(children, people))
        case Bold(children) | Italic(children) | Strike(children):
            return type(node)(_in_all(children, people))
        case _:
            return node
