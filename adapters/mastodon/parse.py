"""What the server handed over → events. Pure: bytes and identity in, events out; the only file here that sees dicts."""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from adapters.mastodon.identity import AUDIENCES, Identity
from adapters.mastodon.reading import clean, read_text
from bridge.errors import Unparsable
from bridge.post import (
    Audience,
    Author,
    Created,
    Deleted,
    Edited,
    Event,
    Ignored,
    Media,
    NativeId,
    Own,
    Place,
    Post,
    Raw,
    Ref,
    UserId,
    direct,
)
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
)

__all__ = ["parse", "read_text"]

Json = Mapping[str, Any]

_TYPED_HANDLE: Final = re.compile(r"@[\w.-]*\w(?:@[\w.-]*\w)?")
_AFTER_HANDLE: Final = re.compile(r"^[:,]?\s*")


def parse(raw: Raw, identity: Identity, outcasts: Container[str] = ()) -> tuple[Event | Ignored, ...]:
    """The one event in `raw`, or why it is none. Raises `Unparsable` for anything no server sends.

    `outcasts` are the ids of our own statuses that should never have stood: what is told of them is nobody's post.

    `raw.body` is `{"kind": "create" | "edit", "status": …}` or `{"kind": "delete", "id": …}`; see `hearing`.
    """
    try:
        data = json.loads(raw.body)
        native = data["id"] if data["kind"] == "delete" else data["status"]["id"]
        if _words(native) in outcasts:
            return (Ignored(raw.key, "own-rejected"),)
        if data["kind"] == "delete":
            return (Deleted(Ref(identity.timeline, NativeId(_words(data["id"]))), raw.at, Own.PERHAPS),)
        return (_event(raw, data["kind"], data["status"], identity),)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unparsable(f"A Mastodon server sent something that is no status ({type(error).__name__}).") from error


def _event(raw: Raw, kind: str, status: Json, identity: Identity) -> Event | Ignored:
    if status.get("reblog"):
        return Ignored(raw.key, "boost")
    own = status["account"]["id"] == identity.user
    if not own and not _mentions(status, identity.user):
        return Ignored(raw.key, "not addressed to the account")
    post = _post(status, identity, raw.at, own=own)
    whose = Own.PERHAPS if own else Own.NO
    if kind == "edit":
        revision = _words(status.get("edited_at"))
        if not revision:
            return Ignored(raw.key, "no edit: the server looked up a link, or counted something")
        return Edited(post, revision, _time(revision) or raw.at, whose)
    if kind == "create":
        return Created(post, whose)
    raise Unparsable(f"Unknown kind of event: {kind!r:.40}")


def _post(status: Json, identity: Identity, heard_at: datetime, *, own: bool) -> Post:
    audience = AUDIENCES[status["visibility"]]
    place = _place(status, identity, audience, own=own)
    answered = status.get("in_reply_to_id")
    warning = _words(status.get("spoiler_text")).strip()
    ids = {_words(m["url"]): _words(m["id"]) for m in status.get("mentions") or () if m.get("url")}
    text = _name_people(read_text(_words(status["content"])), ids)
    return Post(
        ref=Ref(place, NativeId(_words(status["id"]))),
        author=_author(status["account"], identity.domain),
        text=text if own else without_leading_mention(text, identity),
        audience=audience,
        at=_time(status.get("created_at")) or heard_at,
        reply_to=Ref(place, NativeId(_words(answered))) if answered else None,
        gated=own,  # anybody at all can mention the account or write to it directly
        warning=warning,
        sensitive=bool(status.get("sensitive")),
        language=_words(status.get("language")),
        media=tuple(_media(item) for item in status.get("media_attachments") or ()),
    )


def _place(status: Json, identity: Identity, audience: Audience, *, own: bool) -> Place:
    if audience is not Audience.DIRECT:
        return identity.timeline
    if not own:
        return direct(identity.account, UserId(_words(status["account"]["id"])))
    # A note to oneself mentions nobody; it is nobody else's conversation.
    others = [UserId(_words(mention["id"])) for mention in status.get("mentions") or ()]
    return direct(identity.account, others[0] if others else identity.user)


def _mentions(status: Json, user: UserId) -> bool:
    return any(mention["id"] == user for mention in status.get("mentions") or ())


def _author(account: Json, domain: str) -> Author:
    acct = _words(account["acct"])
    full = acct if "@" in acct else f"{acct}@{domain}"
    handles = dict.fromkeys((_words(account["id"]), acct, f"@{acct}", full, f"@{full}"))
    name = _words(account.get("display_name")).strip() or _words(account["username"])
    return Author(UserId(_words(account["id"])), name, tuple(handles), bool(account.get("bot")))


def _media(item: Json) -> Media:
    url = _words(item.get("remote_url") or item.get("url") or item.get("preview_url"))
    name = unquote(urlsplit(url).path.rsplit("/", 1)[-1]) or _words(item.get("type")) or "file"
    mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Media(name=name, mime=mime, alt=_words(item.get("description")).strip(), source=_words(item.get("url")))


def _words(value: object) -> str:
    return clean(str(value)) if value is not None else ""


def _time(value: object) -> datetime | None:
    """An ISO time as aware UTC; servers of the family always mean UTC."""
    if not value:
        return None
    at = datetime.fromisoformat(str(value))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


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
            case Str(words) if (handle := _TYPED_HANDLE.match(words)) and identity.is_me(handle.group()):
                rest = [*_without_gap((Str(words[handle.end() :]), *rest[1:]))]
            case Mention() | Str() as other if isinstance(other, Mention) or not other.text.strip():
                kept.append(rest.pop(0))  # someone else is addressed too: that stays
            case _:
                break
    remaining = (*kept, *rest)
    return (Paragraph(remaining), *text[1:]) if remaining else text[1:]


def _without_gap(nodes: Iterable[Inline]) -> Inlines:
    """What follows an address without the colon, spaces and breaks that set it off."""
    rest = list(nodes)
    if rest and isinstance(first := rest[0], Str):
        rest[0] = Str(_AFTER_HANDLE.sub("", first.text))
    while rest and (rest[0] == Break() or rest[0] == Str("")):
        rest.pop(0)
    return tuple(rest)


def _name_people(text: Text, ids: Mapping[str, str]) -> Text:
    """The text with people's ids in the place of their addresses, where the status names them."""
    return tuple(_name_in_block(block, ids) for block in text)


def _name_in_block(block: Block, ids: Mapping[str, str]) -> Block:
    match block:
        case Paragraph(children):
            return Paragraph(_name_in(children, ids))
        case Quote(children):
            return Quote(_name_people(children, ids))
        case List(items):
            return replace(block, items=tuple(_name_people(item, ids) for item in items))
        case _:
            return block


def _name_in(nodes: Inlines, ids: Mapping[str, str]) -> Inlines:
    return tuple(_name_in_inline(node, ids) for node in nodes)


def _name_in_inline(node: Inline, ids: Mapping[str, str]) -> Inline:
    match node:
        case Mention(user, label):
            return Mention(ids.get(user, user), label)
        case Bold(children) | Italic(children) | Strike(children):
            return type(node)(_name_in(children, ids))
        case Link(url, children):
            return Link(url, _name_in(children, ids))
        case _:
            return node
