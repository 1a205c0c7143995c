"""What of an account's raws is to be accepted next: looked for in the database, or handed over by whoever stored it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bridge.anywhere import gathered
from bridge.engine import Account
from bridge.store import Tx, inward
from bridge.store.values import WaitingRaw

CATCH_UP_LOOK_S = 1.0
"""Seconds between two looks whether a catch-up is done; its end wakes the lane by itself."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The next raws of an account that were ready `at` a time (seconds since the epoch), and when one will be that was not."""

    at: float
    caught_up: int
    batch: tuple[WaitingRaw, ...]
    upcoming: float | None = None

    @property
    def is_all(self) -> bool:
        """Whether nothing else of the account waits."""
        return self.upcoming is None and len(self.batch) < inward.AT_ONCE

    @property
    def is_nothing(self) -> bool:
        """Whether nothing of the account waits at all."""
        return self.upcoming is None and not self.batch


def look(account: Account, now: float) -> Callable[[Tx], Looked]:
    """What looks for the account's raws in a transaction."""
    caught_up = account.caught_up  # by now, whatever ends until it is looked

    def look(tx: Tx) -> Looked:
        return Looked(now, caught_up, inward.waiting(tx, account.id, now), inward.next_ready_at(tx, account.id, after=now))

    return look


def due(account: Account, looked: Looked) -> tuple[Sequence[WaitingRaw], float | None]:
    """The raws that may be accepted by now; or when to look again (seconds since the epoch), if at all."""
    if account.is_behind(looked.at):  # asked after looking, so that nothing slips through as it begins
        return (), looked.at + CATCH_UP_LOOK_S
    if account.caught_up != looked.caught_up:  # it ended while we looked, so this may be from before its last page
        return (), looked.at
    if looked.batch:
        return gathered(looked.batch, looked.at)
    return (), looked.upcoming
