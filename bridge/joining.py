"""Reading along by one's own wish: asked for or invited, confirmed by the address, decided where the file says so."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Final

from bridge import choosing, notices_reading
from bridge.errors import BridgeError
from bridge.mappings import Group, GroupPlace, Reader
from bridge.post import AccountId, Destination, PersonId, Place, PlaceId, UserId, Wish
from bridge.routing import World
from bridge.saying import notify, notify_anybody
from bridge.store import Tx, alerts, choices, people, readers
from bridge.store import joining as rows
from bridge.store.alerts import Alert
from bridge.store.joining import Joining, Step
from bridge.store.people import Decision

ABOUT: Final = "join:"
"""How the name begins under which admins decide about somebody who wants to read along."""
_DAY_S: Final = 24 * 3600.0


class NotAsking(BridgeError):
    """Nobody with that address waits to read along."""


class NotInvited(BridgeError):
    """They can't be invited."""


def readers_now(tx: Tx) -> Mapping[Place, tuple[Reader, ...]]:
    """Who joined, by place."""
    found: dict[Place, list[Reader]] = {}
    for each in rows.known(tx):
        if each.step is Step.READS and each.to.reader:
            found.setdefault(each.to.place, []).append(Reader(PersonId(f"~{each.to.reader}"), each.to.reader))
    return {place: tuple(them) for place, them in found.items()}


# ---------------------------------------------------------------- asking


