"""What people of the sandbox do beside posting: commands, shortcuts, reactions; and what they alone see."""

from __future__ import annotations

from adapters.slack.sandbox_commands import Whisper
from adapters.slack.sandbox_server import Server
from bridge.post import DIRECT, NativeId


def command(server: Server, person: str, text: str, place: str) -> None:
    member = server.workspace.member(person)
    room = server.workspace.direct(person) if place == DIRECT else server.workspace.room(place, member.id)
    server.delivery.ask(server.counter.slash(server.home, room, member, text), room.id)


def shortcut(server: Server, person: str, native: NativeId, callback_id: str) -> None:
    member, message = server.workspace.member(person), server.workspace.by_ts(native)
    room = server.workspace.rooms[message.room]
    server.delivery.ask(server.counter.shortcut(server.home, room, member, message, callback_id), room.id)


def react(server: Server, person: str, native: NativeId, name: str, *, is_there: bool) -> None:
    message, member = server.workspace.by_ts(native), server.workspace.member(person)
    server.workspace.react(message, member.id, name, is_there=is_there)


def whispers(server: Server, person: str) -> tuple[Whisper, ...]:
    member = server.workspace.member(person)
    return tuple(whisper for whisper in server.counter.whispers if whisper.user == member.id)


def reactions(server: Server, native: NativeId) -> dict[str, tuple[str, ...]]:
    message, members = server.workspace.by_ts(native), server.workspace.members
    found = server.workspace.reactions.get((message.room, message.ts), {})
    return {name: tuple(members[user].handle for user in users) for name, users in found.items() if users}
