"""The vocabulary: places, people, posts and events. Values only; no behaviour beyond naming things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final, NewType

from bridge.text import Text

AccountId = NewType("AccountId", str)
"""An account's key in the mapping file: `team`, `allhands`, `mail`."""

PlaceId = NewType("PlaceId", str)
"""Where posts stand within an account: a channel's id, `timeline`, a group's local part. Opaque outside its adapter."""

UserId = NewType("UserId", str)
"""A human's or bot's id at its platform. Opaque outside its adapter."""

NativeId = NewType("NativeId", str)
"""A message's id at its place. Opaque outside its adapter; never compared as a number."""

PersonId = NewType("PersonId", str)
"""The same human across platforms: a key under `people` in the mapping file."""

DIRECT: Final = PlaceId("@direct")
"""The place id of every `Direct` place."""


class Mark(StrEnum):
    """What the bridge puts on a message, where its platform has something to put: how its copies are doing. One at a time."""

    NONE = "none"  # whatever was put there goes
    WAITS = "waits"
    FAILED = "failed"
    DONE = "done"


class Audience(IntEnum):
    """Who may see a post; a copy is never wider than its original (design §8)."""

    DIRECT = 0
    GROUP = 1
    UNLISTED = 2
    PUBLIC = 3


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where posts stand. With `person` it is that person's direct conversation with the account, or an `aside`."""

    account: AccountId
    id: PlaceId
    person: UserId | None = None

    def __str__(self) -> str:
        return f"{self.account}/{self.id}" + (f"/{self.person}" if self.person else "")

    @property
    def is_direct(self) -> bool:
        return self.person is not None


def direct(account: AccountId, person: UserId) -> Place:
    """The place where direct messages between `person` and the account stand."""
    return Place(account, DIRECT, person)


def aside(place: Place, person: UserId) -> Place:
    """Where the bridge tells `person` something at the place that nobody else there sees; their direct conversation stays it."""
    return place if place.is_direct else Place(place.account, place.id, person)


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A native message id at a place: what a platform calls one message."""

    place: Place
    id: NativeId

    def __str__(self) -> str:
        return f"{self.place}#{self.id}"


@dataclass(frozen=True, slots=True, order=True)
class Destination:
    """What gets one copy: a place, or one reader of a place. It has one lane.

    `reader` is the reader's address at the platform, where a place is read one copy each.
    """

    place: Place
    reader: str | None = None

    def __str__(self) -> str:
        return f"{self.place}>{self.reader}" if self.reader else str(self.place)

    @property
    def account(self) -> AccountId:
        return self.place.account


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a post, as their platform shows them.

    `handles` are all the ways the mapping file may name them at this account (id, address, @name), any case.
    """

    user: UserId
    name: str
    handles: tuple[str, ...] = ()
    is_bot: bool = False
    moved: bool = False
    """Their account says that they moved to another one: whoever writes with it may not be who we know."""
    avatar: str = ""
    """The public address of their picture; empty where they have none that everybody may load."""


@dataclass(frozen=True, slots=True)
class Media:
    """A file beside a post. `source` is opaque: what the adapter needs to fetch it. `size` is in bytes.

    `blob` names its bytes in our own store; empty where they were not fetched, and then `missing` says why, for people.
    """

    name: str
    mime: str = "application/octet-stream"
    size: int | None = None
    alt: str = ""
    source: str = ""
    blob: str = ""
    missing: str = ""


class Own(StrEnum):
    """Whether an event carries our own identity, as far as its platform can tell."""

    NO = "no"
    PERHAPS = "perhaps"  # people also write natively as this account: only the ledger can tell
    SURELY = "surely"  # nobody but this bridge writes with this identity


@dataclass(frozen=True, slots=True)
class Post:
    """The normalised message. Times are aware UTC."""

    ref: Ref
    author: Author
    text: Text
    audience: Audience
    at: datetime
    reply_to: Ref | None = None
    """The message this one answers, at the same account (thread root or parent, whichever is known)."""
    also_reply_to: tuple[Ref, ...] = ()
    """Older ancestors, nearest first, for when `reply_to` is unknown to the ledger."""
    gated: bool = True
    """Only members can post where this stands (a channel, the account itself). False where anybody can address it (a
    mail, a mention, a direct message): then its author must be a known writer or reader (design §8)."""
    warning: str = ""
    sensitive: bool = False
    language: str = ""
    media: tuple[Media, ...] = ()
    mark: Mark | None = None
    """What is put on the message that this answers; only the bridge's own notices have one."""
    doubt: str = ""
    """Why it may be somebody else's than its author's, for people; empty where the platform vouches for them."""
    by_ticket: Ref | None = None
    """The copy whose own answer address it came by: that was given to one reader, and nobody else may use it."""


