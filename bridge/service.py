"""The bridge while it runs: store, engine, accounts, lanes and duties, started and ended in the right order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import replace

from bridge import keeper, standing
from bridge.accounts import Accounts
from bridge.commanding import Commander
from bridge.contract import Adapter
from bridge.doorkeeper import Doorkeeper
from bridge.engine import Account, Engine, Step
from bridge.erasing import Eraser
from bridge.errors import BridgeError
from bridge.halting import Halter
from bridge.inbox import Inbox
from bridge.introducing import Introducer
from bridge.lanes import Lanes
from bridge.mappings import Mappings
from bridge.pausing import Halt
from bridge.post import AccountId, Place
from bridge.reconciling import Reconciler
from bridge.routing import World
from bridge.store import Store, Tx, halts, hurrying, people, pins, saving
from bridge.store.values import Claim
from bridge.telling import Teller
from bridge.worker import Worker

READERS_S = 60.0
"""How often it is looked how it stands with readers."""


class Service:
    """A running bridge. Use `running()`."""

    def __init__(
        self,
        store: Store,
        mappings: Mappings,
        adapters: Mapping[AccountId, Adapter],
        by_reader: frozenset[AccountId],
        at_step: Callable[[Step], None] | None = None,
        *,
        patient: bool = True,
    ) -> None:
        self.store = store
        self.mappings = mappings
        accounts = {name: Account(name, each, hostile=each.capabilities.hostile) for name, each in adapters.items()}
        self.engine = Engine(accounts, at_step=at_step) if at_step else Engine(accounts)
        self.inbox = Inbox(store, self.engine, lambda: self._world)
        self._by_reader = by_reader
        asides = frozenset(name for name, adapter in adapters.items() if adapter.capabilities.asides)
        lasting = frozenset(name for name, adapter in adapters.items() if not adapter.capabilities.delete)
        summaries = frozenset(name for name, adapter in adapters.items() if adapter.capabilities.summaries)
        self._world = World(mappings, {}, by_reader, asides=asides, lasting=lasting, summaries=summaries, patient=patient)
        self._worker = Worker(store, self.engine, lambda: self._world, self.inbox.look_again, self._tell_lanes)
        self._lanes = Lanes(store, self.engine, _replica_name(), self._serve)
        self._accounts = Accounts(store, self.engine, self.inbox, lambda: self.mappings, self._look_around, self._resume)
        self._teller = Teller(store, self.engine, lambda: self._world, self._lanes.wake)
        self.reconciler = Reconciler(store, self.engine, lambda: self._world, self.inbox)
        self.eraser = Eraser(store, self.engine, lambda: self._world, self._lanes.wake)
        self.doorkeeper = Doorkeeper(store, self.engine, lambda: self._world, self._lanes.wake, self._look_around, self._resume)
        halter = Halter(store, self.engine, lambda: self._world, self._put_halts, self._lanes.wake)
        self.commander = Commander(store, self.engine, lambda: self._world, self._lanes.wake, self.doorkeeper, halter)
        self._introducer = Introducer(store)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        """Serve everything inside the block; at its end let what is being sent settle, then let go."""
        await self._look_around()
        self.inbox.wake = self._lanes.wake
        self.inbox.commanded = self.commander.commanded
        self.inbox.changed = self._look_around
        async with asyncio.TaskGroup() as tasks:
            duties = [
                tasks.create_task(self._lanes.run(), name="lanes"),
                tasks.create_task(self._accounts.run(), name="accounts"),
                tasks.create_task(keeper.keep(self.store, self.engine, lambda: self._world), name="keeper"),
                tasks.create_task(keeper.count(self.engine, lambda: self._world, self._put_size), name="sizes"),
                tasks.create_task(self.doorkeeper.run(), name="doorkeeper"),
                tasks.create_task(self._teller.run(), name="teller"),
                tasks.create_task(self.reconciler.run(), name="reconciler"),
                tasks.create_task(self.commander.run(), name="commander"),
                tasks.create_task(self._keep_readers(), name="readers"),
            ]
            try:
                yield self
            finally:
                self.engine.stopping.set()
                await self._lanes.drain()
                for duty in duties:
                    duty.cancel()

    @property
    def world(self) -> World:
        """What routing knows now."""
        return self._world

    async def hurry(self, account: AccountId) -> None:
        """The account is reachable again: what waits for it is tried now, not at the end of its back-off."""
        self.inbox.wake(await self.store.write(lambda tx: hurrying.hurry(tx, account)))

    async def decide(self, change: Callable[[Tx, World, float], set[int]]) -> None:
        """Do what an admin decided, in one transaction, with what follows from it."""
        today = self._world
        self.inbox.wake(await self.store.write(lambda tx: change(tx, standing.today(tx, today), self.engine.now())))
        await self._look_around()

    async def _keep_readers(self) -> None:
        """Ask spared readers now and then; learn what other replicas wrote down about readers. Until cancelled."""
        while True:
            with contextlib.suppress(BridgeError):
                await self.decide(standing.probe)
            await asyncio.sleep(READERS_S)

    async def _serve(self, claim: Claim, wake: asyncio.Event) -> None:
        if claim.lane.destination is None:
            await self.inbox.serve(claim, wake)
        else:
            await self._worker.serve(claim, wake)

    def _tell_lanes(self, lanes: Iterable[int]) -> None:
        self._lanes.wake(lanes)

    async def _resume(self, account: AccountId) -> None:
        """Somebody may have mended what the account's places wait for."""
        self.inbox.wake(await self.store.write(lambda tx: hurrying.resume(tx, account)))

    async def _look_around(self) -> None:
        """Learn what the store knows of the world: what names mean, who follows, what is paused; tell places who reads them."""
        known, following, paused, today, restored_at = await self.store.read(
            lambda tx: (
                pins.all_pins(tx),
                people.following(tx),
                halts.current(tx),
                standing.today(tx, self._world),
                saving.restored_at(tx),
            )
        )
        self._world = replace(
            self._world,
            mappings=self.mappings,
            pins=known,
            followers=following,
            halts=paused,
            away=today.away,
            choices=today.choices,
            welcomed=today.welcomed,
            joined=today.joined,
            restored_at=restored_at,
        )
        self._lanes.wake(await self._introducer.look(self._world, self.engine.now()))

    def _put_halts(self, paused: tuple[Halt, ...]) -> None:
        if paused != self._world.halts:
            self._world = replace(self._world, halts=paused)

    def _put_size(self, place: Place, size: int | None) -> None:
        sizes = {each: number for each, number in self._world.sizes.items() if each != place}
        self._world = replace(self._world, sizes=sizes if size is None else {**sizes, place: size})


def _replica_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
