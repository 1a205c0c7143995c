"""Lanes while the service runs: a mistake over one is seen once and not repeated all the time; nobody else notices."""

from __future__ import annotations

import asyncio
from typing import Any

from structlog.testing import capture_logs

from bridge.engine import Account, Engine
from bridge.lanes import REST_S, Lanes
from bridge.places import unpinned
from bridge.post import AccountId, NativeId, Place
from bridge.reasons import Reason
from bridge.roster import Roster
from bridge.routing import World
from bridge.store import inward, pins, sql
from bridge.store import lanes as rows
from bridge.store.tables import DeliveryState
from bridge.store.values import Claim
from tests.core.desk import Desk
from tests.core.worlds import ALL, CHANNEL, MAIL, NOW, TEAM, TIMELINE, created, entry, group, world

NOBODY: Any = None


class Served:
    """Lanes that are scanned by hand; `mistakes` are the lanes that it makes a mistake over."""

    def __init__(self, desk: Desk, *accounts: AccountId, linger: float = 0.0) -> None:
        self.now = NOW
        self.served: list[int] = []
        self.mistakes: set[int] = set()
        self.busy = False
        self._desk = desk
        engine = Engine({name: Account(name, NOBODY) for name in accounts}, now=lambda: self.now)
        self.lanes = Lanes(desk.store, engine, Roster(desk.store, engine, "one"), self._serve, linger=linger)

    async def _serve(self, claim: Claim, _wake: asyncio.Event) -> bool:
        self.served.append(claim.lane.id)
        if claim.lane.id in self.mistakes:
            raise LookupError("nobody expected this")
        return self.busy or await self._desk.read(lambda tx: rows.owns(tx, claim))

    async def idle(self) -> None:
        """Until no lane is served; raises what ended a lane's task unobserved."""
        await asyncio.gather(*(running.task for running in self.lanes._running.values() if running.task))

    async def scan(self) -> list[int]:
        """The lanes that were served after one scan."""
        self.served.clear()
        await self.lanes._scan()
        await self.idle()
        return sorted(self.served)


async def lane_at(desk: Desk, place: Place) -> int:
    [row] = await desk.rows(sql.lane, sql.lane.c.account == place.account, sql.lane.c.place == place.id, sql.lane.c.reader == "")
    return int(row.id)


# ---------------------------------------------------------------- mistakes


async def test_a_lane_over_which_we_make_a_mistake_rests_and_the_others_are_served(desk: Desk) -> None:
    desk.world = world(group(entry("team/all-hands"), entry("team/dev"), entry("allhands/timeline")))
    await desk.hear(created())
    lanes = Served(desk, TEAM, ALL)
    bad = await lane_at(desk, TIMELINE)
    both = await lanes.scan()
    assert bad in both
    assert len(both) == 2
    lanes.mistakes.add(bad)
    with capture_logs() as logs:
        assert await lanes.scan() == both
        for _ in range(3):
            lanes.now += 1.0
            assert await lanes.scan() == [each for each in both if each != bad]
        lanes.lanes.wake([bad])
        assert not lanes.lanes._running, "new work does not end the rest"
        lanes.now += REST_S
        assert await lanes.scan() == both
        lanes.now += REST_S
        lanes.mistakes.clear()
        assert await lanes.scan() == both
        assert await lanes.scan() == both
    said = [each["event"] for each in logs]
    assert said == ["lane.internal", "lane.recovered"]
    assert logs[0]["lane"] == bad
    assert [row.owner for row in await desk.rows(sql.lane, sql.lane.c.id == bad)] == [""]


# ---------------------------------------------------------------- accounts that are gone


async def test_lanes_of_an_account_that_left_the_mapping_file_are_left_alone(desk: Desk) -> None:
    await desk.hear(created())
    for account in (TEAM, MAIL):
        await desk.write(lambda tx, account=account: inward.take(tx, desk.raw(account), NOW))  # type: ignore[misc]
    lanes = Served(desk, TEAM)
    epochs = {row.id: row.epoch for row in await desk.rows(sql.lane, sql.lane.c.account != TEAM)}
    assert epochs
    [source] = await desk.rows(sql.lane, sql.lane.c.account == TEAM, sql.lane.c.kind == "source")
    assert await lanes.scan() == [source.id]
    assert {row.id: row.epoch for row in await desk.rows(sql.lane, sql.lane.c.account != TEAM)} == epochs


# ---------------------------------------------------------------- two names of one place


async def test_a_post_that_waited_under_two_names_of_one_place_is_brought_there_once(desk: Desk) -> None:
    both = world(group(entry("team/all-hands"), entry("allhands/timeline"), entry("allhands/home")))
    desk.world = World(both.mappings, {(TEAM, "all-hands"): CHANNEL.id}, both.by_reader)
    await desk.hear(created("one"))
    await desk.hear(created("two"))
    for name in ("timeline", "home"):
        await desk.write(lambda tx, name=name: pins.pin(tx, ALL, name, TIMELINE.id, unpinned(name)))  # type: ignore[misc]
    stand_in = await desk.lane(Place(ALL, unpinned("home")))
    assert await desk.write(lambda tx: pins.move(tx, stand_in, "home"))
    assert await desk.next(stand_in) is None
    ended = await desk.rows(sql.delivery, sql.delivery.c.lane_id == stand_in.lane.id)
    assert [(row.state, row.reason) for row in ended] == [(DeliveryState.FILTERED, Reason.DUPLICATE)] * 2
    assert all(row.done_at for row in ended)
    for words in ("one", "two"):
        job, part = await desk.attempting(claim := await desk.lane(TIMELINE))
        assert words in str(job.post)
        await desk.settle(claim, job, part, NativeId(words))
    assert await desk.next(await desk.lane(TIMELINE)) is None
    assert await desk.write(lambda tx: pins.move(tx, stand_in, "home")), "and again it does no harm"


# ---------------------------------------------------------------- lanes that linger


async def test_a_lane_with_nothing_to_do_waits_although_it_was_woken(desk: Desk) -> None:
    lane = (await desk.lane(TIMELINE)).lane.id
    lanes = Served(desk, ALL, linger=60.0)
    lanes.busy = True  # so it serves without once letting go of the event loop
    async with asyncio.timeout(10):
        for times in (1, 2):
            lanes.lanes.wake([lane])
            while len(lanes.served) < times:
                await asyncio.sleep(0)
        for _ in range(50):
            await asyncio.sleep(0)
    assert len(lanes.served) == 2
    lanes.lanes._engine.stopping.set()
    lanes.lanes.wake([lane])
    await lanes.idle()


async def test_a_lane_that_lingers_is_claimed_anew_once_its_claim_is_void(desk: Desk) -> None:
    stand_in = Place(ALL, unpinned("home"))
    lane = (await desk.lane(stand_in)).lane.id
    lanes = Served(desk, ALL, linger=60.0)
    lanes.lanes.wake([lane])
    async with asyncio.timeout(10):
        while not lanes.served:
            await asyncio.sleep(0)
        [before] = [row.epoch for row in await desk.rows(sql.lane, sql.lane.c.id == lane)]
        await desk.write(lambda tx: pins.pin(tx, ALL, "home", TIMELINE.id, stand_in.id))
        while [row.epoch for row in await desk.rows(sql.lane, sql.lane.c.id == lane)] < [before + 2]:
            lanes.lanes.wake([lane])
            await asyncio.sleep(0)
        lanes.lanes._engine.stopping.set()
        lanes.lanes.wake([lane])  # it may have gone back to waiting for work
        await lanes.idle()
