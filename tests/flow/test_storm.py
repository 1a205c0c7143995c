"""The drill of drills: whatever can happen to the replicas happens, by chance and again and again, while people talk."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.engine import Step
from tests.flow.conftest import EVERYWHERE
from tests.flow.fleet import calm, check_order, end_sessions, talk
from tests.flow.wreck import Wreck, mortal

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(1800), pytest.mark.drill]

ROUNDS, POSTS = 20, 9
ORIGINS = ("slack", "mastodon", "email")
WRONG_BY = 3600.0
"""Seconds by which clocks are wrong where several replicas share a database."""


@pytest_asyncio.fixture(loop_scope="session", params=[("sqlite", 1), ("postgresql", 1), ("postgresql", 3)], ids=str)
async def fleet(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, make_postgresql: Callable[[], str]
) -> AsyncIterator[Wreck]:
    kind, replicas = request.param
    url = make_postgresql() if kind == "postgresql" else ""
    async with mortal(tmp_path_factory.mktemp("storm"), url, replicas, **EVERYWHERE) as wreck:
        yield wreck


@dataclass
class Storm:
    """Knows no mercy, but mends what it broke."""

    wreck: Wreck
    chance: random.Random

    @property
    def anyone(self) -> int:
        return self.chance.choice(sorted(self.wreck.pids))

    async def kill(self) -> None:
        await self.wreck.kill(self.anyone)

    async def kill_at_a_step(self) -> None:
        self.wreck.kill_at(self.chance.choice([*Step, "any"]), self.chance.randint(1, 5))

    async def stop_at_a_step(self) -> None:
        self.wreck.kill_at(self.chance.choice([*Step, "any"]), self.chance.randint(1, 5), "stop")

    async def end(self) -> None:
        """As an admin would; perhaps before it can hear that."""
        number = self.anyone
        os.kill(self.wreck.pids[number], signal.SIGTERM)
        assert await self.wreck.ended(number) in (0, -signal.SIGTERM), self.wreck.log.read_text()[-3000:]

    async def stop(self) -> None:
        self.wreck.pause(self.anyone)

    async def fill_the_disk(self) -> None:
        resource.prlimit(self.wreck.pids[self.anyone], resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

    async def end_sessions(self) -> None:
        if self.wreck.database.startswith("postgresql"):
            end_sessions(self.wreck, self.chance.choice(["%", "viabridge presence%"]))

    async def set_a_clock(self) -> None:
        """Wrong from the next start on; where there is one machine, by as much as a clock that is looked after goes wrong."""
        most = WRONG_BY if self.wreck.database.startswith("postgresql") else 3.0
        self.wreck.skews[self.anyone] = self.chance.uniform(-most, most)
        await self.kill()

    async def mend(self) -> None:
        """Whoever is dead is started, whoever is stopped goes on, disks have room, nobody has orders."""
        self.wreck.order.unlink(missing_ok=True)
        for number in range(self.wreck.replicas):
            if number in self.wreck.pids and self._obeyed(number) == "kill":
                assert await self.wreck.ended(number) == -signal.SIGKILL
            if number not in self.wreck.pids:
                await self.wreck.start(number)
            resource.prlimit(self.wreck.pids[number], resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            self.wreck.resume(number)

    def _obeyed(self, number: int) -> str:
        """Which order the replica obeyed, if any; whoever was told to stop stands still."""
        pid = self.wreck.pids[number]
        order = self.wreck.order.with_suffix(f".{pid}")
        if not order.exists():
            return ""
        how = order.read_text().split()[0]
        order.unlink()
        while how == "stop" and _state(pid) != "T":
            continue  # between the order and its obeying are microseconds
        return how


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()[0]


@pytest.mark.scenario("C05")
@pytest.mark.scenario("C06")
@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_is_lost_doubled_or_out_of_order_whatever_happens(fleet: Wreck, seed: int) -> None:
    await calm(fleet)
    chance = random.Random(seed)  # noqa: S311
    storm, said = Storm(fleet, chance), []
    blows = [
        storm.kill, storm.kill_at_a_step, storm.stop_at_a_step, storm.end, storm.stop, storm.fill_the_disk, storm.end_sessions,
        storm.set_a_clock,
    ]  # fmt: skip
    for _ in range(ROUNDS):
        said += await talk(fleet, POSTS // 3, ORIGINS)
        blow = chance.choice(blows)
        print(f"{said[-1].mark}: {blow.__name__}")  # noqa: T201 - which of them it was that something went wrong after
        await blow()
        said += await talk(fleet, POSTS // 3, ORIGINS)
        await asyncio.sleep(chance.choice([0.0, 0.5, 3.0]))  # a while for the others to notice; no luck is meant
        await storm.mend()
        said += await talk(fleet, POSTS // 3, ORIGINS)
    await fleet.all_arrive(said, 240)
    await fleet.check()
    check_order(fleet, said)
