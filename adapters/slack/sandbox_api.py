"""The sandbox's Web API: what each method answers, and what it refuses as Slack refuses it. No network here."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from adapters.slack.sandbox_workspace import BOT, TEAM, Json, Message, Refused, Room, Workspace, stored

LONGEST: Final = 40_000
LONGEST_EDIT: Final = 4_000
LONGEST_BLOCKS: Final = 13_200

Args = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: `kind` is the token's (bot, user or app), `user` whom it acts as."""

    kind: str
    user: str


@dataclass(frozen=True, slots=True)
class Api:
    """The methods, over a workspace. `connect` gives the address of a new socket."""

    workspace: Workspace
    connect: Callable[[], str]

    def call(self, method: str, caller: Caller, args: Args) -> Json:
        """The answer without its `ok`. Raises `Refused`."""
        answer = METHODS.get(method)
        if answer is None:
            raise Refused("unknown_method", req_method=method)
        if (caller.kind == "app") != (method == "apps.connections.open") and method != "auth.test":
            raise Refused("not_allowed_token_type")
        return answer(self, caller, args)

    # ------------------------------------------------------------ who

    def auth_test(self, caller: Caller, _: Args) -> Json:
        who = {"url": "https://sandbox.slack.com/", "team": "Sandbox", "team_id": TEAM, "is_enterprise_install": False}
        if caller.kind == "app":
            return {**who, "app_name": "viabridge"}
        member = self.workspace.members[caller.user]
        return {**who, "user": member.handle, "user_id": member.id, **({"bot_id": BOT} if caller.kind == "bot" else {})}

    def connections_open(self, _: Caller, __: Args) -> Json:
        return {"url": self.connect()}

    def team_info(self, _: Caller, __: Args) -> Json:
        return {"team": {"id": TEAM, "name": "Sandbox", "domain": "sandbox"}}

    def users_info(self, _: Caller, args: Args) -> Json:
        return {"user": self.workspace.member(_needed(args, "user")).to_json()}

    def users_list(self, _: Caller, __: Args) -> Json:
        return {"members": [member.to_json() for member in self.workspace.members.values()], **_last_page()}

    def users_by_email(self, _: Caller, args: Args) -> Json:
        email = _needed(args, "email")
        found = next((member for member in self.workspace.members.values() if member.email == email), None)
        if found is None:
            raise Refused("users_not_found")
        return {"user": found.to_json()}

    # ------------------------------------------------------------ where

    def conversations_list(self, caller: Caller, args: Args) -> Json:
        types = str(args.get("types") or "public_channel").replace(" ", "").split(",")
        kinds = {"public_channel": "channel", "private_channel": "group", "im": "im"}
        wanted = {kinds.get(kind, kind) for kind in types}
        rooms = [room for room in self.workspace.rooms.values() if room.type in wanted]
        seen = [room for room in rooms if room.type == "channel" or caller.user in room.members]
        if str(args.get("exclude_archived", "")).lower() in ("1", "true"):
            seen = [room for room in seen if not room.is_archived]
        start, limit = int(args.get("cursor") or 0), max(1, int(args.get("limit") or 100))
        page = seen[start : start + limit]
        after = str(start + limit) if start + limit < len(seen) else ""
        return {"channels": [room.to_json(caller.user) for room in page], "response_metadata": {"next_cursor": after}}

    def conversations_info(self, caller: Caller, args: Args) -> Json:
        return {"channel": self._room(caller, args).to_json(caller.user)}

    def conversations_members(self, caller: Caller, args: Args) -> Json:
        return {"members": sorted(self._room(caller, args).members), **_last_page()}

    def conversations_open(self, caller: Caller, args: Args) -> Json:
        room = self.workspace.direct(_needed(args, "users") if caller.kind == "bot" else caller.user)
        return {"channel": room.to_json(caller.user)}

    def conversations_join(self, caller: Caller, args: Args) -> Json:
        room = self._room(caller, args)
        if room.is_archived:
            raise Refused("is_archived")
        room.members.add(caller.user)
        return {"channel": room.to_json(caller.user)}

    def history(self, caller: Caller, args: Args) -> Json:
        room = self._readable(caller, args)
        found = [m for m in self._in(room, args) if not m.thread_ts or m.thread_ts == m.ts or m.broadcast]
        return _page(list(reversed(found)), args)

    def replies(self, caller: Caller, args: Args) -> Json:
        room, root = self._readable(caller, args), _needed(args, "ts")
        if (room.id, root) not in self.workspace.messages:
            raise Refused("thread_not_found")
        # Slack gives the thread's first message whatever the window
        return _page([m for m in self._in(room, args, keep=root) if root in (m.ts, m.thread_ts)], args)

    def _in(self, room: Room, args: Args, keep: str = "") -> list[Message]:
        oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or "inf")
        here = [message for (where, _), message in self.workspace.messages.items() if where == room.id]
        return sorted((m for m in here if oldest <= float(m.ts) <= latest or m.ts == keep), key=lambda m: float(m.ts))

    def _readable(self, caller: Caller, args: Args) -> Room:
        room = self._room(caller, args)
        if caller.user not in room.members:
            raise Refused("not_in_channel")
        return room

    def _room(self, caller: Caller, args: Args) -> Room:
        return self.workspace.room(str(args.get("channel") or "?"), caller.user)

    # ------------------------------------------------------------ what

    def post(self, caller: Caller, args: Args) -> Json:
        target = str(args.get("channel") or "?")
        is_person = target.startswith("U") and caller.kind == "bot"
        room = self.workspace.direct(target) if is_person else self.workspace.room(target, caller.user)
        text, blocks = _content(args)
        message = Message(
            room=room.id,
            ts=self.workspace.now(),
            user=caller.user,
            text=stored(text[:LONGEST], typed=caller.kind == "user"),  # longer ones Slack cuts, and answers ok
            blocks=blocks,
            thread_ts=str(args.get("thread_ts") or ""),
            broadcast=str(args.get("reply_broadcast", "")).lower() in ("1", "true"),
            metadata=_metadata(args),
            username=str(args.get("username") or "") if caller.kind == "bot" else "",
        )
        message = self.workspace.post(room, message)
        return {"channel": room.id, "ts": message.ts, "message": message.to_json()}

    def ephemeral(self, caller: Caller, args: Args) -> Json:
        self._readable(caller, args)
        self.workspace.member(_needed(args, "user"))
        _content(args)
        return {"message_ts": self.workspace.now()}

    def update(self, caller: Caller, args: Args) -> Json:
        old = self._own(caller, args, "cant_update_message")
        text, blocks = _content(args)
        if len(text) > LONGEST_EDIT:
            raise Refused("msg_too_long")
        new = self.workspace.change(old, stored(text, typed=caller.kind == "user"), blocks)
        return {"channel": new.room, "ts": new.ts, "text": new.text, "message": new.to_json()}

    def delete(self, caller: Caller, args: Args) -> Json:
        message = self._own(caller, args, "cant_delete_message")
        self.workspace.remove(message)
        return {"channel": message.room, "ts": message.ts}

    def _own(self, caller: Caller, args: Args, refusal: str) -> Message:
        message = self.workspace.find(self._room(caller, args).id, _needed(args, "ts"))
        if message.user != caller.user:
            raise Refused(refusal)
        return message

    def react(self, caller: Caller, args: Args) -> Json:
        message = self.workspace.find(self._readable(caller, args).id, _needed(args, "timestamp"))
        self.workspace.react(message, caller.user, _needed(args, "name"))
        return {}


