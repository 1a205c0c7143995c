"""What people can ask of the bridge itself: the words, who may use them, and how each is explained. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Self

from bridge.mappings import Person
from bridge.post import AccountId, Author, Place, UserId
from bridge.routing import World


class Verb(StrEnum):
    """The first word of an order. Its sentence is the help."""

    sentence: str

    def __new__(cls, word: str, sentence: str) -> Self:
        member = str.__new__(cls, word)
        member._value_ = word
        member.sentence = sentence
        return member

    WHY = "why", "why LINK: where a message went, and if not, why"
    WHO = "who", "who: who reads what is written here, by count and kind"
    RECALL = (
        "recall",
        "recall LINK: take your message back wherever that is possible; with `note` at the end, write to where it is not",
    )
    PING = "ping", "ping: whether every place answers, and how fast; `ping all` for all of them"
    PAUSE = "pause", "pause GROUP, or ACCOUNT/PLACE, or `here`: nothing leaves until `resume`; nothing is lost"
    RESUME = "resume", "resume GROUP, or ACCOUNT/PLACE, or `here`: what waited goes out"
    APPROVE = "approve", "approve HANDLE: let somebody follow who asks to"
    REJECT = "reject", "reject HANDLE: turn a request to follow down"
    HELP = "help", "help: this list"

    @property
    def for_admins(self) -> bool:
        """Whether it is for the admins of the mapping file alone."""
        return self in {Verb.PAUSE, Verb.RESUME, Verb.APPROVE, Verb.REJECT}


_VERBS: Mapping[str, Verb] = MappingProxyType({str(verb): verb for verb in Verb})


class Outcome(StrEnum):
    """How an order ended; the audit log keeps it."""

    DONE = "done"
    REFUSED = "refused"  # they may not
    NOTHING = "nothing"  # there is nothing of that name
    FAILED = "failed"  # a platform would not, or could not


@dataclass(frozen=True, slots=True)
class Order:
    """A verb, and what stands behind it."""

    verb: Verb
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and where; at this machine's own terminal `place` is None, and whoever sits there is an admin."""

    name: str
    place: Place | None = None
    user: UserId | None = None
    person: Person | None = None
    is_admin: bool = False

    @property
    def account(self) -> AccountId | None:
        return self.place.account if self.place else None


def asker(world: World, place: Place, author: Author) -> Asker:
    """Who somebody is, as far as the mapping file knows."""
    person = world.mappings.person_by_handles(place.account, (author.user, *author.handles))
    admin = person is not None and person.id in world.mappings.admins
    return Asker(person.name if person else author.name, place, author.user, person, admin)


def read(words: str) -> Order:
    """The order that the words give; help where they give none."""
    first, *rest = words.split() or [Verb.HELP]
    try:
        return Order(_VERBS[first.lower()], tuple(rest))
    except KeyError:
        return Order(Verb.HELP, ())


def help_lines(*, is_admin: bool) -> tuple[str, ...]:
    """What there is, a line each; without what this asker may not do."""
    return tuple(verb.sentence for verb in Verb if is_admin or not verb.for_admins)