@dataclass(frozen=True, slots=True)
class Created:
    """A post appeared. `key` is the send key its platform kept for us, where it can (own posts only)."""

    post: Post
    own: Own = Own.NO
    key: str = ""

    @property
    def ref(self) -> Ref:
        return self.post.ref

    @property
    def at(self) -> datetime:
        return self.post.at


@dataclass(frozen=True, slots=True)
class Edited:
    """A post changed. `revision` is opaque and differs for each edit of the post."""

    post: Post
    revision: str
    at: datetime
    own: Own = Own.NO

    @property
    def ref(self) -> Ref:
        return self.post.ref


@dataclass(frozen=True, slots=True)
class Deleted:
    """A post is gone at its source."""

    ref: Ref
    at: datetime
    own: Own = Own.NO


@dataclass(frozen=True, slots=True)
class Reacted:
    """Somebody put an emoji on a post, or took it back."""

    ref: Ref
    author: Author
    emoji: str
    at: datetime
    removed: bool = False
    own: Own = Own.NO

    @property
    def revision(self) -> str:
        return f"{self.author.user}:{self.emoji}:{'-' if self.removed else '+'}:{self.at.isoformat()}"


class Wished(StrEnum):
    """What somebody may ask of the bridge itself."""

    EACH = "each"  # from here to ANNOUNCEMENTS: how often they want to hear, as the mapping file names it
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"
    ANNOUNCEMENTS = "announcements"
    PAUSE = "pause"  # nothing until a date
    RESUME = "resume"  # the pause is over
    TAKE_BACK = "take back"  # their last post is to be deleted
    JOIN = "join"  # they want to read along
    WHICH = "which"  # they answer a message of several posts, and nobody can tell which of them
    LEAVE = "leave"  # proved to be theirs: nothing more is to be brought to them
    PERHAPS_LEAVE = "perhaps leave"  # they wrote that they want no more; whether they mean it is to be asked


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody asks something of the bridge itself, as the reader at `address` of a place. Never a post."""

    ref: Ref
    address: str
    wished: Wished
    at: datetime
    name: str = ""
    """How they call themselves."""
    until: str = ""
    """The date at which a pause ends, in ISO form; empty for the usual length."""
    doubt: str = ""
    """As a post's: why it may be somebody else who asks."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The platform says that a copy did not reach its reader, after it had been taken. `why` is for admins."""

    copy: Ref
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Commanded:
    """A person asks something of the bridge itself, in `words` ("why LINK", "pause all-hands").

    `key` names it once per account. `place` is where they said it, and where they alone are answered; `about` is the
    message they pointed at, if they did.
    """

    key: str
    place: Place
    author: Author
    words: str
    at: datetime
    about: Ref | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Something the platform said that is no post: a join, a typing note. Counted with its reason, then done.

    `doubts` are places of which it says that others may read there now. `member` is one of the platform's own people of
    whom it says how they stand: with `gone`, that their account there was switched off.
    """

    key: str
    reason: str
    doubts: tuple[PlaceId, ...] = ()
    member: Author | None = None
    gone: bool = False


Event = Created | Edited | Deleted | Reacted
"""What happened to a post."""

Heard = Event | Commanded | Wish | Undelivered | Ignored
"""Everything that a raw can say."""


class EventKind(StrEnum):
    CREATED = "created"
    EDITED = "edited"
    DELETED = "deleted"
    REACTED = "reacted"
    NOTICE = "notice"  # what the bridge itself says to a person


def kind_of(event: Event) -> EventKind:
    """The event's kind, as the ledger stores it."""
    match event:
        case Created():
            return EventKind.CREATED
        case Edited():
            return EventKind.EDITED
        case Deleted():
            return EventKind.DELETED
        case Reacted():
            return EventKind.REACTED


def revision_of(event: Event) -> str:
    """What tells this event from another of its kind on the same post; empty where there can be only one."""
    match event:
        case Edited() | Reacted():
            return event.revision
        case Created() | Deleted():
            return ""


@dataclass(frozen=True, slots=True)
class Raw:
    """What a platform handed over, as bytes. `key` names it once per account; `at` is the platform's time of it."""

    account: AccountId
    key: str
    body: bytes
    at: datetime
    hints: Mapping[str, str] = field(default_factory=dict)
    """Small facts that came beside the bytes (transport, envelope), needed by `parse`."""
    echo: bool = False  # whether it only says that a copy stands, as it was sent and where `send` told: that needs no judging
