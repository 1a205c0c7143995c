"""The sandbox's workspace: its people, channels and messages, and the events each change makes, in Slack's own shapes."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from adapters.slack.sandbox_values import BOT_USER, Json, Member, Message, Refused, Room, StoredFile


@dataclass(frozen=True, slots=True)
class Happening:
    """An event to hand out: its kind in the bridge's words (`other` where it is no post), and Slack's own shape of it."""

    kind: str
    message: Message
    event: Json


_ENTITY = re.compile(r"(<(?:[@#!][^<>\n]+|(?:https?://|mailto:|tel:)[^<>\n]+)>)")
_BARE = re.compile(r"https?://[^\s<>|`]*[^\s<>|`.,;:!?)'\"*_~]")


def stored(text: str, *, typed: bool) -> str:
    """Text as Slack keeps it: stray `& < >` escaped, and bare addresses marked in what people type."""
    return "".join(piece if number % 2 else _escaped(piece, typed=typed) for number, piece in enumerate(_ENTITY.split(text)))


def _escaped(piece: str, *, typed: bool) -> str:
    escaped = re.sub(r"&(?!(?:amp|lt|gt);)", "&amp;", piece).replace("<", "&lt;").replace(">", "&gt;")
    return _BARE.sub(lambda found: f"<{found.group()}>", escaped) if typed else escaped


def _members() -> dict[str, Member]:
    people = (
        Member("U0LYNN00001", "lynn", "Lynn Marsh", "Lynn", "lynn@example.org"),
        Member("U0KARL00001", "karl", "Karl", "", "karl@example.org"),
        Member(BOT_USER, "viabridge", "viabridge", "viabridge", is_bot=True),
    )
    return {person.id: person for person in people}


def _rooms() -> dict[str, Room]:
    all_ids = {"U0LYNN00001", "U0KARL00001", BOT_USER}
    rooms = (
        Room("C0ALLHANDS1", "all-hands", set(all_ids)),
        Room("C0DEVCHAT01", "dev-chatter", set(all_ids)),
        Room("C0LEADERS01", "leaders", set(all_ids), is_private=True),
        Room("C0RANDOM001", "random", all_ids - {BOT_USER}),
        Room("C0PARTNERS1", "partners", set(all_ids), is_shared=True),
        Room("C0OLDNEWS01", "old-news", set(all_ids), is_archived=True),
    )
    return {room.id: room for room in rooms}


@dataclass(slots=True)
class Workspace:
    """Everything that stands, and `happened`, which is told of each event the app may see."""

    happened: Callable[[Happening], None]
    members: dict[str, Member] = field(default_factory=_members)
    rooms: dict[str, Room] = field(default_factory=_rooms)
    messages: dict[tuple[str, str], Message] = field(default_factory=dict)
    files: dict[str, StoredFile] = field(default_factory=dict)
    reactions: dict[tuple[str, str], dict[str, list[str]]] = field(default_factory=dict)
    """Who put which emoji on a message, in order."""
    _ticks: Iterator[int] = field(default_factory=lambda: itertools.count(int(time.time() * 1_000_000)))

    def now(self) -> str:
        """A timestamp that no other message has."""
        tick = max(next(self._ticks), int(time.time() * 1_000_000))
        self._ticks = itertools.count(tick + 1)
        return f"{tick // 1_000_000}.{tick % 1_000_000:06d}"

    def member(self, person: str) -> Member:
        """A user by id or handle. Raises `Refused`."""
        found = next((one for one in self.members.values() if person in (one.id, one.handle)), None)
        if found is None:
            raise Refused("user_not_found")
        return found

    def room(self, name: str, viewer: str) -> Room:
        """A channel by id or name, as `viewer` may see it. Raises `Refused`."""
        wanted = name.removeprefix("#")
        found = next((room for room in self.rooms.values() if wanted in (room.id, room.name)), None)
        hidden = found is not None and (found.is_private or found.person) and viewer not in found.members
        if found is None or hidden:
            raise Refused("channel_not_found")
        return found

    def direct(self, person: str) -> Room:
        """The direct conversation between the app and a user, opened where there is none."""
        user = self.member(person).id
        room = next((room for room in self.rooms.values() if room.person == user), None)
        if room is None:
            room = Room(f"D{user[1:]}", "", {user, BOT_USER}, person=user)
            self.rooms[room.id] = room
        return room

    def find(self, room: str, ts: str) -> Message:
        """A standing message. Raises `Refused`."""
        message = self.messages.get((room, ts))
        if message is None or message.tombstone:
            raise Refused("message_not_found")
        return message

    def by_ts(self, ts: str) -> Message:
        """A standing message wherever it stands. Raises `Refused`."""
        message = next((message for (_, at), message in self.messages.items() if at == ts and not message.tombstone), None)
        if message is None:
            raise Refused("message_not_found")
        return message

    # ------------------------------------------------------------ changes

    def post(self, room: Room, message: Message) -> Message:
        """Make it stand, as its author. Raises `Refused`."""
        is_foreign_bot = message.user.startswith("B")
        if message.user not in room.members and not is_foreign_bot:
            raise Refused("not_in_channel")
        if room.is_archived:
            raise Refused("is_archived")
        if message.thread_ts and (room.id, message.thread_ts) not in self.messages:
            raise Refused("thread_not_found")
        self.messages[room.id, message.ts] = message
        self._tell("created", message, {**message.to_json(), "event_ts": message.ts})
        return message

    def change(self, old: Message, text: str, blocks: Sequence[Json] = ()) -> Message:
        """Edit a message."""
        at = self.now()
        new = replace(old, text=text, blocks=blocks, edited=at)
        self.messages[old.room, old.ts] = new
        self._tell("edited", new, self._changed(new, old, at))
        return new

    def unfurl(self, message: Message) -> None:
        """Say that a link's preview came: a change that is no edit."""
        event = self._changed(message, message, self.now())
        event["message"] = {**event["message"], "attachments": [{"fallback": "a preview", "from_url": "https://example.org"}]}
        self._tell("other", message, event)

    def remove(self, message: Message) -> None:
        """Delete a message; one that has answers leaves a tombstone, and Slack calls that a change."""
        at = self.now()
        has_answers = any(
            other.thread_ts == message.ts and other.ts != message.ts
            for (room, _), other in self.messages.items()
            if room == message.room
        )
        if has_answers:
            grave = replace(message, tombstone=True, blocks=(), thread_ts=message.ts)
            self.messages[message.room, message.ts] = grave
            self._tell("deleted", message, self._changed(grave, message, at))
            return
        del self.messages[message.room, message.ts]
        event = {"type": "message", "subtype": "message_deleted", "hidden": True, "deleted_ts": message.ts}
        self._tell("deleted", message, {**event, "ts": at, "event_ts": at, "previous_message": message.to_json()})

    def remove_file(self, file: StoredFile) -> None:
        """Delete a file; where it was shared Slack leaves a trace of it, and calls that a change."""
        del self.files[file.id]
        trace = {"id": file.id, "mode": "tombstone"}
        for key, old in [each for each in self.messages.items() if file.id in (shown["id"] for shown in each[1].files)]:
            shown = tuple(trace if each["id"] == file.id else each for each in old.files)
            self.messages[key] = replace(old, files=shown)
            at = self.now()
            self._tell("edited", replace(old, edited=at), self._changed(self.messages[key], old, at))

    def _changed(self, new: Message, old: Message, at: str) -> Json:
        event = {"type": "message", "subtype": "message_changed", "hidden": True, "ts": at, "event_ts": at}
        return {**event, "message": new.to_json(), "previous_message": old.to_json()}

    def react(self, message: Message, user: str, name: str, *, is_there: bool = True) -> None:
        """Somebody puts an emoji on a message, or takes it back. Raises `Refused` where it is so already."""
        users = self.reactions.setdefault((message.room, message.ts), {}).setdefault(name, [])
        if (user in users) is is_there:
            raise Refused("already_reacted" if is_there else "no_reaction")
        if is_there:
            users.append(user)
        else:
            users.remove(user)
        at = self.now()
        item = {"type": "message", "channel": message.room, "ts": message.ts}
        event = {
            "type": "reaction_added" if is_there else "reaction_removed",
            "user": user,
            "reaction": name,
            "item": item,
            "item_user": message.user,
            "event_ts": at,
        }
        self._tell("other", message, event)

    def share(self, room: Room, *, is_shared: bool) -> None:
        """Share a channel with another company, or stop sharing it."""
        room.is_shared = is_shared
        other = "connected_team_id" if is_shared else "previously_connected_team_id"
        self._news(room, {"type": "channel_shared" if is_shared else "channel_unshared", "channel": room.id, other: "T0PARTNER1"})

    def archive(self, room: Room, *, is_archived: bool) -> None:
        """Close a channel for writing, or open it again."""
        room.is_archived = is_archived
        self._news(room, {"type": f"{room.type}_{'archive' if is_archived else 'unarchive'}", "channel": room.id})

    def call(self, room: Room, name: str) -> None:
        """Give a channel another name."""
        room.name = name
        self._news(room, {"type": f"{room.type}_rename", "channel": {"id": room.id, "name": name}})

    def renumber(self, room: Room, id_: str) -> None:
        """Give a channel another id, as Slack does when another company joins it; what stands there moves along."""
        old, room.id = room.id, id_
        self.rooms = {each.id: each for each in self.rooms.values()}
        for where, ts in [key for key in self.messages if key[0] == old]:
            self.messages[id_, ts] = replace(self.messages.pop((where, ts)), room=id_)
        self._news(room, {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": id_})

    def invite(self, room: Room, user: str) -> None:
        """Somebody comes into a channel."""
        room.members.add(user)
        self._news(room, {"type": "member_joined_channel", "channel": room.id, "user": user})

    def expel(self, room: Room) -> None:
        """The app has to leave a channel."""
        self._news(room, {"type": f"{room.type}_left", "channel": room.id})
        room.members.discard(BOT_USER)

    def _news(self, room: Room, event: Json) -> None:
        """Something happened to the channel itself."""
        at = self.now()
        self._tell("other", Message(room.id, at, BOT_USER, ""), {**event, "event_ts": at})

    def _tell(self, kind: str, message: Message, event: Json) -> None:
        room = self.rooms[message.room]
        if BOT_USER not in room.members:
            return  # apps hear only where they were invited
        if event["type"] == "message":
            event = {**event, "channel": room.id, "channel_type": room.type}
        self.happened(Happening(kind, message, event))
