"""Telling a place when more people come to read it: one line to everybody there, once per change of the mapping file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from bridge import assurances, reach
from bridge.notices import Notice
from bridge.places import is_unpinned
from bridge.post import Place
from bridge.routing import World
from bridge.saying import notify
from bridge.store import Store, Tx, reaches


@dataclass(frozen=True, slots=True)
class Introducer:
    """Remembers where posts of each place went when that was last told there."""

    store: Store

    async def look(self, world: World, now: float) -> set[int]:
        """Compare with the mapping file of now; the lanes with something to tell. What was never looked at is no news."""
        places = {place: reach.destinations(world, place) for place in _places(world)}
        known = await self.store.read(reaches.known)
        if all(known.get(place) == found for place, found in places.items()):
            return set()

        def note(tx: Tx) -> set[int]:
            told = {place: reaches.note(tx, place, found) for place, found in places.items()}
            grown = [place for place, before in told.items() if before is not None and places[place] - before]
            return {lane for place in grown for lane in notify(tx, _notice(world, place, places[place]), now)}

        return await self.store.write(note)


def _places(world: World) -> Iterable[Place]:
    entries = [entry for group in world.mappings.groups for entry in group.places]
    named = {world.place_of(entry) for entry in entries if entry.direction.gives and entry.account in world.asides}
    return (place for place in sorted(named) if not is_unpinned(place.id))


def _notice(world: World, place: Place, found: frozenset[str]) -> Notice:
    version = hashlib.sha256(json.dumps(sorted(found)).encode()).hexdigest()[:16]
    return assurances.gained(place, reach.reached(world, place), version)
