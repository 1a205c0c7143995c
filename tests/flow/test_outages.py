"""The outage drill: all that servers do on a bad day, one trouble after the other, while people talk. Nothing lost or doubled."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

import pytest

from adapters.mastodon.sandbox import MastodonSandbox
from bridge.contract import Fault
from tests.flow.house import House, Said

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

ORIGINS = ("slack", "mastodon", "email")


@dataclass(frozen=True, slots=True)
class Day:
    """How much is said during each trouble, and how many seconds the long ones last."""

    posts: int
    stream_down: float
    broken: float
    retry_after: float


SHORT = Day(posts=8, stream_down=1.0, broken=1.0, retry_after=0.5)
LONG = Day(posts=80, stream_down=10.0, broken=30.0, retry_after=2.0)


@pytest.mark.scenario("D01")
@pytest.mark.scenario("C04")
async def test_a_bad_day(house: House) -> None:
    await live_through(house, SHORT)


@pytest.mark.drill
@pytest.mark.scenario("D01")
async def test_a_very_bad_day(house: House) -> None:
    await live_through(house, LONG)


async def live_through(house: House, day: Day) -> None:
    """Five troubles of the protected account's server, `day.posts` posts in each; then the law, and the order at each place."""
    mastodon, said = house.sandbox("mastodon"), []
    assert isinstance(mastodon, MastodonSandbox)
    await mastodon.unplug()
    said += await talk(house, day.posts)
    await asyncio.sleep(day.stream_down)
    await mastodon.plug()

    mastodon.fault(Fault.BROKEN, 1_000_000)
    mastodon.refuse_reads(503)
    said += await talk(house, day.posts)
    await asyncio.sleep(day.broken)
    mastodon.fault(Fault.BROKEN, 0)
    mastodon.refuse_reads(0)

    mastodon.fault(Fault.BUSY, 3, day.retry_after)
    said += await talk(house, day.posts)
    mastodon.fault(Fault.REPLY_LOST, 3)
    said += await talk(house, day.posts)
    mastodon.fault(Fault.EARLY_ECHO, 3)
    said += await talk(house, day.posts)

    await house.all_arrive(said, 240)
    in_order(house, said)


async def talk(house: House, posts: int) -> list[Said]:
    return [await house.say(ORIGINS[n % len(ORIGINS)], f"on a bad day {n}") for n in range(posts)]


def in_order(house: House, said: list[Said]) -> None:
    """Each place has each origin's posts as they were said, once each; the fixture holds the law against it afterwards."""
    for to, marks in house.marks().items():
        mine: dict[str, list[str]] = defaultdict(list)
        for each in said:
            if to in each.to:
                mine[each.account].append(each.mark)
        for origin, expected in mine.items():
            assert [mark for mark in marks if mark in set(expected)] == expected, f"{origin} at {to}"
