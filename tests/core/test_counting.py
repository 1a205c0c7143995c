"""How many people read a place is asked of its account; what was known stays while it can't be asked."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace

from bridge import keeper
from bridge.engine import Account, Engine
from bridge.errors import Retryable
from bridge.post import Place, PlaceId
from tests.core.worlds import ALL, CHANNEL, OTHER_CHANNEL, TEAM, TIMELINE, entry, group, world

ANSWERS: dict[PlaceId, int | Exception | None] = {
    CHANNEL.id: 7,
    OTHER_CHANNEL.id: Retryable("away"),
    TIMELINE.id: ValueError("a mistake"),
}


async def test_each_place_is_counted_and_no_trouble_with_one_holds_up_the_others() -> None:
    async def members(place: PlaceId) -> int | None:
        answer = ANSWERS[place]
        if isinstance(answer, Exception):
            raise answer
        return answer

    accounts = {name: Account(name, SimpleNamespace(members=members)) for name in (TEAM, ALL)}  # type: ignore[arg-type]
    for account in accounts.values():
        account.opened.set()
    here = world(group(entry("team/dev"), entry("team/all-hands"), entry("team/not-yet-known"), entry("allhands/timeline")))
    counted: dict[Place, int | None] = {}
    done = asyncio.Event()

    async def put(place: Place, size: int | None) -> None:
        counted[place] = size
        done.set()

    task = asyncio.create_task(keeper.count(Engine(accounts), lambda: here, put))
    async with asyncio.timeout(10):
        await done.wait()
        while len([each for each in asyncio.all_tasks() if each.get_name().startswith("count ")]) < 2:
            await asyncio.sleep(0)
    assert counted == {CHANNEL: 7}
    assert not task.done()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
