"""The sandbox's Web API: what each method answers, and what it refuses as Slack refuses it. No network here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from adapters.slack.sandbox_commands import Counter
from adapters.slack.sandbox_files import FileStore
from adapters.slack.sandbox_refusing import content_of, metadata_of
from adapters.slack.sandbox_scopes import lacking
from adapters.slack.sandbox_values import BOT, BOT_USER, TEAM, Json, Message, Refused, Room
from adapters.slack.sandbox_workspace import Workspace, stored
from adapters.slack.scopes import CUSTOMIZE

HOME: Final = "https://sandbox.slack.com/"
JOINED: Final = "1500000000.000100"
"""When the app came into the channels, as their first message says."""

LONGEST: Final = 40_000
LONGEST_EDIT: Final = 4_000

Args = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: `kind` is the token's (bot, user or app), `user` whom it acts as. `scopes` empty: it may do everything."""

    kind: str
    user: str
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Api:
    """The methods, over a workspace. `connect` gives the address of a new socket."""

    workspace: Workspace
    connect: Callable[[], str]
    files: FileStore
    counter: Counter

    def call(self, method: str, caller: Caller, args: Args) -> Json:
        """The answer without its `ok`. Raises `Refused`."""
        answer = METHODS.get(method)
        if answer is None:
            raise Refused("unknown_method", req_method=method)
        if (caller.kind == "app") != (method == "apps.connections.open") and method != "auth.test":
            raise Refused("not_allowed_token_type")
        if caller.scopes:
            self._permit(method, caller, args)
        return answer(self, caller, args)

    def _permit(self, method: str, caller: Caller, args: Args) -> None:
        rooms = (room for room in self.workspace.rooms.values() if args.get("channel") in (room.id, f"#{room.name}"))
        asked = {"public_channel": "channel", "private_channel": "group", "im": "im"}
        listed = (asked.get(kind, "") for kind in str(args.get("types") or "public_channel").split(","))
        needed = lacking(method, caller.scopes, listed if method == "conversations.list" else (room.type for room in rooms))
        if not needed and method == "chat.postMessage" and args.get("username") and CUSTOMIZE not in caller.scopes:
            needed = CUSTOMIZE
        if needed:
            raise Refused("missing_scope", needed=needed, provided=",".join(sorted(caller.scopes)))

    # ------------------------------------------------------------ who

    def auth_test(self, caller: Caller, _: Args) -> Json:
        who = {"url": HOME, "team": "Sandbox", "team_id": TEAM, "is_enterprise_install": False}
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
        found = next((member for member in self.workspace.members.values() if member.email == email and not member.deleted), None)
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
        page = _page(list(reversed(found)), args, self._answers)
        if not page["has_more"] and room.type != "im" and float(args.get("oldest") or 0) <= float(JOINED):
            page["messages"].append(
                {"type": "message", "subtype": "channel_join", "user": BOT_USER, "ts": JOINED, "text": "joined"}
            )
        return page

    def replies(self, caller: Caller, args: Args) -> Json:
        room, root = self._readable(caller, args), _needed(args, "ts")
        if (room.id, root) not in self.workspace.messages:
            raise Refused("thread_not_found")
        # Slack gives the thread's first message whatever the window
        return _page([m for m in self._in(room, args, keep=root) if root in (m.ts, m.thread_ts)], args, self._answers)

    def _answers(self, message: Message) -> Json:
        """What Slack says of a thread at its first message."""
        found = [m.ts for (room, _), m in self.workspace.messages.items() if room == message.room and m.thread_ts == message.ts]
        times = sorted((ts for ts in found if ts != message.ts), key=float)
        return {"thread_ts": message.ts, "reply_count": len(times), "latest_reply": times[-1]} if times else {}

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
        text, blocks = content_of(args)
        message = Message(
            room=room.id,
            ts=self.workspace.now(),
            user=caller.user,
            text=stored(text[:LONGEST], typed=caller.kind == "user"),  # longer ones Slack cuts, and answers ok
            blocks=blocks,
            thread_ts=str(args.get("thread_ts") or ""),
            broadcast=str(args.get("reply_broadcast", "")).lower() in ("1", "true"),
            metadata=metadata_of(args),
            username=str(args.get("username") or "") if caller.kind == "bot" else "",
        )
        message = self.workspace.post(room, message)
        return {"channel": room.id, "ts": message.ts, "message": message.to_json()}

    def ephemeral(self, caller: Caller, args: Args) -> Json:
        room, member = self._readable(caller, args), self.workspace.member(_needed(args, "user"))
        content_of(args)
        self.counter.whisper(room, member, args)
        return {"message_ts": self.workspace.now()}

    def update(self, caller: Caller, args: Args) -> Json:
        old = self._own(caller, args, "cant_update_message")
        text, blocks = content_of(args)
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

    def unreact(self, caller: Caller, args: Args) -> Json:
        message = self.workspace.find(self._readable(caller, args).id, _needed(args, "timestamp"))
        self.workspace.react(message, caller.user, _needed(args, "name"), is_there=False)
        return {}

    def permalink(self, caller: Caller, args: Args) -> Json:
        room = self._readable(caller, args)
        message = self.workspace.find(room.id, _needed(args, "message_ts"))
        return {"channel": room.id, "permalink": f"{HOME}archives/{room.id}/p{message.ts.replace('.', '')}"}

    # ------------------------------------------------------------ files

    def upload_url(self, caller: Caller, args: Args) -> Json:
        return self.files.get_upload_url(caller.user, args)

    def upload_complete(self, caller: Caller, args: Args) -> Json:
        room = self._readable(caller, {"channel": args["channel_id"]}) if args.get("channel_id") else None
        return self.files.complete(caller.user, room, args)

    def file_info(self, _: Caller, args: Args) -> Json:
        return self.files.info(args)

    def file_delete(self, caller: Caller, args: Args) -> Json:
        return self.files.delete(caller.user, args)


METHODS: Final[Mapping[str, Callable[[Api, Caller, Args], Json]]] = MappingProxyType(
    {
        "api.test": lambda _api, _caller, args: {"args": dict(args)},
        "apps.connections.open": Api.connections_open,
        "auth.test": Api.auth_test,
        "chat.delete": Api.delete,
        "chat.getPermalink": Api.permalink,
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
        "files.completeUploadExternal": Api.upload_complete,
        "files.delete": Api.file_delete,
        "files.getUploadURLExternal": Api.upload_url,
        "files.info": Api.file_info,
        "reactions.add": Api.react,
        "reactions.remove": Api.unreact,
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


def _page(found: list[Message], args: Args, answers: Callable[[Message], Json]) -> Json:
    start, limit = int(args.get("cursor") or 0), max(1, int(args.get("limit") or 100))
    with_metadata = str(args.get("include_all_metadata", "")).lower() in ("1", "true")
    more = start + limit < len(found)
    messages = [{**message.to_json(metadata=with_metadata), **answers(message)} for message in found[start : start + limit]]
    after = str(start + limit) if more else ""
    return {"messages": messages, "has_more": more, "response_metadata": {"next_cursor": after}}
