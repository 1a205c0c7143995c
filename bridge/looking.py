"""What people may look up about the bridge, and the answers in words: why, who, ping, and which pause they mean."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bridge import reach, text, tracing
from bridge.engine import Engine
from bridge.errors import SendError
from bridge.mappings import Group
from bridge.orders import Asker, Order, Outcome
from bridge.pausing import Halt
from bridge.places import is_unpinned
from bridge.post import AccountId, NativeId, Place, PlaceId, Ref, UserId
from bridge.routing import World
from bridge.store import Tx, stories
from bridge.store.stories import Story

PING_S = 10.0
SILENT = "✗"


@dataclass(frozen=True, slots=True)
class Said:
    """What an order came to: its outcome, the answer's lines, and lanes with new work."""

    outcome: Outcome
    lines: tuple[str, ...]
    lanes: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which message is meant: where the accounts' adapters say it stands, else by its id alone."""

    refs: tuple[Ref, ...]
    words: str


# ---------------------------------------------------------------- which message


def story_of(tx: Tx, world: World, wanted: Wanted) -> Story | None:
    """The story of the message that is meant; None where the ledger has none, or several."""
    places = [*wanted.refs, *_spelled(wanted.words)]
    found = stories.find(tx, places, wanted.words, world.mappings.accounts)
    return stories.tell(tx, found[0]) if len(found) == 1 else None


def _spelled(words: str) -> Iterator[Ref]:
    """A ref as the log and the ledger spell it: ACCOUNT/PLACE#ID."""
    where, _, native = words.partition("#")
    account, _, rest = where.partition("/")
    place, _, person = rest.partition("/")
    if native and place:
        yield Ref(Place(AccountId(account), PlaceId(place), UserId(person) if person else None), NativeId(native))


def is_theirs(story: Story, who: Asker, world: World) -> bool:
    """Whether they wrote it; in doubt they did not."""
    if story.ref.place.is_direct and story.ref.place.account == who.account and story.ref.place.person == who.user:
        return True
    if story.post is None:
        return False
    author = story.post.author
    if story.ref.place.account == who.account and author.user == who.user:
        return True
    return who.person is not None and world.person(story.post) == who.person


def _may_read(story: Story, who: Asker, world: World) -> bool:
    """Whether they can read it where they are, so that what became of it is theirs to know."""
    here = {story.ref.place, *(way.destination.place for way in story.ways)}
    return who.is_admin or who.place in here or is_theirs(story, who, world)


def why(tx: Tx, world: World, wanted: Wanted, who: Asker) -> Said:
    """Where the message went, and if not, why: for those who can read it anyway."""
    if not wanted.refs and not wanted.words:
        return Said(Outcome.NOTHING, ("Give the message's link: why LINK.",))
    story, places = story_of(tx, world, wanted), [*wanted.refs, *_spelled(wanted.words)]
    if story is None and who.is_admin and (brought := _brought(tx, world, wanted)):
        return Said(Outcome.DONE, ("That message brought several posts. Ask about one of them:", *brought))
    if story is None and (who.is_admin or any(ref.place == who.place for ref in places) or not places):
        return Said(Outcome.NOTHING, tuple(tracing.unknown(world, places)))
    if story is None or not _may_read(story, who, world):
        said = "Only who can read a message may ask about it: ask where it stands, or where a copy of it does."
        return Said(Outcome.REFUSED, (said,))
    return Said(Outcome.DONE, tuple(tracing.in_words(world, story, with_readers=who.is_admin)))


def _brought(tx: Tx, world: World, wanted: Wanted) -> tuple[str, ...]:
    """The posts that came in one message, each by its own id and first words."""
    found = stories.find(tx, wanted.refs, wanted.words, world.mappings.accounts)
    told = [stories.tell(tx, each) for each in found]
    return tuple(f"{each.ref} {each.author}: {text.first_line(each.post.text, 60) if each.post else '…'}" for each in told)


# ---------------------------------------------------------------- who reads


