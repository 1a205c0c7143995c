"""Keeping accounts open: signs in, pins places, listens; after trouble tries again, and says so once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable

import structlog

from bridge import retry
from bridge.contract import Inbox
from bridge.engine import Account, Engine
from bridge.errors import BridgeError, NeedsOperator, Retryable, SendError
from bridge.mappings import Mappings
from bridge.places import unpinned
from bridge.post import AccountId, PlaceId
from bridge.store import Store, pins
from bridge.store.status import alive

STEADY_S = 60.0
"""An account that has listened this long is well again; one that only signed in may yet fail at once, over and over."""

AGAIN_S = 5.0
"""After this it is tried again to look up places that changed."""
CATCH_UP_WITHIN_S = 1.0
"""How soon who listens anew begins to catch up, if it does; raws are held back until then."""
STORED_AGAIN_S = 0.5

STOPPED = "It stopped listening; it is signed in to again."

Work = Callable[[], Awaitable[None]]
log = structlog.get_logger()


async def by_all(_account: AccountId, work: Work) -> None:
    """Do the work here, whoever else does it."""
    await work()


class Accounts:
    """Runs one task per account.

    `one` does the work of listening to an account only while that falls to this replica. `pinned` is told when names of
    places may mean something new; `reopened` of an account that is signed in for the first time, or again after its
    sign-in had failed.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        inbox: Inbox,
        mappings: Callable[[], Mappings],
        pinned: Callable[[], Awaitable[None]],
        reopened: Callable[[AccountId], Awaitable[None]],
        one: Callable[[AccountId, Work], Awaitable[None]] = by_all,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.store = store
        self.engine = engine
        self.inbox = inbox
        self.mappings = mappings
        self.pinned = pinned
        self.reopened = reopened
        self.one = one
        self.sleep = sleep

    async def run(self) -> None:
        """Keep every account open until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for account in self.engine.accounts.values():
                tasks.create_task(_Keeping(self, account).run(), name=f"account {account.id}")


class _Keeping:
    """One account that is kept open.

    `_logged` is the trouble that was told last, until the account is well again; `_away` is whether it was not even
    signed in since.
    """

    def __init__(self, accounts: Accounts, account: Account) -> None:
        self._accounts = accounts
        self._engine = accounts.engine
        self._account = account
        self._failures = 0
        self._logged = ""
        self._away = True

    async def run(self) -> None:
        while True:
            came_back, self._away = self._away, True
            try:
                async with self._account.adapter.open():
                    try:
                        await self._look_up(self._names())
                        await self._opened(came_back=came_back)
                        anew = await self._listen()
                    finally:
                        self._account.opened.clear()  # before it signs out, so that nothing is sent meanwhile
                wait = 0.0 if anew else self._failed(STOPPED)
            except SendError as error:
                wait = self._failed(error.sentence, error)
            except Exception as error:  # a mistake in one adapter must not take the others with it
                if type(error).__name__ != self._logged:
                    log.exception("account.internal", account=self._account.id)
                wait = self._failed(type(error).__name__)
            await self._accounts.sleep(wait)

    def _failed(self, sentence: str, error: SendError | None = None) -> float:
        """Note the trouble, and say it unless it was said last; the seconds until the next try."""
        if sentence != self._logged:
            log.error("account.trouble", account=self._account.id, error=sentence)
        self._logged = self._account.trouble = sentence
        wait = retry.backoff(self._failures, self._engine.jitter())
        self._failures += 1
        match error:
            case NeedsOperator():
                self._account.needs_human = sentence
                return retry.OPERATOR_S
            case Retryable() if error.after is not None:
                return max(error.after, wait)
            case _:
                return wait

    async def _opened(self, *, came_back: bool) -> None:
        await self._accounts.pinned()
        if came_back:
            await self._accounts.reopened(self._account.id)
        self._away = False
        self._account.trouble = ""
        self._account.opened.set()
        if not self._logged:
            log.info("account.open", account=self._account.id)

    # ------------------------------------------------------------ listening

    async def _listen(self) -> bool:
        """Listen, stand by and look after the account; ends when either does. Whether it is to be signed in to anew at once.

        Where something could not be stored, it is listened anew once it can: what was missed comes first then.
        """
        self._account.relisten.clear()
        while await self._listen_until_missed():
            log.info("account.catches_up", account=self._account.id)
            self._account.missed.clear()
            if self._account.adapter.capabilities.catch_up:
                self._account.held_until = self._engine.now() + CATCH_UP_WITHIN_S
        if anew := self._account.relisten.is_set():
            log.info("account.listens_anew", account=self._account.id)
        return anew

    async def _listen_until_missed(self) -> bool:
        """Whether it is to be listened anew, without signing in."""
        adapter, inbox = self._account.adapter, self._accounts.inbox
        tasks = [
            asyncio.ensure_future(self._accounts.one(self._account.id, lambda: adapter.listen(inbox))),
            asyncio.ensure_future(adapter.stand_by(inbox)),
            asyncio.ensure_future(self._look_after()),
            asyncio.ensure_future(self._follow_places()),
            asyncio.ensure_future(self._account.relisten.wait()),
            missed := asyncio.ensure_future(self._missed()),
        ]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in ended:
            task.result()
        return ended == {missed}

    async def _missed(self) -> None:
        """Wait until something was missed and could be stored now."""
        await self._account.missed.wait()
        while True:
            try:
                return await self._accounts.store.write(lambda tx: alive(tx, self._engine.now()))
            except BridgeError:
                await self._accounts.sleep(STORED_AGAIN_S)

    async def _look_after(self) -> None:
        """Once it has listened for a while it is well again; names that mean nothing yet are asked for again and again."""
        steady_at = self._engine.now() + STEADY_S
        while (left := steady_at - self._engine.now()) > 0:
            await self._accounts.sleep(left)
        self._steady()
        while True:
            with contextlib.suppress(SendError):  # whether that is an outage, listening finds out; it is asked again
                await self._look_up(sorted(self._account.unpinned))
            await self._accounts.sleep(retry.OPERATOR_S)

    async def _follow_places(self) -> None:
        """As soon as the platform tells that places changed, look up what all names mean now."""
        while True:
            await self._account.moved.wait()
            self._account.moved.clear()
            try:
                await self._look_up(self._names())
            except SendError as error:
                self._account.moved.set()
                await self._accounts.sleep((error.after if isinstance(error, Retryable) else None) or AGAIN_S)
            if not self._account.moved.is_set():
                self._account.placed.set()

    def _steady(self) -> None:
        if self._logged:
            log.info("account.recovered", account=self._account.id)
        self._logged = self._account.needs_human = ""
        self._failures = 0

    # ------------------------------------------------------------ pinning

    def _names(self) -> list[str]:
        groups = self._accounts.mappings().groups
        return sorted({entry.name for group in groups for entry in group.places if entry.account == self._account.id})

    async def _look_up(self, names: Iterable[str]) -> None:
        """Find the ids of the account's places; a name for which a human is needed is left for later."""
        mended = False
        for name in names:
            try:
                trouble = await self._pin(name, await self._account.adapter.pin(name))
            except NeedsOperator as error:
                trouble = error.sentence
                await self._hold_on(name)
            if trouble and self._account.unpinned.get(name) != trouble:
                log.warning("place.unknown", account=self._account.id, place=name, error=trouble)
            if trouble:
                self._account.unpinned[name] = trouble
            elif self._account.unpinned.pop(name, None):
                log.info("place.found", account=self._account.id, place=name)
                mended = True
        if mended:
            await self._accounts.reopened(self._account.id)

    async def _pin(self, name: str, place: PlaceId) -> str:
        """Note what the name means. A name that came to mean another place keeps its old id, and this says so."""
        account = self._account.id
        old = await self._meant(name)
        if old is None:
            await self._accounts.store.write(lambda tx: pins.pin(tx, account, name, place, unpinned(name)))
            await self._accounts.pinned()
        if old in (None, place):
            return ""
        await self._hold_on(name)
        return (
            f"{account}/{name} means another place by now ({place}); nothing goes there, it stays what it was ({old}). "
            f"If the new one is meant, write {account}/{place} in the mapping file."
        )

    async def _hold_on(self, name: str) -> None:
        """A place that is not found by its name any more is still listened to by its id, where the platform knows that."""
        old = await self._meant(name)
        if old is not None and old != name:
            with contextlib.suppress(NeedsOperator):
                await self._account.adapter.pin(old)

    async def _meant(self, name: str) -> PlaceId | None:
        return (await self._accounts.store.read(pins.all_pins)).get((self._account.id, name))
