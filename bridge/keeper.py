"""Periodic duties beside the way of a post: forgetting old bodies."""

from __future__ import annotations

import asyncio

import structlog

from bridge.engine import Engine
from bridge.errors import BridgeError
from bridge.store import Store, pruning

EVERY_S = 3600.0
BODIES_KEPT_S = 30 * 24 * 3600.0

log = structlog.get_logger()


async def keep(store: Store, engine: Engine) -> None:
    """Do the duties once an hour until cancelled."""
    while True:
        try:
            await forget_bodies(store, engine.now() - BODIES_KEPT_S)
        except BridgeError as error:
            log.warning("keeper.trouble", error=str(error))
        await asyncio.sleep(EVERY_S)


async def forget_bodies(store: Store, before: float) -> int:
    """Empty every body older than `before`, a batch per transaction so that posts in between don't wait."""
    total = 0
    while emptied := await store.write(lambda tx: pruning.prune(tx, before)):
        total += emptied
    return total
