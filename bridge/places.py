"""Which groups meet at which place: found at once, however many there are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.mappings import Group, GroupPlace, Mappings
from bridge.post import AccountId, Place, PlaceId

_UNPINNED = "name:"
Entries = Sequence[tuple[Group, GroupPlace]]
"""Groups with the entries by which they have a place, in the mapping file's order."""


def unpinned(name: str) -> PlaceId:
    """The stand-in id of a place whose name could not be looked up yet; its deliveries wait under it."""
    return PlaceId(_UNPINNED + name)


def is_unpinned(place: PlaceId) -> bool:
    """Whether the id is a stand-in."""
    return place.startswith(_UNPINNED)


def unpinned_name(place: PlaceId) -> str:
    """The name that a stand-in stands for."""
    return place.removeprefix(_UNPINNED)


class Places:
    """The mapping file's places under the ids that their names mean (`pins`). Made once per file and pins: it looks at each."""

    def __init__(self, mappings: Mappings, pins: Mapping[tuple[AccountId, str], PlaceId]) -> None:
        self.mappings = mappings
        self.pins = pins
        self.groups: Mapping[str, Group] = {group.id: group for group in mappings.groups}
        self._at: dict[Place, list[tuple[Group, GroupPlace]]] = {}
        self._on: dict[AccountId, list[tuple[Group, GroupPlace]]] = {}
        for group in mappings.groups:
            for entry in group.places:
                self._at.setdefault(self.of(entry), []).append((group, entry))
                self._on.setdefault(entry.account, []).append((group, entry))

    def of(self, entry: GroupPlace) -> Place:
        """The place an entry means; a stand-in while its name could not be looked up yet."""
        return Place(entry.account, self.pins.get((entry.account, entry.name)) or unpinned(entry.name))

    def at(self, place: Place) -> Entries:
        """Who has the place."""
        return self._at.get(place, ())

    def on(self, account: AccountId) -> Entries:
        """Who has places at the account."""
        return self._on.get(account, ())
