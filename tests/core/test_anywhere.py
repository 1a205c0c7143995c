"""What a platform hands to several replicas at once is accepted in the platform's order."""

from __future__ import annotations

import random

from bridge.anywhere import GATHER_S, FromAnywhere, gathered
from bridge.engine import Account, Engine
from bridge.inbox import Inbox
from bridge.post import Raw
from bridge.store import inward
from bridge.store.values import WaitingRaw
from bridge.waking import Wake
from tests.core.desk import Desk
from tests.core.worlds import NOW, TEAM, at


def waiting(number: int, taken_at: float, *, gather: bool = True) -> WaitingRaw:
    return WaitingRaw(number, Raw(TEAM, str(number), b"", at(number), {"gather": "1"} if gather else {}), taken_at)


def test_what_waited_long_enough_takes_along_what_comes_before_it() -> None:
    early, late = waiting(1, NOW), waiting(2, NOW - GATHER_S)
    assert gathered((early, late), NOW)[0] == (early, late)
    assert gathered((waiting(1, NOW - GATHER_S), waiting(2, NOW)), NOW)[0] == (waiting(1, NOW - GATHER_S),)
    assert gathered((waiting(2, NOW),), NOW) == ((), NOW + GATHER_S)
    assert gathered((waiting(1, NOW, gather=False),), NOW)[0], "what one replica hears need not wait"


async def test_what_several_replicas_take_at_once_is_accepted_in_the_platforms_order(desk: Desk) -> None:
    accepted: list[str] = []

    class Understanding:
        def parse(self, raw: Raw) -> tuple[()]:
            accepted.append(raw.key)
            return ()

    account = Account(TEAM, Understanding())  # type: ignore[arg-type]
    account.opened.set()
    clock = lambda: desk.now  # noqa: E731
    inboxes = [Inbox(desk.store, Engine({TEAM: account}, now=clock), lambda: desk.world) for _ in range(3)]
    keys = [str(n) for n in range(12)]
    shuffled = random.Random(4).sample(keys, len(keys))  # noqa: S311
    for n, key in enumerate(shuffled):
        await FromAnywhere(inboxes[n % 3], lambda: True).take(Raw(TEAM, key, b"{}", at(int(key))))
        desk.now += GATHER_S / 20
    desk.now += GATHER_S
    await inboxes[0].serve(await desk.source(TEAM), Wake())
    assert accepted == keys
    assert await desk.read(lambda tx: inward.waiting(tx, TEAM, desk.now)) == ()
