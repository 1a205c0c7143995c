"""What Slack's events say, as posts. Pure: who we are comes in as a value, and nothing is looked up."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from adapters.slack.mrkdwn import read_mrkdwn
from adapters.slack.rich_text import read_blocks
from bridge.errors import Unparsable
from bridge.post import (
    AccountId,
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
    PlaceId,
    Post,
    Raw,
    Ref,
    UserId,
    direct,
)
from bridge.text import Text

Json = Mapping[str, Any]

SOMEONE: Final = "someone"
"""The name of an author whom nobody could look up yet; an id is never shown as a name."""

SHARED: Final = "channel-shared"
"""Why nothing is taken from a channel that another company shares: who may post there is not ours to say."""

METADATA: Final = "viabridge"
"""The metadata event type under which our own messages carry their send key."""

_POSTS: Final = frozenset({"", "file_share", "thread_broadcast", "me_message", "bot_message"})
_TS = re.compile(r"\d{1,12}\.\d{1,9}")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are in a workspace, and which person each known direct-message channel belongs to."""

    account: AccountId
    user: str = ""
    bot: str = ""
    people_by_channel: Mapping[str, str] = field(default_factory=dict)


def read_text(native: str) -> Text:
    """Mrkdwn as a tree."""
    return read_mrkdwn(native)


def moment(ts: str) -> datetime:
    """A Slack timestamp (`1700000000.000100`, seconds since 1970) as aware UTC. Raises `Unparsable` on anything else."""
    if not _TS.fullmatch(ts):
        raise Unparsable("Slack named a message by something that is no timestamp.")
    seconds, _, fraction = ts.partition(".")
    whole = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(seconds))
    return whole + timedelta(microseconds=int(f"{fraction:0<6}"[:6]))


def parse(raw: Raw, identity: Identity) -> tuple[Event | Ignored, ...]:
    """The events of one callback: one at most. Raises `Unparsable`."""
    callback = _decoded(raw.body)
    event = callback.get("event")
    if callback.get("type") != "event_callback" or not isinstance(event, dict):
        return (Ignored(raw.key, f"not an event: {_word(callback, 'type')}"),)
    if event.get("type") != "message":
        return (Ignored(raw.key, f"not a message: {_word(event, 'type')}"),)
    try:
        return (_Reader(callback, event, identity, raw.key).read(),)
    except (OverflowError, ValueError, RecursionError) as error:
        raise Unparsable("Slack's event has a shape that nobody knows.") from error


def sharing_changed(raw: Raw) -> str:
    """The channel whose sharing with another company changed, or may have; empty where nothing says so. Raises `Unparsable`."""
    callback = _decoded(raw.body)
    event = _part(callback, "event")
    is_told = _word(event, "type") in ("channel_shared", "channel_unshared")
    return _word(event, "channel") if is_told or callback.get("is_ext_shared_channel") is True else ""


def _decoded(body: bytes) -> Json:
    try:
        callback = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unparsable("Slack's event is not JSON.") from error
    if not isinstance(callback, dict):
        raise Unparsable("Slack's event is not an object.")
    return callback


def _word(source: Json, key: str) -> str:
    value = source.get(key)
    return value if isinstance(value, str) else ""


