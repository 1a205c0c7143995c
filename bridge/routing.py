"""Which destinations a post goes to: mappings x post -> routes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bridge import audience, text
from bridge.mappings import Filter, Group, GroupPlace, Mappings, Person, Reader, Rhythm
from bridge.pausing import Halt
from bridge.places import Places
from bridge.post import AccountId, Audience, Destination, PersonId, Place, PlaceId, Post, UserId
from bridge.reasons import Reason
from bridge.rhythm import Choice

_NOWHERE = Places(Mappings(None, (), {}, {}, (), ()), {})


@dataclass(frozen=True, slots=True)
class World:
    """What routing knows: the mapping file, which ids its places' names mean, and whose places are read one by one.

    `halts` are what somebody paused; `asides`, the accounts where one person alone can be told something; `lasting`, those
    whose copies can't be taken back; `summaries`, those where reactions from elsewhere are shown. `sizes` are how many people
    read a place; one that nobody can tell is not in it.
    `followers` are those whom a protected account has let follow; of an account that is not in it nobody is known to.
    """

    mappings: Mappings
    pins: Mapping[tuple[AccountId, str], PlaceId]
    by_reader: frozenset[AccountId] = frozenset()
    sizes: Mapping[Place, int] = field(default_factory=dict)
    followers: Mapping[AccountId, frozenset[UserId]] = field(default_factory=dict)
    halts: tuple[Halt, ...] = ()
    asides: frozenset[AccountId] = frozenset()
    lasting: frozenset[AccountId] = frozenset()
    summaries: frozenset[AccountId] = frozenset()
    away: frozenset[Destination] = frozenset()
    """Readers who get nothing: they left, or their mail comes back."""
    choices: Mapping[tuple[AccountId, str], Choice] = field(default_factory=dict)
    """What readers chose for themselves, by their address at the account."""
    joined: Mapping[Place, tuple[Reader, ...]] = field(default_factory=dict)
    """Readers who are not in the mapping file, by the place they read; where it still lets people join."""
    welcomed: frozenset[Destination] = frozenset()
    """Readers who were told what they read."""
    patient: bool = False
    """Whether what readers get as it is written may wait a little, to come in fewer mails."""
    file: Mappings | None = None
    """The mapping file as it is written, where some of its people were removed as offboarded: `mappings` is without them."""
    removed: frozenset[PersonId] = frozenset()
    """Those."""
    leaving: frozenset[PersonId] = frozenset()
    """People who were offboarded, and of whom is still to be decided whether they are removed."""
    restored_at: float = 0.0
    """When the database was filled from a backup: what was written before may stand where nobody here knows. 0 for never."""
    places: Places = field(default=_NOWHERE, compare=False, repr=False)
    """What `mappings` and `pins` come to; follows from them."""

    def __post_init__(self) -> None:
        if self.places.mappings is not self.mappings or self.places.pins is not self.pins:
            object.__setattr__(self, "places", Places(self.mappings, self.pins))

    @property
    def whole(self) -> Mappings:
        """The mapping file as it is written, with those who were removed."""
        return self.file or self.mappings

    @property
    def public_url(self) -> str:
        """Where people reach the bridge's pages; empty where they can't."""
        return self.mappings.public_url or ""

    def place_of(self, entry: GroupPlace) -> Place:
        """The place an entry means; a stand-in while its name could not be looked up yet."""
        return self.places.of(entry)

    def readers(self, entry: GroupPlace) -> tuple[Reader, ...]:
        """Who reads the place: whom the mapping file names, and who joined where it lets people."""
        joined = self.joined.get(self.place_of(entry), ()) if entry.join != "closed" else ()
        named = {reader.address.lower() for reader in entry.readers} if joined else frozenset()
        return (*entry.readers, *(each for each in joined if each.address.lower() not in named))

    def person(self, post: Post) -> Person | None:
        """Who wrote it, as far as the mapping file knows."""
        author = post.author
        return self.mappings.person_by_handles(post.ref.place.account, (author.user, *author.handles))

    def is_same(self, account: AccountId, address: str, post: Post) -> bool:
        """Whether the post's author is whom the address at the account belongs to."""
        if post.author.user.lower() == address.lower():
            return True
        person = self.person(post)
        return person is not None and person == self.mappings.person_by_handles(account, (address,))

    def is_mapped(self, place: Place) -> bool:
        """Whether any group mirrors from this place."""
        return any(True for _ in self.sources(place))

    def sources(self, place: Place) -> Iterator[tuple[Group, GroupPlace]]:
        """The groups that a post at this place may go to, with the entries that say so."""
        found = self.places.on(place.account) if place.is_direct else self.places.at(place)
        return ((group, entry) for group, entry in found if entry.direction.gives)


