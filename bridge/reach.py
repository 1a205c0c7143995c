"""Whom posts of a place reach, by count and kind, never by name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bridge.mappings import Group, GroupPlace
from bridge.post import Place
from bridge.routing import World


@dataclass(frozen=True, slots=True)
class Reach:
    """One place that posts go to. `kind` is its platform; `readers` how many read there, None where nobody can tell."""

    at: str
    kind: str
    readers: int | None


def reached(world: World, place: Place) -> tuple[Reach, ...]:
    """Where posts made at the place go, each place once."""
    found: dict[str, Reach] = {}
    for group, _ in world.sources(place):
        for entry in _elsewhere(world, group, place):
            found.setdefault(entry.at, _reach(world, entry))
    return tuple(found.values())


def of_group(world: World, group: Group) -> tuple[Reach, ...]:
    """Everywhere that the group is read."""
    return tuple(_reach(world, entry) for entry in group.places if entry.direction.takes)


def _elsewhere(world: World, group: Group, place: Place) -> Iterator[GroupPlace]:
    return (entry for entry in group.places if entry.direction.takes and (entry.readers or world.place_of(entry) != place))


def _reach(world: World, entry: GroupPlace) -> Reach:
    account = world.mappings.accounts.get(entry.account)
    one_by_one = entry.readers or entry.account in world.by_reader
    readers = len(entry.readers) if one_by_one else world.sizes.get(world.place_of(entry))
    return Reach(entry.at, account.platform if account else entry.account, readers)


def destinations(world: World, place: Place) -> frozenset[str]:
    """What posts of the place go to, by the mapping file's words: the same whatever ids they turn out to have."""
    return frozenset(
        f"{entry.at} {reader.address}" if reader else entry.at
        for group, _ in world.sources(place)
        for entry in _elsewhere(world, group, place)
        for reader in (entry.readers or (None,))
    )


def in_words(reach: Iterable[Reach]) -> str:
    """As a list for a sentence: "12 people in Chat (team/dev), 3 people in Post (mail/all)"."""
    return ", ".join(f"{_people(each.readers)} in {each.kind.capitalize()} ({each.at})" for each in reach) or "nobody else"


def _people(readers: int | None) -> str:
    return {None: "whoever reads along", 1: "1 person"}.get(readers, f"{readers} people")
