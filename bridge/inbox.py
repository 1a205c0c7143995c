"""The way in: takes raws durably before their source is acknowledged, and serves source lanes that accept them in order.

`changed` is told when somebody reads a place no longer, or again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import structlog

from bridge import ahead, notices, standing
from bridge.accept import Accepted, accept_all
from bridge.ahead import Looked
from bridge.engine import Account, Engine, Step
from bridge.errors import Retryable, Unparsable
from bridge.post import AccountId, Commanded, Created, Edited, Heard, Ignored, NativeId, Place, Raw, Reacted, Undelivered, Wish
from bridge.reasons import Reason
from bridge.routing import World
from bridge.store import Store, Tx, alerts, blobs, inward, lanes, ledger
from bridge.store.alerts import Alert
from bridge.store.values import Claim, WaitingRaw
from bridge.waking import Wake

AUTHOR_AGAIN_S = 5.0
_DAY_S = 24 * 3600.0
PLACES_S = 30.0
"""Seconds for which what is heard waits until places that changed were looked up; then it is judged all the same."""
_Prepared = tuple[WaitingRaw, Sequence[Heard]]
_Stored = tuple[int, Sequence[WaitingRaw]]  # a lane, and what of that which came for it is new

log = structlog.get_logger()


async def _nobody_minds() -> None:
    """Who reads has changed, and nobody is to be told."""


class Inbox:
    """`bridge.contract.Inbox`, over the store.

    `world` may be exchanged while running; `wake` tells lanes of work. `listens` tells whether this replica is the one that
    listens to an account: it alone knows whether what was missed is still being read, so it alone accepts.
    """

    def __init__(
        self, store: Store, engine: Engine, world: Callable[[], World], listens: Callable[[AccountId], bool] = lambda _: True
    ) -> None:
        self._store = store
        self._engine = engine
        self._world = world
        self._listens = listens
        self._source_lanes: dict[AccountId, int] = {}
        self.wake: Callable[[Iterable[int]], None] = lambda _lanes: None
        self.hand: Callable[[int, Sequence[WaitingRaw]], None] = lambda lane, _raws: self.wake([lane])
        """Told of raws that were stored, and of their lane: as `wake`, but who serves it need not look for them."""
        self.commanded: Callable[[], None] = lambda: None
        self.changed: Callable[[], Awaitable[None]] = _nobody_minds
        self.moved: Callable[[AccountId], None] = lambda _account: None
        """Told of an account whose places changed."""
        self.doubted: Callable[[Place], None] = lambda _place: None
        """Told of a place of which the platform said that others may read there now."""

    # ------------------------------------------------------------ taking

    async def take(self, raw: Raw) -> None:
        """See `bridge.contract.Inbox.take`."""
        self._engine.at_step(Step.TAKE)
        now = self._engine.now()

        def take(tx: Tx) -> _Stored:
            lane = self._lane(tx, raw.account)
            return lane, [stored] if (stored := inward.take(tx, raw, now)) else ()

        await self._store_and_hand(raw.account, take)

    async def take_page(self, account: AccountId, raws: Sequence[Raw], cursor: str, value: str) -> None:
        """See `bridge.contract.Inbox.take_page`."""
        self._engine.at_step(Step.TAKE)
        now = self._engine.now()

        def take(tx: Tx) -> _Stored:
            return self._lane(tx, account), inward.take_page(tx, account, raws, cursor, value, now)

        await self._store_and_hand(account, take)

    async def raw(self, account: AccountId, key: str) -> Raw | None:
        """See `bridge.contract.Inbox.raw`."""
        return await self._store.read(lambda tx: inward.kept(tx, account, key))

    async def file(self, blob: str) -> bytes | None:
        """See `bridge.contract.Inbox.file`."""
        return await self._store.read(lambda tx: blobs.shown(tx, blob))

    async def cursor(self, account: AccountId, cursor: str) -> str | None:
        """See `bridge.contract.Inbox.cursor`."""
        return await self._store.read(lambda tx: inward.cursor(tx, account, cursor))

    @contextmanager
    def catching_up(self, account: AccountId) -> Iterator[None]:
        """See `bridge.contract.Inbox.catching_up`."""
        found = self._engine.accounts.get(account)
        if found is None:
            yield
            return
        found.catching_up += 1
        found.held_until = 0.0
        try:
            yield
        finally:
            found.catching_up -= 1
            found.caught_up += 1
            self.look_again(account)

    def places_changed(self, account: AccountId) -> None:
        """See `bridge.contract.Inbox.places_changed`."""
        if found := self._engine.accounts.get(account):
            found.placed.clear()
            found.moved.set()
            self.moved(account)

    async def kept_back(self, account: AccountId, missed: int) -> None:
        """See `bridge.contract.Inbox.kept_back`. Told once a day."""
        now = self._engine.now()
        alert = Alert(f"kept-back:{account}:{int(now // _DAY_S)}", account, notices.kept_back(account, missed))
        await self._store.write(lambda tx: alerts.add(tx, alert, now))

    async def standing(self, place: Place, since: datetime) -> Collection[NativeId]:
        """See `bridge.contract.Inbox.standing`."""
        return await self._store.read(lambda tx: ledger.standing_since(tx, place, since.timestamp()))

    def _lane(self, tx: Tx, account: AccountId) -> int:
        known = self._source_lanes.get(account)
        return known if known is not None else lanes.source_lane(tx, account)

    async def _store_and_hand(self, account: AccountId, take: Callable[[Tx], _Stored]) -> None:
        try:
            lane, stored = await self._store.write(take)
        except Retryable:
            if found := self._engine.accounts.get(account):
                found.missed.set()
            raise
        except asyncio.CancelledError:  # it may be stored all the same
            self.look_again(account)
            raise
        self._engine.at_step(Step.TAKEN)
        if stored:
            self._source_lanes[account] = lane
            self.hand(lane, stored)

    async def know(self, accounts: Iterable[AccountId]) -> None:
        """Learn which lanes the accounts' raws wait in."""
        unknown = [account for account in accounts if account not in self._source_lanes]
        if unknown:
            self._source_lanes |= await self._store.write(lambda tx: {each: lanes.source_lane(tx, each) for each in unknown})

    def may_serve(self, lane_id: int) -> bool:
        """Whether this replica may serve a lane: any but those of accounts that another listens to."""
        account = next((each for each, lane in self._source_lanes.items() if lane == lane_id), None)
        return account is None or self._listens(account)

    def look_again(self, account: AccountId) -> None:
        """Raws that waited for a send may be judged now."""
        if account in self._source_lanes:
            self.wake([self._source_lanes[account]])

    # ------------------------------------------------------------ accepting

    async def serve(self, claim: Claim, wake: Wake) -> bool:
        """Accept the account's raws in order until none is left, or another replica is to serve the lane; False if it does."""
        account = await self._engine.serving(claim.lane.account)
        if account is None:
            return True
        self._source_lanes[account.id] = claim.lane.id
        looked: Looked | None = None
        while await self._goes_on(account, wake):
            if looked is None or wake.is_set():
                wake.must_look |= looked is not None and not looked.is_nothing  # it is out of date
                looked = await self._next(account, wake)
            batch, again_at = ahead.due(account, looked)
            wake.must_look |= len(batch) < len(looked.batch)  # what is left is to be looked for again
            looked = None
            if not batch:
                if again_at is None:
                    return True
                await self._engine.until(again_at, wake)
                continue
            prepared = [each for waiting in batch if (each := await self._prepare(account, claim, waiting))]
            wake.must_look |= len(prepared) < len(batch)  # some were put off
            if not account.placed.is_set():  # one of these told of it, and those behind it may stand at a new place
                await self._engine.until(self._engine.now() + PLACES_S, account.placed)
                account.placed.set()
            if prepared:
                still_ours, looked = await self._accept(account, claim, prepared, wake)
                if not still_ours:
                    return False
        return True

    async def _next(self, account: Account, wake: Wake) -> Looked:
        """What is to be accepted next: of what was handed over, where that is all there is.

        The writer looks, so that there is no doubt about what was stored before it looked and what came after.
        """
        wake.clear()
        now = self._engine.now()
        if not wake.must_look:
            return Looked(now, account.caught_up, wake.take_handed(inward.AT_ONCE))
        wake.must_look = False  # unless somebody says so again meanwhile
        looked = await self._store.write(ahead.look(account, now))
        wake.looked(all_seen=looked.is_all and not self._engine.shared)
        return looked

    async def _goes_on(self, account: Account, wake: Wake) -> bool:
        """Whether this replica goes on accepting the account's raws."""
        if not self._listens(account.id):
            wake.leaving = True
        return bool(await self._engine.serving(account.id)) and not self._engine.stopping.is_set() and not wake.leaving

    async def _prepare(self, account: Account, claim: Claim, waiting: WaitingRaw) -> _Prepared | None:
        """What the raw says, names looked up; None if it had to be held."""
        try:
            parse = account.adapter.parse
            heard = await asyncio.to_thread(parse, waiting.raw) if account.hostile else parse(waiting.raw)
            return waiting, [await self._complete(account, event) for event in heard]
        except Retryable:  # who wrote it can't be told now; it goes late rather than under a wrong name
            again_at = self._engine.now() + AUTHOR_AGAIN_S
            await self._store.write(lambda tx: inward.postpone(tx, waiting.id, again_at))
        except Unparsable as error:
            log.warning("raw.held", account=account.id, raw=waiting.id, error=type(error).__name__)
            await self._hold(claim, waiting, Reason.UNPARSABLE)
        except Exception:  # a mistake in an adapter must neither lose the raw nor stop those behind it
            log.exception("raw.held", account=account.id, raw=waiting.id)
            await self._hold(claim, waiting, Reason.INTERNAL)
        return None

    async def _accept(
        self, account: Account, claim: Claim, prepared: Sequence[_Prepared], wake: Wake
    ) -> tuple[bool, Looked | None]:
        """Accept the raws in one transaction, in order; False if the lane was lost. And what was to be accepted then, if seen."""
        world, now = self._world(), self._engine.now()
        look = ahead.look(account, now)
        looks, wake.must_look = wake.must_look, False

        def accept(tx: Tx) -> tuple[World, Sequence[Accepted] | None, Looked | None]:
            today = standing.today(tx, world)
            return today, accept_all(tx, claim, prepared, today, now), look(tx) if looks else None

        try:
            today, results, looked = await self._store.write(accept)
        except Retryable:
            raise
        except Exception:  # a mistake over one raw must neither lose it nor stop those behind it
            if len(prepared) == 1:
                log.exception("raw.held", account=account.id, raw=prepared[0][0].id)
            still_ours = await self._accept_alone(account, claim, prepared, wake)
            wake.must_look = True
            return still_ours, None
        if looked is not None:
            wake.looked(all_seen=looked.is_all and not self._engine.shared)
        if results is None:
            return False, None
        wake.must_look |= any(result.again_at is not None or result.waits_for_send for result in results)
        self._engine.at_step(Step.ACCEPTED)
        if today != world or any(result.readers_changed for result in results):
            await self.changed()  # before anything is brought: the lanes must know of the readers whom routing knew of
        self._tell(account, prepared, results)
        return True, looked

    def _tell(self, account: Account, prepared: Sequence[_Prepared], results: Sequence[Accepted]) -> None:
        """Let those know who have something to do now."""
        for (waiting, events), result in zip(prepared, results, strict=True):
            note = log.info if result.lanes else log.debug
            note("raw.accepted", account=account.id, raw=waiting.id, events=len(events), lanes=len(result.lanes))
            self.wake(result.lanes)
            for place in (place for each in events if isinstance(each, Ignored) for place in each.doubts):
                self.doubted(Place(account.id, place))
            if result.commanded:
                self.commanded()

    async def _accept_alone(self, account: Account, claim: Claim, prepared: Sequence[_Prepared], wake: Wake) -> bool:
        """Accept what could not be accepted together, each for itself; hold the one over which we made a mistake."""
        if len(prepared) > 1:
            return all([(await self._accept(account, claim, [each], wake))[0] for each in prepared])
        await self._hold(claim, prepared[0][0], Reason.INTERNAL)
        return True

    async def _complete(self, account: Account, event: Heard) -> Heard:
        """The event with names looked up, its author called as the mapping file calls them."""
        if isinstance(event, Ignored | Wish | Undelivered):
            return event
        if isinstance(event, Commanded):
            desk = account.adapter.commands
            return replace(event, author=await desk.identify(event.author)) if desk else event
        event = await account.adapter.complete(event)
        if isinstance(event, Reacted):
            who = self._world().mappings.person_by_handles(account.id, (event.author.user, *event.author.handles))
            return replace(event, author=replace(event.author, name=who.name)) if who else event
        if isinstance(event, Created | Edited) and (person := self._world().person(event.post)):
            post = replace(event.post, author=replace(event.post.author, name=person.name))
            return replace(event, post=post)
        return event

    async def _hold(self, claim: Claim, waiting: WaitingRaw, reason: Reason) -> None:
        def hold(tx: Tx) -> None:
            if lanes.owns(tx, claim):
                inward.hold(tx, waiting.id, reason)

        await self._store.write(hold)
