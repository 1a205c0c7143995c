"""A store with a small world around it: says an event as an adapter would, and does a worker's steps one by one. No tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, func, select

from bridge.accept import Accepted, accept_all
from bridge.contract import Part
from bridge.keys import send_key
from bridge.post import AccountId, Event, Heard, NativeId, Place, Raw, Ref
from bridge.routing import World
from bridge.store import Store, inward, jobs, lanes, outward
from bridge.store.outward import NewPart
from bridge.store.tables import Action
from bridge.store.values import Claim, FrozenPart, Job, WaitingRaw
from tests.core.worlds import NOW, at, world

T = TypeVar("T")


@dataclass
class Desk:
    """`now` is the injected clock."""

    store: Store
    world: World = field(default_factory=world)
    now: float = NOW
    _keys: Any = field(default_factory=itertools.count)

    async def write(self, operation: Callable[[Connection], T]) -> T:
        return await self.store.write(operation)

    async def read(self, query: Callable[[Connection], T]) -> T:
        return await self.store.read(query)

    async def count(self, table: Any, *conditions: Any) -> int:
        return await self.read(lambda tx: tx.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one())

    async def rows(self, table: Any, *conditions: Any) -> list[Any]:
        return await self.read(lambda tx: list(tx.execute(select(table).where(*conditions).order_by(table.c.id))))

    # ------------------------------------------------------------ inwards

    def raw(self, account: AccountId, key: str = "", when: datetime | None = None, body: bytes = b"{}") -> Raw:
        return Raw(account, key or f"raw{next(self._keys)}", body, when or at())

    async def waiting(self, account: AccountId) -> tuple[WaitingRaw, ...]:
        return await self.read(lambda tx: inward.waiting(tx, account, self.now))

    async def source(self, account: AccountId, replica: str = "one") -> Claim:
        claim = await self.write(lambda tx: lanes.claim(tx, lanes.source_lane(tx, account), replica))
        assert claim is not None
        return claim

    async def judge(self, waiting: WaitingRaw, *events: Heard) -> Accepted | None:
        claim = await self.source(waiting.raw.account)
        found = await self.write(lambda tx: accept_all(tx, claim, [(waiting, events)], self.world, self.now))
        return found[0] if found else None

    async def hear(self, *events: Event) -> Accepted:
        """Take one raw that says these events, and accept it."""
        raw = self.raw(events[0].ref.place.account)
        assert await self.write(lambda tx: inward.take(tx, raw, self.now))
        [mine] = [each for each in await self.waiting(raw.account) if each.raw.key == raw.key]
        accepted = await self.judge(mine, *events)
        assert accepted is not None
        return accepted

    # ------------------------------------------------------------ outwards

    async def lane(self, place: Place, reader: str = "", replica: str = "one") -> Claim:
        claim = await self.try_claim(place, reader, replica)
        assert claim is not None
        return claim

    async def try_claim(self, place: Place, reader: str = "", replica: str = "one") -> Claim | None:
        from bridge.post import Destination

        return await self.write(lambda tx: lanes.claim(tx, lanes.lane_of(tx, Destination(place, reader or None)), replica))

    async def next(self, claim: Claim) -> Job | float | None:
        return await self.read(lambda tx: jobs.next_job(tx, claim, self.now))

    async def job(self, claim: Claim) -> Job:
        found = await self.next(claim)
        assert isinstance(found, Job)
        return found

    def parts(self, claim: Claim, job: Job, *bodies: str, action: Action = Action.SEND, ref: Ref | None = None) -> list[NewPart]:
        assert claim.lane.destination is not None
        to = claim.lane.destination
        return [
            NewPart(action, n, Part(body), send_key(job.event_key, to, n, job.generation), ref) for n, body in enumerate(bodies)
        ]

    async def freeze(self, claim: Claim, job: Job, *bodies: str) -> tuple[FrozenPart, ...] | None:
        return await self.write(lambda tx: outward.freeze(tx, claim, job, self.parts(claim, job, *(bodies or ("hi",)))))

    async def attempt(self, claim: Claim, job: Job, part: FrozenPart) -> bool:
        return await self.write(lambda tx: outward.attempt(tx, claim, job, part, self.now))

    async def settle(self, claim: Claim, job: Job, part: FrozenPart, native: str) -> bool:
        assert claim.lane.destination is not None
        ref = Ref(claim.lane.destination.place, NativeId(native))
        return await self.write(lambda tx: outward.settle(tx, claim, job, part, ref, self.now))

    async def attempting(self, claim: Claim) -> tuple[Job, FrozenPart]:
        """The lane's next delivery, in one part, written down as about to be sent."""
        job = await self.job(claim)
        frozen = await self.freeze(claim, job)
        assert frozen is not None
        assert await self.attempt(claim, job, frozen[0])
        return job, frozen[0]

    async def deliver(self, place: Place, native: str, reader: str = "") -> Ref:
        """Bring the next delivery of that destination there."""
        claim = await self.lane(place, reader)
        job, part = await self.attempting(claim)
        await self.settle(claim, job, part, native)
        return Ref(place, NativeId(native))
