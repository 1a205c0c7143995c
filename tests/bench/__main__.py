"""`python3 run.py bench [--quick] [--json]`: what the engine costs, beside what this machine's disk allows."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from pydantic import BaseModel

from bridge import mappings
from bridge.post import AccountId
from bridge.service import Service
from bridge.store import Store
from tests.bench.stub import Stub, raw

SOURCE = AccountId("source")
FAN_OUT = 3


class Settings(BaseModel):
    platform: str


MAPPINGS = f"""
accounts: {{source: {{platform: stub}}, {", ".join(f"d{n}: {{platform: stub}}" for n in range(FAN_OUT))}}}
people: {{lynn: {{source: u1}}}}
groups:
  all:
    about: The bench
    places: [{{at: source/here}}, {", ".join(f"{{at: d{n}/there}}" for n in range(FAN_OUT))}]
"""


@asynccontextmanager
async def service(folder: Path) -> AsyncIterator[tuple[Service, dict[AccountId, Stub]]]:
    loaded = mappings.parse(MAPPINGS, {"stub": Settings})
    stubs = {account: Stub(account) for account in loaded.accounts}
    store = Store(f"sqlite:///{folder}/bench-{time.monotonic_ns()}.db")
    try:
        async with Service(store, loaded, stubs, frozenset()).running() as running:
            for account in running.engine.accounts.values():
                await account.opened.wait()
            yield running, stubs
    finally:
        store.close()


async def taking(folder: Path, posts: int) -> float:
    """Durable takes a second, 200 callers at once."""
    async with service(folder) as (running, _):
        running.engine.stopping.set()  # only take
        gate = asyncio.Semaphore(200)

        async def one(number: int) -> None:
            async with gate:
                await running.inbox.take(raw(SOURCE, number))

        begun = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(posts)))
        return posts / (time.perf_counter() - begun)


async def whole_way(folder: Path, posts: int) -> dict[str, float]:
    """Posts a second from take to the last of three sends, everything at once."""
    async with service(folder) as (running, stubs):
        begun = time.perf_counter()
        await asyncio.gather(*(running.inbox.take(raw(SOURCE, number)) for number in range(posts)))
        await _arrived(stubs, posts)
        seconds = time.perf_counter() - begun
        return {"whole_way_per_s": posts / seconds} | _losses(stubs, posts)


async def delay(folder: Path, rate: int, seconds: float) -> dict[str, float]:
    """The engine's own delay, take called to send called, in ms, at a steady rate."""
    async with service(folder) as (running, stubs):
        begun, count = time.time(), int(rate * seconds)
        at: list[float] = []
        for number in range(count):
            await asyncio.sleep(max(0.0, begun + number / rate - time.time()))
            at.append(time.time())
            await running.inbox.take(raw(SOURCE, number))
        await _arrived(stubs, count)
        delays = sorted(
            1000 * (sent - at[number]) for account in _destinations(stubs) for number, (_, sent) in enumerate(stubs[account].sent)
        )
        return {"p50_ms": statistics.median(delays), "p99_ms": delays[int(len(delays) * 0.99)]} | _losses(stubs, count)


def _destinations(stubs: dict[AccountId, Stub]) -> list[AccountId]:
    return [account for account in stubs if account != SOURCE]


async def _arrived(stubs: dict[AccountId, Stub], posts: int) -> None:
    async with asyncio.timeout(300):
        while any(len(stubs[account].sent) < posts for account in _destinations(stubs)):
            await asyncio.sleep(0.005)


def _losses(stubs: dict[AccountId, Stub], posts: int) -> dict[str, int]:
    lost = doubled = 0
    for account in _destinations(stubs):
        texts = [text for text, _ in stubs[account].sent]
        lost += posts - len(set(texts))
        doubled += len(texts) - len(set(texts))
    return {"lost": lost, "doubled": doubled}


def raw_commits(folder: Path, seconds: float = 1.0) -> float:
    """What the disk allows: one write and fsync at a time, a second."""
    with (folder / "disk").open("wb", buffering=0) as file:
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            count += 1
        return count / (time.perf_counter() - begun)


async def measure(*, quick: bool) -> dict[str, object]:
    scale = 1 if quick else 4
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        take = await taking(folder, 3000 * scale)
        whole = await whole_way(folder, 500 * scale)
        delays = {f"at_{rate}_per_s": await delay(folder, rate, 2.0 * scale) for rate in (10, 100)}
        runs = [whole, *delays.values()]
        return {
            "take_per_s": round(take),
            "whole_way_per_s": round(whole["whole_way_per_s"]),
            "delay_p50_ms": round(delays["at_100_per_s"]["p50_ms"], 2),
            "delay_p99_ms": round(delays["at_100_per_s"]["p99_ms"], 2),
            "lost": sum(int(run["lost"]) for run in runs),
            "doubled": sum(int(run["doubled"]) for run in runs),
            "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "disk_fsync_per_s": round(raw_commits(folder)),
            "delays": delays,
        }


def main() -> int:
    words = argparse.ArgumentParser(prog="run.py bench", description=__doc__)
    words.add_argument("--quick", action="store_true", help="under 40 s")
    words.add_argument("--json", action="store_true", help="one JSON object")
    options = words.parse_args()
    figures = asyncio.run(measure(quick=options.quick))
    if options.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:18} {value}")
    return 1 if figures["lost"] or figures["doubled"] else 0


if __name__ == "__main__":
    sys.exit(main())
