"""`python3 run.py bench [--quick] [--json]`: what the bridge costs and bears, beside what the machine and the SDKs allow."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from tests.bench import bare, engine, postgres
from tests.bench.house import Bridge, Platforms, bridge, channel, free_port, mappings_for, platforms


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: posts for the engine, seconds at each rate, pairs of places and posts at full speed."""

    takes: int
    accepts: int
    rates: tuple[int, ...]
    seconds: float
    pairs: int
    flood: int
    backlog: int
    killed: int
    idle: tuple[int, ...]
    idle_s: float
    channels: int = 10
    while_s: float = 3.0


QUICK = Size(4000, 600, (10, 100), 1.5, 10, 300, 200, 200, (10, 1000), 1.0)
WHOLE = Size(20_000, 5000, (1, 10, 100, 300), 10.0, 50, 5000, 20_000, 1000, (10, 1000, 10_000), 5.0, while_s=60.0)

SLACKS_RATE = 50
"""Events a second that Slack may send for a while; each is to be acknowledged within 3 seconds."""

Figures = dict[str, Any]


def measure(size: Size) -> Figures:
    """All figures, the most telling ones at the top level."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures: Figures = {"machine": {"fsyncs_per_s": round(bare.fsyncs_per_s(folder))}}
        figures["engine"] = asyncio.run(_engine(folder, size))
        with platforms() as world:
            figures["bare"] = _bare(world, size)
            mappings, port = mappings_for(world, folder / "serve", size.pairs, mail=True), free_port()
            with bridge(folder / "serve", mappings, port=port) as service:
                _warm_up(world, _events(service))
                figures["delays"] = _delays(world, service, size)
                figures["cost"] = {"start_s": round(service.start_s, 2), "rss_mb": round(service.rss_mb)}
                figures["outage"] = _outage(world, size)
                figures["acknowledged"] = {"http": _acknowledged(world, size)}
                figures["flood"] = _flood(world, service, size)
                writing = _kill(world, service, size)
            with bridge(folder / "serve", mappings, port=port):
                figures["killed"] = writing.result()
            with bridge(folder / "socket", mappings_for(world, folder / "socket", size.channels, by_socket=True)):
                _warm_up(world, {"events_url": ""})
                figures["acknowledged"]["socket"] = _acknowledged(world, size)
    return _headlines(figures) | figures


async def _engine(folder: Path, size: Size) -> Figures:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    found: Figures = {
        "take_per_s": round(await engine.take_per_s(engine.file_in(folder), size.takes)),
        "accept_per_s": round(await engine.accept_per_s(engine.file_in(folder), size.accepts)),
    }
    with postgres.server(folder / "postgres") as url:
        found["postgresql_take_per_s"] = round(await engine.take_per_s(url("takes"), size.takes // 2))
        found["postgresql_accept_per_s"] = round(await engine.accept_per_s(url("accepts"), size.accepts // 2))
    for places in size.idle:
        found[f"idle_cpu_percent_{places}_places"] = round(
            await engine.idle_cpu_percent(engine.file_in(folder), places, size.idle_s), 2
        )
    return found


def _bare(world: Platforms, size: Size) -> Figures:
    return {
        "mastodon_per_s": round(bare.mastodon_per_s(world, size.flood)),
        "slack_per_s": round(bare.slack_per_s(world, size.flood)),
        "mastodon_round_trip_ms": round(bare.mastodon_round_trip_ms(world, 100), 2),
    }


def _delays(world: Platforms, service: Bridge, size: Size) -> Figures:
    """From the moment somebody's event is handed over to the arrival of the copy's request, at each rate."""
    ways = {
        "slack_to_mastodon": ("slack", channel(0)),
        "mastodon_to_slack": ("mastodon", "m0"),
        "slack_to_email": ("slack", channel(size.pairs)),
    }
    found: Figures = {}
    for way, (source, place) in ways.items():
        found[way] = {}
        for rate in size.rates:
            cpu = service.cpu_s
            posts = max(5, int(rate * size.seconds))
            found[way][f"at_{rate}_per_s"] = told = world.run(source, [place], posts, rate)
            told["cpu_ms_per_post"] = round(1000 * (service.cpu_s - cpu) / posts, 2)
    return found


def _acknowledged(world: Platforms, size: Size) -> Figures:
    """How soon Slack is told that its events are stored, at the rate that it may send for a while."""
    places, posts = [channel(n) for n in range(size.channels)], int(SLACKS_RATE * size.while_s)
    return dict(world.run("slack", places, posts, SLACKS_RATE))


def _flood(world: Platforms, service: Bridge, size: Size) -> Figures:
    """As many posts as it bears, from as many Slack channels to as many Mastodon accounts."""
    places = [channel(n) for n in range(size.pairs)]
    found: Figures = world.run("slack", places, size.flood, 0, patience=120)
    return found | {"places": 2 * size.pairs, "rss_mb": round(service.rss_mb)}


def _outage(world: Platforms, size: Size) -> Figures:
    """One account is away while posts pile up for it; how fast they go out once it is back, all of them, in order."""
    return dict(world.run("slack", [channel(0)], size.backlog, 0, patience=300, outage=True))


def _kill(world: Platforms, service: Bridge, size: Size) -> Future[Figures]:
    """It is killed while posts are under way. Once it was started again: all of them are there, once, in order."""
    writing = ThreadPoolExecutor(1).submit(world.run, "slack", [channel(0)], size.killed, 0, patience=120)
    time.sleep(1.0)
    service.process.kill()
    service.process.wait()
    return writing


def _warm_up(world: Platforms, events: Mapping[str, str]) -> None:
    """The first event brings imports and connections; it is no measure of the next."""
    told = world.run("slack", [channel(0)], 20, 20, **events)
    if told["lost"]:
        raise RuntimeError(f"The bridge brings nothing: {told}")


def _events(service: Bridge) -> Mapping[str, str]:
    return {"events_url": f"{service.url}/slack/events"}


def _headlines(figures: Figures) -> Figures:
    at_100 = figures["delays"]["slack_to_mastodon"]["at_100_per_s"]
    runs = [
        *(run for way in figures["delays"].values() for run in way.values()),
        *figures["acknowledged"].values(),
        figures["flood"],
        figures["outage"],
        figures["killed"],
    ]
    return {
        "take_per_s": figures["engine"]["take_per_s"],
        "accept_per_s": figures["engine"]["accept_per_s"],
        "delay_p50_ms": at_100["p50_ms"],
        "delay_p99_ms": at_100["p99_ms"],
        "ack_max_ms": max(run["ack_max_ms"] for run in figures["acknowledged"].values()),
        "sustained_per_s": figures["flood"]["per_s"],
        "bare_client_per_s": figures["bare"]["mastodon_per_s"],
        "lost": sum(run["lost"] for run in runs),
        "doubled": sum(run["doubled"] for run in runs),
        "out_of_order": sum(run["out_of_order"] for run in runs),
        "rss_mb": figures["cost"]["rss_mb"],
        "start_s": figures["cost"]["start_s"],
    }


def _show(figures: Mapping[str, Any], indent: str = "") -> None:
    for name, value in figures.items():
        if isinstance(value, Mapping):
            print(f"{indent}{name}")
            _show(value, indent + "  ")
        else:
            print(f"{indent}{name:{32 - len(indent)}} {value}")


def main() -> int:
    words = argparse.ArgumentParser(prog="run.py bench", description=__doc__)
    words.add_argument("--quick", action="store_true", help="under 40 s")
    words.add_argument("--json", action="store_true", help="one JSON object")
    options = words.parse_args()
    figures = measure(QUICK if options.quick else WHOLE)
    if options.json:
        print(json.dumps(figures))
    else:
        _show(figures)
    return 1 if figures["lost"] or figures["doubled"] or figures["out_of_order"] else 0


if __name__ == "__main__":
    sys.exit(main())
