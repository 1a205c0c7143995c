"""Three replicas on one PostgreSQL: one is killed, one stopped, all cut off. Every post arrives once and in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
import pytest_asyncio

from adapters.slack.sandbox import SlackSandbox
from bridge.demo import law
from bridge.engine import Step
from tests.flow.conftest import EVERYWHERE
from tests.flow.fleet import calm, check_order, end_sessions, owners, talk, worst_gap
from tests.flow.house import until
from tests.flow.wreck import Wreck, mortal

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(180)]

REPLICAS = 3
STEPS = [step for step in Step if step is not Step.TAKE]
QUICK = {(Step.SENT, "kill"), (Step.ATTEMPTING, "stop")}
FATES = [
    pytest.param(step, how, marks=() if (step, how) in QUICK else pytest.mark.drill) for how in ("kill", "stop") for step in STEPS
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def fleet(tmp_path_factory: pytest.TempPathFactory, make_postgresql: Callable[[], str]) -> AsyncIterator[Wreck]:
    async with mortal(tmp_path_factory.mktemp("fleet"), make_postgresql(), REPLICAS, **EVERYWHERE) as wreck:
        yield wreck


async def revive(fleet: Wreck) -> None:
    """All replicas live again."""
    for number in range(REPLICAS):
        if number in fleet.pids:
            fleet.resume(number)
        else:
            await fleet.start(number)


async def live_through(fleet: Wreck, posts: int) -> None:
    """A third of the posts, a kill, a third, a stop, a third; the stopped one goes on when all is done."""
    await calm(fleet)
    said = await talk(fleet, posts // 3)
    await fleet.kill(0)
    said += await talk(fleet, posts // 3)
    fleet.pause(1)
    said += await talk(fleet, posts // 3)
    await fleet.all_arrive(said, 60 + posts / 2)
    print("worst gaps", worst_gap(fleet, said))  # noqa: T201 - a number to look at, never asserted
    await revive(fleet)
    await fleet.check()
    check_order(fleet, said)


@pytest.mark.scenario("C05")
@pytest.mark.scenario("C06")
async def test_with_one_killed_and_one_stopped_everything_arrives_once_and_in_order(fleet: Wreck) -> None:
    await live_through(fleet, 30)


@pytest.mark.drill
@pytest.mark.timeout(1800)
async def test_of_2000_posts_none_is_lost_or_doubled_while_one_is_killed_and_one_stopped(fleet: Wreck) -> None:
    await live_through(fleet, 2000)


@pytest.mark.scenario("C05")
@pytest.mark.parametrize(("step", "how"), FATES)
async def test_another_replica_goes_on_where_one_stood_still(fleet: Wreck, step: Step, how: str) -> None:
    await calm(fleet)
    fleet.kill_at(step, 1, how)
    said = [await fleet.say("slack", f"{how} at {step}")]
    number = await fleet.obeyed()
    if how == "kill":
        assert await fleet.ended(number) == -signal.SIGKILL
    said.append(await fleet.say("slack", "said afterwards"))
    await fleet.all_arrive(said, 60)
    await revive(fleet)
    await fleet.check()
    check_order(fleet, said)


async def test_when_the_database_ends_all_sessions_nothing_is_lost_or_doubled(fleet: Wreck) -> None:
    await calm(fleet)
    said = await talk(fleet, 6)
    assert end_sessions(fleet) >= REPLICAS
    said += await talk(fleet, 6)
    await fleet.all_arrive(said, 60)
    await fleet.check()
    check_order(fleet, said)


async def test_who_no_longer_hears_the_others_still_finds_the_work(fleet: Wreck) -> None:
    await calm(fleet)
    assert end_sessions(fleet, "viabridge presence%") == REPLICAS
    said = await talk(fleet, 6)
    await fleet.all_arrive(said, 60)
    await fleet.check()


async def test_each_stream_and_duty_has_one_owner_and_a_replica_that_leaves_hands_its_own_over(fleet: Wreck) -> None:
    await calm(fleet)
    shifts = await until(lambda: _all_owned(fleet), "each stream and duty has an owner")
    duties = {"keeper", "sizes", "doorkeeper", "teller", "commander", "readers", "members"}
    assert {"slack", "mastodon", "email"} | duties == set(shifts)
    leaver = 2
    os.kill(fleet.pids[leaver], signal.SIGTERM)
    assert await fleet.ended(leaver) == 0, fleet.log.read_text()[-3000:]
    with fleet.engine.connect() as connection:
        left = connection.exec_driver_sql("SELECT id FROM replica").scalars().all()
        owned = connection.exec_driver_sql("SELECT DISTINCT owner FROM lane WHERE owner <> ''").scalars().all()
    assert len(left) == REPLICAS - 1
    assert set(owned) <= set(left)
    await until(lambda: _all_owned(fleet), "what it left is done by another")
    said = await talk(fleet, 4)
    await fleet.all_arrive(said, 60)
    await revive(fleet)
    await fleet.check()


def _all_owned(fleet: Wreck) -> dict[str, str]:
    found = owners(fleet, "stream") | owners(fleet, "duty")
    return found if all(found.values()) else {}


async def urls(fleet: Wreck) -> list[str]:
    """Where each replica answers, once all do."""
    async with asyncio.timeout(60), aiohttp.ClientSession() as session:
        while True:
            lines = [json.loads(line) for line in fleet.log.read_text().splitlines() if '"service.ready"' in line]
            found = [line["url"] for line in lines if await _is_ready(session, line["url"])]
            if len(found) == REPLICAS:
                return found
            await asyncio.sleep(0.05)


async def _is_ready(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(f"{url}readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientConnectionError:
        return False  # it was ended


async def order(url: str, words: str) -> str:
    """Ask a replica for something, as the command line does; how that ended."""
    headers = {"Content-Type": "application/json", "X-Viabridge": "1"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{url}api/commands", json={"words": words, "by": "root"}) as answer,
    ):
        return str((await answer.json())["outcome"])


async def paused(url: str) -> bool:
    async with aiohttp.ClientSession() as session, session.get(f"{url}api/status") as answer:
        return bool((await answer.json())["halts"])


@pytest.mark.scenario("L20")
async def test_what_one_replica_is_told_to_pause_all_pause_and_any_may_be_told_to_go_on(fleet: Wreck) -> None:
    await calm(fleet)
    first, *others = await urls(fleet)
    group = next(iter(fleet.world.mappings.groups)).id
    assert await order(first, f"pause {group}") == "done"
    async with asyncio.timeout(60):
        while not all([await paused(url) for url in (first, *others)]):
            await asyncio.sleep(0.05)
    said = await talk(fleet, 4)
    await law.settled(fleet.town, fleet.store, 60)  # type: ignore[arg-type]
    assert not [each.mark for each in said for marks in fleet.marks().values() if each.mark in marks], "all of it is held"
    assert await order(others[0], f"resume {group}") == "done"
    await fleet.all_arrive(said, 60)
    await fleet.check()
    check_order(fleet, said)


async def test_a_command_is_carried_out_by_one_of_them_and_answered_once(fleet: Wreck) -> None:
    await calm(fleet)
    slack = fleet.sandbox("slack")
    assert isinstance(slack, SlackSandbox)
    before = len(slack.whispers("lynn"))
    await slack.command("lynn", "who")
    await until(lambda: slack.whispers("lynn")[before:], "an answer")
    await calm(fleet)
    assert len(slack.whispers("lynn")[before:]) == 1
    with fleet.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT state, outcome FROM command WHERE words = 'who'").all()
    assert [tuple(row) for row in rows] == [("done", "done")]


async def test_lanes_are_shared_fairly_once_everybody_has_work(fleet: Wreck) -> None:
    await calm(fleet)
    said = []
    busy: set[str] = set()

    async def look() -> None:
        with fleet.engine.connect() as connection:
            busy.update(
                connection.exec_driver_sql("SELECT DISTINCT owner FROM lane WHERE kind = 'destination' AND owner <> ''").scalars()
            )

    async with asyncio.timeout(60):
        while len(busy) < REPLICAS:
            said += await talk(fleet, 2)
            await look()
    await fleet.all_arrive(said, 60)
    await fleet.check()
    check_order(fleet, said)
