"""Work that one replica does for all: to listen to an account, a periodic duty. Each is a lane that is owned while it is done."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from bridge.errors import BridgeError
from bridge.post import AccountId
from bridge.roster import FREE, Roster
from bridge.store import Store, Tx, lanes
from bridge.store.replicas import Roll
from bridge.store.tables import LaneKind
from bridge.store.values import Claim

LOOK_S = 1.0
ORPHANED_S = 3.0
"""What nobody does for so long is done by whoever sees it, whatever its share: the others may not be able to."""
UNEVEN_S = 5.0
"""How long one must do more than its share before it lets go of something: each move costs a new connection."""

Work = Callable[[], Awaitable[None]]
log = structlog.get_logger()


@dataclass(slots=True)
class _Held:
    """A shift that is ours. `at` is in monotonic seconds."""

    claim: Claim
    at: float
    over: asyncio.Event = field(default_factory=asyncio.Event)


class Shifts:
    """Hands out this replica's part of the work. Where the database is not shared, everything is its part."""

    def __init__(self, store: Store, roster: Roster) -> None:
        self._store = store
        self._roster = roster
        self.begun: Callable[[AccountId], None] = lambda _: None
        """Told when it comes to be this replica that listens to an account."""
        self._wanted = 0
        self._streams: set[AccountId] = set()
        self._held: dict[int, _Held] = {}
        self._uneven_since: float | None = None
        roster.on_roll.append(self._called)
        roster.on_gone.append(self._gone)

    async def duty(self, name: str, work: Work) -> None:
        """As `hold`, of a duty."""
        await self.hold(LaneKind.DUTY, AccountId(""), name, work)

    async def stream(self, account: AccountId, work: Work) -> None:
        """As `hold`, of listening to an account."""

        async def listen() -> None:
            self._streams.add(account)
            self.begun(account)
            try:
                await work()
            finally:
                self._streams.discard(account)

        await self.hold(LaneKind.STREAM, account, "", listen)

    def listens(self, account: AccountId) -> bool:
        """Whether it falls to this replica to listen to the account."""
        return not self._store.coordinated or account in self._streams

    async def hold(self, kind: LaneKind, account: AccountId, name: str, work: Work) -> None:
        """Do the work whenever it falls to this replica, and only then, until it ends by itself; raises what it raises."""
        if not self._store.coordinated:
            await work()
            return
        self._wanted += 1
        try:
            while not await self._do(await self._claimed(kind, account, name), work):
                log.info("shift.over", kind=kind, account=account, duty=name)
        finally:
            self._wanted -= 1

    async def _claimed(self, kind: LaneKind, account: AccountId, name: str) -> _Held:
        """The shift, once it falls to this replica."""
        free_since: float | None = None
        while True:
            with contextlib.suppress(BridgeError):  # the database is away: the roster says so
                lane_id, free = await self._store.write(lambda tx: _look_at(tx, kind, account, name))
                now = time.monotonic()
                free_since = (free_since or now) if free else None
                orphaned = free_since is not None and now - free_since > ORPHANED_S
                if free and (orphaned or self._has_room()) and (held := await self._claim(lane_id)):
                    log.info("shift.begins", kind=kind, account=account, duty=name)
                    return held
            await self._roster.change(LOOK_S)

    async def _claim(self, lane_id: int) -> _Held | None:
        claim = await self._store.write(lambda tx: lanes.claim(tx, lane_id, self._roster.replica))
        if claim is None:
            return None
        held = self._held[lane_id] = _Held(claim, time.monotonic())
        return held

    def _has_room(self) -> bool:
        return self._roster.roll is not None and len(self._held) < self._roster.share(self._wanted)

    async def _do(self, held: _Held, work: Work) -> bool:
        """Work until the shift is over; whether it was the work that ended."""
        task = asyncio.ensure_future(work())
        over = asyncio.ensure_future(held.over.wait())
        try:
            await asyncio.wait({task, over}, return_when=asyncio.FIRST_COMPLETED)
            ended = task.done()
        finally:
            over.cancel()
            task.cancel()
            await asyncio.gather(task, over, return_exceptions=True)
            self._held.pop(held.claim.lane.id, None)
            with contextlib.suppress(BridgeError):
                await asyncio.shield(asyncio.ensure_future(self._store.write(lambda tx: lanes.release(tx, held.claim))))
        if ended:
            task.result()
        else:
            self._roster.say(FREE)
        return ended

    # ------------------------------------------------------------ what the roster tells

    def _called(self, roll: Roll) -> None:
        """Stop what another took over; let go of one where this replica does more than its share."""
        for lane_id, held in self._held.items():
            if held.at < roll.began and roll.ours.get(lane_id) != held.claim.epoch:
                held.over.set()
        ours = [held for held in self._held.values() if not held.over.is_set()]
        if len(ours) <= self._roster.share(self._wanted):
            self._uneven_since = None
            return
        self._uneven_since = self._uneven_since or roll.began
        if roll.began - self._uneven_since > UNEVEN_S:
            self._uneven_since = None
            max(ours, key=lambda held: held.at).over.set()

    def _gone(self) -> None:
        for held in self._held.values():
            held.over.set()


def _look_at(tx: Tx, kind: LaneKind, account: AccountId, name: str) -> tuple[int, bool]:
    """The shift's lane, and whether it is free."""
    lane_id = lanes.shift_lane(tx, kind, account, name)
    return lane_id, bool(lanes.free(tx, [lane_id]))
