"""For the worker: what a copy says beside its post; and what can go to a reader in one message, gathered and fixed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bridge import lateness, rhythm, routing
from bridge.bundling import may_go_along, plan
from bridge.contract import Adapter
from bridge.engine import Engine, Step
from bridge.errors import FileRejected
from bridge.media import Spool
from bridge.mentioning import Mentions
from bridge.planning import Known
from bridge.post import Destination, EventKind
from bridge.rhythm import Form
from bridge.routing import World
from bridge.store import Store, Tx, bundles, carried, choices
from bridge.store.values import Claim, FrozenPart, Job


def still_goes(world: World, job: Job) -> bool:
    """Whether today's mapping file still lets the delivery go there, and that wide: what narrows applies at once."""
    if job.kind in {EventKind.DELETED, EventKind.NOTICE}:
        return True
    ceiling = routing.ceiling_of(world, job.group, job.lane.destination) if job.lane.destination else None
    return ceiling is not None and job.audience <= ceiling


@dataclass(frozen=True, slots=True)
class Gathering:
    """What the deliveries of one lane say beside their posts; and, where its destination is a reader, what goes with them."""

    store: Store
    engine: Engine
    world: Callable[[], World]
    adapter: Adapter
    spool: Spool
    claim: Claim
    mentions: Mentions

    async def known(self, job: Job, destination: Destination) -> Known:
        """What a copy of the delivery says beside its post."""
        return replace(self.known_by_now(job), mentions=await self.mentions.of(job, destination))

    def known_by_now(self, job: Job) -> Known:
        """As `known`, without anybody being asked whom it may really mention."""
        return Known(routing.title_of(self.world(), job.group), late=self.late(job), public_url=self.world().public_url)

    def late(self, job: Job) -> str:
        """What its first copy says of itself where it comes late."""
        group = self.world().places.groups.get(job.group)
        if job.post is None or group is None or job.kind != EventKind.CREATED:
            return ""
        return lateness.note(job.post.at, job.ready_at, self.engine.now(), group.late_after)

    def perhaps_since(self, job: Job) -> datetime | None:
        """Since when it may stand there without the ledger knowing: a backup was restored after it was written."""
        if job.post is None or job.kind == EventKind.NOTICE or job.post.at.timestamp() > self.world().restored_at:
            return None
        return job.post.at

    async def held_over(self, job: Job) -> bool:
        """Whether the reader had so many mails today that this one waits for the evening, with the others."""
        to = self.claim.lane.destination
        if job.form != Form.BUNDLE or to is None or to.reader is None:
            return False
        now, reader = self.engine.now(), to.reader
        wanted = routing.rhythm_of(self.world(), to)
        day = rhythm.day_of(wanted, now)
        if await self.store.read(lambda tx: choices.mails_on(tx, to, day)) < rhythm.MOST_A_DAY:
            return False
        await self.store.write(lambda tx: bundles.hold_over(tx, to.account, reader, rhythm.evening(wanted, now)))
        return True

    async def company(self, job: Job) -> tuple[Job, ...]:
        """The deliveries that can go now with this one, which has its files and is the first. Raises `Retryable`."""
        if self.adapter.bundler is None or not may_go_along(job):
            return (job,)
        now = self.engine.now()
        found = await self.store.read(lambda tx: bundles.companions(tx, job, now))
        others = [each for each in found if may_go_along(each) and still_goes(self.world(), each) and self._is_settled(each)]
        if not others:
            return (job,)
        files, lane = self.adapter.limits.files, self.claim.lane.id
        return (job, *[await self.spool.with_files(each, files, lane) for each in others])

    def _is_settled(self, job: Job) -> bool:
        """Whether its author can't take it back any more before it goes."""
        group = self.world().places.groups.get(job.group)
        undo = group.undo.total_seconds() if group else 0.0
        return self.engine.now() >= job.accepted_at + undo

    async def freeze(self, jobs: Sequence[Job]) -> tuple[Job, Sequence[FrozenPart]] | None:
        """One message for all of them, carried by the first, its attempt written down; None if anything changed meanwhile."""
        bundler, carrier, now = self.adapter.bundler, jobs[0], self.engine.now()
        if bundler is None:
            return None
        known = {job.delivery_id: await self.known(job, job.lane.destination) for job in jobs if job.lane.destination}
        bundle = plan(jobs, self.adapter, bundler, known)

        def freeze(tx: Tx) -> Sequence[FrozenPart] | None:
            return bundles.freeze(tx, self.claim, carrier, bundle.part, bundle.items, now)

        parts = await self.store.write(freeze)
        if parts is None:
            return None
        self.engine.at_step(Step.ATTEMPTING)
        return replace(carrier, frozen=True, carries=True), parts

    async def all_go(self, job: Job) -> bool:
        """Whether the delivery, and all that it carries, still go to their reader."""
        if not job.carries:
            return still_goes(self.world(), job)
        return all(still_goes(self.world(), each) for each in await self.together(job))

    async def together(self, job: Job) -> tuple[Job, ...]:
        """The delivery and those that it carries."""
        return await self.store.read(lambda tx: bundles.together(tx, job)) if job.carries else (job,)

    async def part_ways(self, job: Job) -> None:
        """Nothing of it was sent: each goes its own way again."""
        await self.store.write(lambda tx: carried.part_ways(tx, job.delivery_id))

    async def refuse(self, job: Job, error: FileRejected) -> bool:
        """A file of what the message brings will not be taken; whether that is new, so that it is worth another try without."""
        jobs = [each for each in await self.together(job) if each.post and any(m.blob == error.blob for m in each.post.media)]
        new = [self.spool.refuse(each.post_id, self.claim.lane.id, error.blob, error.sentence) for each in jobs]
        return any(new)

    def count(self, tx: Tx, now: float) -> None:
        """The lane's reader, if it has one, got one more mail today."""
        to = self.claim.lane.destination
        if to is not None and to.reader is not None:
            choices.count(tx, to, rhythm.day_of(routing.rhythm_of(self.world(), to), now))
