"""Ownership of lanes while the service runs: claims a lane when it has work, serves it, lets it go when it is idle.

Where several replicas share the work, each has a fair share of the lanes: one that has more lets some go between two
deliveries, one that has as many tells the others instead of claiming another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from bridge.engine import Engine
from bridge.errors import BridgeError
from bridge.roster import Roster
from bridge.store import Store, Tx, inward
from bridge.store import lanes as rows
from bridge.store.replicas import Roll
from bridge.store.values import Claim, WaitingRaw
from bridge.waking import Wake

SCAN_S = 1.0
"""A lost wake-up costs at most this long, never a message."""
DRAIN_S = 5.0
LINGER_S = 5.0
"""How long an idle lane is kept: in a conversation the next post comes soon."""
REST_S = 30.0
"""How long a lane that ran into a mistake of ours is left alone."""
ELSEWHERE_S = 2.0
"""How long it is remembered that another replica has a lane, or is to have it: then it is told at once of new work."""
FEW = 8
"""So many lanes are claimed by whoever has work for them, whatever its share: evening out comes after speed."""

Serve = Callable[[Claim, Wake], Awaitable[bool]]
"""Does what there is to do now; False where the claim was found not to hold any more."""
log = structlog.get_logger()


@dataclass(slots=True)
class _Running:
    """A lane that is being served, or is about to be. `claim` and `at` (monotonic seconds) are set once it is ours."""

    wake: Wake
    task: asyncio.Task[None] | None = None
    claim: Claim | None = None
    at: float = 0.0


@dataclass(slots=True)
class _Not:
    """Lanes that are not to be claimed before a time, and those that a scan found without an owner."""

    resting: dict[int, float] = field(default_factory=dict)  # they ran into a mistake and were not served since
    elsewhere: dict[int, float] = field(default_factory=dict)
    orphans: frozenset[int] = frozenset()


class Lanes:
    """Runs one task per lane that has work and that this replica owns."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        roster: Roster,
        serve: Serve,
        may_serve: Callable[[int], bool] = lambda _: True,
        *,
        linger: float = LINGER_S,
    ) -> None:
        self._store = store
        self._engine = engine
        self._roster = roster
        self._serve = serve
        self._may_serve = may_serve
        self._linger = linger
        self._running: dict[int, _Running] = {}
        self._not = _Not()
        self._look = asyncio.Event()
        roster.on_roll.append(self._called)
        roster.on_told.append(self._told)

    def wake(self, lane_ids: Iterable[int]) -> None:
        """These lanes have work: serve them, or tell those who do."""
        self._roster.tell([lane_id for lane_id in lane_ids if not self._woken(lane_id, self._share(FEW))])

    def hand(self, lane_id: int, raws: Sequence[WaitingRaw]) -> None:
        """The lane has this new work: as `wake`, but whoever serves it here need not look for it."""
        running = self._running.get(lane_id)
        if running is not None and not running.wake.leaving:
            running.wake.hand(raws)
        else:
            self.wake([lane_id])

    def _woken(self, lane_id: int, most: float) -> bool:
        """Wake or begin to serve the lane; False where that is for another replica to do."""
        if running := self._running.get(lane_id):
            running.wake.set()
            return not running.wake.leaving
        now = self._engine.now()
        if self._engine.stopping.is_set() or now < self._not.resting.get(lane_id, 0.0):
            return False
        if not self._may_serve(lane_id):
            return False
        if not self._roster.alone and (now < self._not.elsewhere.get(lane_id, 0.0) or len(self._running) >= most):
            return False
        self._running[lane_id] = running = _Running(Wake())
        running.task = asyncio.create_task(self._own(lane_id, running), name=f"lane {lane_id}")
        return True

    def _share(self, few: int = 1) -> float:
        """How many lanes may be ours."""
        roll = self._roster.roll
        return max(few, self._roster.share(max(roll.served if roll else 0, len(self._running))))

    async def run(self) -> None:
        """Scan until cancelled."""
        if not self._store.coordinated:
            await self._take_over()
        troubled = False
        while True:
            self._look.clear()
            try:
                await self._scan()
            except BridgeError as error:
                if not troubled:
                    log.warning("database.trouble", error=str(error))
                troubled = True
            else:
                if troubled:
                    log.info("database.recovered")
                troubled = False
            await self._pause(SCAN_S)

    async def _take_over(self) -> None:
        """What owned lanes before us is gone: the database's lock is ours."""

        def take_over(tx: Tx) -> None:
            rows.forget_others(tx)
            rows.beat(tx, self._roster.replica)

        while True:
            try:
                await self._store.write(take_over)
            except BridgeError as error:
                log.warning("database.trouble", error=str(error))
                await asyncio.sleep(SCAN_S)
            else:
                return

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._look.wait()
        except TimeoutError:
            return

    async def drain(self) -> None:
        """Let what is being sent settle, for a few seconds; then leave everything to the next start or replica."""
        for running in self._running.values():
            running.wake.set()
        tasks = [running.task for running in self._running.values() if running.task]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # ------------------------------------------------------------ what the roster tells

    def _called(self, roll: Roll) -> None:
        """Let go of what another replica took over, and of what is more than this one's share."""
        for lane_id, running in self._running.items():
            if running.claim and running.at < roll.began and roll.ours.get(lane_id) != running.claim.epoch:
                self._leave(running)
        if self._roster.alone:
            return
        ours = [running for running in self._running.values() if running.claim and not running.wake.leaving]
        for running in ours[int(self._share()) :]:
            self._leave(running)

    @staticmethod
    def _leave(running: _Running) -> None:
        running.wake.leaving = True
        running.wake.set()

    def _told(self, lane_ids: frozenset[int]) -> None:
        """Another replica has work for these lanes; or, without any, has left or come: look at all."""
        if not lane_ids:
            self._not.elsewhere.clear()
            self._look.set()
        for lane_id in lane_ids:
            if lane_id not in self._running:
                self._not.elsewhere.pop(lane_id, None)
            self._woken(lane_id, self._share())

    # ------------------------------------------------------------ looking for work

    async def _scan(self) -> None:
        """Wake what has work. What an account that left the mapping file still had waits until it comes back."""
        now = self._engine.now()
        here = {each.id for each in self._engine.accounts.values() if not self._engine.shared or each.opened.is_set()}
        with_work = [lane.id for lane in await self._store.read(lambda tx: rows.with_work(tx, now)) if lane.account in here]
        sources = [each for each in await self._store.read(lambda tx: inward.accounts_with_work(tx, now)) if each in here]
        if sources:
            with_work += await self._store.write(lambda tx: [rows.source_lane(tx, each) for each in sources])
        if self._roster.alone:
            for lane_id in with_work:
                self._woken(lane_id, float("inf"))
        elif with_work:
            await self._take_up(with_work)

    async def _take_up(self, with_work: list[int]) -> None:
        """Of lanes that nobody owns claim this replica's share; those that nobody claimed since the last scan in any case."""
        free = await self._store.read(lambda tx: rows.free(tx, with_work))
        for lane_id in with_work:
            if lane_id in self._running:
                self._woken(lane_id, 0)
            elif lane_id in free:
                self._not.elsewhere.pop(lane_id, None)
                self._woken(lane_id, float("inf") if lane_id in self._not.orphans else self._share())
        self._not.orphans = free.difference(self._running)

    # ------------------------------------------------------------ one lane

    async def _own(self, lane_id: int, running: _Running) -> None:
        wake = running.wake
        try:
            while True:
                wake.clear()
                wake.must_look = True
                claim = await self._store.write(lambda tx: rows.claim(tx, lane_id, self._roster.replica))
                if claim is None:
                    self._leave(running)
                    return  # another replica serves it
                running.claim, running.at = claim, self._engine.monotonic()
                try:
                    while (ours := await self._serve(claim, wake)) and await self._has_more(claim, wake):
                        pass
                finally:
                    running.claim = None
                    await self._release(claim)
                if self._not.resting.pop(lane_id, None):
                    log.info("lane.recovered", lane=lane_id)
                if (ours and not wake.is_set()) or self._ends(claim, wake):
                    return
        except BridgeError as error:
            log.warning("lane.trouble", lane=lane_id, error=str(error))  # the scan comes back to it
        except Exception:  # what no worker can end as "not delivered": it must neither pass unseen nor be tried every second
            if lane_id not in self._not.resting:
                log.exception("lane.internal", lane=lane_id)
            self._not.resting[lane_id] = self._engine.now() + REST_S
        finally:
            self._running.pop(lane_id, None)
            if wake.leaving:
                self._not.elsewhere[lane_id] = self._engine.now() + ELSEWHERE_S
                self._roster.tell([lane_id])

    def _ends(self, claim: Claim, wake: Wake) -> bool:
        """Whether the lane is not to be served here any longer, whatever waits."""
        account = self._engine.accounts.get(claim.lane.account)
        closed = self._engine.shared and (account is None or not account.opened.is_set())
        if closed:
            wake.leaving = True
        return self._engine.stopping.is_set() or wake.leaving

    async def _has_more(self, claim: Claim, wake: Wake) -> bool:
        """Wait a while for the next post."""
        if self._ends(claim, wake):
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(self._linger):
                await wake.wait()  # `drain` wakes all
        if not wake.is_set() or self._ends(claim, wake):
            return False
        wake.clear()  # whoever serves looks after this; and one that never looks is not asked again and again
        return True

    async def _release(self, claim: Claim) -> None:
        def release(tx: Tx) -> None:
            rows.release(tx, claim)

        await asyncio.shield(asyncio.ensure_future(self._store.write(release)))
