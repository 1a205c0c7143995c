"""People who are members of their platform no more: what of theirs is elsewhere, what admins are asked, and removing them.

Who was removed is treated as if every line of the mapping file that names them were deleted, until they are members again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import structlog

from bridge import notices_members, routing
from bridge.errors import BridgeError
from bridge.mappings import Person
from bridge.post import AccountId, Destination, Ignored, PersonId, UserId
from bridge.routing import World
from bridge.store import Tx, alerts, erasing, joining, people
from bridge.store import offboarded as rows
from bridge.store.alerts import Alert
from bridge.store.held import Held
from bridge.store.joining import Step as Joined
from bridge.store.offboarded import Offboarded, Step
from bridge.store.people import NATIVE, Decision, Deed, Known
from bridge.store.tables_people import FollowState

ABOUT: Final = "member:"
"""How the name begins under which admins decide about somebody."""
OFFBOARDED: Final = "offboarded"
WHY: Final = "An admin decides whether they are removed, or everything of theirs stays as it is."
BY_FILE: Final = "file"
MANY: Final = 5
"""So many may go within a day, if they are no more than a third of all; of more, nobody is removed without an admin."""
SURE_AFTER_S = 60.0
"""How long after their platform's first word it is asked for the second, without which nothing follows."""
_DAY_S: Final = 24 * 3600.0

log = structlog.get_logger()


class NotOffboarded(BridgeError):
    """Nothing is to be decided about them."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What somebody still has beside their platform; `writes` are the titles of groups."""

    follows: tuple[tuple[AccountId, Known], ...]
    reads: tuple[Destination, ...]
    writes: tuple[str, ...]
    is_admin: bool

    def __bool__(self) -> bool:
        return bool(self.follows or self.reads or self.writes or self.is_admin)

    def in_words(self, world: World) -> str:
        """For admins, without an address."""
        said = [
            *(f"{'asks to follow' if each.state is FollowState.ASKING else 'follows'} {at}" for at, each in self.follows),
            *(f"reads {routing.name_of(world, to.place)}" for to in self.reads),
            *(f"may write to “{title}”" for title in self.writes),
            *(["is an admin of the bridge"] if self.is_admin else []),
        ]
        return ", ".join(dict.fromkeys(said))


def today(tx: Tx, world: World) -> World:
    """The world without who was removed by now."""
    removed, leaving = rows.out(tx)
    if (removed, leaving) == (world.removed, world.leaving):
        return world
    mappings = world.mappings if removed == world.removed else world.whole.without(removed)
    return replace(world, file=world.whole, mappings=mappings, removed=removed, leaving=leaving)


def is_many(gone: int, known: int) -> bool:
    """Whether so many of the known went that it may be a mistake. Pure."""
    return gone > MANY or gone * 3 > known


def is_due(one: Offboarded, now: float) -> bool:
    """Whether their platform is to be asked about them now."""
    return one.doubted and (one.step is not Step.SAID or now - one.at >= SURE_AFTER_S)


# ---------------------------------------------------------------- what a platform says


def hear(tx: Tx, account: AccountId, event: Ignored, world: World, now: float) -> None:
    """What a platform tells by itself is a reason to ask it, no more: it may come late, or twice."""
    who = event.member
    person = world.whole.person_by_handles(account, (who.user, *who.handles)) if who and not who.is_bot else None
    if person is None:
        return
    before = rows.find(tx, person.id)
    if before is not None and before.step is not Step.BACK:
        rows.put(tx, replace(before, doubted=True))
    elif event.gone:
        rows.put(tx, _said(person, account, before, now))


def untold(tx: Tx, person: PersonId) -> None:
    """Their platform was asked, and does not say: what it said by itself counts no more, and what was decided stays."""
    before = rows.find(tx, person)
    if before is not None and before.doubted:
        rows.put(tx, replace(before, doubted=False, step=Step.BACK if before.step is Step.SAID else before.step))


def _said(person: Person, account: AccountId, before: Offboarded | None, now: float) -> Offboarded:
    return Offboarded(person.id, account, Step.SAID, now, before.times + 1 if before else 1, doubted=True)


def note(tx: Tx, person: Person, account: AccountId, world: World, now: float, *, gone: bool, known: int) -> None:
    """Their platform was asked, and says this of them; `known` is of how many people it could be asked."""
    before = rows.find(tx, person.id)
    if not gone:
        _back(tx, person, before, world, now)
    elif before is None or before.step is Step.BACK:
        rows.put(tx, _said(person, account, before, now))
    elif before.step is Step.SAID and now - before.at < SURE_AFTER_S:
        return
    elif before.step in {Step.SAID, Step.GONE}:
        _propose(tx, person, before, world, now, known)
    elif before.doubted:
        rows.put(tx, replace(before, doubted=False))


def _propose(tx: Tx, person: Person, before: Offboarded, world: World, now: float, known: int) -> None:
    """Ask the admins what becomes of what they have elsewhere; or end it at once, where that was said beforehand."""
    one, has = replace(before, doubted=False), elsewhere(tx, person, before.account, world)
    gone = rows.gone_since(tx, now - _DAY_S)
    if not has:
        rows.put(tx, replace(one, step=Step.GONE))
    elif world.whole.offboarded == "remove" and not is_many(gone, known) and not has.is_admin:
        said = notices_members.were_removed(person.name, one.account, has.in_words(world))
        _remove(tx, one, has, BY_FILE, now)
        alerts.add(tx, Alert(f"removed:{person.id}:{one.times}", one.account, said), now)
    else:
        rows.put(tx, replace(one, step=Step.WAITS))
        said = notices_members.asks(name_of(one), person.name, one.account, has.in_words(world))
        alert = Alert(f"offboarded:{person.id}:{one.times}", one.account, said, about=name_of(one))
        if gone > MANY:
            alert = Alert(f"offboarded-many:{int(now // _DAY_S)}", one.account, notices_members.are_many(one.account))
        alerts.add(tx, alert, now)
        log.info("member.offboarded", account=one.account, person=one.person)


