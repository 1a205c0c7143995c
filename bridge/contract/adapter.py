"""What every platform adapter promises the core. Types only.

Who calls what, and when: `main` makes one adapter per account from its `Manifest` and enters `open()`; when that
fails it is tried again, and the account's lanes wait. `stand_by()` then runs until cancelled; so does, in one replica,
`listen()`, which hands everything it hears to `Inbox.take`, acknowledging its source only after that returned. The
account's source lane calls `parse`, then `complete` per event, and `commands.identify` per command. A destination's lane
calls `render` once per delivery and revision, then `send`, `edit` or `delete` per part, and `find` before it repeats a
send whose outcome is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from bridge.contract.inbox import Inbox
from bridge.contract.limits import FileLimits
from bridge.contract.offers import Commands, Directory, History, People
from bridge.post import (
    Audience,
    Destination,
    Event,
    Heard,
    Media,
    Place,
    PlaceId,
    Post,
    Raw,
    Ref,
    UserId,
)

# ---------------------------------------------------------------- outwards


@dataclass(frozen=True, slots=True)
class Limits:
    """What one native message may hold. `characters` as the platform counts them; `per_link` where links count fixed.

    `files` is None where files can only be named.
    """

    characters: int
    per_link: int | None = None
    files: FileLimits | None = None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """What an answer answers: who wrote it and its first line."""

    author: str
    line: str


@dataclass(frozen=True, slots=True)
class Context:
    """What `render` may know beside the post.

    `via` is the group's template (`via {author}: {text}`); empty where nothing is to be attributed (a notice).
    `audience` is the copy's, already reduced. `parent` is set for answers; `threaded` says whether the parent has a
    copy where this one goes: if not, the copy must quote `parent`, never stand naked. `subject` names the conversation
    for platforms that need a title. `public_url` is where the bridge is reached from outside, without a slash at its end; empty
    where no link of ours may be written. `corrected` marks a copy that replaces an earlier one which can't be edited.
    `mentions` are the text's mentions that may be real ones there, each with the user it then means; all others are words.
    """

    limits: Limits
    via: str
    group: str
    audience: Audience
    parent: Excerpt | None = None
    threaded: bool = False
    subject: str = ""
    corrected: bool = False
    mentions: Mapping[str, UserId] = field(default_factory=dict)
    public_url: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One of several copies for one reader that go in one native message.

    `to` is where it would go alone: its reader's, and of the place that an answer to it belongs to. It stands at `ref`.
    """

    post: Post
    to: Destination
    context: Context
    ref: Ref


@dataclass(frozen=True, slots=True)
class File:
    """A file that goes with a part. `body` holds its bytes only in `send` and `edit`."""

    media: Media
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Part:
    """One native message to be. `body` is text that only its adapter reads; it is frozen in the ledger before sending."""

    body: str
    files: tuple[File, ...] = ()


class Bundler(Protocol):
    """What a platform offers whose readers get several copies in one native message. Pure."""

    def bundle(self, conversations: Sequence[Sequence[Item]], destination: Destination) -> Part:
        """One message that brings them all, numbered from 1 in this order, each answerable on its own.

        Whoever answers a message of one conversation as a whole answers its last item.
        """

    def refer(self, key: str, number: int, place: Place) -> Ref:
        """Where the item with this number will stand, for those who are at its place, once the message is sent under `key`.

        The message itself has the number 0.
        """


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a part belongs: the copies of the conversation's first post, of the answered post, and the part before."""

    root: Ref | None = None
    parent: Ref | None = None
    previous: Ref | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A send whose outcome is unknown."""

    key: str
    destination: Destination
    part: Part
    thread: Thread
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """It stands there."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Absent:
    """It does not stand there."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The platform has no way to tell."""


