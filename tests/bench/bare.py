"""What the machine itself allows: the platforms' own SDKs against the same servers with no bridge between, and the disk."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mastodon import Mastodon
from slack_sdk.web.async_client import AsyncWebClient

from tests.bench.house import Platforms, channel

_CALLERS = 4  # more of them bring nothing on two cores


def mastodon_per_s(world: Platforms, posts: int) -> float:
    """Posts a second with Mastodon.py, a client and a thread to each caller."""

    def some(caller: int) -> None:
        client = Mastodon(access_token=f"bare{caller}", api_base_url=world.url, version_check_mode="none")
        for n in range(posts // _CALLERS):
            client.status_post(f"bare {n}: can everyone meet at two?", visibility="private", idempotency_key=f"{caller}-{n}")

    begun = time.perf_counter()
    with ThreadPoolExecutor(_CALLERS) as pool:
        list(pool.map(some, range(_CALLERS)))
    return posts / (time.perf_counter() - begun)


def slack_per_s(world: Platforms, posts: int) -> float:
    """Posts a second with slack_sdk's async client."""

    async def all_of_them() -> float:
        client = AsyncWebClient(token="xoxb-bench", base_url=f"{world.url}/slack/api/", retry_handlers=[])
        begun = time.perf_counter()
        for n in range(0, posts, _CALLERS):
            said = (client.chat_postMessage(channel=channel(m), text=f"bare {n}") for m in range(_CALLERS))
            await asyncio.gather(*said)
        return posts / (time.perf_counter() - begun)

    return asyncio.run(all_of_them())


def mastodon_round_trip_ms(world: Platforms, posts: int) -> float:
    """The middle of how long one post takes with Mastodon.py, one after the other."""
    client = Mastodon(access_token="bare", api_base_url=world.url, version_check_mode="none")
    took: list[float] = []
    for n in range(posts):
        begun = time.perf_counter()
        client.status_post(f"bare {n}", visibility="private")
        took.append(1000 * (time.perf_counter() - begun))
    return statistics.median(took)


def fsyncs_per_s(folder: Path, seconds: float = 1.0) -> float:
    """What the disk allows: one write and fsync at a time, a second."""
    with (folder / "disk").open("wb", buffering=0) as file:
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            count += 1
        return count / (time.perf_counter() - begun)