def _part(source: Json, key: str) -> Json:
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def _parts(source: Json, key: str) -> list[Json]:
    value = source.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class _Reader:
    """One message event, with what stands around it."""

    callback: Json
    event: Json
    identity: Identity
    key: str

    def read(self) -> Event | Ignored:
        found = self._read()
        if self.callback.get("is_ext_shared_channel") is not True or not isinstance(found, Created | Edited):
            return found  # that something is gone may be told, wherever it stood
        return found if found.ref.place.is_direct else Ignored(self.key, SHARED)

    def _read(self) -> Event | Ignored:
        subtype = _word(self.event, "subtype")
        if subtype in _POSTS:
            return Created(self._post(self.event), self._own(self.event), _send_key(self.event))
        if subtype == "message_changed":
            return self._changed()
        if subtype == "message_deleted":
            return self._deleted(_word(self.event, "deleted_ts"))
        return Ignored(self.key, f"message subtype: {subtype}")

    def _changed(self) -> Event | Ignored:
        message, previous = _part(self.event, "message"), _part(self.event, "previous_message")
        if _word(message, "subtype") == "tombstone":
            return self._deleted(_word(message, "ts"))
        if _word(message, "subtype") not in _POSTS:
            return Ignored(self.key, f"message subtype: {_word(message, 'subtype')}")
        revision = _word(_part(message, "edited"), "ts")
        if not revision or revision == _word(_part(previous, "edited"), "ts"):
            return Ignored(self.key, "no edit: Slack unfurled a link or counted replies")
        return Edited(self._post(message), revision, moment(revision), self._own(message))

    def _deleted(self, ts: str) -> Deleted:
        previous = _part(self.event, "previous_message")
        moment(ts)
        at = _word(self.event, "event_ts") or _word(self.event, "ts") or ts
        return Deleted(Ref(self._place(previous), NativeId(ts)), moment(at), self._own(previous))

    def _post(self, message: Json) -> Post:
        ts, root = _word(message, "ts"), _word(message, "thread_ts")
        place, text = self._place(message), _text(message)
        return Post(
            ref=Ref(place, NativeId(ts)),
            author=_author(message),
            text=text,
            audience=Audience.DIRECT if place.is_direct else Audience.GROUP,
            at=moment(ts),
            reply_to=Ref(place, NativeId(root)) if root and root != ts else None,
            gated=not place.is_direct,
            media=tuple(_media(file) for file in _parts(message, "files")),
        )

    def _place(self, message: Json) -> Place:
        """Where it stands. In a direct conversation whose person nobody knows yet, the channel's id stands for them."""
        channel = _word(self.event, "channel")
        if not channel:
            raise Unparsable("Slack's message stands in no channel.")
        if _word(self.event, "channel_type") != "im" and not channel.startswith("D"):
            return Place(self.identity.account, PlaceId(channel))
        user = _word(message, "user")
        known = self.identity.people_by_channel.get(channel, channel)
        is_theirs = user and user != "USLACKBOT" and not self._is_ours(message)
        return direct(self.identity.account, UserId(user if is_theirs else known))

    def _own(self, message: Json) -> Own:
        return Own.SURELY if self._is_ours(message) else Own.NO

    def _is_ours(self, message: Json) -> bool:
        """Only this app writes as its bot. With another name shown, a message has no user but its bot id."""
        app = _word(self.callback, "api_app_id")
        if app and app in (_word(message, "app_id"), _word(_part(message, "bot_profile"), "app_id")):
            return bool(_word(message, "bot_id"))
        users = {_word(who, "user_id") for who in _parts(self.callback, "authorizations") if who.get("is_bot") is True}
        users |= {self.identity.user}
        return _word(message, "user") in users - {""} or _word(message, "bot_id") in {self.identity.bot} - {""}


def _author(message: Json) -> Author:
    """The author by id, with the best name that stands in the message itself."""
    profile, bot = _part(message, "user_profile"), _part(message, "bot_profile")
    user = _word(message, "user") or _word(message, "bot_id")
    names = (_word(message, "username"), _word(profile, "display_name"), _word(profile, "real_name"), _word(bot, "name"))
    is_bot = bool(_word(message, "bot_id")) or _word(message, "subtype") == "bot_message"
    return Author(UserId(user), next(filter(None, names), SOMEONE), (user,) if user else (), is_bot)


def _text(message: Json) -> Text:
    """Rich text where there is some, else `text`, else what the attachments say of themselves."""
    text = read_blocks(message.get("blocks")) or read_mrkdwn(_word(message, "text"))
    return text or tuple(block for part in _parts(message, "attachments") for block in read_mrkdwn(_word(part, "fallback")))


def _media(file: Json) -> Media:
    size = file.get("size")
    return Media(
        name=_word(file, "name") or _word(file, "title") or "file",
        mime=_word(file, "mimetype") or "application/octet-stream",
        size=size if isinstance(size, int) else None,
        alt=_word(file, "alt_txt"),
        source=_word(file, "id"),
    )


def _send_key(message: Json) -> str:
    metadata = _part(message, "metadata")
    return send_key(_word(metadata, "event_type"), _part(metadata, "event_payload"))


def send_key(event_type: str, payload: Json) -> str:
    """The send key in a message's metadata; empty where it is not ours."""
    return _word(payload, "delivery_id") if event_type == METADATA else ""