Finding = Found | Absent | Unknown


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do, as values; the conformance suite proves each.

    `idempotent`: the platform itself makes one message of sends with one key, so a repeat needs no waiting.
    `repeatable`: where nobody can tell, sending again is right because receivers recognise the copy (identical id).
    `asides`: it can tell one person something at a place that nobody else sees (`bridge.post.aside`), and puts marks on messages.
    `summaries`: a line that tells of reactions elsewhere fits under a copy there, and can be kept up to date.
    `deadline`: seconds after which a request has surely ended, so that `Absent` can be believed; `per_file`: how many
    more for each file of a part.
    `pace`: seconds between two sends to one destination. `hostile`: raws are written by strangers and take their time to
    parse, so `parse` is called in a thread.
    """

    edit: bool
    delete: bool
    webhooks: bool = False
    catch_up: bool = False
    idempotent: bool = False
    repeatable: bool = False
    asides: bool = False
    summaries: bool = False
    deadline: float = 20.0
    per_file: float = 0.0
    pace: float = 0.0
    hostile: bool = False


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing `check()` looked at: how it is, and the exact cure where it is not well."""

    level: Level
    what: str
    cure: str = ""


class Adapter(Protocol):
    """One signed-in connection to a platform. Every network call has a timeout and raises only `SendError`s."""

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def limits(self) -> Limits: ...

    @property
    def people(self) -> People | None:
        """The account's door; None where it has none."""

    @property
    def history(self) -> History | None:
        """The recent past of the account's places; None where it can't be read."""

    @property
    def commands(self) -> Commands | None:
        """How people command the bridge there; None where they can't."""

    @property
    def directory(self) -> Directory | None:
        """Where the platform lists its own people; None where it has no such list."""

    @property
    def bundler(self) -> Bundler | None:
        """How several copies for one reader go in one message; None where each goes alone."""

    def open(self) -> AbstractAsyncContextManager[None]:
        """Sign in and learn who we are and what the server allows. Raises `Retryable` or `NeedsOperator`."""

    async def listen(self, inbox: Inbox) -> None:
        """Hear everything until cancelled; reconnect alone, catch up first where the platform keeps history.

        Of several replicas one listens.
        """

    async def stand_by(self, inbox: Inbox) -> None:
        """What every replica does while the account is open, whoever listens; until cancelled. It hears nothing."""

    def doubt(self, place: PlaceId) -> None:
        """Another replica heard that others may read at the place now: forget what is remembered of it."""

    async def pin(self, name: str) -> PlaceId:
        """The id of the place that the mapping file calls `name`. Raises `NeedsOperator` naming the cure."""

    async def members(self, place: PlaceId) -> int | None:
        """How many people read what stands at the place; None where nobody can tell."""

    async def ping(self, place: PlaceId) -> None:
        """Ask the platform something that changes nothing, on the way that copies for the place go. Raises `SendError`."""

    def locate(self, words: str) -> Ref | None:
        """The message of this account that a link or id means; None where it is none of ours. Pure, given who we are.

        What stands at the account but not at its main place may be named as if it did.
        """

    async def look_up(self, handle: str) -> UserId | None:
        """Whose direct conversation the mapping file's `handle` means (`bridge.post.direct`); None where there is nobody."""

    async def fetch(self, media: Media, most: int) -> bytes:
        """The bytes of a file that was heard of. Raises `Rejected` for one that is gone, or larger than `most` bytes."""

    def parse(self, raw: Raw) -> tuple[Heard, ...]:
        """What the bytes say. Pure, given who we are. Raises `Unparsable`; `Retryable` while the account is being closed."""

    async def complete(self, event: Event) -> Event:
        """The event with names looked up.

        A failed look-up falls back to the best known name. Raises `Retryable` only where who wrote it decides whether it may be
        relayed, and can't be told now: then it waits.
        """

    def render(self, post: Post, destination: Destination, context: Context) -> tuple[Part, ...]:
        """The post as native messages for the destination; one or more. Pure."""

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        """Make the part stand at its destination. `key` is the same for every repeat of this send."""

    async def edit(self, ref: Ref, part: Part) -> None:
        """Replace what stands at `ref`. Repeating it does no harm."""

    async def delete(self, ref: Ref) -> None:
        """Remove what stands at `ref`; fine if it is gone already."""

    async def find(self, attempt: Attempt) -> Finding:
        """Whether the attempted part stands at its destination."""

    async def check(self) -> tuple[Checked, ...]:
        """What an admin should know: tokens, permissions, gates, each with its cure. What is unreachable is a finding too."""
