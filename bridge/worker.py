"""Serving a destination's lane: its deliveries in order, one after the other, as long as the lane is ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from bridge import retry
from bridge.beginning import Begun
from bridge.bringing import Bringing
from bridge.engine import Account, Engine
from bridge.media import Spool
from bridge.mentioning import Mentions
from bridge.places import is_unpinned, unpinned_name
from bridge.post import AccountId
from bridge.routing import World
from bridge.store import Store, Tx, lanes, pins
from bridge.store.values import Claim, Job
from bridge.waking import Wake


class Worker:
    """Serves destination lanes. `look_again` is told when raws that waited for a send may be judged, `wake` of new work."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        world: Callable[[], World],
        look_again: Callable[[AccountId], None],
        wake: Callable[[Iterable[int]], None] = lambda _lanes: None,
    ) -> None:
        self.store = store
        self.engine = engine
        self.world = world
        self.look_again = look_again
        self.wake = wake
        self.spool = Spool(store, engine, lambda: bool(world().public_url))
        self.mentions = Mentions(store, engine, world)

    async def serve(self, claim: Claim, wake: Wake) -> bool:
        """Bring the lane's deliveries, in order, until it is idle, to be left, or the service ends; False if it was lost."""
        account = await self.engine.serving(claim.lane.account)
        destination = claim.lane.destination
        if account is None or destination is None:
            return True
        if is_unpinned(destination.place.id):
            return await self._leave_stand_in(claim, account, unpinned_name(destination.place.id))
        lane = Bringing(self, account, claim, destination)
        while lane.has_begun or await self._goes_on(account, wake):
            looked, lane.looked = lane.looked, ()
            if not looked or (wake.is_set() and not isinstance(looked[0], Begun | Job)):
                wake.clear()  # before looking: what comes after the look wakes us again
                looked = (await self.store.write(lane.look()),)
            [found] = looked
            if found is None:
                return True
            if isinstance(found, float):
                await self.engine.until(found, wake)
            elif not await lane.bring(found):
                return False
        return True

    async def _goes_on(self, account: Account, wake: Wake) -> bool:
        return bool(await self.engine.serving(account.id)) and not self.engine.stopping.is_set() and not wake.leaving

    async def _leave_stand_in(self, claim: Claim, account: Account, name: str) -> bool:
        """Bring what waits to the place's own lane; pause while nobody knows which place the name means."""
        until, trouble = self.engine.now() + retry.OPERATOR_S, account.unpinned.get(name, account.trouble)

        def leave(tx: Tx) -> bool:
            if not pins.move(tx, claim, name):
                lanes.pause(tx, claim, until, 0, trouble)
            return lanes.owns(tx, claim)  # the lane may have become the place's own

        return await self.store.write(leave)