METHODS: Final[Mapping[str, Callable[[Api, Caller, Args], Json]]] = MappingProxyType(
    {
        "api.test": lambda _api, _caller, args: {"args": dict(args)},
        "apps.connections.open": Api.connections_open,
        "auth.test": Api.auth_test,
        "chat.delete": Api.delete,
        "chat.postEphemeral": Api.ephemeral,
        "chat.postMessage": Api.post,
        "chat.update": Api.update,
        "conversations.history": Api.history,
        "conversations.info": Api.conversations_info,
        "conversations.join": Api.conversations_join,
        "conversations.list": Api.conversations_list,
        "conversations.members": Api.conversations_members,
        "conversations.open": Api.conversations_open,
        "conversations.replies": Api.replies,
        "reactions.add": Api.react,
        "team.info": Api.team_info,
        "users.info": Api.users_info,
        "users.list": Api.users_list,
        "users.lookupByEmail": Api.users_by_email,
    }
)


def _needed(args: Args, name: str) -> str:
    value = args.get(name)
    if value in (None, ""):
        raise Refused("invalid_arguments", response_metadata={"messages": [f"[ERROR] missing required field: {name}"]})
    return str(value)


def _last_page() -> Json:
    return {"response_metadata": {"next_cursor": ""}}


def _page(found: list[Message], args: Args) -> Json:
    start, limit = int(args.get("cursor") or 0), max(1, int(args.get("limit") or 100))
    with_metadata = str(args.get("include_all_metadata", "")).lower() in ("1", "true")
    more = start + limit < len(found)
    messages = [message.to_json(metadata=with_metadata) for message in found[start : start + limit]]
    after = str(start + limit) if more else ""
    return {"messages": messages, "has_more": more, "response_metadata": {"next_cursor": after}}


