"""Accounts are kept open: trouble is told once and tried again ever more slowly, unknown names are asked for again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.accounts import STEADY_S, Accounts
from bridge.contract import Inbox
from bridge.engine import Account, Engine
from bridge.errors import NeedsOperator, Retryable
from bridge.places import unpinned
from bridge.post import AccountId, Place, PlaceId
from bridge.retry import OPERATOR_S
from bridge.store import hurrying, lanes, pins, sql
from tests.core.desk import Desk
from tests.core.worlds import CHANNEL, NOW, OTHER_CHANNEL, TEAM, entry, group, world

SOON_S = 30.0
"""Until something that should have happened is missing. Nothing waits as long unless it fails."""
WORLD = world(group(entry("team/all-hands"), entry("team/dev")))
UNKNOWN = "There is no channel #dev. Make it, and invite the app."


@pytest.fixture
def url(sqlite: str) -> str:
    """What is tested here is not the database's doing."""
    return sqlite


class Clock:
    """Time passes only when the test says so. `asked` are the seconds of every sleep so far, in order."""

    def __init__(self) -> None:
        self.now = NOW
        self.asked: list[float] = []
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        waked: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, waked))
        await waked

    async def asleep(self, times: int) -> None:
        """Wait until so many sleeps were begun."""
        async with asyncio.timeout(SOON_S):
            while len(self.asked) < times:
                await asyncio.sleep(0.001)

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for when, waked in self._sleepers:
            if when <= self.now and not waked.done():
                waked.set_result(None)


@dataclass
class Platform:
    """An adapter whose troubles are listed beforehand, one per try; without any it is open, and listens until cancelled."""

    openings: list[Exception | None] = field(default_factory=list)
    listenings: list[Exception | None] = field(default_factory=list)
    names: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    listening: asyncio.Event = field(default_factory=asyncio.Event)
    capabilities: Any = field(default_factory=lambda: SimpleNamespace(catch_up=True))

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        if self.openings and (error := self.openings.pop(0)):
            raise error
        yield

    async def listen(self, _inbox: Inbox) -> None:
        """None in `listenings` ends it without an error."""
        if self.listenings:
            if error := self.listenings.pop(0):
                raise error
            return
        self.listening.set()
        await asyncio.Event().wait()

    async def stand_by(self, _inbox: Inbox) -> None:
        await asyncio.Event().wait()

    async def pin(self, name: str) -> PlaceId:
        self.asked.append(name)
        meant = self.names.get(name, CHANNEL.id)
        if isinstance(meant, Exception):
            raise meant
        return PlaceId(meant)


@dataclass
class Kept:
    """An account that is being kept open."""

    platform: Platform
    account: Account
    clock: Clock
    logs: list[Any]
    reopened: list[AccountId]
    pinned: list[int]

    def said(self, event: str) -> int:
        return sum(each["event"] == event for each in self.logs)


@contextlib.asynccontextmanager
async def kept(desk: Desk, platform: Platform) -> AsyncIterator[Kept]:
    """The team's account in the hands of `Accounts`, with a clock that stands still and no randomness."""
    clock, adapter, mappings = Clock(), platform, WORLD.mappings
    account = Account(TEAM, adapter)  # type: ignore[arg-type]
    engine = Engine({TEAM: account}, now=lambda: clock.now, jitter=lambda: 1.0)
    reopened: list[AccountId] = []
    pinned: list[int] = []

    async def on_reopened(which: AccountId) -> None:
        reopened.append(which)

    async def on_pinned() -> None:
        pinned.append(len(await desk.read(pins.all_pins)))

    inbox: Any = None
    accounts = Accounts(desk.store, engine, inbox, lambda: mappings, on_pinned, on_reopened, sleep=clock.sleep)
    with capture_logs() as logs:
        task = asyncio.create_task(accounts.run())
        try:
            yield Kept(platform, account, clock, logs, reopened, pinned)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def soon(event: asyncio.Event) -> None:
    async with asyncio.timeout(SOON_S):
        await event.wait()


def waits(kept: Kept) -> list[float]:
    """How long it waited after each failure, without the sleeps beside listening."""
    return [each for each in kept.clock.asked if each != STEADY_S]