@dataclass(frozen=True, slots=True)
class Route:
    """One copy to be made."""

    destination: Destination
    group: Group
    audience: Audience


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a post goes; without routes, `refusal` says why."""

    routes: tuple[Route, ...]
    refusal: Reason | None


def plan(world: World, post: Post, now: datetime, *, own: bool = False, approved: bool = False) -> Plan:
    """The post's routes: destinations of all its groups united, one copy each, in the first group's words; one for each reader.

    `own`: it carries our own identity, so that it is no other bot's. What somebody `approved` needs neither a known author
    nor to be young: it waited for them.
    """
    person = world.person(post)
    routes: dict[Destination | PersonId, Route] = {}
    refusals: list[Reason] = []
    for group, entry in _groups_of(world, post):
        unwelcome = post.author.is_bot and not own and not approved and (person is None or person.id not in group.bots)
        refusal = Reason.BOT if unwelcome else _refusal(world, group, entry, post, person, now, approved=approved)
        if refusal is not None:
            refusals.append(refusal)
            continue
        for whom, route in _routes(world, group, post, person):
            routes.setdefault(whom, route)
    if routes:
        return Plan(tuple(routes.values()), None)
    return Plan((), _nearest(refusals))


def _groups_of(world: World, post: Post) -> Iterator[tuple[Group, GroupPlace]]:
    """Each group that the post's place gives to, with the entry by which it does."""
    seen: set[str] = set()
    for group, entry in world.sources(post.ref.place):
        if group.id not in seen:
            seen.add(group.id)
            yield group, entry


# Of several groups' refusals the one is told that came closest to relaying.
_NEARNESS = (
    Reason.TOO_OLD,
    Reason.FILTERED,
    Reason.DIRECT,
    Reason.NOT_THIS_WAY,
    Reason.UNKNOWN_SENDER,
    Reason.NOT_A_WRITER,
    Reason.BOT,
)


def _nearest(refusals: list[Reason]) -> Reason:
    return next((reason for reason in _NEARNESS if reason in refusals), Reason.NOT_MAPPED)


def _refusal(
    world: World, group: Group, entry: GroupPlace, post: Post, person: Person | None, now: datetime, *, approved: bool
) -> Reason | None:
    direct = post.ref.place.is_direct
    if not approved and _is_addressed(post) and not _may_write(world, group, entry, post, person):
        return Reason.UNKNOWN_SENDER if world.readers(entry) and not direct else Reason.NOT_A_WRITER
    if not _is_asked_for(world, group, post):
        return Reason.NOT_THIS_WAY
    if not direct and not passes(entry, post):
        return Reason.FILTERED
    if audience.of_copy(post.audience, group.audience, consented=direct) is None:
        return Reason.DIRECT
    return Reason.TOO_OLD if now - post.at > group.max_age else None  # last: what is missed is listed


def _is_addressed(post: Post) -> bool:
    """Whether it only names the account or its place, as anybody at all can."""
    return post.ref.place.is_direct or not post.gated


def _may_write(world: World, group: Group, entry: GroupPlace, post: Post, person: Person | None) -> bool:
    place = post.ref.place
    if group.followers_write and post.author.user in world.followers.get(place.account, frozenset()):
        return True
    if not place.is_direct and any(reader.address.lower() == post.author.user.lower() for reader in world.readers(entry)):
        return True
    if person is None:
        return False
    is_reader = not place.is_direct and any(reader.person == person.id for reader in entry.readers)
    return person.id in group.writers or is_reader


def _is_asked_for(world: World, group: Group, post: Post) -> bool:
    """Whether the group's `relay` lets a post that addresses the account come by its way. Mail to the group always may."""
    place = post.ref.place
    if place.is_direct:
        return "direct" in group.relay
    if post.gated or place.account in world.by_reader or "mention" in group.relay:
        return True
    return not group.relay.isdisjoint(_hashtags(_words(post)))


def _routes(world: World, group: Group, post: Post, person: Person | None) -> Iterator[tuple[Destination | PersonId, Route]]:
    """The group's routes, each beside whom it must reach once: a person, or a place."""
    width = audience.of_copy(post.audience, group.audience, consented=post.ref.place.is_direct)
    if width is None:
        return
    for entry in group.places:
        place = world.place_of(entry)
        if not entry.direction.takes or not passes(entry, post):
            continue
        for destination, whom in _destinations(world, entry, place):
            if destination.reader is None and place == post.ref.place and not _is_unseen_there(group, post):
                continue
            if destination.reader is not None and _is_theirs(entry, destination.reader, post, person):
                continue
            yield whom, Route(destination, group, width)


