"""Readers who leave, whose mail comes back, and who return: what is written down and said about it."""

from __future__ import annotations

import secrets
from dataclasses import replace

from bridge import choosing, feedback, joining, notices, offboarding
from bridge.mappings import Group
from bridge.post import AccountId, Destination, Place, PlaceId, Undelivered, UserId, Wish, Wished, direct
from bridge.reasons import Reason
from bridge.routing import World
from bridge.saying import notify
from bridge.store import Tx, alerts, choices, ledger, readers
from bridge.store import undelivered as rows
from bridge.store.alerts import Alert
from bridge.store.readers import Standing

_DAY_S = 24 * 3600.0
ASKED_AT_MOST = 4
"""How often a spared reader is asked whether mail gets through again, a week apart."""
ASKED_EVERY_S = 7 * _DAY_S


def today(tx: Tx, world: World) -> World:
    """The world without who was removed by now, and with what readers said of themselves."""
    world = offboarding.today(tx, world)
    if not world.by_reader:
        return world
    return replace(
        world,
        away=readers.away(tx),
        choices=choices.known(tx),
        welcomed=world.welcomed | choices.all_welcomed(tx),
        joined=joining.readers_now(tx),
    )


def heard(tx: Tx, event: Wish | Undelivered, world: World, now: float) -> set[int]:
    """Write down what a reader wishes, or that they were not reached; the lanes with new work."""
    match event:
        case Undelivered():
            to = ledger.reader_of(tx, event.copy)
            counted = undelivered(tx, to, event.why, world, now) if to is not None else set()
            back = rows.came_back(tx, event.copy, Reason.RETURNED, f"It came back: {event.why}", now) if to is not None else ()
            return counted | {lane for each in back for lane in feedback.came_back(tx, world, each, event.why, now)}
        case Wish(wished=Wished.LEAVE):
            return leave(tx, Destination(event.ref.place, event.address), now)
        case Wish(wished=Wished.PERHAPS_LEAVE):
            return _ask(tx, event, world, now)
        case Wish(wished=Wished.WHICH):
            return choosing.which(tx, event, world, now)
        case Wish(wished=Wished.JOIN):
            return joining.asks(tx, event, world, now)
        case Wish():
            return choosing.chooses(tx, event, world, now)


def leave(tx: Tx, to: Destination, now: float) -> set[int]:
    """They get nothing more; twice is as once."""
    known = readers.standing(tx, to)
    if known.left_at is None:
        readers.put(tx, replace(known, left_at=now))
    return set()


def _ask(tx: Tx, event: Wish, world: World, now: float) -> set[int]:
    """Who writes "stop" is told, once a day, how to leave: whether it is them, only an answer shows."""
    to = choosing.reader_of(world, event.ref.place, event.address)
    group = _group_of(world, to) if to else None
    if to is None or group is None:
        return set()
    known = readers.standing(tx, to)
    if now - known.asked_at < _DAY_S:
        return set()
    readers.put(tx, replace(known, asked_at=now))
    key = f"leave:{_about(to)}:{secrets.token_hex(16)}"
    return notify(tx, notices.how_to_leave(key, direct(to.account, UserId(event.address)), group), now)


def answered(tx: Tx, kind: str, about: str, world: World, now: float, *, no: bool) -> set[int]:
    """They answered what they were asked: whether to leave or to be reached again, what they chose, whether to join."""
    account, place, address, rest = about.split(":", 3)
    to = Destination(Place(AccountId(account), PlaceId(place)), address)
    if no:
        return set()
    match kind:
        case "leave":
            return leave(tx, to, now)
        case "return":
            come_back(tx, to)
            return set()
        case "choose":
            return choosing.answered(tx, to, rest, world, now)
        case "join" | "invite":
            return joining.confirmed(tx, to, world, now, invited=kind == "invite")
        case _:
            return set()


def come_back(tx: Tx, to: Destination) -> None:
    """They are reached again, with a clean record. Who left stays away: only an admin invites them."""
    known = readers.standing(tx, to)
    readers.put(tx, Standing(to, left_at=known.left_at))


def undelivered(tx: Tx, to: Destination, why: str, world: World, now: float) -> set[int]:
    """A copy came back: count it, and spare who is not reached for days. They and the admins are told."""
    before = readers.standing(tx, to)
    after = readers.scored(before, why, now)
    if after == before:
        return set()
    readers.put(tx, after)
    if after.suspended_at is None or before.suspended_at is not None:
        return set()
    said = notices.reader_is_spared(to.account, str(to.reader), why)
    alerts.add(tx, Alert(f"spared:{to}:{int(now)}", to.account, said), now)
    return _probe(tx, to, world, now)


def probe(tx: Tx, world: World, now: float) -> set[int]:
    """Ask spared readers, a week apart, whether mail gets through again."""
    woken: set[int] = set()
    for known in readers.known(tx):
        due = known.suspended_at is not None and known.left_at is None and now - known.asked_at >= ASKED_EVERY_S
        if due and known.asked < ASKED_AT_MOST:
            readers.put(tx, replace(known, asked=known.asked + 1, asked_at=now))
            woken |= _probe(tx, known.destination, world, now)
    return woken


def _probe(tx: Tx, to: Destination, world: World, now: float) -> set[int]:
    group = _group_of(world, to)
    if group is None or to.reader is None:
        return set()
    key = f"return:{_about(to)}:{secrets.token_hex(16)}"
    return notify(tx, notices.are_you_there(key, direct(to.account, UserId(to.reader)), group), now)


def _about(to: Destination) -> str:
    return f"{to.account}:{to.place.id}:{to.reader}"


def _group_of(world: World, to: Destination) -> Group | None:
    found = world.places.at(to.place)
    return next((group for group, entry in found if any(each.address == to.reader for each in world.readers(entry))), None)
