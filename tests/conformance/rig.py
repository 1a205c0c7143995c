"""What the conformance suite plugs an adapter into: an inbox in memory, a rig around sandbox and adapter, waiting. No tests."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel

from bridge.contract import Act, Adapter, Attempt, Context, Excerpt, Fault, Inbox, Manifest, Part, Sandbox, Standing, Thread
from bridge.errors import Retryable
from bridge.post import (
    DIRECT,
    AccountId,
    Audience,
    Author,
    Created,
    Destination,
    Event,
    Ignored,
    NativeId,
    Place,
    PlaceId,
    Post,
    Raw,
    Ref,
    UserId,
    direct,
)
from bridge.text import Text, from_plain

ACCOUNT = AccountId("here")
ELSEWHERE = Place(AccountId("elsewhere"), PlaceId("C1"))
PATIENCE = 45.0
"""Seconds until something that should have happened is missing. Nothing waits as long unless it fails."""

T = TypeVar("T")
_numbers = itertools.count(1)


def unique(words: str) -> str:
    """The words with something in them that no other test writes."""
    return f"{words} no{next(_numbers)}x"


async def eventually(look: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {patience:g} s", pytrace=False)
        await asyncio.sleep(0.01)
    return found


@dataclass
class MemoryInbox(Inbox):
    """An inbox as durable as this process. While `failing`, it takes nothing, as with a full disk."""

    raws: dict[str, Raw] = field(default_factory=dict)
    cursors: dict[str, str] = field(default_factory=dict)
    failing: bool = False
    refused: int = 0
    taken: asyncio.Event = field(default_factory=asyncio.Event)
    kept: int = 0

    async def take(self, raw: Raw) -> None:
        await self._take((raw,))

    async def take_page(self, account: AccountId, raws: Sequence[Raw], cursor: str, value: str) -> None:
        assert account == ACCOUNT
        await self._take(raws)
        self.cursors[cursor] = value

    async def cursor(self, account: AccountId, cursor: str) -> str | None:
        assert account == ACCOUNT
        return self.cursors.get(cursor)

    def places_changed(self, account: AccountId) -> None:
        return

    async def kept_back(self, account: AccountId, missed: int) -> None:
        self.kept += missed

    def catching_up(self, account: AccountId) -> AbstractContextManager[None]:
        return nullcontext()

    async def standing(self, place: Place, since: datetime) -> Sequence[NativeId]:
        return ()

    async def _take(self, raws: Sequence[Raw]) -> None:
        await asyncio.sleep(0)  # a real inbox waits for its disk
        if self.failing and raws:
            self.refused += 1
            raise Retryable("The disk is full.")
        for raw in raws:
            assert raw.account == ACCOUNT
            assert raw.key
            assert raw.at.tzinfo is not None
            self.raws.setdefault(raw.key, raw)
            self.taken.set()


@dataclass
class Rig:
    """One adapter beside its sandbox, listening."""

    manifest: Manifest
    sandbox: Sandbox
    adapter: Adapter
    inbox: MemoryInbox
    place: Place
    reader: str | None
    listening: asyncio.Task[None]

    @property
    def writer(self) -> str:
        """Who writes at the usual place without answering: where only the account itself can, its own people."""
        return self.sandbox.native_writer or "lynn"

    @property
    def destination(self) -> Destination:
        return Destination(self.place, self.reader)

    # ------------------------------------------------------------ inwards

    def events(self) -> list[tuple[Raw, Event]]:
        """All that was heard, in the order of taking."""
        return [
            (raw, event)
            for raw in tuple(self.inbox.raws.values())
            for event in self.adapter.parse(raw)
            if not isinstance(event, Ignored)
        ]

    async def heard(self, kind: type[T], native: NativeId, patience: float = PATIENCE) -> list[T]:
        """The completed events of that kind about that message, once there is one."""

        def look() -> list[Event]:
            if self.listening.done():
                pytest.fail(f"listen() ended: {self.listening.exception()!r}", pytrace=False)
            return [event for _, event in self.events() if isinstance(event, kind) and event.ref.id == native]

        found = await eventually(look, f"{kind.__name__} of {native}", patience)
        return [await self.adapter.complete(event) for event in found]  # type: ignore[misc]

    async def completed(self, native: NativeId) -> list[Event]:
        """All that was heard about that message by now."""
        return [await self.adapter.complete(event) for _, event in self.events() if event.ref.id == native]

    async def settled(self) -> None:
        """Everything that was on its way before has arrived and is in the journal: a later message has and is."""
        marker = await self.sandbox.write(self.writer, unique("a later message"))
        await self.heard(Created, marker)
        await eventually(lambda: any(one.id == marker for one in self.sandbox.emitted()), "the journal")

    async def place_of(self, person: str) -> Place:
        """Where that person's direct messages with the account stand."""
        if Act.DIRECT in self.sandbox.can:
            [event] = await self.heard(Created, await self.sandbox.write_direct(person, unique("hello")))
            return event.post.ref.place
        [event] = await self.heard(Created, await self.sandbox.write(person, unique("hello")))
        return direct(ACCOUNT, event.post.author.user)

    # ------------------------------------------------------------ outwards

    def context(self, **changes: Any) -> Context:
        words: dict[str, Any] = {
            "limits": self.adapter.limits,
            "via": "via {author}: {text}",
            "group": "all-hands",
            "audience": Audience.GROUP,
            "subject": "All hands",
        }
        return Context(**(words | changes))

    def render(self, post: Post, destination: Destination | None = None, **changes: Any) -> tuple[Part, ...]:
        return self.adapter.render(post, destination or self.destination, self.context(**changes))

    async def send(self, part: Part, key: str, thread: Thread | None = None, destination: Destination | None = None) -> Ref:
        return await self.adapter.send(part, destination or self.destination, thread or Thread(), key)

    async def copy(self, text: str, thread: Thread | None = None, **changes: Any) -> Ref:
        """Send a copy of `text`, by Lynn from elsewhere, in one part."""
        [part] = self.render(post(text), **changes)
        return await self.send(part, unique("key").replace(" ", "-"), thread)

    def attempt(self, part: Part, key: str) -> Attempt:
        return Attempt(key, self.destination, part, Thread(), datetime.now(UTC))

    def copies(self, words: str = "") -> list[Standing]:
        """The copies with these words that stand in the sandbox."""
        return [found for found in self.sandbox.standing() if found.by_bridge and words in found.text]


