"""Ownership of lanes while the service runs: claims a lane when it has work, serves it, lets it go when it is idle."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import structlog

from bridge.engine import Engine
from bridge.errors import BridgeError
from bridge.store import Store, Tx, inward
from bridge.store import lanes as rows
from bridge.store.values import Claim

BEAT_S = 0.5
SCAN_S = 1.0
"""A lost wake-up costs at most this long, never a message."""
DRAIN_S = 5.0
LINGER_S = 5.0
"""How long an idle lane is kept where nobody else could want it: in a conversation the next post comes soon."""
REST_S = 30.0
"""How long a lane that ran into a mistake of ours is left alone."""

Serve = Callable[[Claim, asyncio.Event], Awaitable[None]]
log = structlog.get_logger()


class Lanes:
    """Runs one task per lane that has work and that this replica owns."""

    def __init__(self, store: Store, engine: Engine, replica: str, serve: Serve, *, linger: float = LINGER_S) -> None:
        self._store = store
        self._engine = engine
        self._replica = replica
        self._serve = serve
        self._linger = linger
        self._running: dict[int, tuple[asyncio.Task[None], asyncio.Event]] = {}
        self._resting: dict[int, float] = {}  # until when, of lanes that ran into a mistake and have not been served since

    def wake(self, lane_ids: Iterable[int]) -> None:
        """These lanes have work: serve them, or tell those who do."""
        for lane_id in lane_ids:
            if lane_id in self._running:
                self._running[lane_id][1].set()
            elif not self._engine.stopping.is_set() and self._engine.now() >= self._resting.get(lane_id, 0.0):
                wake = asyncio.Event()
                task = asyncio.create_task(self._own(lane_id, wake), name=f"lane {lane_id}")
                self._running[lane_id] = (task, wake)

    async def run(self) -> None:
        """Beat and scan until cancelled."""
        if not self._store.coordinated:
            await self._store.write(rows.forget_others)
        await self._store.write(lambda tx: rows.beat(tx, self._replica))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._every(BEAT_S, self._beat))
            tasks.create_task(self._every(SCAN_S, self._scan))

    async def drain(self) -> None:
        """Let what is being sent settle, for a few seconds; then leave everything to the next start or replica."""
        tasks = [task for task, _ in self._running.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=DRAIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._store.write(lambda tx: rows.leave(tx, self._replica))

    async def _every(self, seconds: float, duty: Callable[[], Awaitable[None]]) -> None:
        troubled = False
        while True:
            try:
                await duty()
            except BridgeError as error:
                if not troubled:
                    log.warning("database.trouble", error=str(error))
                troubled = True
            else:
                if troubled:
                    log.info("database.recovered")
                troubled = False
            await asyncio.sleep(seconds)

    async def _beat(self) -> None:
        if self._store.coordinated:
            await self._store.write(lambda tx: rows.beat(tx, self._replica))

    async def _scan(self) -> None:
        """Wake what has work. What an account that left the mapping file still had waits until it comes back."""
        now, accounts = self._engine.now(), self._engine.accounts
        with_work = [lane.id for lane in await self._store.read(lambda tx: rows.with_work(tx, now)) if lane.account in accounts]
        sources = [each for each in await self._store.read(lambda tx: inward.accounts_with_work(tx, now)) if each in accounts]
        if sources:
            with_work += await self._store.write(lambda tx: [rows.source_lane(tx, each) for each in sources])
        self.wake(with_work)

    async def _own(self, lane_id: int, wake: asyncio.Event) -> None:
        try:
            while True:
                wake.clear()
                claim = await self._store.write(lambda tx: rows.claim(tx, lane_id, self._replica))
                if claim is None:
                    return  # another replica serves it
                try:
                    await self._serve(claim, wake)
                    while await self._has_more(claim, wake):
                        await self._serve(claim, wake)
                finally:
                    await self._release(claim)
                if self._resting.pop(lane_id, None):
                    log.info("lane.recovered", lane=lane_id)
                if not wake.is_set() or self._engine.stopping.is_set():
                    return
        except BridgeError as error:
            log.warning("lane.trouble", lane=lane_id, error=str(error))  # the scan comes back to it
        except Exception:  # what no worker can end as "not delivered": it must neither pass unseen nor be tried every second
            if lane_id not in self._resting:
                log.exception("lane.internal", lane=lane_id)
            self._resting[lane_id] = self._engine.now() + REST_S
        finally:
            self._running.pop(lane_id, None)

    async def _has_more(self, claim: Claim, wake: asyncio.Event) -> bool:
        """Wait a while for the next post; at once False where other replicas might want the lane."""
        if self._store.coordinated:
            return False
        await self._engine.until(self._engine.now() + self._linger, wake)
        if not wake.is_set() or self._engine.stopping.is_set():
            return False
        return await self._store.read(lambda tx: rows.owns(tx, claim))  # a place that came to be pinned voids it

    async def _release(self, claim: Claim) -> None:
        def release(tx: Tx) -> None:
            rows.release(tx, claim)

        await asyncio.shield(asyncio.ensure_future(self._store.write(release)))