def asks(tx: Tx, wish: Wish, world: World, now: float) -> set[int]:
    """Somebody asks to read along. Whoever they are, they are answered once a day."""
    to = Destination(wish.ref.place, wish.address.lower())
    found = entry_of(world, to.place)
    if found is None or not choices.first_asked(tx, to, "join", int(now // _DAY_S)):
        return set()
    group, entry = found
    where, key = choosing.place_of(to), f"{_about(to)}:{int(now // _DAY_S)}"
    if choosing.reader_of(world, to.place, wish.address) is not None:
        return notify_anybody(tx, notices_reading.reads_already(f"reads:{key}", where, group), now)
    if entry.join == "closed":
        return notify_anybody(tx, notices_reading.not_open(f"not-open:{key}", where, group), now)
    rows.put(tx, Joining(to, wish.name, Step.ASKED, now))
    secret = f"join:{_about(to)}:{secrets.token_hex(16)}"
    return notify_anybody(tx, notices_reading.confirm_joining(secret, where, group, asks=entry.join == "ask"), now)


def confirmed(tx: Tx, to: Destination, world: World, now: float, *, invited: bool) -> set[int]:
    """The address answered: it is theirs, and they want to."""
    found, joining = entry_of(world, to.place), rows.find(tx, to)
    if found is None:
        return set()
    group, entry = found
    if invited and choosing.reader_of(world, to.place, to.reader or "") is not None:
        standing = readers.standing(tx, to)
        readers.put(tx, readers.Standing(to, suspended_at=standing.suspended_at))
        return set()
    if joining is None or joining.step in {Step.READS, Step.CONFIRMED} or entry.join == "closed":
        return set()
    if invited or entry.join == "open":
        alerts.add(tx, Alert(f"joined:{_about(to)}:{now}", to.account, notices_reading.joined(group, to.reader or "")), now)
        return _reads(tx, joining, group, joining.by or "open", now)
    rows.put(tx, Joining(to, joining.name, Step.CONFIRMED, now, joining.by))
    said = notices_reading.asks_to_read(to.account, group, to.reader or "", joining.name)
    alerts.add(tx, Alert(f"wants:{_about(to)}:{int(now)}", to.account, said, about=f"{ABOUT}{_about(to)}"), now)
    return notify(tx, notices_reading.waits(f"waits:{_about(to)}:{int(now)}", choosing.place_of(to), group), now)


def _reads(tx: Tx, joining: Joining, group: Group, by: str, now: float) -> set[int]:
    """They read along from now on: nothing of before."""
    to = joining.to
    rows.put(tx, Joining(to, joining.name, Step.READS, now, by))
    people.record(tx, Decision(now, "reads", to.account, UserId(to.reader or ""), to.reader or "", by))
    choices.welcomed(tx, to)
    return notify(tx, notices_reading.welcome(f"{to}:{int(now)}", choosing.place_of(to), [group]), now)


# ---------------------------------------------------------------- deciding


def decide(tx: Tx, name: str, world: World, now: float, *, by: str, no: bool) -> set[int]:
    """Do what an admin decided about somebody who waits; `name` as alerts have it. Raises `NotAsking`."""
    account, place, address = name.removeprefix(ABOUT).split(":", 2)
    to = Destination(Place(AccountId(account), PlaceId(place)), address)
    joining, found = rows.find(tx, to), entry_of(world, to.place)
    if joining is None or joining.step is not Step.CONFIRMED or found is None:
        raise NotAsking(f"{address} does not wait to read along: see `viabridge readers`.")
    if not no:
        return _reads(tx, joining, found[0], by, now)
    rows.put(tx, Joining(to, joining.name, Step.REFUSED, now, by))
    people.record(tx, Decision(now, "reject", to.account, UserId(address), address, by))
    return notify(tx, notices_reading.not_now(f"not-now:{_about(to)}:{int(now)}", choosing.place_of(to), found[0]), now)


def waiting(tx: Tx, address: str) -> tuple[str, ...]:
    """Under which names admins decide about whoever waits with this address."""
    mine = [each for each in rows.known(tx) if each.step is Step.CONFIRMED and (each.to.reader or "") == address.lower()]
    return tuple(f"{ABOUT}{_about(each.to)}" for each in mine)


def invite(tx: Tx, group_id: str, whom: str, world: World, now: float, by: str) -> set[int]:
    """Ask somebody whether they want to read a group: a reader who left, or anybody where the file lets people join.

    `whom` is an address, or a person of the file. Raises `NotInvited`, with the cure.
    """
    group = next((each for each in world.mappings.groups if each.id == group_id), None)
    if group is None:
        names = ", ".join(each.id for each in world.mappings.groups)
        raise NotInvited(f"There is no group {group_id}. There are: {names}.")
    entry = next((each for each in group.places if each.account in world.by_reader and each.direction.takes), None)
    if entry is None:
        raise NotInvited(f"Nobody reads {group_id} by mail: it has no such place in the mapping file.")
    place, person = world.place_of(entry), world.mappings.people.get(PersonId(whom))
    address = person.handles.get(entry.account, ("",))[0] if person is not None else whom.lower()
    if "@" not in address or any(each.isspace() for each in address):
        raise NotInvited(f"{whom} is neither an address nor a person with one at {entry.account}.")
    to = choosing.reader_of(world, place, address) or Destination(place, address)
    named = any(reader.address == to.reader for reader in world.readers(entry))
    if named and readers.standing(tx, to).left_at is None:
        raise NotInvited(f"{to.reader} reads {group_id} already.")
    if not named and entry.join == "closed":
        raise NotInvited(f"{address} is no reader of {entry.at}: add them to its `readers`, or set `join: ask` there first.")
    if not named:
        rows.put(tx, Joining(to, address, Step.ASKED, now, by))
    people.record(tx, Decision(now, "invite", to.account, UserId(address), address, by))
    key = f"invite:{_about(to)}:{secrets.token_hex(16)}"
    return notify(tx, notices_reading.invited(key, choosing.place_of(to), group), now)


def entry_of(world: World, place: Place) -> tuple[Group, GroupPlace] | None:
    """The group and the entry of a place that people read one by one."""
    for group in world.mappings.groups:
        for entry in group.places:
            if entry.direction.takes and entry.account in world.by_reader and world.place_of(entry) == place:
                return group, entry
    return None


def _about(to: Destination) -> str:
    return f"{to.account}:{to.place.id}:{to.reader}"
