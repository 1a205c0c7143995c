"""A mail adapter that keeps what it sends, and a reader's lane served by the worker at the tests' own time. No tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.contract import Attempt, Bundler, Capabilities, Context, Finding, Item, Limits, Part, Thread, Unknown
from bridge.engine import Account, Engine, Step
from bridge.post import Destination, NativeId, Place, Post, Ref
from bridge.store import lanes, sql
from bridge.store.values import Claim
from bridge.text import plain
from bridge.worker import Worker
from tests.core.desk import Desk
from tests.core.worlds import MAILS

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
    lane = await desk.write(lambda tx: lanes.lane_of(tx, Destination(place, reader)))
    claim = await desk.write(lambda tx: lanes.claim(tx, lane, "one"))
    assert claim is not None
    account = Account(place.account, letters)  # type: ignore[arg-type]
    account.opened.set()
    engine = Engine({account.id: account}, now=lambda: desk.now, jitter=lambda: 0.0, at_step=at_step)
    worker = Worker(desk.store, engine, lambda: desk.world, lambda _: None)
    wake = asyncio.Event()
    while await _is_due(desk, claim):
        stop = asyncio.ensure_future(_stop_when_idle(desk, claim, engine))
        await worker.serve(claim, wake)
        stop.cancel()
        engine.stopping.clear()
    return letters.sent[before:]


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
