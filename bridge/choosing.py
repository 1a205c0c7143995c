"""What readers choose for themselves by mail: how often they hear, a pause, taking back a post. It can only reduce."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from bridge import notices_reading, routing, text, timing
from bridge.mappings import Deliver, Group
from bridge.post import Deleted, Destination, Place, UserId, Wish, Wished, direct
from bridge.routing import World
from bridge.saying import notify
from bridge.store import Tx, bundles, choices, ledger

_DAY_S: Final = 24 * 3600.0
PAUSE: Final = timedelta(days=14)
LONGEST_PAUSE: Final = timedelta(days=366)
_WORDS: Final = {Wished.RESUME: "the end of the pause", Wished.PAUSE: "a pause"}
RHYTHMS: Final = {Wished(each.value): each for each in Deliver}


def chooses(tx: Tx, wish: Wish, world: World, now: float) -> set[int]:
    """Do what a reader chose, once it is sure that it is them; whoever reads nothing there chooses nothing."""
    to = reader_of(world, wish.ref.place, wish.address)
    if to is None:
        return set()
    if wish.doubt:
        return _ask(tx, to, wish, now)
    return choose(tx, to, wish.wished, wish.until, world, now)


def _ask(tx: Tx, to: Destination, wish: Wish, now: float) -> set[int]:
    """Ask whether it was them; by a key that can't be guessed, and once a day for each thing."""
    if not choices.first_asked(tx, to, f"{wish.wished}{wish.until}", int(now // _DAY_S)):
        return set()
    what = _WORDS.get(wish.wished, wish.wished) + (f" until {wish.until}" if wish.until else "")
    key = f"choose:{_about(to)}:{wish.wished}:{wish.until}:{secrets.token_hex(16)}"
    return notify(tx, notices_reading.is_it_you(key, place_of(to), what), now)


def answered(tx: Tx, to: Destination, rest: str, world: World, now: float) -> set[int]:
    """They say that it was them; `rest` is what stood in the question's key behind the reader."""
    wished, _, until = rest.rpartition(":")[0].partition(":")
    return choose(tx, to, Wished(wished), until, world, now)


def choose(tx: Tx, to: Destination, wished: Wished, until: str, world: World, now: float) -> set[int]:
    """Write their choice down and tell them what holds now."""
    rhythm = routing.rhythm_of(world, to)
    before = choices.of(tx, to)
    after = before
    if wished in RHYTHMS:
        after = replace(before, deliver=RHYTHMS[wished])
    elif wished is Wished.PAUSE:
        after = replace(before, paused_until=_end_of_pause(until, rhythm.zone, rhythm.at, now))
    elif wished is Wished.RESUME:
        after = replace(before, paused_until=0.0)
    choices.put(tx, to, after)
    woken = bundles.bring_forward(tx, to, before.paused_until, _settled_by(to, world, now)) if wished is Wished.RESUME else set()
    # A robot that answers everything gets each of these once a day, and there are few of them.
    key = f"chosen:{_about(to)}:{wished}:{until}:{int(now // _DAY_S)}"
    return woken | notify(tx, notices_reading.chosen(key, place_of(to), rhythm, after, now), now)


def _settled_by(to: Destination, world: World, now: float) -> float:
    """From when on nothing of what waits for the reader now can be taken back by its author."""
    groups = (group for group, _ in routing.read_by(world, to.account, to.reader or ""))
    return now + max((group.undo.total_seconds() for group in groups), default=0.0)


def _end_of_pause(until: str, zone: str, at: time, now: float) -> float:
    """When mail comes again: at their usual time on that date, within a year."""
    local = datetime.fromtimestamp(now, ZoneInfo(zone)).date()
    try:
        wanted = date.fromisoformat(until) if until else local + PAUSE
    except ValueError:
        wanted = local + PAUSE
    wanted = min(max(wanted, local + timedelta(days=1)), local + LONGEST_PAUSE)
    return timing.at_date(wanted, at, zone)


# ---------------------------------------------------------------- single posts


def last_post(tx: Tx, wish: Wish, now: float) -> tuple[Deleted | None, set[int]]:
    """The deletion of their last post at the place, and the lanes that tell them of it; None where there is none, or doubt."""
    place, key = direct(wish.ref.place.account, UserId(wish.address)), f"took-back:{wish.ref}"
    found = None if wish.doubt else ledger.last_by(tx, wish.ref.place, wish.address)
    if found is None:
        key = f"nothing-back:{place}:{int(now // _DAY_S)}"
        return None, notify(tx, notices_reading.nothing_to_take_back(key, place), now)
    line = text.first_line(found.text, 60)
    return Deleted(found.ref, wish.at), notify(tx, notices_reading.taken_back(key, place, line), now)


def which(tx: Tx, wish: Wish, world: World, now: float) -> set[int]:
    """They answered several posts at once: they are told how to answer one."""
    to = reader_of(world, wish.ref.place, wish.address)
    if to is None or wish.doubt:
        return set()
    return notify(tx, notices_reading.which_one(f"which:{wish.ref}", place_of(to)), now)


# ---------------------------------------------------------------- the first mail


def welcome(tx: Tx, to: Destination, world: World, now: float) -> set[int]:
    """Before their first mail a reader is told what this is, once for all groups they read by then."""
    if to in world.welcomed or to.reader is None or not choices.is_new(tx, to):
        return set()
    new: list[tuple[Destination, Group]] = []
    for group, each in routing.read_by(world, to.account, to.reader):
        if each not in world.welcomed and choices.is_new(tx, each):
            new.append((each, group))
    for each, _ in new:
        choices.welcomed(tx, each)
    groups = [group for _, group in new]
    return notify(tx, notices_reading.welcome(str(to), place_of(to), groups), now) if groups else set()


# ---------------------------------------------------------------- who they are


def place_of(to: Destination) -> Place:
    """Where a reader is spoken to alone."""
    return direct(to.account, UserId(to.reader or ""))


def _about(to: Destination) -> str:
    return f"{to.account}:{to.place.id}:{to.reader}"


def reader_of(world: World, place: Place, address: str) -> Destination | None:
    """The reader at the place whose address it is, or a further one of the same person."""
    person = world.mappings.person_by_handles(place.account, (address,))
    for _, entry in world.sources(place):
        for reader in world.readers(entry):
            if reader.address.lower() == address.lower() or (person is not None and reader.person == person.id):
                return Destination(place, reader.address)
    return None