def _is_unseen_there(group: Group, post: Post) -> bool:
    """Whether the others of the post's own place can't see it: it stands with its author, for whoever follows them.

    Everybody can see a wider one, so only one for a group is posted there again.
    """
    return group.answers == "everyone" and not post.gated and post.audience is Audience.GROUP


def _destinations(world: World, entry: GroupPlace, place: Place) -> Iterator[tuple[Destination, Destination | PersonId]]:
    """Where copies for the place go, each beside whom it is for."""
    if entry.account in world.by_reader or entry.readers:
        for reader in world.readers(entry):
            if (to := Destination(place, reader.address)) not in world.away:
                yield to, reader.person
    else:
        yield Destination(place), Destination(place)


def _is_theirs(entry: GroupPlace, address: str, post: Post, person: Person | None) -> bool:
    """Whether the reader wrote the post: nobody gets their own post back."""
    if address.lower() == post.author.user.lower():
        return True
    return person is not None and any(r.person == person.id and r.address == address for r in entry.readers)


def ceiling_of(world: World, group_id: str, destination: Destination) -> Audience | None:
    """How wide a copy from the group may be at the destination by today's mapping file; None if it no longer goes there."""
    for group, entry in world.places.at(destination.place):
        if group.id != group_id or not entry.direction.takes:
            continue
        if any(to == destination for to, _ in _destinations(world, entry, destination.place)):
            return group.audience
    return None


def name_of(world: World, place: Place) -> str:
    """A place as the mapping file names it; its account alone where that no longer does."""
    return next((f"{entry.account}/{entry.name}" for _, entry in world.places.at(place)), str(place.account))


def title_of(world: World, group_id: str) -> str:
    """The group's name for people."""
    group = world.places.groups.get(group_id)
    return group.title if group else group_id


def reader_at(world: World, destination: Destination) -> Reader | None:
    """Who the destination's reader is in the mapping file."""
    if destination.reader is None:
        return None
    readers = (reader for _, entry in world.places.at(destination.place) for reader in world.readers(entry))
    return next((reader for reader in readers if reader.address == destination.reader), None)


def read_by(world: World, account: AccountId, address: str) -> Iterator[tuple[Group, Destination]]:
    """What somebody reads at the account, group by group."""
    for group, entry in world.places.on(account):
        to = Destination(world.place_of(entry), address)
        if entry.direction.takes and to not in world.away and any(each.address == address for each in world.readers(entry)):
            yield group, to


def rhythm_of(world: World, destination: Destination) -> Rhythm:
    """How often the destination's reader wants to hear of it, as the mapping file says."""
    reader = reader_at(world, destination)
    return reader.rhythm if reader is not None else Rhythm()


def answers_strangers(world: World, place: Place) -> bool:
    """Whether somebody who is no writer, and wrote to the account directly, is told so."""
    return any(group.strangers == "answer" for group, _ in world.sources(place))


def ways_of(world: World, place: Place) -> frozenset[str]:
    """Every way, of all groups that the place gives to, by which writers may reach them: as `Group.relay`."""
    return frozenset().union(*(group.relay for group, _ in world.sources(place)))


def readers_of(world: World, routes: Iterable[Route]) -> int | None:
    """How many people the copies are for, whoever reads in two places counted twice; None where nobody can tell."""
    sizes = [1 if to.reader else world.sizes.get(to.place) for to in (route.destination for route in routes)]
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


# ---------------------------------------------------------------- filters

_HASHTAG = re.compile(r"(?<!\w)#\w+")


def passes(entry: GroupPlace, post: Post) -> bool:
    """Whether the place's `only` and `skip` let the post through; they hold for what leaves a place and what comes to it."""
    if entry.only is None and entry.skip is None:
        return True
    words = _words(post)
    if entry.only is not None and not _matches(entry.only, words):
        return False
    return entry.skip is None or not _matches(entry.skip, words)


def _words(post: Post) -> str:
    return f"{post.warning}\n{text.plain(post.text)}".lower()


def _hashtags(words: str) -> list[str]:
    return _HASHTAG.findall(words)


def _matches(wanted: Filter, words: str) -> bool:
    """Whether the text has one of the hashtags or words; words and phrases match whole, never within another word."""
    if not wanted.hashtags.isdisjoint(_hashtags(words)):
        return True
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", words) for word in wanted.words)