async def fail(it: Kept, times: int) -> None:
    """Let it fail so often, and wait; every wait before that is over at once."""
    async with asyncio.timeout(SOON_S):
        for n in range(1, times + 1):
            while len(waits(it)) < n:
                await asyncio.sleep(0.001)
            if n < times:
                it.clock.advance(waits(it)[-1])


# ---------------------------------------------------------------- trouble


@pytest.mark.parametrize("how", [None, Retryable("The stream broke."), ValueError("a mistake")])
async def test_a_listener_that_ends_at_once_is_tried_ever_more_slowly_and_logged_once(desk: Desk, how: Exception | None) -> None:
    async with kept(desk, Platform(listenings=[how] * 6)) as it:
        await fail(it, 6)
        assert waits(it) == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
        assert it.said("account.trouble") == 1
        assert it.said("account.internal") == (1 if isinstance(how, ValueError) else 0)
        it.clock.advance(32.0)
        await soon(it.platform.listening)
        assert it.account.opened.is_set()
        assert (it.said("account.open"), it.said("account.recovered")) == (1, 0)


async def test_a_listener_that_stopped_is_trouble_with_a_sentence(desk: Desk) -> None:
    async with kept(desk, Platform(listenings=[None])) as it:
        await fail(it, 1)
        assert not it.account.opened.is_set()
        assert "stopped listening" in it.account.trouble


async def test_an_account_is_well_again_once_it_listened_for_a_while(desk: Desk) -> None:
    broken = Retryable("The stream broke.")
    async with kept(desk, Platform(listenings=[broken, broken])) as it:
        await fail(it, 2)
        before = len(it.clock.asked)
        it.clock.advance(2.0)
        await it.clock.asleep(before + 1)
        it.clock.advance(STEADY_S - 1)
        await soon(it.platform.listening)
        assert it.said("account.recovered") == 0
        it.clock.advance(1.0)
        await it.clock.asleep(before + 2)
        assert it.said("account.recovered") == 1
        assert it.account.trouble == ""


@pytest.mark.scenario("L08")
async def test_what_needs_a_human_is_noted_until_the_account_was_well_for_a_while(desk: Desk) -> None:
    async with kept(desk, Platform(openings=[NeedsOperator("a new token, please")])) as it:
        await it.clock.asleep(1)
        assert it.account.needs_human == "a new token, please"
        it.clock.advance(OPERATOR_S)
        await it.clock.asleep(2)
        assert (it.account.trouble, it.account.needs_human) == ("", "a new token, please")
        it.clock.advance(STEADY_S)
        await it.clock.asleep(3)
        assert it.account.needs_human == ""


async def test_an_outage_needs_no_human(desk: Desk) -> None:
    async with kept(desk, Platform(openings=[Retryable("busy")])) as it:
        await fail(it, 1)
        assert (it.account.trouble, it.account.needs_human) == ("busy", "")


async def test_an_account_that_was_well_again_is_tried_soon_after_new_trouble(desk: Desk) -> None:
    class Breaks(Platform):
        async def listen(self, inbox: Inbox) -> None:
            if self.listenings:
                await super().listen(inbox)
            self.listening.set()
            await snap.wait()
            snap.clear()
            raise Retryable("The stream broke.")

    snap, stopped = asyncio.Event(), Retryable("The stream broke.")
    async with kept(desk, Breaks(listenings=[stopped, stopped, stopped])) as it:
        await fail(it, 3)
        before = len(it.clock.asked)
        it.clock.advance(4.0)
        await it.clock.asleep(before + 1)
        it.clock.advance(STEADY_S)
        await it.clock.asleep(before + 2)
        snap.set()
        await it.clock.asleep(before + 3)
        assert it.clock.asked[-1] == 1.0
        assert it.said("account.trouble") == 2


@pytest.mark.parametrize(("after", "waited"), [(40.0, 40.0), (0.1, 1.0), (7, 7.0), (None, 1.0)])
async def test_a_sign_in_waits_as_long_as_the_platform_asked_for(desk: Desk, after: float | None, waited: float) -> None:
    async with kept(desk, Platform(openings=[Retryable("busy", after)])) as it:
        await it.clock.asleep(1)
        assert it.clock.asked == [waited]
        it.clock.advance(waited)
        await soon(it.platform.listening)


# ---------------------------------------------------------------- what waited for the account


