"""A mail adapter that keeps what it sends, and a reader's lane served by the worker at the tests' own time. No tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bridge.contract import Attempt, Bundler, Capabilities, Context, Finding, Item, Limits, Part, Thread, Unknown
from bridge.engine import Account, Engine, Step
from bridge.mappings import Deliver, Rhythm
from bridge.post import Created, Destination, NativeId, Place, PlaceId, Post, Ref
from bridge.routing import World
from bridge.store import lanes, sql
from bridge.store.tables import DeliveryState
from bridge.store.values import Claim
from bridge.text import plain
from bridge.waking import Wake
from bridge.worker import Worker
from tests.core.desk import Desk
from tests.core.worlds import MAIL, MAILS, READERS, created, entry, group, world

CHAIR = "chair@board.example"
LEES = "lee@gmail.example"
LEADERS = Place(MAIL, PlaceId("leaders"))
DELIVERED = ("created", DeliveryState.DELIVERED, "")
NOON = datetime.fromisoformat("2026-11-25T12:00+00:00").timestamp()
EIGHT = datetime.fromisoformat("2026-11-26T08:00+00:00").timestamp()


def reads(deliver: Deliver = Deliver.EACH, **changes: object) -> World:
    """Two groups, both read by the chair in that rhythm; all-hands also by Lee, as it comes."""
    chair = replace(READERS[1], rhythm=Rhythm(deliver, zone="Europe/London", **changes))  # type: ignore[arg-type]
    both = group(entry("team/all-hands"), entry("mail/all-hands", readers=(READERS[0], chair)), announcers=frozenset({"lynn"}))
    leaders = group(entry("team/dev"), entry("mail/leaders", readers=(chair,)), name="leaders")
    return replace(world(both, leaders), patient=True)


def said(desk: Desk, words: str, of: Created | None = None, **changes: object) -> Created:
    """A post made now; an answer to another one."""
    at = datetime.fromtimestamp(desk.now).astimezone()
    return created(words, at=at, **({"reply_to": of.ref} if of else {}), **changes)


CAPABILITIES = Capabilities(edit=False, delete=False, repeatable=True, deadline=10.0)
LIMITS = Limits(characters=500)


@dataclass
class Letters:
    """An adapter that cannot change what it sent. `answers` are what sends come to; `sent` is what went out, in order."""

    answers: list[BaseException | None] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    to: list[Destination] = field(default_factory=list)
    capabilities: Capabilities = CAPABILITIES
    limits: Limits = LIMITS

    @property
    def bundler(self) -> Bundler | None:
        return self

    def render(self, post: Post, destination: Destination, context: Context) -> tuple[Part, ...]:
        return (Part(_words(post, context)),)

    def bundle(self, conversations: Sequence[Sequence[Item]], destination: Destination) -> Part:
        return Part(" || ".join(" | ".join(_words(item.post, item.context) for item in each) for each in conversations))

    def refer(self, key: str, number: int, place: Place) -> Ref:
        return Ref(place, NativeId(f"{key}/{number}" if number else key))

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        self.sent.append(part.body)
        self.keys.append(key)
        self.to.append(destination)
        if self.answers and (error := self.answers.pop(0)):
            raise error
        return Ref(destination.place, NativeId(key))

    async def find(self, attempt: Attempt) -> Finding:
        return Unknown()


def _words(post: Post, context: Context) -> str:
    return f"corrected: {plain(post.text)}" if context.corrected else plain(post.text)


async def serve(
    desk: Desk, letters: Letters, reader: str, place: Place = MAILS, at_step: Callable[[Step], None] = lambda _: None
) -> list[str]:
    """Serve the reader's lane until nothing is due; what it sent."""
    before = len(letters.sent)
    await serve_by(desk, letters, Destination(place, reader), at_step)
    return letters.sent[before:]


async def serve_by(desk: Desk, adapter: Any, to: Destination, at_step: Callable[[Step], None] = lambda _: None) -> None:
    """Serve the destination's lane by the adapter until nothing is due."""
    lane = await desk.write(lambda tx: lanes.lane_of(tx, to))
    claim = await desk.write(lambda tx: lanes.claim(tx, lane, "one"))
    assert claim is not None
    account = Account(to.account, adapter)
    account.opened.set()
    engine = Engine({account.id: account}, now=lambda: desk.now, jitter=lambda: 0.0, at_step=at_step)
    worker = Worker(desk.store, engine, lambda: desk.world, lambda _: None)
    wake = Wake()
    while await _is_due(desk, claim):
        stop = asyncio.ensure_future(_stop_when_idle(desk, claim, engine))
        await worker.serve(claim, wake)
        stop.cancel()
        engine.stopping.clear()


async def _is_due(desk: Desk, claim: Claim) -> bool:
    found = await desk.next(claim)
    return found is not None and not isinstance(found, float | int)


async def _stop_when_idle(desk: Desk, claim: Claim, engine: Engine) -> None:
    """The worker waits for what is due later; these tests do not."""
    while await _is_due(desk, claim):
        await asyncio.sleep(0)
    engine.stopping.set()


async def outcomes(desk: Desk, reader: str) -> list[tuple[str, str, str]]:
    """Kind, state and reason of the reader's deliveries, as they were accepted."""
    here = {row.id for row in await desk.rows(sql.lane, sql.lane.c.reader == reader)}
    return [(row.kind, row.state, row.reason) for row in await desk.rows(sql.delivery) if row.lane_id in here]


async def receipts(desk: Desk, reader: str) -> list[str]:
    """Where the reader's copies stand."""
    here = {row.id for row in await desk.rows(sql.lane, sql.lane.c.reader == reader)}
    found: list[Any] = await desk.rows(sql.receipt)
    return [f"{row.place}:{row.native}" for row in found if row.lane_id in here]