def post(text: str | Text, *, name: str = "Lynn", **changes: Any) -> Post:
    """A post by Lynn, heard at some other account."""
    words: dict[str, Any] = {
        "ref": Ref(ELSEWHERE, NativeId(unique("id"))),
        "author": Author(UserId("U1"), name),
        "text": from_plain(text) if isinstance(text, str) else text,
        "audience": Audience.GROUP,
        "at": datetime.now(UTC),
    }
    return Post(**(words | changes))


PARENT = Excerpt("Karl", "Who is coming to the lake?")


def arm(sandbox: Sandbox, fault: Fault, seconds: float = 0.0) -> None:
    """Let the next send or event suffer; the test is skipped where the platform cannot have the fault."""
    try:
        sandbox.fault(fault, 1, seconds)
    except ValueError as reason:
        pytest.skip(f"the platform cannot have it: {reason}")


def settings_of(manifest: Manifest, account: Mapping[str, object]) -> BaseModel:
    return manifest.settings.model_validate(dict(account))


@asynccontextmanager
async def plugged_in(manifest: Manifest, sandbox: Sandbox, inbox: MemoryInbox) -> AsyncIterator[Rig]:
    """A new adapter as the service makes it: opened, its place pinned, listening, and heard to listen."""
    adapter = manifest.adapter(ACCOUNT, settings_of(manifest, sandbox.account))
    async with adapter.open():
        place = Place(ACCOUNT, await adapter.pin(sandbox.places[0]))
        listening = asyncio.create_task(adapter.listen(inbox), name=f"listen {manifest.platform}")
        standing_by = asyncio.create_task(adapter.stand_by(inbox), name=f"stand by {manifest.platform}")
        rig = Rig(manifest, sandbox, adapter, inbox, place, sandbox.people["lynn"] if manifest.by_reader else None, listening)
        try:
            await _warm_up(rig)
            yield rig
        finally:
            listening.cancel()
            standing_by.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(listening, 2)
            with suppress(asyncio.CancelledError):
                await asyncio.wait_for(standing_by, 2)


async def _warm_up(rig: Rig) -> None:
    """A first contact starts at what is newest, so write until something is heard: nothing tells that a listener is ready."""
    if rig.inbox.raws:
        return
    deadline = time.monotonic() + PATIENCE
    while not rig.inbox.raws and time.monotonic() < deadline:
        await rig.sandbox.write(rig.writer, unique("is anybody there?"))
        with suppress(TimeoutError):
            await asyncio.wait_for(rig.inbox.taken.wait(), 0.5)
    await rig.settled()


def is_direct(standing: Standing) -> bool:
    return standing.place == DIRECT