def _back(tx: Tx, person: Person, before: Offboarded | None, world: World, now: float) -> None:
    """They are a member: what was asked is taken back, what was decided counts no more, what is not done yet is not done."""
    if before is None or before.step is Step.BACK:
        return
    rows.put(tx, replace(before, step=Step.BACK, doubted=False))
    was_asked = alerts.withdraw(tx, name_of(before))
    removed = before.step is Step.REMOVED
    if removed:
        for account, each in _follows(tx, person, world):
            if each.wish is not None:
                people.unwish(tx, account, each.follower.user)
        people.record(tx, Decision(now, "reinstated", before.account, UserId(""), person.id, NATIVE))
    if removed or (before.step is Step.WAITS and was_asked):
        said = notices_members.are_back(person.name, before.account, removed=removed)
        alerts.add(tx, Alert(f"reinstated:{person.id}:{before.times}", before.account, said), now)


# ---------------------------------------------------------------- deciding


def name_of(one: Offboarded) -> str:
    """By what name admins speak of it: another one each time that somebody goes."""
    return f"{ABOUT}{one.person}:{one.times}"


def waiting(tx: Tx, world: World) -> tuple[Held, ...]:
    """Who waits for an admin's decision, longest first."""
    found = [each for each in rows.known(tx) if each.step is Step.WAITS and each.person in world.whole.people]
    return tuple(_held(tx, each, world.whole.people[each.person], world) for each in found)


def _held(tx: Tx, one: Offboarded, person: Person, world: World) -> Held:
    line = elsewhere(tx, person, one.account, world).in_words(world)
    nobody, nowhere = UserId(""), ""
    return Held(name_of(one), one.account, nowhere, False, nobody, person.name, "", one.at, OFFBOARDED, line)  # noqa: FBT003


def decide(tx: Tx, name: str, world: World, now: float, *, by: str, no: bool) -> set[int]:
    """Do what an admin decided about somebody who waits, `name` as they are listed. Raises `NotOffboarded`."""
    person_id = PersonId(name.removeprefix(ABOUT).rpartition(":")[0])
    person, one = world.whole.people.get(person_id), rows.find(tx, person_id)
    if person is None or one is None or one.step is not Step.WAITS or name_of(one) != name:
        raise NotOffboarded(f"Nothing is to be decided about {name}: see `viabridge held`.")
    alerts.withdraw(tx, name)
    if no:
        rows.put(tx, replace(one, step=Step.KEPT, by=by))
        people.record(tx, Decision(now, "kept", one.account, UserId(""), person.id, by))
    else:
        _remove(tx, one, elsewhere(tx, person, one.account, world), by, now)
    return set()


def _remove(tx: Tx, one: Offboarded, has: Elsewhere, by: str, now: float) -> None:
    """End what they have: mail at once, and what they follow as soon as its doorkeeper comes to it."""
    why = f"{by} (offboarded at {one.account})"
    rows.put(tx, replace(one, step=Step.REMOVED, by=by))
    people.record(tx, Decision(now, "offboarded", one.account, UserId(""), one.person, by))
    for account, each in has.follows:
        deed = Deed.REJECT if each.state is FollowState.ASKING else Deed.REMOVE
        people.wish(tx, account, each.follower.user, deed, why)
    for to in has.reads:
        address = to.reader or ""
        joined = joining.find(tx, to)
        if joined is not None and joined.step is not Joined.REFUSED:
            joining.put(tx, replace(joined, step=Joined.REFUSED, at=now, by=by))
        erasing.end_unsent(tx, to, now)
        people.record(tx, Decision(now, Deed.REMOVE, to.account, UserId(address), address, why))
    log.info("member.removed", account=one.account, person=one.person, by_file=by == BY_FILE)


# ---------------------------------------------------------------- what they have


def elsewhere(tx: Tx, person: Person, left: AccountId, world: World) -> Elsewhere:
    """What somebody has beside the account that they left."""
    others = person.handles.keys() - {left}
    mine = (
        (group.title, entry.account)
        for group in world.mappings.groups
        for entry in group.places
        if person.id in group.writers and entry.direction.gives
    )
    return Elsewhere(
        follows=tuple(_follows(tx, person, world)),
        reads=tuple(dict.fromkeys(_reads(person, world))),
        writes=tuple(dict.fromkeys(title for title, account in mine if account in others)),
        is_admin=bool(others) and person.id in world.mappings.admins,
    )


def _follows(tx: Tx, person: Person, world: World) -> Iterator[tuple[AccountId, Known]]:
    for account in person.handles:
        for each in people.known(tx, account).values():
            names = (each.follower.user, *each.follower.handles)
            if each.state is not FollowState.GONE and world.whole.person_by_handles(account, names) == person:
                yield account, each


def _reads(person: Person, world: World) -> Iterator[Destination]:
    for account in world.by_reader & person.handles.keys():
        for address in person.handles[account]:
            yield from (to for _, to in routing.read_by(world, account, address))