def groups_here(world: World, who: Asker) -> tuple[Group, ...]:
    """The groups that the asker's place belongs to; at this machine's own terminal, all."""
    if who.place is None:
        return world.mappings.groups
    return tuple(g for g in world.mappings.groups if any(world.place_of(entry) == who.place for entry in g.places))


def _groups_meant(world: World, names: Iterable[str], who: Asker) -> tuple[Group, ...]:
    """The groups that were named, else those of the place; of a group elsewhere only admins may know."""
    wanted, here = set(names), groups_here(world, who)
    if not wanted:
        return here
    return tuple(g for g in (world.mappings.groups if who.is_admin else here) if g.id in wanted)


def who(world: World, order: Order, asker: Asker) -> Said:
    """Who reads, by count and kind."""
    groups = _groups_meant(world, order.rest, asker)
    if not groups:
        return Said(Outcome.NOTHING, ("This place is not mirrored: what is written here is read by nobody else.",))
    lines = [f"“{group.title}” is read by {reach.in_words(reach.of_group(world, group))}." for group in groups]
    if asker.place is not None and not order.rest:
        lines.append(f"What you write here goes to {reach.in_words(reach.reached(world, asker.place))}.")
    return Said(Outcome.DONE, tuple(lines))


# ---------------------------------------------------------------- ping


def to_ping(world: World, order: Order, who: Asker) -> tuple[tuple[str, Place], ...] | Said:
    """The places that are to answer, each with its name; or why there are none."""
    if order.rest == ("all",) and not who.is_admin:
        return Said(
            Outcome.REFUSED, ("Only the group's admins may ping everything; `ping` asks the places of this one's groups.",)
        )
    groups = world.mappings.groups if order.rest == ("all",) else _groups_meant(world, order.rest, who)
    places = {entry.at: world.place_of(entry) for group in groups for entry in group.places}
    if not places:
        return Said(Outcome.NOTHING, ("This place is not mirrored: there is nobody to answer.",))
    return tuple(places.items())


async def ping(engine: Engine, at: str, place: Place) -> str:
    """Whether the place's platform answers, and after how many milliseconds."""
    account = engine.accounts.get(place.account)
    if account is None or not account.opened.is_set() or is_unpinned(place.id):
        known = account.unpinned.get(at.partition("/")[2], account.trouble) if account else ""
        return f"{SILENT} {at}: {known or 'It is not signed in to yet.'}"
    began = time.perf_counter()
    try:
        async with asyncio.timeout(PING_S):
            await account.adapter.ping(place.id)
    except SendError as error:
        return f"{SILENT} {at}: {error.sentence}"
    except TimeoutError:
        return f"{SILENT} {at}: No answer within {PING_S:g} s."
    return f"✓ {at}: {(time.perf_counter() - began) * 1000:.0f} ms"


# ---------------------------------------------------------------- which pause


def halt_of(world: World, order: Order, who: Asker, now: float) -> Halt | Said:
    """The group or place that is meant: by name, `here`, or the only group of the place."""
    name = " ".join(order.rest)
    if name == "here" and who.place is not None and world.is_mapped(who.place):
        return Halt(place=who.place, at=now, by=who.name)
    if any(group.id == name for group in world.mappings.groups):
        return Halt(group=name, at=now, by=who.name)
    for group in world.mappings.groups:
        for entry in group.places:
            if entry.at == name.replace("/#", "/") and not is_unpinned(world.place_of(entry).id):
                return Halt(place=world.place_of(entry), at=now, by=who.name)
    here = groups_here(world, who)
    if not name and len(here) == 1:
        return Halt(group=here[0].id, at=now, by=who.name)
    known = ", ".join(group.id for group in world.mappings.groups)
    return Said(Outcome.NOTHING, (f"Say what: {order.verb} GROUP, ACCOUNT/PLACE, or `here`. The groups are {known}.",))


def named(world: World, halt: Halt) -> str:
    """How people call it."""
    return tracing.place_name(world, halt.place) if halt.place else f"The group {halt.group}"
