"""The engine alone, over platforms that cost nothing: durable takes, accepts with three deliveries, the cost of idle places."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import BaseModel

from bridge import mappings
from bridge.post import AccountId
from bridge.service import Service
from bridge.store import Store, inward
from tests.bench.stub import Stub, raw

SOURCE = AccountId("source")
FAN_OUT = 3
_CALLERS = 200


class Settings(BaseModel):
    platform: str


def _mappings(places: int) -> str:
    """One group of the source and `FAN_OUT` destinations, and as many further places as asked for."""
    destinations = ", ".join(f"d{n}: {{platform: stub}}" for n in range(FAN_OUT))
    there = ", ".join(f"{{at: d{n}/there}}" for n in range(FAN_OUT))
    group = f"all: {{about: The bench, places: [{{at: source/here}}, {there}]}}"
    idle = [f"  g{n}: {{about: Idle, places: [{{at: source/p{n}}}, {{at: d0/p{n}}}]}}" for n in range((places - 4) // 2)]
    accounts = f"{{source: {{platform: stub}}, {destinations}}}"
    return "\n".join([f"accounts: {accounts}", "people: {lynn: {source: u1}}", "groups:", f"  {group}", *idle])


@asynccontextmanager
async def _service(database: str, *, places: int = 4, deaf: bool = False) -> AsyncIterator[tuple[Service, dict[AccountId, Stub]]]:
    loaded = mappings.parse(_mappings(places), {"stub": Settings})
    stubs = {account: Stub(account, away=deaf and account != SOURCE) for account in loaded.accounts}
    store = Store(database)
    try:
        async with Service(store, loaded, stubs, frozenset()).running() as running:
            for account in running.engine.accounts.values():
                if not (deaf and account.id != SOURCE):
                    await account.opened.wait()
            yield running, stubs
    finally:
        store.close()


def file_in(folder: Path) -> str:
    """A new SQLite database."""
    return f"sqlite:///{folder}/engine-{time.monotonic_ns()}.db"


async def take_per_s(database: str, posts: int) -> float:
    """Durable takes a second, 200 callers at once; nothing is done with them."""
    async with _service(database) as (running, _):
        running.engine.stopping.set()
        begun = time.perf_counter()
        await _take(running, posts)
        return posts / (time.perf_counter() - begun)


async def accept_per_s(database: str, posts: int) -> float:
    """Posts a second that are taken and accepted, three deliveries each queued; the destinations are away."""
    async with _service(database, deaf=True) as (running, _):
        begun = time.perf_counter()
        await _take(running, posts)
        async with asyncio.timeout(300):
            while await running.store.read(lambda tx: inward.next_ready_at(tx, SOURCE, -1.0)) is not None:
                await asyncio.sleep(0.01)
        return posts / (time.perf_counter() - begun)


async def _take(running: Service, posts: int) -> None:
    gate = asyncio.Semaphore(_CALLERS)

    async def one(number: int) -> None:
        async with gate:
            await running.inbox.take(raw(SOURCE, number))

    await asyncio.gather(*(one(number) for number in range(posts)))


async def idle_cpu_percent(database: str, places: int, seconds: float) -> float:
    """Per cent of one core that a service with so many places costs while nobody says anything."""
    async with _service(database, places=places):
        await asyncio.sleep(1.0)  # names are looked up first
        before = _cpu()
        await asyncio.sleep(seconds)
        return 100 * (_cpu() - before) / seconds


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
