"""What a valid mapping file says, as frozen values: the only form in which the rest of the bridge sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from bridge.post import AccountId, Audience, PersonId

if TYPE_CHECKING:
    from pydantic import BaseModel

Confirm = Literal["failures", "all"]
Answers = Literal["everyone", "as-they-are"]
Strangers = Literal["answer", "silent"]
Mentions = Literal["names", "people"]
Join = Literal["closed", "ask", "open"]
Offboarding = Literal["ask", "remove"]


class Direction(StrEnum):
    """Which way posts go between a place and the rest of its group."""

    BOTH = "both"
    FROM_HERE = "from-here"
    TO_HERE = "to-here"

    @property
    def gives(self) -> bool:
        """Posts made at the place go to the others."""
        return self is not Direction.TO_HERE

    @property
    def takes(self) -> bool:
        """Posts made elsewhere come to the place."""
        return self is not Direction.FROM_HERE


@dataclass(frozen=True, slots=True)
class Person:
    """The same human across platforms. `handles` are lower-case and as written in the file (an id, an address, @name)."""

    id: PersonId
    name: str
    handles: Mapping[AccountId, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Filter:
    """What a post must have, or must not have. All lower-case; hashtags start with `#`. Empty sets ask for nothing."""

    hashtags: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()


class Deliver(StrEnum):
    """How often a reader hears of a group; each one reduces what those before it bring."""

    EACH = "each"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    ANNOUNCEMENTS = "announcements"

    @property
    def rank(self) -> int:
        """The higher, the fewer mails."""
        return tuple(Deliver).index(self)

    @property
    def collects(self) -> bool:
        """Posts are collected and come together at set times."""
        return self in {Deliver.HOURLY, Deliver.DAILY, Deliver.WEEKLY}


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a reader hears of a group: `at` is the time of day of daily and weekly mails, in `zone` (an IANA name).

    `quiet` is from when to when nothing comes but announcements; it may span midnight.
    """

    deliver: Deliver = Deliver.EACH
    at: time = time(8)
    zone: str = "UTC"
    quiet: tuple[time, time] | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """A person who gets copies of their own at a place; `address` is their first one at that account."""

    person: PersonId
    address: str
    rhythm: Rhythm = Rhythm()


@dataclass(frozen=True, slots=True)
class GroupPlace:
    """A place in a group. `name` is as people write it, without a leading `#`; the account's adapter pins it to an id."""

    account: AccountId
    name: str
    direction: Direction = Direction.BOTH
    only: Filter | None = None
    skip: Filter | None = None
    readers: tuple[Reader, ...] = ()
    join: Join = "closed"

    @property
    def at(self) -> str:
        """As the file writes it: `team/all-hands`."""
        return f"{self.account}/{self.name}"


@dataclass(frozen=True, slots=True)
class Loops:
    """When an author is stopped: as soon as a post of the last `window` came back `hops` times, or above `budget` posts in `per`.

    Without a `budget` they may post as much as they like.
    """

    hops: int = 2
    window: timedelta = timedelta(hours=1)
    budget: int | None = 50_000
    per: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Group:
    """A named conversation mirrored among places. `audience` is the ceiling of every copy; `via` holds `{text}`.

    `followers_write`: whoever an account of the group has let follow may write as `writers` do. `relay` says how writers reach
    the group through an account: `direct`, `mention`, and lower-case hashtags that a mention must have one of. `bots` are those
    whose posts are relayed.
    """

    id: str
    about: str
    title: str
    audience: Audience
    via: str
    writers: frozenset[PersonId]
    announcers: frozenset[PersonId]
    places: tuple[GroupPlace, ...]
    undo: timedelta
    give_up_after: timedelta
    max_age: timedelta
    confirm: Confirm
    followers_write: bool = False
    relay: frozenset[str] = frozenset({"direct", "mention"})
    answers: Answers = "everyone"
    strangers: Strangers = "answer"
    bots: frozenset[PersonId] = frozenset()
    mentions: Mentions = "names"
    loops: Loops = Loops()
    keep: timedelta = timedelta(days=30)
    late_after: timedelta = timedelta(seconds=30)

    def without(self, gone: frozenset[PersonId]) -> Group:
        """As if no line of it named these people."""
        places = (replace(each, readers=tuple(r for r in each.readers if r.person not in gone)) for each in self.places)
        return replace(
            self,
            writers=self.writers - gone,
            announcers=self.announcers - gone,
            bots=self.bots - gone,
            places=tuple(places),
        )


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """One signed-in connection; `settings` is the validated model of its platform, secrets filled in."""

    id: AccountId
    platform: str
    settings: BaseModel


@dataclass(frozen=True, slots=True)
class MappingTest:
    """What the file promises of itself: a post at `origin` (account/place) `by` a person `reaches` exactly these."""

    origin: str
    by: str
    text: str
    reaches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mappings:
    """The whole file. `public_url` has no trailing slash; `offboarded` is what becomes of who is gone from a workspace."""

    public_url: str | None
    admins: tuple[PersonId, ...]
    accounts: Mapping[AccountId, AccountEntry]
    people: Mapping[PersonId, Person]
    groups: tuple[Group, ...]
    tests: tuple[MappingTest, ...]
    offboarded: Offboarding = "ask"

    def without(self, gone: frozenset[PersonId]) -> Mappings:
        """As if every line that names these people were deleted. The file itself when there are none."""
        if not gone:
            return self
        return replace(
            self,
            admins=tuple(each for each in self.admins if each not in gone),
            people={name: person for name, person in self.people.items() if name not in gone},
            groups=tuple(group.without(gone) for group in self.groups),
        )

    def person_by_handles(self, account: AccountId, handles: Iterable[str]) -> Person | None:
        """Who an author at the account is. None if nobody, or if the handles belong to two people: no rights in doubt."""
        wanted = {handle.lower() for handle in handles}
        found = [person for person in self.people.values() if not wanted.isdisjoint(person.handles.get(account, ()))]
        return found[0] if len(found) == 1 else None
