"""Made-up groups, people and events for the tests of rules, routing and store. No tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from bridge.mappings import Direction, Filter, Group, GroupPlace, Mappings, Person, Reader
from bridge.post import (
    AccountId,
    Audience,
    Author,
    Created,
    Deleted,
    Destination,
    Edited,
    NativeId,
    Own,
    PersonId,
    Place,
    PlaceId,
    Post,
    Ref,
    UserId,
    direct,
)
from bridge.routing import World
from bridge.text import Text, from_plain

TEAM, ALL, MAIL = AccountId("team"), AccountId("allhands"), AccountId("mail")
NOW = 1_700_000_000.0
"""The tests' own now, in seconds since the epoch."""
CHANNEL = Place(TEAM, PlaceId("C1"))
OTHER_CHANNEL = Place(TEAM, PlaceId("C2"))
TIMELINE = Place(ALL, PlaceId("timeline"))
MAILS = Place(MAIL, PlaceId("all-hands"))
LYNNS_DIRECT = direct(ALL, UserId("11"))
PINS = {
    (TEAM, "all-hands"): CHANNEL.id,
    (TEAM, "dev"): OTHER_CHANNEL.id,
    (ALL, "timeline"): TIMELINE.id,
    (MAIL, "all-hands"): MAILS.id,
    (MAIL, "leaders"): PlaceId("leaders"),
}
LYNN = Author(UserId("U1"), "lynn.example", ("u1", "lynn@example.org"))
LYNN_OUTSIDE = Author(UserId("11"), "MissLynn13", ("11", "@misslynn13@social.example"))
LEE = Author(UserId("lee@gmail.example"), "Lee", ("lee@gmail.example",))
STRANGER = Author(UserId("99"), "Stranger", ("99", "@stranger@social.example"))
_numbers = itertools.count(1)


def at(seconds: float = 0.0) -> datetime:
    return datetime.fromtimestamp(NOW + seconds, UTC)


def entry(place: str, **changes: Any) -> GroupPlace:
    account, _, name = place.partition("/")
    return GroupPlace(AccountId(account), name, **changes)


def reader(person: str, address: str) -> Reader:
    return Reader(PersonId(person), address)


READERS = (reader("lee", "lee@gmail.example"), reader("chair", "chair@board.example"))


def group(*places: GroupPlace, name: str = "all-hands", **changes: Any) -> Group:
    words: dict[str, Any] = {
        "id": name,
        "about": "",
        "title": name.title(),
        "audience": Audience.GROUP,
        "via": "via {author}: {text}",
        "writers": frozenset({PersonId("lynn"), PersonId("karl")}),
        "announcers": frozenset(),
        "places": places or (entry("team/all-hands"), entry("allhands/timeline"), entry("mail/all-hands", readers=READERS)),
        "undo": timedelta(0),
        "give_up_after": timedelta(hours=48),
        "max_age": timedelta(hours=24),
        "confirm": "failures",
        "late_after": timedelta(0),
    }
    return Group(**(words | changes))


def person(name: str, **handles: str) -> Person:
    known = {AccountId(account): tuple(handle.split()) for account, handle in handles.items()}
    return Person(PersonId(name), name.title(), MappingProxyType(known))


PEOPLE = (
    person("lynn", team="lynn@example.org", allhands="@misslynn13@social.example", mail="lynn@example.org"),
    person("karl", allhands="@karl@social.example"),
    person("lee", mail="lee@gmail.example lee@work.example"),
    person("chair", mail="chair@board.example"),
)


def world(*groups: Group) -> World:
    people = {each.id: each for each in PEOPLE}
    loaded = Mappings(None, (), MappingProxyType({}), MappingProxyType(people), groups or (group(),), ())
    made = World(loaded, PINS, frozenset({MAIL}))
    entries = [entry for each in loaded.groups for entry in each.places]
    known = {Destination(made.place_of(entry), reader.address) for entry in entries for reader in entry.readers}
    return replace(made, welcomed=frozenset(known))


def post(words: str | Text = "hi", place: Place = CHANNEL, author: Author = LYNN, **changes: Any) -> Post:
    values: dict[str, Any] = {
        "ref": Ref(place, NativeId(f"n{next(_numbers)}")),
        "author": author,
        "text": from_plain(words) if isinstance(words, str) else words,
        "audience": Audience.DIRECT if place.is_direct else Audience.GROUP,
        "at": at(),
        "gated": not place.is_direct and place != MAILS,
    }
    return Post(**(values | changes))


def created(words: str | Text = "hi", *, own: Own = Own.NO, key: str = "", **changes: Any) -> Created:
    return Created(post(words, **changes), own, key)


def edited(of: Created, words: str, revision: str = "1", *, own: Own = Own.NO, seconds: float = 1.0) -> Edited:
    changed = post(words, of.post.ref.place, of.post.author, ref=of.post.ref, at=of.post.at, reply_to=of.post.reply_to)
    return Edited(changed, revision, at(seconds), own)


def deleted(of: Created | Ref, *, own: Own = Own.NO) -> Deleted:
    return Deleted(of if isinstance(of, Ref) else of.ref, at(2), own)


def words(*them: str) -> Filter:
    return Filter(words=frozenset(them))


def hashtags(*them: str) -> Filter:
    return Filter(hashtags=frozenset(them))


def only_from(place: str, **changes: Any) -> GroupPlace:
    return entry(place, direction=Direction.FROM_HERE, **changes)


def only_to(place: str, **changes: Any) -> GroupPlace:
    return entry(place, direction=Direction.TO_HERE, **changes)


def names(places: Iterable[object]) -> set[str]:
    return {str(place) for place in places}
