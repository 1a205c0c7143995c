"""From checked entries to the frozen values of `models`. Nothing can fail here any more."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bridge.mappings.kinds import budget_of
from bridge.mappings.lint import split
from bridge.mappings.models import (
    AccountEntry,
    Deliver,
    Direction,
    Filter,
    Group,
    GroupPlace,
    Loops,
    Mappings,
    MappingTest,
    Person,
    Reader,
    Rhythm,
)
from bridge.mappings.schema import (
    FOLLOWERS,
    FileEntry,
    FilterEntry,
    GroupEntry,
    LoopsEntry,
    PersonEntry,
    PlaceEntry,
    ReaderEntry,
)
from bridge.post import AccountId, Audience, PersonId


def build(entry: FileEntry, accounts: Mapping[AccountId, AccountEntry]) -> Mappings:
    """The file's values, with shorthand written out and defaults filled in."""
    people = {PersonId(name): _person(name, person) for name, person in entry.people.items()}
    return Mappings(
        public_url=entry.public_url,
        admins=tuple(PersonId(name) for name in dict.fromkeys(entry.admins)),
        accounts=MappingProxyType(dict(accounts)),
        people=MappingProxyType(people),
        groups=tuple(_group(name, group, people) for name, group in entry.groups.items()),
        tests=tuple(MappingTest(test.origin, test.by, test.text, tuple(test.reaches)) for test in entry.tests),
        offboarded=entry.offboarded,
    )


def capitalised(key: str) -> str:
    """A key as a name: `all-hands` is "All hands"."""
    words = key.replace("-", " ").replace("_", " ").strip() or key
    return words[:1].upper() + words[1:]


def _person(key: str, entry: PersonEntry) -> Person:
    handles = {
        AccountId(account): tuple(dict.fromkeys(handle.strip().lower() for handle in named))
        for account, named in (entry.__pydantic_extra__ or {}).items()
    }
    return Person(PersonId(key), entry.name or capitalised(key), MappingProxyType(handles))


def _group(key: str, entry: GroupEntry, people: Mapping[PersonId, Person]) -> Group:
    return Group(
        id=key,
        about=entry.about,
        title=entry.title or capitalised(key),
        audience=Audience[entry.audience.upper()],
        via=entry.via,
        writers=frozenset(PersonId(name) for name in entry.writers if name != FOLLOWERS),
        announcers=frozenset(PersonId(name) for name in entry.announcers),
        places=tuple(_place(place, people) for place in entry.places),
        undo=entry.undo,
        give_up_after=entry.give_up_after,
        max_age=entry.max_age,
        confirm=entry.confirm,
        followers_write=FOLLOWERS in entry.writers,
        relay=frozenset(entry.relay),
        answers=entry.answers,
        strangers=entry.strangers,
        bots=frozenset(PersonId(name) for name in entry.bots),
        mentions=entry.mentions,
        loops=_loops(entry.loops),
        keep=entry.keep,
        late_after=entry.late_after,
    )


def _loops(entry: LoopsEntry) -> Loops:
    posts, per = budget_of(entry.budget)
    return Loops(entry.hops, entry.window, posts, per)


def _place(entry: PlaceEntry, people: Mapping[PersonId, Person]) -> GroupPlace:
    parts = split(entry.at)
    if parts is None:
        raise ValueError("lint lets no other form through")
    account = AccountId(parts[0])
    return GroupPlace(
        account=account,
        name=parts[1],
        direction=Direction(entry.direction),
        only=_filter(entry.only),
        skip=_filter(entry.skip),
        readers=tuple(_reader(reader, account, people) for reader in entry.readers),
        join=entry.join,
    )


def _reader(entry: ReaderEntry, account: AccountId, people: Mapping[PersonId, Person]) -> Reader:
    person = people[PersonId(entry.person)]
    return Reader(person.id, person.handles[account][0], Rhythm(Deliver(entry.deliver), entry.at, entry.zone, entry.quiet))


def _filter(entry: FilterEntry | None) -> Filter | None:
    """The filter, or None where it asks for nothing."""
    if entry is None or not (entry.hashtags or entry.words):
        return None
    return Filter(frozenset(entry.hashtags), frozenset(word.lower() for word in entry.words))
