"""What the server handed over → events. Pure: bytes and identity in, events out; the only file here that sees dicts."""

from __future__ import annotations

import json
import mimetypes
from collections.abc import Container, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from adapters.mastodon import unready
from adapters.mastodon.identity import AUDIENCES, Identity
from adapters.mastodon.mentions import Named, People, name_people, without_leading_mention
from adapters.mastodon.reading import clean, quoted_address, read_text
from adapters.mastodon.wording import Choice, Poll, boost_words, poll_words, quote_words
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
from bridge.text import Text

__all__ = ["parse", "read_text"]

Json = Mapping[str, Any]

_QUOTED: Final = frozenset({"accepted", "pending"})
"""States of a quote in which its address is shown: in all others the quoted person, or the server, took it back."""


def parse(raw: Raw, identity: Identity, outcasts: Container[str] = ()) -> tuple[Event | Ignored, ...]:
    """The one event in `raw`, or why it is none. Raises `Unparsable` for anything no server sends.

    `outcasts` are the ids of our own statuses that should never have stood: what is told of them is nobody's post.

    `raw.body` is `{"kind": "create" | "edit" | "poll", "status": …}` or `{"kind": "delete", "id": …}`; see `hearing`. Of a
    kind `poll` is a status whose poll has ended: the results are an edit of it.
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
    own = status["account"]["id"] == identity.user
    if status.get("reblog"):
        return _boost(raw, status, identity) if own else Ignored(raw.key, "boost")
    if not own and not _mentions(status, identity.user):
        return Ignored(raw.key, "not addressed to the account")
    post = _post(status, identity, raw.at, own=own)
    whose = Own.PERHAPS if own else Own.NO
    match kind:
        case "edit":
            revision = _words(status.get("edited_at"))
            if not revision:
                return Ignored(raw.key, "no edit: the server looked up a link, or counted something")
            return Edited(post, revision, _time(revision) or raw.at, whose)
        case "poll":
            return Edited(post, f"poll:{_words(status['poll']['expires_at'])}", raw.at, whose)
        case "create":
            return Created(post, whose)
        case _:
            raise Unparsable(f"Unknown kind of event: {kind!r:.40}")


def _boost(raw: Raw, status: Json, identity: Identity) -> Event | Ignored:
    """The account passes on somebody else's post: what anybody may read anyway, in words, as a post of its own."""
    inner = status["reblog"]
    if inner["account"]["id"] == identity.user:
        return Ignored(raw.key, "boost of the account's own post")
    audience = min(AUDIENCES[inner["visibility"]], AUDIENCES[status["visibility"]])
    if AUDIENCES[inner["visibility"]] < Audience.UNLISTED or audience is Audience.DIRECT:
        return Ignored(raw.key, "boost of a post that is not for everybody")
    author = _author(inner["account"], identity.domain)
    text = boost_words(author.name, author.handles[-1], _text(inner, audience), _address(inner))
    post = Post(
        ref=Ref(identity.timeline, NativeId(_words(status["id"]))),
        author=_author(status["account"], identity.domain),
        text=text,
        audience=audience,
        at=_time(status.get("created_at")) or raw.at,
        warning=_words(inner.get("spoiler_text")).strip(),
        sensitive=bool(inner.get("sensitive")),
        language=_words(inner.get("language")),
    )
    return Created(post, Own.PERHAPS)


def _post(status: Json, identity: Identity, heard_at: datetime, *, own: bool) -> Post:
    audience = AUDIENCES[status["visibility"]]
    place = _place(status, identity, audience, own=own)
    answered = status.get("in_reply_to_id")
    text = _text(status, audience, None if own else identity)
    return Post(
        ref=Ref(place, NativeId(_words(status["id"]))),
        author=_author(status["account"], identity.domain),
        text=text,
        audience=audience,
        at=_time(status.get("created_at")) or heard_at,
        reply_to=Ref(place, NativeId(_words(answered))) if answered else None,
        gated=own,  # anybody at all can mention the account or write to it directly
        warning=_words(status.get("spoiler_text")).strip(),
        sensitive=bool(status.get("sensitive")),
        language=_words(status.get("language")),
        media=tuple(_media(item, _words(status["id"])) for item in status.get("media_attachments") or ()),
    )


def _text(status: Json, audience: Audience, addressed: Identity | None = None) -> Text:
    """All that a status says: its text, without the name at its head of the account it is `addressed` to; poll; quoted post."""
    content = _words(status["content"])
    named = (Named(UserId(_words(m["id"])), _words(m.get("url")), _words(m.get("acct"))) for m in status.get("mentions") or ())
    text = name_people(read_text(content), People(named))
    if addressed:
        text = without_leading_mention(text, addressed)
    # The address of a direct message leads nobody anywhere but its two people.
    poll = poll_words(_poll(status["poll"]), _address(status) if audience > Audience.DIRECT else "") if status.get("poll") else ()
    return (*text, *poll, *quote_words(_quoted(status, content)))


def _poll(poll: Json) -> Poll:
    return Poll(
        choices=tuple(Choice(_words(option["title"]), _count(option.get("votes_count"))) for option in poll["options"]),
        closes=_time(poll.get("expires_at")),
        closed=bool(poll.get("expired")),
        several=bool(poll.get("multiple")),
        voted=bool(_count(poll.get("votes_count"))),
    )


def _quoted(status: Json, content: str) -> str:
    """Where the post that is quoted stands; from the text where the server knows no quotes. Empty for what was taken back."""
    quote = status.get("quote")
    if not quote:
        return quoted_address(content)
    if quote.get("state", "accepted") not in _QUOTED:
        return ""
    return _address(quote.get("quoted_status") or {}) or quoted_address(content)


def _address(status: Json) -> str:
    """The web page of a status; empty where it has none that a browser could open."""
    url = _words(status.get("url") or status.get("uri"))
    return url if url.startswith(("https://", "http://")) and not any(map(str.isspace, url)) else ""


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
    picture = _words(account.get("avatar"))
    return Author(
        UserId(_words(account["id"])),
        name,
        tuple(handles),
        bool(account.get("bot")),
        bool(account.get("moved")),
        picture if picture.startswith("https://") else "",
    )


def _media(item: Json, status_id: str) -> Media:
    url = _words(item.get("remote_url") or item.get("url") or item.get("preview_url"))
    name = unquote(urlsplit(url).path.rsplit("/", 1)[-1]) or _words(item.get("type")) or "file"
    mime = mimetypes.guess_type(name)[0] or unready.kind_of(item)
    source = clean(unready.source_of(item, status_id))
    return Media(name=name, mime=mime, alt=_words(item.get("description")).strip(), source=source)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _words(value: object) -> str:
    return clean(str(value)) if value is not None else ""


def _time(value: object) -> datetime | None:
    """An ISO time as aware UTC; servers of the family always mean UTC."""
    if not value:
        return None
    at = datetime.fromisoformat(str(value))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
