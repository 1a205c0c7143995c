"""What there is in the sandbox's workspace, and how Slack shows each: people, channels, messages, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]

TEAM: Final = "T0SANDBOX1"
APP: Final = "A0VIABRIDGE"
BOT: Final = "B0VIABRIDGE"
BOT_USER: Final = "U0VIABRIDGE"


class Refused(Exception):
    """What Slack answers with `ok: false`."""

    def __init__(self, code: str, **more: object) -> None:
        super().__init__(code)
        self.code = code
        self.more = more


@dataclass(frozen=True, slots=True)
class Member:
    """A user of the workspace; `real_name` is what Slack falls back to."""

    id: str
    handle: str
    real_name: str
    display_name: str = ""
    email: str = ""
    is_bot: bool = False
    deleted: bool = False
    team: str = TEAM

    def to_json(self) -> Json:
        profile = {"display_name": self.display_name, "real_name": self.real_name, "email": self.email}
        return {
            "id": self.id, "team_id": self.team, "name": self.handle, "real_name": self.real_name, "deleted": self.deleted,
            "is_bot": self.is_bot, "profile": {key: value for key, value in profile.items() if value or key != "email"},
        }  # fmt: skip


@dataclass(slots=True)
class Room:
    """A channel, or with `person` the direct conversation between the app and that user."""

    id: str
    name: str
    members: set[str]
    is_private: bool = False
    is_archived: bool = False
    is_shared: bool = False
    person: str = ""

    @property
    def type(self) -> str:
        return "im" if self.person else "group" if self.is_private else "channel"

    def to_json(self, viewer: str) -> Json:
        if self.person:
            other = self.person if viewer != self.person else BOT_USER
            return {"id": self.id, "is_im": True, "is_channel": False, "user": other, "is_archived": False}
        return {
            "id": self.id, "name": self.name, "name_normalized": self.name, "is_channel": not self.is_private, "is_im": False,
            "is_group": self.is_private, "is_private": self.is_private, "is_archived": self.is_archived,
            "is_shared": self.is_shared, "is_ext_shared": self.is_shared, "is_org_shared": False,
            "is_member": viewer in self.members, "num_members": len(self.members),
        }  # fmt: skip


@dataclass(slots=True)
class StoredFile:
    """A file in the workspace; `finished` is off while Slack still takes it in."""

    id: str
    name: str
    user: str
    mime: str = "application/octet-stream"
    body: bytes = b""
    title: str = ""
    alt: str = ""
    finished: bool = True
    uploaded: bool = True
    shares: dict[str, list[str]] = field(default_factory=dict)

    def to_json(self, address: str, *, private: bool = False) -> Json:
        if not self.finished:
            return {"id": self.id, "user": self.user, "file_access": "check_file_info"}
        shares = {room: [{"ts": ts} for ts in times] for room, times in self.shares.items()}
        return {
            "id": self.id, "name": self.name, "title": self.title or self.name, "mimetype": self.mime, "size": len(self.body),
            "user": self.user, "mode": "hosted", "is_external": False, "url_private": f"{address}/{self.id}/{self.name}",
            "url_private_download": f"{address}/{self.id}/download/{self.name}",
            "shares": {"private" if private else "public": shares}, **({"alt_txt": self.alt} if self.alt else {}),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """A message as Slack stores it."""

    room: str
    ts: str
    user: str
    text: str
    blocks: Sequence[Json] = ()
    thread_ts: str = ""
    broadcast: bool = False
    metadata: Mapping[str, Any] | None = None
    username: str = ""
    files: Sequence[Json] = ()
    edited: str = ""
    tombstone: bool = False

    @property
    def by_bridge(self) -> bool:
        return self.user == BOT_USER

    def to_json(self, *, metadata: bool = False) -> Json:
        """Slack's message object; the metadata only for those who ask, as in real life."""
        said: Json = {"type": "message", "user": self.user, "text": self.text, "ts": self.ts, "team": TEAM}
        if self.blocks:
            said["blocks"] = list(self.blocks)
        if self.by_bridge:
            profile = {"id": BOT, "app_id": APP, "name": "viabridge", "team_id": TEAM, "deleted": False}
            said |= {"bot_id": BOT, "app_id": APP, "bot_profile": profile}
        if self.username:
            said |= {"subtype": "bot_message", "username": self.username}
            said.setdefault("bot_id", self.user)
            del said["user"]  # under another name Slack shows no user
        if self.files:
            said |= {"subtype": "file_share", "files": [dict(file) for file in self.files]}
        if self.thread_ts:
            said["thread_ts"] = self.thread_ts
        if self.broadcast:
            said["subtype"] = "thread_broadcast"
        if self.edited:
            said["edited"] = {"user": self.user, "ts": self.edited}
        if self.tombstone:
            said |= {"subtype": "tombstone", "hidden": True, "user": "USLACKBOT", "text": "This message was deleted."}
        if metadata and self.metadata:
            said["metadata"] = dict(self.metadata)
        return said
