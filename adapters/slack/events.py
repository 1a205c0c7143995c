"""What kind of thing a Slack event tells, and by what name it is kept: the same whichever way it comes. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

Json = Mapping[str, Any]

POSTS: Final = frozenset({"", "file_share", "thread_broadcast", "me_message", "bot_message"})
"""The subtypes under which something is said."""

_NAME: Final = re.compile(r"[!-~]{1,200}")
"""A key that every store can keep; anything else is named by its hash."""


def word(source: Json, key: str) -> str:
    """A text in an object; empty where there is none."""
    value = source.get(key)
    return value if isinstance(value, str) else ""


def part(source: Json, key: str) -> Json:
    """An object in an object; empty where there is none."""
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def parts(source: Json, key: str) -> list[Json]:
    """The objects of a list in an object."""
    value = source.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def is_tombstone(message: Json) -> bool:
    """Whether it is what Slack leaves of a deleted message that has answers."""
    return word(message, "subtype") == "tombstone"


def revision_of(event: Json) -> str:
    """What names the edit that a `message_changed` tells of; empty where it tells of none.

    Slack says the same of previews, reply counts and the answers to a deleted message, and then nothing newer was edited.
    What shows no new time of its edits is believed where it says something else than before, or lost a file: that is no
    edit of Slack's, so only the event itself has a time.
    """
    message, previous = part(event, "message"), part(event, "previous_message")
    edited, before = word(part(message, "edited"), "ts"), word(part(previous, "edited"), "ts")
    if edited and edited != before:
        return edited if _number(edited) > _number(before) else ""
    if previous and word(message, "text") != word(previous, "text"):
        return edited or word(event, "event_ts") or word(event, "ts")
    if previous and _files(message) != _files(previous):
        return word(event, "event_ts") or word(event, "ts") or edited
    return edited if message == previous else ""


def _number(ts: str) -> float:
    try:
        return float(ts or 0)
    except ValueError:
        return 0.0


def _files(message: Json) -> frozenset[str]:
    return frozenset(word(file, "id") for file in parts(message, "files") if not is_trace(file))


def is_trace(file: Json) -> bool:
    """Whether it is what Slack leaves of a file that was removed."""
    return word(file, "mode") == "tombstone"


def key_of(callback: Json, body: bytes) -> str:
    """The name of what a callback tells.

    Slack sends one message under several event ids, and history has none: what is said of a message is named by channel, ts
    and kind, an edit also by its time. The rest is named by team and event id, a command by its trigger, or else by its hash.
    """
    told = _told(part(callback, "event"))
    if not told:
        event_id = word(callback, "event_id") or word(callback, "trigger_id") or hashlib.sha256(body).hexdigest()
        told = f"{word(callback, 'team_id')}:{event_id}"
    return told if _NAME.fullmatch(told) else hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _told(event: Json) -> str:
    channel, subtype = word(event, "channel"), word(event, "subtype")
    if word(event, "type") != "message" or not channel:
        return ""
    if subtype in POSTS and word(event, "ts"):
        return f"{channel}:{word(event, 'ts')}:created"
    if subtype == "message_deleted" and word(event, "deleted_ts"):
        return f"{channel}:{word(event, 'deleted_ts')}:deleted"
    if subtype != "message_changed" or not (ts := word(part(event, "message"), "ts")):
        return ""
    if is_tombstone(part(event, "message")):
        return f"{channel}:{ts}:deleted"
    revision = revision_of(event)
    return f"{channel}:{ts}:edited:{revision}" if revision else ""
