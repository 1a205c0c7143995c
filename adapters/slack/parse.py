"""What Slack's events say, as posts. Pure: who we are comes in as a value, and nothing is looked up."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.slack.events import POSTS, Json, is_tombstone, part, parts, revision_of, word
from adapters.slack.fileobjects import media_of, standing_in
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

SOMEONE: Final = "someone"
"""The name of an author whom nobody could look up yet; an id is never shown as a name."""

SHARED: Final = "channel-shared"
"""Why nothing is taken from a channel that another company shares: who may post there is not ours to say."""

METADATA: Final = "viabridge"
"""The metadata event type under which our own messages carry their send key."""

HISTORY: Final = "history"
"""The transport of what was read from a channel's history, where a message stands as it is now."""

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


def is_ts(value: object) -> bool:
    """Whether it is a Slack timestamp."""
    return isinstance(value, str) and bool(_TS.fullmatch(value))


def moment(ts: str) -> datetime:
    """A Slack timestamp (`1700000000.000100`, seconds since 1970) as aware UTC. Raises `Unparsable` on anything else."""
    if not _TS.fullmatch(ts):
        raise Unparsable("Slack named a message by something that is no timestamp.")
    seconds, _, fraction = ts.partition(".")
    whole = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(seconds))
    return whole + timedelta(microseconds=int(f"{fraction:0<6}"[:6]))


def parse(raw: Raw, identity: Identity) -> tuple[Event | Ignored, ...]:
    """The events of one callback: one, or from history a post with its last edit. Raises `Unparsable`."""
    callback = _decoded(raw.body)
    event = callback.get("event")
    if callback.get("type") != "event_callback" or not isinstance(event, dict):
        return (Ignored(raw.key, f"not an event: {word(callback, 'type')}"),)
    if event.get("type") != "message":
        return (Ignored(raw.key, f"not a message: {word(event, 'type')}"),)
    reader = _Reader(callback, event, identity, raw.key)
    try:
        return (reader.read(), *reader.edited_before()) if raw.hints.get("transport") == HISTORY else (reader.read(),)
    except (OverflowError, ValueError, RecursionError) as error:
        raise Unparsable("Slack's event has a shape that nobody knows.") from error


def message_of(raw: Raw) -> Json:
    """The message that a callback tells of, as Slack says it. Raises `Unparsable`."""
    return part(_decoded(raw.body), "event")


def _decoded(body: bytes) -> Json:
    try:
        callback = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unparsable("Slack's event is not JSON.") from error
    if not isinstance(callback, dict):
        raise Unparsable("Slack's event is not an object.")
    return callback


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

    def edited_before(self) -> tuple[Edited, ...]:
        """The last edit of a message that history shows as it stands now."""
        revision = word(part(self.event, "edited"), "ts")
        created = self.read() if revision else None
        return (Edited(created.post, revision, moment(revision), created.own),) if isinstance(created, Created) else ()

    def _read(self) -> Event | Ignored:
        subtype = word(self.event, "subtype")
        if subtype in POSTS:
            return Created(self._post(self.event), self._own(self.event), _send_key(self.event))
        if subtype == "message_changed":
            return self._changed()
        if subtype == "message_deleted":
            return self._deleted(word(self.event, "deleted_ts"))
        return Ignored(self.key, f"message subtype: {subtype}")

    def _changed(self) -> Event | Ignored:
        message = part(self.event, "message")
        if is_tombstone(message):
            return self._deleted(word(message, "ts"))
        if word(message, "subtype") not in POSTS:
            return Ignored(self.key, f"message subtype: {word(message, 'subtype')}")
        revision = revision_of(self.event)
        if not revision:
            return Ignored(self.key, "no edit: Slack unfurled a link or counted replies")
        return Edited(self._post(message), revision, moment(revision), self._own(message))

    def _deleted(self, ts: str) -> Deleted:
        previous = part(self.event, "previous_message")
        moment(ts)
        at = word(self.event, "event_ts") or word(self.event, "ts") or ts
        return Deleted(Ref(self._place(previous), NativeId(ts)), moment(at), self._own(previous))

    def _post(self, message: Json) -> Post:
        ts, root = word(message, "ts"), word(message, "thread_ts")
        place, text = self._place(message), _text(message)
        return Post(
            ref=Ref(place, NativeId(ts)),
            author=_author(message),
            text=text,
            audience=Audience.DIRECT if place.is_direct else Audience.GROUP,
            at=moment(ts),
            reply_to=Ref(place, NativeId(root)) if root and root != ts else None,
            gated=not place.is_direct,
            media=tuple(map(media_of, standing_in(message))),
        )

    def _place(self, message: Json) -> Place:
        """Where it stands. In a direct conversation whose person nobody knows yet, the channel's id stands for them."""
        channel = word(self.event, "channel")
        if not channel:
            raise Unparsable("Slack's message stands in no channel.")
        if word(self.event, "channel_type") != "im" and not channel.startswith("D"):
            return Place(self.identity.account, PlaceId(channel))
        user = word(message, "user")
        known = self.identity.people_by_channel.get(channel, channel)
        is_theirs = user and user != "USLACKBOT" and not self._is_ours(message)
        return direct(self.identity.account, UserId(user if is_theirs else known))

    def _own(self, message: Json) -> Own:
        return Own.SURELY if self._is_ours(message) else Own.NO

    def _is_ours(self, message: Json) -> bool:
        """Only this app writes as its bot. With another name shown, a message has no user but its bot id."""
        app = word(self.callback, "api_app_id")
        if app and app in (word(message, "app_id"), word(part(message, "bot_profile"), "app_id")):
            return bool(word(message, "bot_id"))
        users = {word(who, "user_id") for who in parts(self.callback, "authorizations") if who.get("is_bot") is True}
        users |= {self.identity.user}
        return word(message, "user") in users - {""} or word(message, "bot_id") in {self.identity.bot} - {""}


def _author(message: Json) -> Author:
    """The author by id, with the best name that stands in the message itself."""
    profile, bot = part(message, "user_profile"), part(message, "bot_profile")
    user = word(message, "user") or word(message, "bot_id")
    names = (word(message, "username"), word(profile, "display_name"), word(profile, "real_name"), word(bot, "name"))
    is_bot = bool(word(message, "bot_id")) or word(message, "subtype") == "bot_message"
    ids = (user, word(message, "bot_id"), word(message, "app_id") or word(bot, "app_id")) if is_bot else (user,)
    return Author(UserId(user), next(filter(None, names), SOMEONE), tuple(dict.fromkeys(filter(None, ids))), is_bot)


def _text(message: Json) -> Text:
    """Rich text where there is some, else `text`, else what the attachments say of themselves."""
    text = read_blocks(message.get("blocks")) or read_mrkdwn(word(message, "text"))
    return text or tuple(block for part in parts(message, "attachments") for block in read_mrkdwn(word(part, "fallback")))


def _send_key(message: Json) -> str:
    metadata = part(message, "metadata")
    return send_key(word(metadata, "event_type"), part(metadata, "event_payload"))


def send_key(event_type: str, payload: Json) -> str:
    """The send key in a message's metadata; empty where it is not ours."""
    return word(payload, "delivery_id") if event_type == METADATA else ""
