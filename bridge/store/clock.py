"""The one clock of all replicas: the database's, carried on between two looks at it by this machine's steady one."""

from __future__ import annotations

import time
from collections.abc import Callable

from bridge.store.replicas import Roll

SURE_S = 0.5
"""A look that took longer than this says too little about when it was."""


class SharedClock:
    """Seconds since the epoch. Whatever this machine believes the time to be, what replicas write down can be compared."""

    def __init__(self, now: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._ahead = now - monotonic()

    def now(self) -> float:
        return self._ahead + self._monotonic()

    def set(self, roll: Roll) -> None:
        if roll.ended - roll.began < SURE_S:
            self._ahead = roll.now - roll.began
