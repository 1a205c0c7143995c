"""Keeping accounts open: signs in, pins places, listens; after trouble tries again, and says so once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bridge import retry
from bridge.contract import Inbox
from bridge.engine import Account, Engine
from bridge.errors import NeedsOperator, SendError
from bridge.mappings import Mappings
from bridge.post import AccountId, PlaceId
from bridge.routing import unpinned
from bridge.store import Store, pins

log = structlog.get_logger()


class Accounts:
    """Runs one task per account. `opened` is told of an account that is signed in, its places pinned."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        inbox: Inbox,
        mappings: Callable[[], Mappings],
        opened: Callable[[AccountId], Awaitable[None]],
    ) -> None:
        self._store = store
        self._engine = engine
        self._inbox = inbox
        self._mappings = mappings
        self._opened = opened

    async def run(self) -> None:
        """Keep every account open until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for account in self._engine.accounts.values():
                tasks.create_task(self._keep_open(account), name=f"account {account.id}")

    async def _keep_open(self, account: Account) -> None:
        failures = 0
        while True:
            try:
                async with account.adapter.open():
                    await self._pin_places(account)
                    self._recovered(account)
                    failures = 0
                    await account.adapter.listen(self._inbox)
                    log.warning("account.stopped-listening", account=account.id)
            except SendError as error:
                self._troubled(account, error.sentence)
                after = retry.OPERATOR_S if isinstance(error, NeedsOperator) else None
            except Exception as error:  # a mistake in one adapter must not take the others with it
                log.exception("account.internal", account=account.id)
                self._troubled(account, type(error).__name__)
                after = None
            else:
                after = None
            account.opened.clear()
            await asyncio.sleep(after or retry.backoff(failures, self._engine.jitter()))
            failures += 1

    def _recovered(self, account: Account) -> None:
        if account.trouble:
            log.info("account.recovered", account=account.id)
        account.trouble = ""
        account.opened.set()
        log.info("account.open", account=account.id)

    def _troubled(self, account: Account, sentence: str) -> None:
        if account.trouble != sentence:
            log.error("account.trouble", account=account.id, error=sentence)
        account.trouble = sentence

    async def _pin_places(self, account: Account) -> None:
        """Find the ids of the account's places. A name that came to mean another place keeps its old id, loudly."""
        known = await self._store.read(pins.all_pins)
        names = {entry.name for group in self._mappings().groups for entry in group.places if entry.account == account.id}
        for name in sorted(names):
            try:
                place = await account.adapter.pin(name)
            except NeedsOperator as error:
                log.warning("place.unknown", account=account.id, place=name, error=error.sentence)
                continue
            old = known.get((account.id, name))
            if old is None:
                await self._pin(account, name, place)
            elif old != place:
                log.error("place.moved", account=account.id, place=name, old=old, new=place)
        await self._opened(account.id)

    async def _pin(self, account: Account, name: str, place: PlaceId) -> None:
        await self._store.write(lambda tx: pins.pin(tx, account.id, name, place, unpinned(name)))