def _json(args: Args, name: str, refusal: str) -> Any:
    value = args.get(name)
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value else None
    except ValueError:
        raise Refused(refusal) from None


def _metadata(args: Args) -> Json | None:
    metadata = _json(args, "metadata", "invalid_metadata_format")
    if metadata is None:
        return None
    shaped = isinstance(metadata, dict) and isinstance(metadata.get("event_type"), str)
    if not shaped or not isinstance(metadata.get("event_payload"), dict):
        raise Refused("invalid_metadata_format")
    return dict(metadata)


def _content(args: Args) -> tuple[str, tuple[Json, ...]]:
    """Text and blocks, refused as Slack refuses them."""
    text, blocks = str(args.get("text") or ""), _json(args, "blocks", "invalid_blocks_format") or []
    if not text and not blocks and not args.get("attachments"):
        raise Refused("no_text")
    if not isinstance(blocks, list) or len(blocks) > 50 or not all(map(_is_block, blocks)):
        raise Refused("invalid_blocks")
    if len(json.dumps(blocks, ensure_ascii=False)) > LONGEST_BLOCKS:
        raise Refused("msg_blocks_too_long")
    return text, tuple(blocks)


def _is_block(block: object) -> bool:
    if not isinstance(block, dict):
        return False
    if block.get("type") == "rich_text":
        elements = block.get("elements")
        return isinstance(elements, list) and bool(elements) and all(map(_is_element, elements))
    if block.get("type") == "section":
        text = block.get("text")
        return not isinstance(text, dict) or 0 < len(str(text.get("text") or "")) <= 3_000
    return block.get("type") in ("divider", "header", "context", "image", "actions", "markdown")


def _is_element(element: object) -> bool:
    if not isinstance(element, dict) or not isinstance(element.get("elements"), list) or not element["elements"]:
        return False
    if element.get("type") == "rich_text_list":
        return element.get("style") in ("bullet", "ordered") and all(map(_is_element, element["elements"]))
    sorts = ("rich_text_section", "rich_text_quote", "rich_text_preformatted")
    return element.get("type") in sorts and all(map(_is_leaf, element["elements"]))


def _is_leaf(leaf: object) -> bool:
    if not isinstance(leaf, dict):
        return False
    keys = {"text": "text", "link": "url", "emoji": "name", "user": "user_id", "channel": "channel_id", "broadcast": "range"}
    key = keys.get(str(leaf.get("type")), "")
    return bool(key) and isinstance(leaf.get(key), str) and bool(leaf[key])
