"""The bridge while it runs: store, engine, accounts, lanes and duties, started and ended in the right order."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import replace
from typing import Any

import structlog

from bridge import keeper, standing
from bridge.accounts import Accounts
from bridge.anywhere import FromAnywhere
from bridge.commanding import Commander
from bridge.contract import Adapter
from bridge.doorkeeper import Doorkeeper
from bridge.engine import Account, Engine, Step, pass_by
from bridge.erasing import Eraser
from bridge.errors import BridgeError, Retryable
from bridge.halting import Halter
from bridge.inbox import Inbox
from bridge.introducing import Introducer
from bridge.lanes import Lanes
from bridge.mappings import Mappings
from bridge.members import Members
from bridge.pausing import Halt
from bridge.post import AccountId, Place, PlaceId
from bridge.reconciling import Reconciler
from bridge.roster import Roster
from bridge.routing import World
from bridge.shifts import Shifts
from bridge.store import Store, Tx, halts, hurrying, people, pins, saving, sizes
from bridge.store.values import Claim
from bridge.telling import Teller
from bridge.waking import Wake
from bridge.worker import Worker

READERS_S = 60.0
"""How often it is looked how it stands with readers."""
WORLD_S = 2.0
"""How soon one replica knows, also without being told, what another found out or was told: names, followers, pauses, readers."""

COMMANDED = "commanded"
CHANGED = "changed"
MOVED = "moved"
DOUBT = "doubt"
"""What one replica tells the others: somebody asked something of the bridge; something of the world has changed; places of an
account changed; others may read now at a place (its account and id)."""

log = structlog.get_logger()


class Service:
    """A running bridge. Use `running()`."""

    def __init__(
        self,
        store: Store,
        mappings: Mappings,
        adapters: Mapping[AccountId, Adapter],
        by_reader: frozenset[AccountId],
        at_step: Callable[[Step], None] = pass_by,
        *,
        patient: bool = True,
    ) -> None:
        self.store = store
        self.mappings = mappings
        accounts = {name: Account(name, each, hostile=each.capabilities.hostile) for name, each in adapters.items()}
        self.engine = Engine(accounts, now=store.now, at_step=at_step, shared=store.coordinated)
        self._roster = Roster(store, self.engine, _replica_name())
        self._shifts = Shifts(store, self._roster)
        self.inbox = Inbox(store, self.engine, lambda: self._world, self._shifts.listens)
        self._shifts.begun = self.inbox.look_again
        self._by_reader = by_reader
        asides = frozenset(name for name, adapter in adapters.items() if adapter.capabilities.asides)
        lasting = frozenset(name for name, adapter in adapters.items() if not adapter.capabilities.delete)
        summaries = frozenset(name for name, adapter in adapters.items() if adapter.capabilities.summaries)
        self._world = World(mappings, {}, by_reader, asides=asides, lasting=lasting, summaries=summaries, patient=patient)
        self._news = asyncio.Event()
        self._worker = Worker(store, self.engine, lambda: self._world, self.inbox.look_again, self._tell_lanes)
        self._lanes = Lanes(store, self.engine, self._roster, self._serve, self.inbox.may_serve)
        self._accounts = Accounts(
            store, self.engine, self.inbox, lambda: self.mappings, self._changed, self._resume, self._shifts.stream
        )
        self._teller = Teller(store, self.engine, lambda: self._world, self._lanes.wake)
        self.reconciler = Reconciler(store, self.engine, lambda: self._world, self.inbox, listens=self._shifts.listens)
        self.eraser = Eraser(store, self.engine, lambda: self._world, self._lanes.wake)
        self.doorkeeper = Doorkeeper(store, self.engine, lambda: self._world, self._lanes.wake, self._changed, self._resume)
        halter = Halter(store, self.engine, lambda: self._world, self._put_halts, self._lanes.wake)
        self.commander = Commander(store, self.engine, lambda: self._world, self._lanes.wake, self.doorkeeper, halter)
        self._members = Members(store, self.engine, lambda: self._world, self._changed)
        self._introducer = Introducer(store)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Service]:
        """Serve everything inside the block; at its end let what is being sent settle, then let go."""
        await self._look_around_first()
        self.inbox.wake = self._lanes.wake
        self.inbox.hand = self._lanes.hand
        self.inbox.commanded = self._commanded
        self.inbox.changed = self._changed
        self.inbox.moved = lambda account: self._roster.say(f"{MOVED} {account}")
        self.inbox.doubted = lambda place: self._roster.say(f"{DOUBT} {place.account} {place.id}")
        self._roster.on_news.append(self._heard)
        self._roster.start()
        async with asyncio.TaskGroup() as tasks:
            works = [tasks.create_task(work, name=name) for name, work in self._works().items()]
            try:
                yield self
            finally:
                self.engine.stopping.set()
                await self._lanes.drain()
                for work in works:
                    work.cancel()
                await asyncio.wait(works)
                await self._roster.leave()

    def _works(self) -> Mapping[str, Coroutine[Any, Any, None]]:
        """Everything that goes on at the same time; of the duties one replica does each."""
        duties: Mapping[str, Callable[[], Awaitable[None]]] = {
            "keeper": lambda: keeper.keep(self.store, self.engine, lambda: self._world),
            "sizes": lambda: keeper.count(self.engine, lambda: self._world, self._put_size),
            "doorkeeper": self.doorkeeper.run,
            "teller": self._teller.run,
            "commander": self.commander.run,
            "readers": self._keep_readers,
            "members": self._members.run,
        }
        works = {"lanes": self._lanes.run(), "accounts": self._accounts.run(), "reconciler": self.reconciler.run()}
        works |= {name: self._shifts.duty(name, work) for name, work in duties.items()}
        if self.store.coordinated:
            works |= {"troubles": self._teller.watch(), "world": self._keep_looking_around()}
        return works

    def from_anywhere(self) -> FromAnywhere:
        """The way in for what a platform may hand to any replica."""
        return FromAnywhere(self.inbox, lambda: not self._roster.alone)

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
        await self._changed()

    async def _keep_readers(self) -> None:
        """Ask spared readers now and then. Until cancelled."""
        while True:
            with contextlib.suppress(BridgeError):
                await self.decide(standing.probe)
            await asyncio.sleep(READERS_S)

    async def _serve(self, claim: Claim, wake: Wake) -> bool:
        serves = self.inbox if claim.lane.destination is None else self._worker
        return await serves.serve(claim, wake)

    def _tell_lanes(self, lanes: Iterable[int]) -> None:
        self._lanes.wake(lanes)

    async def _resume(self, account: AccountId) -> None:
        """Somebody may have mended what the account's places wait for."""
        self.inbox.wake(await self.store.write(lambda tx: hurrying.resume(tx, account)))

    # ------------------------------------------------------------ what is known of the world

    async def _look_around(self) -> None:
        """Learn what the store knows of the world: names, followers, pauses, readers, how many; tell places who reads them."""
        mine = self._world
        if mine.whole is not self.mappings:
            mine = replace(mine, mappings=self.mappings, file=None, removed=frozenset())
        known, following, paused, counted, today, restored_at = await self.store.read(
            lambda tx: (
                pins.all_pins(tx),
                people.following(tx),
                halts.current(tx),
                sizes.counted(tx),
                standing.today(tx, mine),
                saving.restored_at(tx),
            )
        )
        self._world = replace(
            self._world,
            mappings=today.mappings,
            file=today.file,
            removed=today.removed,
            leaving=today.leaving,
            pins=known,
            followers=following,
            halts=paused,
            sizes=counted,
            away=today.away,
            choices=today.choices,
            welcomed=today.welcomed,
            joined=today.joined,
            restored_at=restored_at,
        )
        self._lanes.wake(await self._introducer.look(self._world, self.engine.now()))

    async def _look_around_first(self) -> None:
        """Nothing is routed before it is known what names mean; the database may have gone again just now."""
        while True:
            try:
                return await self._look_around()
            except Retryable as error:
                log.warning("database.trouble", error=error.sentence)
            await asyncio.sleep(WORLD_S)

    async def _keep_looking_around(self) -> None:
        """What another replica found out is known here soon, and which lanes are to be told of what was done here."""
        while True:
            self._news.clear()
            with contextlib.suppress(BridgeError):  # the roster says that the database is away
                await self.inbox.know(self.engine.accounts)
                await self._look_around()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WORLD_S):
                    await self._news.wait()

    async def _changed(self) -> None:
        """Something of the world has changed: learn what, and let the others learn it."""
        await self._look_around()
        self._roster.say(CHANGED)

    def _commanded(self) -> None:
        """There is something to be carried out, by whoever has the duty."""
        self.commander.commanded()
        self._roster.say(COMMANDED)

    def _heard(self, news: str) -> None:
        """Another replica says so."""
        match news.split(" "):
            case [what] if what == COMMANDED:
                self.commander.commanded()
            case [what, account] if what == MOVED and (found := self.engine.accounts.get(AccountId(account))):
                found.moved.set()
            case [what, account, place] if what == DOUBT and (found := self.engine.accounts.get(AccountId(account))):
                found.adapter.doubt(PlaceId(place))
            case _:
                self._news.set()

    def _put_halts(self, paused: tuple[Halt, ...]) -> None:
        if paused != self._world.halts:
            self._world = replace(self._world, halts=paused)

    async def _put_size(self, place: Place, size: int | None) -> None:
        if self._world.sizes.get(place) == size:
            return  # no news, of which there may be thousands
        await self.store.write(lambda tx: sizes.put(tx, place, size))
        await self._look_around()


def _replica_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
