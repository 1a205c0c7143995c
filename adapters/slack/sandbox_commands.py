"""The sandbox's side of commands: what people type after `/via`, what they point at, and what only they are answered."""

from __future__ import annotations

import itertools
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from adapters.slack.mrkdwn import read_mrkdwn
from adapters.slack.rich_text import read_blocks
from adapters.slack.sandbox_values import APP, TEAM, Json, Member, Message, Refused, Room
from bridge.text import plain


@dataclass(frozen=True, slots=True)
class Whisper:
    """Something that only one person saw, and only until they looked away: Slack keeps nothing of it."""

    room: str
    user: str
    text: str
    by_url: bool = False


@dataclass(slots=True)
class Counter:
    """Makes the payloads, and takes the answers. An answer's address is good for five answers."""

    whispers: list[Whisper] = field(default_factory=list)
    _ways: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def slash(self, home: str, room: Room, member: Member, text: str) -> Json:
        """What Slack sends when somebody types `/via …`; Slack tells no more of a private place than its kind."""
        names = {"im": "directmessage", "group": "privategroup"}
        return {
            "token": "not-for-checking", "team_id": TEAM, "team_domain": "sandbox", "channel_id": room.id,
            "channel_name": names.get(room.type, room.name), "user_id": member.id, "user_name": member.handle,
            "command": "/via", "text": text, "api_app_id": APP, "is_enterprise_install": "false",
            "response_url": self._way(home, room, member), "trigger_id": self._trigger(),
        }  # fmt: skip

    def shortcut(self, home: str, room: Room, member: Member, message: Message, callback_id: str) -> Json:
        """What Slack sends when somebody chooses a message shortcut."""
        return {
            "type": "message_action", "token": "not-for-checking", "action_ts": message.ts, "callback_id": callback_id,
            "team": {"id": TEAM, "domain": "sandbox"}, "team_id": TEAM, "api_app_id": APP,
            "user": {"id": member.id, "username": member.handle, "team_id": TEAM, "name": member.handle},
            "channel": {"id": room.id, "name": room.name}, "message_ts": message.ts, "message": message.to_json(),
            "response_url": self._way(home, room, member), "trigger_id": self._trigger(), "is_enterprise_install": False,
        }  # fmt: skip

    def _trigger(self) -> str:
        return f"{next(self._numbers)}.0.{secrets.token_hex(8)}"

    def _way(self, home: str, room: Room, member: Member) -> str:
        ticket = secrets.token_hex(12)
        self._ways[ticket] = (room.id, member.id, 0)
        return f"{home}/commands/{ticket}"

    def answered(self, ticket: str, body: Mapping[str, Any]) -> int:
        """The HTTP status of an answer that came by its address."""
        room, user, uses = self._ways.get(ticket, ("", "", 5))
        if uses >= 5 or body.get("response_type") not in (None, "ephemeral"):
            return 404
        self._ways[ticket] = (room, user, uses + 1)
        self.whispers.append(Whisper(room, user, _shown(body), by_url=True))
        return 200

    def forget_ways(self) -> None:
        """Let every address be used up."""
        self._ways.clear()

    def whisper(self, room: Room, user: Member, args: Mapping[str, Any]) -> None:
        """`chat.postEphemeral`. Raises `Refused`."""
        if user.id not in room.members:
            raise Refused("user_not_in_channel")
        self.whispers.append(Whisper(room.id, user.id, _shown(args)))


def _shown(content: Mapping[str, Any]) -> str:
    blocks = content.get("blocks")
    found = json.loads(blocks) if isinstance(blocks, str) else blocks
    return plain(read_blocks(found or []) or read_mrkdwn(str(content.get("text") or "")))


def form_of(callback: Json) -> bytes:
    """A command or shortcut as the form in which Slack posts it."""
    return urlencode(callback if "command" in callback else {"payload": json.dumps(callback)}).encode()
