"""What Slack tells of the workspace itself, not of what is said in it: channels, people, the app's own leave. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.slack.events import Json, part, word
from bridge.post import Raw

REMOVED: Final = "The Slack app was removed from the workspace; install it again, and copy its token if it has a new one."
REVOKED: Final = "The Slack app's token was revoked; install the app again and copy its new token."

OF_CHANNELS: Final = frozenset(
    f"{kind}_{change}" for kind in ("channel", "group") for change in ("archive", "deleted", "left", "rename", "unarchive")
) | {"channel_id_changed", "channel_shared", "channel_unshared", "member_joined_channel"}
"""After these a channel is asked about again before anything is written there; the manifest asks for each."""

CLOSING: Final = frozenset(
    f"{kind}_{change}" for kind in ("channel", "group") for change in ("archive", "deleted", "left", "shared")
)
"""Of these, what makes no channel usable that was not: of others' channels they mean nothing."""

_IN_CHANNELS: Final = frozenset(
    f"{kind}_{change}" for kind in ("channel", "group") for change in ("name", "archive", "unarchive", "convert_to_private")
)
"""The same as messages in the channel."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to remember otherwise: a channel, a user with their new profile, or that the app had to leave.

    `kind` is the event that told of a channel; empty where a message in it did. `joined` is who came into it, if that is what
    changed. `tokens` are the bot users whose tokens were revoked, where Slack names them.
    """

    channel: str = ""
    kind: str = ""
    joined: str = ""
    user: str = ""
    profile: Mapping[str, Any] = field(default_factory=dict)
    departed: str = ""
    kept_back: bool = False
    """Whether Slack left events out, as there were too many."""
    tokens: frozenset[str] = frozenset()


def changes_of(raw: Raw) -> Iterator[Change]:
    """The changes that a callback tells of."""
    try:
        callback = json.loads(raw.body)
    except (ValueError, RecursionError):
        return
    if isinstance(callback, dict) and callback.get("type") == "app_rate_limited":
        yield Change(kept_back=True)
    elif isinstance(callback, dict):
        yield from _changes(part(callback, "event"), is_shared=callback.get("is_ext_shared_channel") is True)


def _changes(event: Json, *, is_shared: bool) -> Iterator[Change]:
    kind = word(event, "type")
    if kind in OF_CHANNELS or is_shared or word(event, "subtype") in _IN_CHANNELS:
        named = (
            word(event, "channel"),
            word(part(event, "channel"), "id"),
            word(event, "old_channel_id"),
            word(event, "new_channel_id"),
        )
        joined = word(event, "user") if kind == "member_joined_channel" else ""
        told = kind if kind in OF_CHANNELS else ""
        yield from (Change(channel, told, joined) for channel in named if channel)
    elif kind == "user_change" and (user := word(part(event, "user"), "id")):
        yield Change(user=user, profile=part(event, "user"))
    elif kind == "app_uninstalled":
        yield Change(departed=REMOVED)
    elif kind == "tokens_revoked":
        tokens = part(event, "tokens")
        bots = tokens.get("bot")
        named_bots = frozenset(one for one in bots if isinstance(one, str)) if isinstance(bots, list) else frozenset()
        if named_bots or not tokens.get("oauth"):
            yield Change(departed=REVOKED, tokens=named_bots)