async def test_what_waits_for_a_human_is_tried_after_a_failed_sign_in_and_not_each_time_listening_ended(desk: Desk) -> None:
    revoked = NeedsOperator("Make a new token.")
    platform = Platform(openings=[None, None, None, revoked], listenings=[None, None, None])
    async with kept(desk, platform) as it:
        await it.clock.asleep(1)
        assert it.reopened == [TEAM], "after a start somebody may have mended it"
        await fail(it, 3)
        assert it.reopened == [TEAM]
        it.clock.advance(4.0)
        await it.clock.asleep(len(it.clock.asked) + 1)
        it.clock.advance(OPERATOR_S)
        await soon(it.platform.listening)
        assert it.reopened == [TEAM, TEAM]


async def test_only_lanes_that_wait_for_a_human_are_resumed(desk: Desk) -> None:
    busy, unasked, resting = await desk.lane(CHANNEL), await desk.lane(OTHER_CHANNEL), await desk.lane(CHANNEL, "karl")
    await desk.write(lambda tx: lanes.pause(tx, busy, NOW + 40, 3, ""))
    await desk.write(lambda tx: lanes.pause(tx, unasked, NOW + 60, 1, "Invite the app."))
    await desk.write(lambda tx: lanes.pause(tx, resting, NOW + 1, 0, ""))
    assert await desk.write(lambda tx: hurrying.resume(tx, TEAM)) == (unasked.lane.id,)
    by_id = {row.id: row.not_before for row in await desk.rows(sql.lane)}
    assert by_id == {busy.lane.id: NOW + 40, unasked.lane.id: 0.0, resting.lane.id: NOW + 1}
    assert await desk.write(lambda tx: hurrying.hurry(tx, TEAM)) == (busy.lane.id, unasked.lane.id)


# ---------------------------------------------------------------- names


async def test_a_name_that_meant_nothing_is_asked_for_again_while_the_account_listens(desk: Desk) -> None:
    platform = Platform(names={"dev": NeedsOperator(UNKNOWN)})
    async with kept(desk, platform) as it:
        await soon(platform.listening)
        await it.clock.asleep(1)
        assert it.account.unpinned == {"dev": UNKNOWN}
        assert it.account.opened.is_set()
        it.clock.advance(OPERATOR_S)
        await it.clock.asleep(2)
        assert platform.asked == ["all-hands", "dev", "dev"]
        assert it.said("place.unknown") == 1
        platform.names["dev"] = OTHER_CHANNEL.id
        it.clock.advance(OPERATOR_S)
        await it.clock.asleep(3)
        assert it.account.unpinned == {}
        assert await desk.read(pins.all_pins) == {(TEAM, "all-hands"): CHANNEL.id, (TEAM, "dev"): OTHER_CHANNEL.id}
        assert it.pinned[-1] == 2, "routing was told"
        it.clock.advance(OPERATOR_S)
        await it.clock.asleep(4)
        assert platform.asked == ["all-hands", "dev", "dev", "dev"]


async def test_a_platform_too_busy_to_tell_what_a_name_means_goes_on_being_listened_to(desk: Desk) -> None:
    platform = Platform(names={"dev": NeedsOperator(UNKNOWN)})
    async with kept(desk, platform) as it:
        await it.clock.asleep(1)
        platform.names["dev"] = Retryable("busy")
        it.clock.advance(OPERATOR_S)
        await it.clock.asleep(2)
        assert platform.asked[-1] == "dev"
        assert it.account.opened.is_set()
        assert it.account.unpinned == {"dev": UNKNOWN}
        assert it.said("account.trouble") == 0


async def test_what_waited_under_a_name_is_tried_as_soon_as_the_name_means_a_known_place(desk: Desk) -> None:
    """Another name of the same place was known before, so the stand-in's lane stays until it is brought there."""
    await desk.lane(CHANNEL)
    claim = await desk.lane(Place(TEAM, unpinned("dev")))
    await desk.write(lambda tx: lanes.pause(tx, claim, NOW + OPERATOR_S, 0, UNKNOWN))
    await desk.write(lambda tx: pins.pin(tx, TEAM, "dev", CHANNEL.id, unpinned("dev")))
    [stand_in] = await desk.rows(sql.lane, sql.lane.c.id == claim.lane.id)
    assert (stand_in.not_before, stand_in.paused) == (0.0, "")
