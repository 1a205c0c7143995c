"""Reactions in Slack as events. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from adapters.slack.emoji import named
from adapters.slack.parse import SOMEONE, Identity, moment
from bridge.errors import Unparsable
from bridge.post import Author, NativeId, Own, Place, PlaceId, Raw, Reacted, Ref, UserId

_NAME: Final = re.compile(r"([A-Za-z0-9_+'\-]{1,100})(?:::skin-tone-([2-6]))?")


def heard(raw: Raw, identity: Identity) -> tuple[Reacted, ...] | None:
    """The reaction that the raw tells of, or that one was taken back; None for anything else, and in direct conversations."""
    try:
        callback = json.loads(raw.body)
    except (ValueError, RecursionError):
        return None
    event = callback.get("event") if isinstance(callback, dict) else None
    if not isinstance(event, dict) or event.get("type") not in ("reaction_added", "reaction_removed"):
        return None
    item = event.get("item")
    found = _reacted(event, item, identity) if isinstance(item, dict) and item.get("type") == "message" else None
    shared = callback.get("is_ext_shared_channel") is True
    return (found,) if found and not shared else None


def _reacted(event: Mapping[str, Any], item: Mapping[str, Any], identity: Identity) -> Reacted | None:
    user, channel, ts = (str(value or "") for value in (event.get("user"), item.get("channel"), item.get("ts")))
    name = _NAME.fullmatch(str(event.get("reaction") or ""))
    if not (user and ts and name) or not channel.startswith(("C", "G")):
        return None
    try:
        at = moment(str(event.get("event_ts") or ""))
    except (Unparsable, OverflowError):
        return None
    emoji = named(name.group(1), name.group(2) or "")
    ref = Ref(Place(identity.account, PlaceId(channel)), NativeId(ts))
    own = Own.SURELY if user == identity.user else Own.NO
    shown = emoji.char if emoji else f":{name.group(1)}:"
    return Reacted(ref, Author(UserId(user), SOMEONE, (user,)), shown, at, event["type"] == "reaction_removed", own)
