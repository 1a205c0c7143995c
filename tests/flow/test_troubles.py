"""The whole way, on bad days: repeats, lost answers, busy and broken places, outages. Nothing is lost, nothing comes twice."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from bridge.contract import Fault
from bridge.reasons import Reason
from bridge.store import sql
from tests.flow.house import House, Said, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

TALKERS = ("slack", "mastodon", "email")


async def outcomes(house: House, account: str) -> list[tuple[str, str, int]]:
    """State, reason and attempts of the account's deliveries, oldest first."""
    d, lane = sql.delivery.c, sql.lane.c
    query = select(d.state, d.reason, d.attempts).where(d.lane_id == lane.id, lane.account == account).order_by(d.id)
    return await house.service.store.read(lambda tx: [tuple(row) for row in tx.execute(query)])  # type: ignore[misc]


def elsewhere(said: Said, account: str) -> None:
    """It is not expected at this account."""
    said.to = tuple(each for each in said.to if each.account != account)


def marks(house: House, account: str, said: list[Said]) -> list[list[str]]:
    """Per destination of the account, which of the posts stand there, in order."""
    found = []
    for to in house.at(account):
        standing = [(copy.at, n, each.mark) for n, each in enumerate(said) for copy in house.copies(each.mark, to)]
        found.append([mark for _, _, mark in sorted(standing)])
    return found


@pytest.mark.scenario("C01")
@pytest.mark.parametrize("origin", TALKERS)
async def test_an_event_that_is_handed_out_twice_is_mirrored_once(house: House, origin: str) -> None:
    house.sandbox(origin).fault(Fault.TWICE)
    await house.says(origin, "said once")
    await house.says(origin, "and the next")


@pytest.mark.scenario("C07")
async def test_a_mail_that_is_delivered_twice_is_one_post(house: House) -> None:
    house.sandbox("email").fault(Fault.TWICE, 2)
    await house.says("email", "sent twice by a nervous server")
    await house.says("email", "so is this")


@pytest.mark.scenario("C02")
async def test_an_event_that_only_a_retry_brings_is_mirrored(house: House) -> None:
    """The first delivery falls into a restart; the source, not acknowledged, tries again."""
    await house.stop()
    await house.sandbox("slack").write("lynn", "said into the void zq0x")
    await house.start()
    for to in house.destinations:
        if to.place != house.place("slack"):
            await until(lambda to=to: house.copies("zq0x", to), f"the retry reaches {to}")  # type: ignore[misc]
    await house.settle()
    assert [marks.count("zq0x") for to, marks in house.marks().items() if to.place != house.place("slack")] == [1] * 4


@pytest.mark.scenario("C04")
@pytest.mark.parametrize("account", TALKERS)
async def test_a_send_whose_answer_is_lost_leaves_one_copy(house: House, account: str) -> None:
    house.sandbox(account).fault(Fault.REPLY_LOST)
    origin = "slack" if account != "slack" else "mastodon"
    await house.says(origin, "accepted, then silence")
    await house.says(origin, "and on it goes")


@pytest.mark.scenario("D05")
@pytest.mark.parametrize("origin", TALKERS)
async def test_posts_in_a_burst_arrive_in_order_everywhere(house: House, origin: str) -> None:
    said = [await house.say(origin, f"burst {n}") for n in range(5)]
    for each in said:
        await house.arrives(each)
    for account in TALKERS:
        for found in marks(house, account, said):
            assert found == [each.mark for each in said if each.mark in found]


@pytest.mark.scenario("D09")
@pytest.mark.parametrize("account", ["slack", "mastodon"])
async def test_a_busy_place_gets_everything_in_order_and_delays_nobody(house: House, account: str) -> None:
    busy = house.sandbox(account)
    origin = "email"
    busy.fault(Fault.BUSY, 3, 0.4)
    said = [await house.say(origin, f"while busy {n}") for n in range(6)]
    for each in said:
        await house.arrives(each)
    for found in marks(house, account, said):
        assert found == [each.mark for each in said]


@pytest.mark.scenario("D06")
@pytest.mark.parametrize("account", TALKERS)
async def test_a_later_post_waits_for_one_that_is_being_retried(house: House, account: str) -> None:
    house.sandbox(account).fault(Fault.BROKEN)
    origin = "mastodon" if account != "mastodon" else "slack"
    said = [await house.say(origin, f"behind trouble {n}") for n in range(3)]
    for each in said:
        await house.arrives(each)
    for found in marks(house, account, said):
        assert found == [each.mark for each in said]


@pytest.mark.scenario("D11")
@pytest.mark.parametrize("account", TALKERS)
async def test_a_refused_post_is_not_delivered_after_one_try_and_the_next_one_is(house: House, account: str) -> None:
    origin = "mastodon" if account != "mastodon" else "slack"
    places = len(house.at(account))
    house.sandbox(account).fault(Fault.REFUSED, places)
    refused = await house.say(origin, "unwelcome")
    elsewhere(refused, account)
    await house.arrives(refused)
    await until_outcome(house, account, places)
    await house.says(origin, "welcome again")
    ended = [each for each in await outcomes(house, account) if each[1] == Reason.REJECTED]
    assert {(state, tries) for state, _, tries in ended} == {("not delivered", 1)}


async def until_outcome(house: House, account: str, times: int) -> None:
    await house.settle()
    ended = [each for each in await outcomes(house, account) if each[1] == Reason.REJECTED]
    assert len(ended) >= times, await outcomes(house, account)


@pytest.mark.scenario("D10")
@pytest.mark.parametrize("account", TALKERS)
async def test_an_outage_of_one_place_delays_nobody_else_and_loses_nothing(house: House, account: str) -> None:
    origin = next(each for each in TALKERS if each != account)
    away = house.sandbox(account)
    await away.unplug()
    try:
        said = [await house.say(origin, f"during the outage {n}") for n in range(3)]
        everywhere = [each.to for each in said]
        for each in said:
            elsewhere(each, account)
            await house.arrives(each)
            assert not any(house.copies(each.mark, to) for to in house.at(account))
    finally:
        await away.plug()
    for each, to in zip(said, everywhere, strict=True):
        each.to = to
        await house.arrives(each)
    for found in marks(house, account, said):
        assert found == [each.mark for each in said]


@pytest.mark.parametrize("account", ["slack", "mastodon"])
async def test_what_people_say_during_an_outage_is_heard_after_it(house: House, account: str) -> None:
    await house.sandbox(account).unplug()
    try:
        said = [await house.say(account, f"said inside {n}") for n in range(3)]
    finally:
        await house.sandbox(account).plug()
    for each in said:
        await house.arrives(each)
    for other in TALKERS:
        for found in marks(house, other, said):
            assert found == [each.mark for each in said if each.mark in found]


@pytest.mark.parametrize("account", TALKERS)
async def test_what_is_said_while_the_bridge_is_down_is_mirrored_when_it_is_back(house: House, account: str) -> None:
    destinations, place = house.destinations, house.place(account)
    await house.stop()
    for n in range(3):
        await house.sandbox(account).write(house.member(account), f"while down zq{account}{n}down")
    await house.start()
    author = house.sandbox(account).people.get(house.member(account))
    for to in destinations:
        if (to.reader is None and to.place == place) or (author and to.reader == author):
            continue
        for n in range(3):
            await until(lambda to=to, n=n: house.copies(f"zq{account}{n}down", to), f"{n} reaches {to}")  # type: ignore[misc]
