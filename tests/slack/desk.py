"""What the Slack tests share: an inbox that only remembers, a desk with everything on it, posts from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, settings

from adapters.slack.adapter import SlackAdapter
from adapters.slack.sandbox import SlackSandbox
from bridge.contract import Context, Limits, Part, Thread
from bridge.errors import Retryable
from bridge.post import (
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
)
from bridge.text import Text, from_plain

TEAM = AccountId("team")

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
"""For properties: a busy machine is no counter-example."""


@dataclass
class Box:
    """An inbox in memory: the first raw of a key stays, as in the ledger. `failures` takes fail before one works."""

    raws: dict[str, Raw] = field(default_factory=dict)
    takes: list[Raw] = field(default_factory=list)
    failures: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    cursors: dict[str, str] = field(default_factory=dict)
    holding: int = 0
    caught_up: int = 0
    held: list[str] = field(default_factory=list)
    """Keys that were taken while a catch-up held everything back."""
    ledger: dict[Place, list[NativeId]] = field(default_factory=dict)
    kept: int = 0
    places: int = 0
    """How often it was told that places changed."""

    async def take(self, raw: Raw) -> None:
        self.changed.set()
        if self.failures:
            self.failures -= 1
            raise Retryable("the disk is full")
        self.takes.append(raw)
        self.held += [raw.key] if self.holding else []
        self.raws.setdefault(raw.key, raw)

    async def take_page(self, account: AccountId, raws: Sequence[Raw], cursor: str, value: str) -> None:
        for raw in raws:
            await self.take(raw)
        self.cursors[cursor] = value
        self.changed.set()

    async def cursor(self, account: AccountId, cursor: str) -> str | None:
        return self.cursors.get(cursor)

    def places_changed(self, account: AccountId) -> None:
        self.places += 1

    async def kept_back(self, account: AccountId, missed: int) -> None:
        self.kept += missed

    @contextmanager
    def catching_up(self, account: AccountId) -> Iterator[None]:
        self.holding += 1
        self.changed.set()
        yield
        self.holding -= 1
        self.caught_up += 1
        self.changed.set()

    async def standing(self, place: Place, since: datetime) -> Sequence[NativeId]:
        return self.ledger.get(place, [])

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds, looking after each take; ten seconds at most."""
        async with asyncio.timeout(10):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    async def heard(self, count: int) -> list[Raw]:
        await self.until(lambda: len(self.raws) >= count)
        return list(self.raws.values())


@dataclass
class Desk:
    """Everything a test needs: the sandbox, the adapter that listens to it, what was heard, and where to send."""

    sandbox: SlackSandbox
    adapter: SlackAdapter
    box: Box
    here: Destination

    async def events(self, count: int) -> list[Event | Ignored]:
        """What the first `count` raws say, completed."""
        said = [event for raw in (await self.box.heard(count))[:count] for event in self.adapter.parse(raw)]
        return [event if isinstance(event, Ignored) else await self.adapter.complete(event) for event in said]

    async def event(self, number: int = 1) -> Event | Ignored:
        """The `number`th thing heard."""
        return (await self.events(number))[number - 1]

    async def created(self, number: int = 1) -> Created:
        """The `number`th thing heard, which is a new post."""
        found = await self.event(number)
        assert isinstance(found, Created)
        return found

    async def say(self, words: str, key: str = "key", thread: Thread | None = None, where: Destination | None = None) -> Ref:
        """Send words as a relayed post of one part."""
        (part,) = self.adapter.render(post(from_plain(words)), where or self.here, context())
        return await self.adapter.send(part, where or self.here, thread or Thread(), key)


def post(text: Text, **more: Any) -> Post:
    """A post that came from elsewhere."""
    ref = Ref(Place(AccountId("allhands"), PlaceId("timeline")), NativeId("1"))
    author = Author(UserId("7"), "Karl")
    return replace(Post(ref, author, text, Audience.GROUP, datetime(2026, 11, 1, 14, tzinfo=UTC)), **more)


def context(**more: Any) -> Context:
    return replace(Context(Limits(3_900), "via {author}: {text}", "all-hands", Audience.GROUP), **more)


PART = Part('{"text":"via Karl: hi","blocks":[]}')
"""A frozen part that says nothing in particular."""
