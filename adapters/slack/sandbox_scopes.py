"""What Slack lets an app do and hear only with a permission: per method, and per event. Of the methods that the sandbox has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

_READ: Final = {"channel": "channels:read", "group": "groups:read", "im": "im:read"}
_HISTORY: Final = {"channel": "channels:history", "group": "groups:history", "im": "im:history"}

Needs = Mapping[str, str]
"""The permission by kind of conversation; under the empty name one that is always needed."""

METHODS: Final[Mapping[str, Needs]] = MappingProxyType(
    {
        "apps.connections.open": {},
        "auth.test": {},
        "chat.delete": {"": "chat:write"},
        "chat.postEphemeral": {"": "chat:write"},
        "chat.postMessage": {"": "chat:write"},
        "chat.update": {"": "chat:write"},
        "conversations.history": _HISTORY,
        "conversations.info": _READ,
        "conversations.join": {"": "channels:join"},
        "conversations.list": _READ,
        "conversations.members": _READ,
        "conversations.open": {"": "im:write"},
        "conversations.replies": _HISTORY,
        "files.completeUploadExternal": {"": "files:write"},
        "files.delete": {"": "files:write"},
        "files.getUploadURLExternal": {"": "files:write"},
        "files.info": {"": "files:read"},
        "reactions.add": {"": "reactions:write"},
        "reactions.remove": {"": "reactions:write"},
        "team.info": {"": "team:read"},
        "users.info": {"": "users:read"},
        "users.list": {"": "users:read"},
        "users.lookupByEmail": {"": "users:read.email"},
    }
)

EVENTS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "app_uninstalled": frozenset(),
        "channel_archive": frozenset({"channels:read"}),
        "channel_deleted": frozenset({"channels:read"}),
        "channel_id_changed": frozenset({"channels:read", "groups:read"}),
        "channel_left": frozenset({"channels:read"}),
        "channel_rename": frozenset({"channels:read"}),
        "channel_shared": frozenset({"channels:read", "groups:read"}),
        "channel_unarchive": frozenset({"channels:read"}),
        "channel_unshared": frozenset({"channels:read", "groups:read"}),
        "group_archive": frozenset({"groups:read"}),
        "group_deleted": frozenset({"groups:read"}),
        "group_left": frozenset({"groups:read"}),
        "group_rename": frozenset({"groups:read"}),
        "group_unarchive": frozenset({"groups:read"}),
        "member_joined_channel": frozenset({"channels:read", "groups:read"}),
        "message.channels": frozenset({"channels:history"}),
        "message.groups": frozenset({"groups:history"}),
        "message.im": frozenset({"im:history"}),
        "reaction_added": frozenset({"reactions:read"}),
        "reaction_removed": frozenset({"reactions:read"}),
        "tokens_revoked": frozenset(),
        "user_change": frozenset({"users:read"}),
    }
)
"""The events that the app asked for, as its manifest does; each comes to whoever has one of its permissions."""


def lacking(method: str, granted: Iterable[str], kinds: Iterable[str]) -> str:
    """The permission that a call needs and has not; empty where it may be done. `kinds` are those of its conversations."""
    needs = METHODS.get(method, {})
    return next((needs[kind] for kind in ("", *kinds) if kind in needs and needs[kind] not in granted), "")


def is_told(event: Mapping[str, object], kind: str, granted: frozenset[str]) -> bool:
    """Whether the app hears of an event in a conversation of that kind."""
    name = str(event.get("type"))
    if name == "message":
        name = {"channel": "message.channels", "group": "message.groups", "im": "message.im"}[kind]
    needed = EVENTS.get(name)
    return needed is not None and (not needed or bool(needed & granted))
