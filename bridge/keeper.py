"""Periodic duties beside the way of a post: forgetting old bodies, counting who reads a place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

import structlog

from bridge.engine import Account, Engine
from bridge.errors import BridgeError
from bridge.places import is_unpinned
from bridge.post import Place
from bridge.routing import World
from bridge.store import Store, looking_back, pruning

EVERY_S = 3600.0
COUNTED_EVERY_S = 300.0
BODIES_KEPT_S = 30 * 24 * 3600.0

log = structlog.get_logger()


async def keep(store: Store, engine: Engine, world: Callable[[], World]) -> None:
    """Do the duties once an hour until cancelled."""
    while True:
        try:
            now = engine.now()
            kept = {group.id: now - group.keep.total_seconds() for group in world().mappings.groups}
            await forget_bodies(store, now - BODIES_KEPT_S, kept)
            await store.write(lambda tx: looking_back.forget(tx, engine.now() - BODIES_KEPT_S))
        except BridgeError as error:
            log.warning("keeper.trouble", error=str(error))
        await asyncio.sleep(EVERY_S)


async def forget_bodies(store: Store, before: float, of_group: Mapping[str, float] | None = None) -> int:
    """Empty every body older than `before`, or than its group says; a batch per transaction, so that posts don't wait."""
    total = 0
    while emptied := await store.write(lambda tx: pruning.prune(tx, before, of_group)):
        total += emptied
    return total


async def count(engine: Engine, world: Callable[[], World], put: Callable[[Place, int | None], Awaitable[None]]) -> None:
    """Ask each account, once open and every few minutes, how many people read its places; `put` is told. Until cancelled."""

    async def keep_counting(account: Account) -> None:
        while await engine.ready(account.id):
            for place in sorted(set(_places(account, world()))):
                try:
                    await put(place, await account.adapter.members(place.id))
                except BridgeError as error:
                    log.info("keeper.uncounted", account=account.id, error=error.sentence)  # what was known stays
                except Exception:  # a mistake in one adapter must not take the others with it
                    log.exception("keeper.internal", account=account.id)
            await asyncio.sleep(COUNTED_EVERY_S)

    async with asyncio.TaskGroup() as tasks:
        for account in engine.accounts.values():
            tasks.create_task(keep_counting(account), name=f"count {account.id}")


def _places(account: Account, world: World) -> Iterable[Place]:
    entries = [entry for group in world.mappings.groups for entry in group.places if entry.account == account.id]
    return (place for place in map(world.place_of, entries) if not is_unpinned(place.id))
