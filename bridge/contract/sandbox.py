"""What every platform's sandbox promises the demo and the tests. Types only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self

from bridge.post import Audience, NativeId, PlaceId


class Fault(StrEnum):
    """What can be made to go wrong in a sandbox. A sandbox refuses one that its platform cannot have."""

    BUSY = "busy"  # 429 or its like, with Retry-After
    BROKEN = "broken"  # 5xx or its like
    REFUSED = "refused"  # a permanent refusal
    REPLY_LOST = "reply lost"  # the send is accepted, then the connection drops
    EARLY_ECHO = "early echo"  # our own message's event comes before the send's reply
    TWICE = "twice"  # each event is handed out twice
    SILENT = "silent"  # the stream stays open and says nothing


@dataclass(frozen=True, slots=True)
class Standing:
    """A message that stands in a sandbox now.

    `user` wrote it; `reader` is set where each reader has a copy of their own. `text` is plain (marks removed) and
    `native` is as the platform stores it. `at` is `time.time()` when it came to stand.
    """

    place: PlaceId
    id: NativeId
    user: str
    text: str
    native: str
    audience: Audience
    at: float
    reply_to: NativeId | None = None
    reader: str | None = None
    by_bridge: bool = False
    edited: bool = False


@dataclass(frozen=True, slots=True)
class Emitted:
    """An event that a sandbox handed out at least once; `key` is the raw key its adapter must give it."""

    kind: str
    place: PlaceId
    id: NativeId
    key: str


class Act(StrEnum):
    """What people may be able to do on a platform beside posting and answering."""

    EDIT = "edit"
    DELETE = "delete"
    DIRECT = "direct"


class Sandbox(Protocol):
    """A small local server that speaks the platform's real protocol on loopback, with a journal and faults.

    Two people live in each: `lynn` and `karl`, with the platform's own kind of handle. It is an async context
    manager; it keeps its state and its ports while the bridge beside it stops, is killed, and starts again.
    """

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    @property
    def account(self) -> Mapping[str, object]:
        """The entry under `accounts` in the mapping file with which the real adapter connects here."""

    @property
    def places(self) -> Sequence[str]:
        """Names of places for `at:` in the mapping file, without the account; the first is the usual one."""

    @property
    def people(self) -> Mapping[str, str]:
        """Each person's handle for `people` in the mapping file."""

    @property
    def native_writer(self) -> str:
        """Who alone posts at the places without answering: the account itself, by this name; empty where people do."""

    @property
    def joining(self) -> Mapping[str, str]:
        """Addresses and credentials with which an ordinary client joins in, by what they are."""

    @property
    def can(self) -> frozenset[Act]:
        """What people can do here beside posting and answering."""

    async def write(self, person: str, text: str, place: str | None = None, reply_to: NativeId | None = None) -> NativeId:
        """Post `text` (the platform's own markup) as that person; an answer with `reply_to`."""

    async def write_direct(self, person: str, text: str, reply_to: NativeId | None = None) -> NativeId:
        """Write to the account directly, as one person to another (where `can` has DIRECT)."""

    async def edit(self, native: NativeId, text: str) -> None:
        """Change a person's message (where `can` has EDIT)."""

    async def delete(self, native: NativeId) -> None:
        """Delete a message, a person's or a copy (where `can` has DELETE)."""

    def standing(self, place: str | None = None) -> Sequence[Standing]:
        """The messages that stand now, oldest first, direct ones included (place id `@direct`)."""

    def emitted(self) -> Sequence[Emitted]:
        """The events handed out so far, each once however often it was repeated."""

    def fault(self, fault: Fault, times: int = 1, seconds: float = 0.0) -> None:
        """Let the next `times` sends (or events) suffer; `seconds` is the Retry-After or the silence."""

    async def unplug(self) -> None:
        """Be unreachable: refuse calls, drop streams. People in the sandbox can still write."""

    async def plug(self) -> None:
        """Be reachable again."""
