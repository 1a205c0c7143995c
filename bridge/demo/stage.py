"""The demo's stage: a temporary folder, the town in it, and the real bridge running between them, up as fast as can be."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import adapters
from bridge.demo.town import Town
from bridge.post import AccountId, Destination, Place

if TYPE_CHECKING:
    from bridge.service import Service

OPEN_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything that runs."""

    town: Town
    service: Service

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Where copies go: each group place, or each reader of one."""
        return tuple(self._destinations())

    def _destinations(self) -> Iterator[Destination]:
        for group in self.service.mappings.groups:
            for entry in group.places:
                place = self.service.world.place_of(entry)
                if entry.readers:
                    yield from (Destination(place, reader.address) for reader in entry.readers)
                else:
                    yield Destination(place)

    async def hurry(self, account: AccountId) -> None:
        """Let what waits for the account be tried now, not at the end of its back-off."""
        await self.service.hurry(account)

    def place(self, account: AccountId) -> Place:
        """The group's place at the account."""
        return next(one.place for one in self.destinations if one.account == account)

    def others(self, account: AccountId, author: str, *, direct: bool = False) -> tuple[Destination, ...]:
        """Every destination but where `author` (a handle of the account) wrote; a direct message stands in no group place."""
        return tuple(one for one in self.destinations if one.account != account or direct or (one.reader not in (None, author)))


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Stage]:
    """Start everything in a folder that is removed at the end, and wait until every account is open."""
    with tempfile.TemporaryDirectory(prefix="viabridge-demo-") as name, _temporary_files_in(name):
        folder = Path(name)
        town = await asyncio.to_thread(Town, folder)
        database = f"sqlite:///{folder / 'viabridge.db'}"
        # What the service imports costs a second or two, which the sandboxes' servers need to start anyway.
        warm = asyncio.create_task(asyncio.to_thread(_warm_up, database))
        try:
            async with town:
                await warm
                async with _bridged(town, database) as stage:
                    yield stage
        finally:
            warm.cancel()


@contextlib.contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
    """What the sandboxes' own servers write in passing goes into the folder too, and with it."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


@contextlib.asynccontextmanager
async def _bridged(town: Town, database: str) -> AsyncIterator[Stage]:
    main = importlib.import_module("bridge.main")
    loaded = await asyncio.to_thread(main.load, town.write_mappings())
    async with main.bridge(loaded, database, patient=False) as (service, _):
        async with asyncio.timeout(OPEN_WITHIN_S):
            for account in service.engine.accounts.values():
                await account.opened.wait()
        yield Stage(town, service)


def _warm_up(database: str) -> None:
    """Import what the service will need, and make its tables."""
    importlib.import_module("bridge.main")
    for platform in adapters.available():
        importlib.import_module(f"adapters.{platform}.adapter")
    importlib.import_module("bridge.store").Store(database).close()
