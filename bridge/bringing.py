"""Bringing a lane's deliveries: render, write down what is about to be sent, send it, write down the receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import structlog

from bridge import beginning, ending, retry
from bridge.attempts import Attempts
from bridge.beginning import Begun, Next
from bridge.contract import Absent, Found, Thread, Unknown
from bridge.engine import Account, Engine, Step
from bridge.errors import FileRejected, Retryable, SendError
from bridge.gathering import Gathering
from bridge.media import AGAIN_S, Spool
from bridge.mentioning import Mentions
from bridge.planning import again_at, is_outdated, plan
from bridge.post import AccountId, Destination, Ref
from bridge.reasons import Reason
from bridge.routing import World
from bridge.store import Store, Tx, lanes, outward
from bridge.store.outward import NewPart, Outcome
from bridge.store.tables import Action
from bridge.store.values import Claim, FrozenPart, Job

DOUBT_S = 0.2  # how soon after a lost answer it is first looked whether the part stands there

log = structlog.get_logger()


class Tools(Protocol):
    """What all lanes share. `look_again` is told when raws that waited for a send may be judged, `wake` of new work."""

    store: Store
    engine: Engine
    world: Callable[[], World]
    look_again: Callable[[AccountId], None]
    wake: Callable[[Iterable[int]], None]
    spool: Spool
    mentions: Mentions


class Bringing:
    """One owned destination lane."""

    def __init__(self, tools: Tools, account: Account, claim: Claim, destination: Destination) -> None:
        self._store = tools.store
        self._engine = tools.engine
        self._world = tools.world
        self._look_again, self._wake = tools.look_again, tools.wake
        self._spool = tools.spool
        self._account, self._adapter = account, account.adapter
        self._claim = claim
        self._destination = destination
        self._attempts = Attempts(account.adapter, tools.spool, destination, tools.engine.monotonic)
        self.looked: Sequence[Next] = ()  # what was next when the last one was settled, if that is known
        self._gathering = Gathering(tools.store, tools.engine, tools.world, account.adapter, tools.spool, claim, tools.mentions)
        self._began = 0.0  # when the last attempt was about to be written down, in monotonic seconds

    @property
    def has_begun(self) -> bool:
        """Whether something is written down as attempted that is still to be attempted: that is done, whatever ends."""
        return bool(self.looked) and isinstance(self.looked[0], Begun)

    def look(self) -> Callable[[Tx], Next]:
        """What finds, in a transaction, what is next, and begins it."""
        now = self._begins()
        began = self._began
        return lambda tx: beginning.find(tx, self._gathering, now, began)

    async def bring(self, found: Job | Begun) -> bool:
        """Do what can be done of the delivery now; False if the lane was lost."""
        job = found.job if isinstance(found, Begun) else found
        try:
            return await (self._go_on(found) if isinstance(found, Begun) else self._bring(found))
        except Retryable:
            raise  # the database is away; nothing was decided
        except Exception:  # the one place: a mistake ends as "not delivered" and never stops the lane
            log.exception("delivery.internal", delivery=job.delivery_id, lane=self._claim.lane.id)
            return await self._conclude(job, Reason.INTERNAL, in_doubt=True)

    async def _bring(self, job: Job) -> bool:
        parts: Sequence[FrozenPart] = job.parts
        if not any(part.attempted_at for part in parts) and not await self._gathering.all_go(job):
            return await self._leave_out(job)
        if job.untried and self._gathering.late(job):
            await self._start_over(job)  # it was in time when it was frozen, and nothing of it was sent
            job, parts = replace(job, frozen=False, carries=False, parts=()), ()
        begins = not job.frozen
        if begins:
            frozen = await self._begin(job)
            if isinstance(frozen, bool):
                return frozen
            job, parts = frozen
        return await self._do_all(job, parts, begun=begins)

    async def _go_on(self, begun: Begun) -> bool:
        """Attempt what is written down as attempted."""
        self._began = begun.began
        self._engine.at_step(Step.ATTEMPTING)
        return await self._do_all(begun.job, begun.parts, begun=True)

    async def _do_all(self, job: Job, parts: Sequence[FrozenPart], *, begun: bool) -> bool:
        """Do the parts, of which the first is `begun`; False if the lane was lost."""
        previous = job.previous or (job.copies[-1].ref if job.copies else None)
        for part in parts:
            now = begun and part is parts[0]
            if self._engine.stopping.is_set() and not now:
                return False
            waits = not now and await self._is_under_way(job, part)
            ref = None if waits else await self._do(job, part, previous, begun=now, last=part is parts[-1])
            if ref is None:
                return await self._still_ours()
            previous = ref if part.action is not Action.DELETE else previous
            if part.action is Action.SEND and self._adapter.capabilities.pace:
                return True  # what is left of it keeps the pace like anything else
        return True

    async def _leave_out(self, job: Job) -> bool:
        """The delivery, or one that it was to carry, does not go there any more."""
        if not job.carries:
            return await self._conclude(job, Reason.NO_LONGER_MAPPED)
        await self._gathering.part_ways(job)
        return await self._still_ours()

    async def _begin(self, job: Job) -> tuple[Job, Sequence[FrozenPart]] | bool:
        """What the delivery comes to, frozen; or, where it does not come to that, whether the lane goes on."""
        if self._engine.now() >= job.give_up_at:
            return await self._conclude(job, Reason.GAVE_UP, job.paused)
        together: tuple[Job, ...] = (job,)
        try:
            job = await self._spool.with_files(job, self._adapter.limits.files, self._claim.lane.id)
            if self._destination.reader is not None:
                if await self._gathering.held_over(job):
                    return True
                together = await self._gathering.company(job)
        except Retryable as error:
            return await self._wait_for_file(job, error)
        if len(together) > 1:
            self._begins()  # its attempt is written down with it, and a little later
            bundled = await self._gathering.freeze(together)
            return await self._still_ours() if bundled is None else bundled
        planned = plan(job, self._adapter, self._destination, await self._gathering.known(job, self._destination))
        if isinstance(planned, Reason):
            return await self._conclude(job, planned)
        frozen = await self._freeze(job, planned)
        return await self._still_ours() if frozen is None else (job, frozen)  # the post changed meanwhile: look again

    async def _wait_for_file(self, job: Job, error: Retryable) -> bool:
        decision = retry.decide(error, job.failures, self._engine.jitter())
        until = self._engine.now() + min(AGAIN_S, decision.after if isinstance(decision, retry.Again) else AGAIN_S)
        if not job.failures:
            log.warning("lane.waits_for_file", lane=self._claim.lane.id, delivery=job.delivery_id, error=error.sentence)
        await self._store.write(lambda tx: lanes.pause(tx, self._claim, until, job.failures + 1, ""))
        return await self._still_ours()

    async def _still_ours(self) -> bool:
        return await self._store.read(lambda tx: lanes.owns(tx, self._claim))

    # ------------------------------------------------------------ doing a part

    async def _do(self, job: Job, part: FrozenPart, previous: Ref | None, *, begun: bool, last: bool) -> Ref | None:
        """Do one part and settle it, `last` of its delivery or not; None if it did not come to that now."""
        if since := self._gathering.perhaps_since(job):
            part, begun = replace(part, attempted_at=since if begun else part.attempted_at or since), False
        thread = Thread(job.thread.root, job.thread.parent, previous)
        in_doubt = not begun and part.attempted_at is not None and part.action is Action.SEND
        ref: Ref | None = None
        try:
            if in_doubt:
                finding = await self._attempts.look(part, thread, since or part.begun_at)
                if isinstance(finding, Found):
                    ref = finding.ref
                elif not await self._may_repeat(job, part, finding):
                    return None
                in_doubt = isinstance(finding, Unknown)  # a repeat that fails tells nothing of the send before it
            elif await self._gave_up(job, unsent=True):
                return None
            if ref is None:
                ref = await (self._attempts.call(part, thread, self._began) if begun else self._attempt(job, part, thread))
        except SendError as error:
            if not (await self._goes_without_file(job, part, error, in_doubt=in_doubt)):
                await self._failed(job, part, error, in_doubt=in_doubt)
            return None
        if ref is not None:
            self._engine.at_step(Step.SENT)
            await self._settle(job, part, ref, last=last)
        return ref

    async def _gave_up(self, job: Job, *, unsent: bool = False) -> bool:
        """A part that is surely not sent is given up when its time is over."""
        if self._engine.now() < job.give_up_at:
            return False
        if job.carries and unsent:  # some of what it carries may have time left
            await self._gathering.part_ways(job)
            return True
        return await self._conclude(job, Reason.GAVE_UP, job.paused)

    async def _freeze(self, job: Job, planned: Sequence[NewPart]) -> Sequence[FrozenPart] | None:
        """Fix the parts and write down the first one's attempt, in one transaction; None if there is nothing to attempt."""
        now = self._begins()
        parts = await self._store.write(lambda tx: outward.freeze(tx, self._claim, job, planned, attempted_at=now))
        if parts:
            self._engine.at_step(Step.ATTEMPTING)
        return parts

    def _begins(self) -> float:
        """The time to write down for an attempt; its call must be over a deadline after it, however long we are held up."""
        self._began = self._engine.monotonic()
        return self._engine.now()

    async def _attempt(self, job: Job, part: FrozenPart, thread: Thread) -> Ref | None:
        now = self._begins()
        if not await self._store.write(lambda tx: outward.attempt(tx, self._claim, job, part, now)):
            return None
        self._engine.at_step(Step.ATTEMPTING)
        return await self._attempts.call(part, thread, self._began)

    async def _is_under_way(self, job: Job, part: FrozenPart) -> bool:
        """Whether a replica that had the lane before may still be changing it; then nothing is done until its time is over."""
        if part.action is Action.SEND or not self._engine.shared or part.attempted_at is None or part.lost_answers:
            return False  # a send is looked for
        if (surely_ended := part.begun_at.timestamp() + self._attempts.deadline(part.part)) > self._engine.now():
            await self._postpone(part, surely_ended, job.failures, job.paused)
            return True
        return False

    async def _may_repeat(self, job: Job, part: FrozenPart, finding: Absent | Unknown) -> bool:
        """Whether a send that was not found may be sent again now: only where that can't double it."""
        can, unknown = self._adapter.capabilities, isinstance(finding, Unknown)
        outdated = is_outdated(job, self._destination, part)
        if unknown and outdated and not can.repeatable:
            return await self._start_over(job)
        gone = not await self._gathering.all_go(job)
        at = again_at(part, finding, can, self._attempts.deadline(part.part), shared=self._engine.shared)
        if at is None or (unknown and gone):
            await self._conclude(job, Reason.PERHAPS_SENT, in_doubt=True)
            return False
        if self._engine.now() < at:
            await self._postpone(part, at, job.failures, job.paused)
            return False
        if gone:
            await self._conclude(job, Reason.NO_LONGER_MAPPED)
            return False
        if outdated and not unknown:
            return await self._start_over(job)
        return unknown or not await self._gave_up(job)

    async def _start_over(self, job: Job) -> bool:
        """An admin wants it sent again, and what was frozen before does not stand: render it anew. Never this part now."""
        if await self._store.write(lambda tx: outward.start_over(tx, self._claim, job)):
            self._look_again(self._account.id)
        return False

    # ------------------------------------------------------------ writing down what came of it

    async def _settle(self, job: Job, part: FrozenPart, ref: Ref, *, last: bool) -> None:
        """Write down that it stands; with the last part also look, and begin, what is next: never between two parts."""
        now, world = self._engine.now(), self._world()
        sent = part.action is Action.SEND
        rest = self._adapter.capabilities.pace if sent else 0.0
        look = self.look()

        def settle(tx: Tx) -> tuple[bool, set[int], Sequence[Next]]:
            if sent:
                self._gathering.count(tx, now)
            unparked, told = ending.settle(tx, world, self._claim, job, part, ref, now, rest)
            return unparked, told, (look(tx),) if last else ()

        unparked, told, self.looked = await self._store.write(settle)
        self._engine.at_step(Step.SETTLED)
        self._wake(told)
        if job.failures:
            log.info("lane.recovered", lane=self._claim.lane.id, account=self._account.id)
        if unparked:
            self._look_again(self._account.id)

    async def _failed(self, job: Job, part: FrozenPart, error: SendError, *, in_doubt: bool) -> None:
        """Decide what comes after a failed call. `in_doubt`: an earlier send may stand there, whatever came of this call."""
        decision = retry.decide(error, job.failures, self._engine.jitter())
        now = self._engine.now()
        if in_doubt and (isinstance(decision, retry.GiveUp) or now >= job.give_up_at):
            await self._conclude(job, Reason.PERHAPS_SENT, in_doubt=True)
            return
        match decision:
            case retry.LookUp():
                await self._postpone(part, now + DOUBT_S * 2 ** min(job.failures, 8), job.failures + 1, "", Outcome.LOST)
            case retry.GiveUp(reason, sentence):
                await self._conclude(job, reason, sentence)
            case retry.Again(after, sentence):
                if not job.failures:
                    log.warning("lane.trouble", lane=self._claim.lane.id, account=self._account.id, error=error.sentence)
                outcome = Outcome.OPEN if in_doubt else Outcome.UNSENT
                await self._postpone(part, now + after, job.failures + 1, sentence, outcome)

    async def _goes_without_file(self, job: Job, part: FrozenPart, error: SendError, *, in_doubt: bool) -> bool:
        """A file that the destination refuses for good is named in the copy, which is rendered anew; whether it is."""
        if not isinstance(error, FileRejected) or in_doubt or part.number:
            return False
        if not await self._gathering.refuse(job, error):
            return False
        log.warning("delivery.file_refused", delivery=job.delivery_id, lane=self._claim.lane.id, error=error.sentence)
        if await self._store.write(lambda tx: outward.begin_anew(tx, self._claim, job, part)):
            self._look_again(self._account.id)
        return True

    async def _postpone(
        self, part: FrozenPart, until: float, failures: int, paused: str, outcome: Outcome = Outcome.OPEN
    ) -> None:
        if await self._store.write(lambda tx: outward.postpone(tx, self._claim, part, until, failures, paused, outcome)):
            self._look_again(self._account.id)

    async def _conclude(self, job: Job, reason: Reason, detail: str = "", *, in_doubt: bool = False) -> bool:
        """End the delivery without a copy; False if the lane was lost, and nothing was ended."""
        now = self._engine.now()
        end, world = ending.End(self._destination, reason, detail, in_doubt), self._world()
        ended = await self._store.write(lambda tx: ending.conclude(tx, world, self._claim, job, end, now))
        if ended is None:
            return False
        unparked, told = ended
        self._wake(told)
        log.info("delivery.concluded", delivery=job.delivery_id, state=end.state, reason=reason)
        if unparked:
            self._look_again(self._account.id)
        return True
