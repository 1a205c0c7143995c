"""The bench measures a bridge that works: every post once, in order, with figures for each. How fast is not asked here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import engine
from tests.bench.house import bridge, channel, mappings_for, platforms


@pytest.mark.timeout(120)
def test_the_bench_brings_every_post_both_ways_and_by_mail(tmp_path: Path) -> None:
    with platforms() as world, bridge(tmp_path, mappings_for(world, tmp_path, 1, mail=True)) as service:
        events = {"events_url": f"{service.url}/slack/events"}
        told = [
            world.run("slack", [channel(0)], 20, 20, **events),
            world.run("mastodon", ["m0"], 20, 0),
            world.run("slack", [channel(1)], 20, 0),
            world.run("slack", [channel(0)], 20, 0, outage=True),
        ]
        assert [(run["posts"], run["lost"], run["doubled"], run["out_of_order"]) for run in told] == [(20, 0, 0, 0)] * 4
        assert all(run["p50_ms"] > 0 for run in told)
        assert service.rss_mb > 0
        assert service.cpu_s > 0


@pytest.mark.timeout(120)
def test_the_bench_brings_what_comes_by_socket_and_notes_when_it_was_acknowledged(tmp_path: Path) -> None:
    with platforms() as world, bridge(tmp_path, mappings_for(world, tmp_path, 1, by_socket=True)):
        told = world.run("slack", [channel(0)], 20, 20)
        assert (told["posts"], told["lost"], told["doubled"], told["out_of_order"]) == (20, 0, 0, 0)
        assert told["ack_max_ms"] > 0


async def test_the_engine_alone_takes_and_accepts(tmp_path: Path) -> None:
    assert await engine.take_per_s(engine.file_in(tmp_path), 50) > 0
    assert await engine.accept_per_s(engine.file_in(tmp_path), 50) > 0
    assert await engine.idle_cpu_percent(engine.file_in(tmp_path), 10, 0.1) >= 0
