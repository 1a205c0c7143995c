"""kill -9 between any two steps of a post's way: nothing is lost, and nothing stands twice.

A mail may arrive twice per crash, as nobody can ask a mail server; then with the same Message-ID, so that readers see one.
"""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.demo import law
from bridge.engine import Step
from tests.flow.conftest import EVERYWHERE
from tests.flow.house import Said
from tests.flow.wreck import Wreck, mortal

pytestmark = pytest.mark.asyncio(loop_scope="session")

CRASHES, TALK = 12, 16
"""How often the bridge is killed in a row, and how much is said around each time."""

ORIGINS = ("slack", "mastodon", "email")
POINTS = [(step, number) for step in Step for number in ((1,) if step in (Step.TAKE, Step.TAKEN, Step.ACCEPTED) else (1, 3))]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Wreck]:
    async with mortal(tmp_path_factory.mktemp("wreck"), **EVERYWHERE) as wreck:
        yield wreck


def mails(house: Wreck) -> dict[str, Counter[tuple[str, str]]]:
    """By mark, how often a mail with it was handed over, per reader and Message-ID."""
    found: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for arrival in house.sandbox("email").arrivals:  # type: ignore[attr-defined]
        head, _, body = arrival.body.partition(b"\r\n\r\n")
        [native] = [line for line in head.split(b"\r\n") if line.lower().startswith(b"message-id:")]
        for mark in set(re.findall(rb"zq\d+x", body)):
            found[mark.decode()][arrival.recipient, native.decode()] += 1
    return found


def check_mails(house: Wreck, said: list[Said], crashes: int) -> None:
    """Each reader got at most one repeat per crash."""
    repeats: Counter[str] = Counter()
    everything = mails(house)
    for each in said:
        found = everything[each.mark]
        assert len(found) == len({recipient for recipient, _ in found}), f"{each.words}: a repeat with another Message-ID"
        for (recipient, _), times in found.items():
            repeats[recipient] += times - 1
    assert all(times <= crashes for times in repeats.values()), repeats


@pytest.mark.scenario("C05")
@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize(("step", "number"), POINTS)
async def test_a_kill_between_two_steps_neither_loses_nor_doubles(house: Wreck, origin: str, step: Step, number: int) -> None:
    await law.settled(house.town, house.store, 30)  # type: ignore[arg-type]
    house.said.clear()
    house.kill_at(step, number)
    said = [await house.say(origin, f"killed at {step}")]
    assert await house.ended() == -9
    said.append(await house.say(origin, "said to nobody"))
    await house.start()
    for each in said:
        await house.arrives(each)
    await house.check()
    check_mails(house, said, crashes=1)


@pytest.mark.scenario("C05")
@pytest.mark.drill
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_random_kills_while_people_talk(house: Wreck, seed: int) -> None:
    await law.settled(house.town, house.store, 60)  # type: ignore[arg-type]
    house.said.clear()
    chance, said = random.Random(seed), list[Said]()  # noqa: S311
    for _ in range(CRASHES):
        kill_after = chance.randrange(8)
        for n in range(TALK):
            if n == kill_after:
                house.kill_at(chance.choice([*Step, "any"]), chance.randint(1, 3))
            said.append(await house.say(chance.choice(ORIGINS), f"talk {n}"))
        assert await house.ended() == -9
        await house.start()
    await house.all_arrive(said, 120)
    await house.check()
    check_mails(house, said, CRASHES)
    _check_order(house, said)


@pytest.mark.drill
@pytest.mark.timeout(600)
async def test_a_kill_while_500_posts_are_under_way(house: Wreck) -> None:
    await law.settled(house.town, house.store, 60)  # type: ignore[arg-type]
    house.said.clear()
    house.kill_at(Step.SETTLED, 300)
    said = [await house.say("slack", f"one of many {n}") for n in range(500)]
    assert await house.ended() == -9
    await house.start()
    await house.all_arrive(said, 240)
    await house.check()
    check_mails(house, said, crashes=1)
    _check_order(house, said)


def _check_order(house: Wreck, said: list[Said]) -> None:
    """Each destination has each origin's posts in the order in which they were said."""
    for to, marks in house.marks().items():
        rank = {mark: n for n, mark in enumerate(marks)}
        for origin in ORIGINS:
            ranks = [rank[each.mark] for each in said if each.account == origin and to in each.to]
            assert ranks == sorted(ranks), f"{origin} at {to}"
