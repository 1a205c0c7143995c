"""What people do in the sandbox's workspace, and how what stands there is shown. It runs in the sandbox's own thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adapters.slack.mentions import with_names
from adapters.slack.mrkdwn import read_mrkdwn
from adapters.slack.rich_text import read_blocks
from adapters.slack.sandbox_server import Server, suffers_at_send
from adapters.slack.sandbox_values import BOT_USER, Json, Message, Room, StoredFile
from adapters.slack.sandbox_workspace import stored
from bridge.contract import Fault, Standing
from bridge.post import DIRECT, Audience, NativeId, PlaceId
from bridge.text import plain


def write(
    server: Server,
    person: str,
    text: str,
    place: str,
    reply_to: NativeId | None,
    blocks: Sequence[Json] = (),
    *,
    broadcast: bool = False,
) -> NativeId:
    workspace = server.workspace
    member = workspace.member(person)
    room = workspace.room(place, member.id)
    root = root_of(server, room, reply_to) if reply_to else ""
    message = Message(room.id, workspace.now(), member.id, stored(text, typed=True), blocks, root, broadcast)
    return NativeId(workspace.post(room, message).ts)


def write_files(
    server: Server, person: str, text: str, place: str, files: Sequence[tuple[str, bytes, str]], *, finished: bool
) -> NativeId:
    member = server.workspace.member(person)
    room = server.workspace.room(place, member.id)
    kept = [server.files.add(member.id, name, body, alt=alt, finished=finished) for name, body, alt in files]
    shown = tuple(map(server.files.to_json, kept))
    message = Message(room.id, server.workspace.now(), member.id, stored(text, typed=True), files=shown)
    for file in kept:
        file.shares[room.id] = [message.ts]
    return NativeId(server.workspace.post(room, message).ts)


def write_as_bot(server: Server, name: str, text: str, bot_id: str, place: str) -> NativeId:
    room = server.workspace.room(place, BOT_USER)
    return NativeId(server.workspace.post(room, Message(room.id, server.workspace.now(), bot_id, text, username=name)).ts)


def finish(server: Server) -> None:
    for file in server.workspace.files.values():
        file.finished = True


def remove_file(server: Server, native: NativeId, name: str) -> None:
    for file in files_of(server, native):
        if file.name == name:
            server.workspace.remove_file(file)


def files_of(server: Server, native: NativeId) -> tuple[StoredFile, ...]:
    ids = [str(shown["id"]) for shown in server.workspace.by_ts(native).files]
    return tuple(server.workspace.files[id_] for id_ in ids if id_ in server.workspace.files)


def root_of(server: Server, room: Room, ts: str) -> str:
    """Slack threads are one level deep: an answer to an answer belongs to the first message."""
    answered = server.workspace.messages.get((room.id, ts))
    return answered.thread_ts or ts if answered else ts


def rename(server: Server, person: str, display_name: str, real_name: str, *, is_told: bool) -> None:
    members = server.workspace.members
    old = server.workspace.member(person)
    members[old.id] = type(old)(old.id, old.handle, real_name, display_name, old.email)
    if is_told:
        server.tell({"type": "user_change", "user": members[old.id].to_json()})


def offboard(server: Server, person: str, *, is_gone: bool, is_told: bool) -> None:
    """Deactivate a member, or let them come back."""
    member = replace(server.workspace.member(person), deleted=is_gone)
    server.workspace.members[member.id] = member
    if is_told:
        server.tell({"type": "user_change", "user": member.to_json()})


def share(server: Server, place: str, *, is_shared: bool, is_told: bool) -> None:
    room = server.workspace.room(place, BOT_USER)
    if is_told:
        server.workspace.share(room, is_shared=is_shared)
    else:
        room.is_shared = is_shared


def standing(server: Server, place: str | None) -> tuple[Standing, ...]:
    rooms = server.workspace.rooms
    wanted = None if place is None else place.removeprefix("#")
    messages = sorted(server.workspace.messages.values(), key=lambda message: float(message.ts))
    found = ((rooms[message.room], message) for message in messages if not message.tombstone)
    return tuple(
        stands(server, room, message)
        for room, message in found
        if wanted is None or wanted in (room.id, place_of(room), room.name or None)
    )


def place_of(room: Room) -> PlaceId:
    return DIRECT if room.person else PlaceId(room.id)


def stands(server: Server, room: Room, message: Message) -> Standing:
    names = {room.id: room.name for room in server.workspace.rooms.values() if room.type == "channel"}
    text = with_names(read_blocks(list(message.blocks)) or read_mrkdwn(message.text), {}, names)
    native = message.text + "".join(f"\n{block!r}" for block in message.blocks)
    return Standing(
        place=place_of(room),
        id=NativeId(message.ts),
        user=server.workspace.members[message.user].handle if message.user in server.workspace.members else message.username,
        text=plain(text),
        native=native,
        audience=Audience.DIRECT if room.person else Audience.GROUP,
        at=float(message.ts),
        reply_to=NativeId(message.thread_ts) if message.thread_ts not in ("", message.ts) else None,
        by_bridge=message.by_bridge,
        edited=bool(message.edited),
    )


def fault(server: Server, fault: Fault, times: int, seconds: float) -> None:
    if suffers_at_send(fault):
        server.faults += [(fault, seconds)] * times
    elif fault is Fault.TWICE:
        server.delivery.twice += times
    else:
        server.delivery.silences += [seconds] * times
