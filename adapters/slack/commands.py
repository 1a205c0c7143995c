"""What people ask of the bridge in Slack: the slash command and the message shortcut, as commands. Pure, but for who asks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

from adapters.slack.directory import Remembered, User
from bridge.errors import Retryable
from bridge.post import Author, Commanded, Heard, Ignored, NativeId, Place, PlaceId, Raw, Ref, UserId

Json = Mapping[str, Any]

WHY: Final = "via_why"
"""The callback id of the message shortcut "Where did this go?"."""


# ---------------------------------------------------------------- how it comes in


def form_of(body: bytes) -> dict[str, Any] | None:
    """A form as Slack posts it, in the shape in which Socket Mode brings the same; None for anything else.

    What is interactive stands as JSON in the field `payload`; a slash command is its fields.
    """
    fields = {name: values[0] for name, values in _fields(body).items()}
    if "payload" in fields:
        return _object(fields["payload"])
    return dict(fields) if "command" in fields else None


def is_ssl_check(body: bytes) -> bool:
    """Whether Slack only looks whether the address answers."""
    return "ssl_check" in _fields(body)


def _fields(body: bytes) -> Mapping[str, list[str]]:
    try:
        return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return {}


def _object(words: str) -> dict[str, Any] | None:
    try:
        found = json.loads(words)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


# ---------------------------------------------------------------- what it says


@dataclass(frozen=True, slots=True)
class Asked:
    """A command, and the address at which Slack takes the answer to it."""

    command: Commanded
    answer_at: str


def read(raw: Raw) -> Asked | Ignored | None:
    """What somebody asked; None for what is an event, or nothing that can be read."""
    callback = _object(raw.body.decode("utf-8", "replace"))
    if callback is None:
        return None
    if isinstance(callback.get("command"), str):
        return _slash(raw, callback)
    if callback.get("type") == "message_action":
        return _shortcut(raw, callback) or Ignored(raw.key, f"shortcut: {_word(callback, 'callback_id')}")
    return None


def _slash(raw: Raw, callback: Json) -> Asked | Ignored:
    channel, user = _word(callback, "channel_id"), _word(callback, "user_id")
    if not channel or not user:
        return Ignored(raw.key, "a command without a person or a place")
    author = _author(user, _word(callback, "user_name"))
    place = Place(raw.account, PlaceId(channel))
    return Asked(Commanded(_key(raw), place, author, _word(callback, "text"), raw.at), _word(callback, "response_url"))


def _shortcut(raw: Raw, callback: Json) -> Asked | None:
    channel, message, user = (_part(callback, name) for name in ("channel", "message", "user"))
    where, what, who = _word(channel, "id"), _word(message, "ts"), _word(user, "id")
    if _word(callback, "callback_id") != WHY or not (where and what and who):
        return None
    place = Place(raw.account, PlaceId(where))
    author = _author(who, _word(user, "username") or _word(user, "name"))
    command = Commanded(_key(raw), place, author, "why", raw.at, about=Ref(place, NativeId(what)))
    return Asked(command, _word(callback, "response_url"))


def _key(raw: Raw) -> str:
    """Short and without what opens anything: a trigger id does, for three seconds."""
    return hashlib.sha256(raw.key.encode()).hexdigest()[:24]


def _author(user: str, handle: str) -> Author:
    return Author(UserId(user), handle or "someone", (user,))


def _word(source: Json, key: str) -> str:
    value = source.get(key)
    return value if isinstance(value, str) else ""


def _part(source: Json, key: str) -> Json:
    value = source.get(key)
    return value if isinstance(value, dict) else {}


# ---------------------------------------------------------------- who asks


@dataclass(frozen=True, slots=True)
class Desk:
    """`bridge.contract.Commands`: who asks is looked up as authors are. `limit` is in seconds."""

    users: Remembered[User]
    limit: float

    async def identify(self, author: Author) -> Author:
        """See `bridge.contract.Commands.identify`."""
        await self.users.learn(author.user)
        user = self.users.known(author.user)
        if user is None and self.users.may_be_known_later(author.user):
            raise Retryable("Slack can't say now who asks.")
        return Author(author.user, user.name, user.handles, user.is_bot) if user else author


def heard(raw: Raw, listen: Callable[[Commanded, str], None]) -> tuple[Heard, ...] | None:
    """The command that the raw says, after `listen` was told where its answer is taken; None for what is an event."""
    found = read(raw)
    if isinstance(found, Asked):
        listen(found.command, found.answer_at)
        return (found.command,)
    return (found,) if found else None
