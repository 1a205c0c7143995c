"""What was written on the bench's platforms, which copies came, and what that comes to."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

_MARK: Final = re.compile(r"post (\d{7})")

PATIENCE_S: Final = 3.0
"""Seconds after which Slack gives an unacknowledged event up, and hands it out again."""


def words(number: int) -> str:
    """What somebody writes; the number is found again in every copy."""
    return f"post {number:07d}: can everyone meet at two today, in the room upstairs?"


@dataclass
class Journal:
    """Every post that was written and every copy that came, with `time.perf_counter()` of both."""

    said: dict[int, float] = field(default_factory=dict)
    arrived: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))
    acknowledged: list[float] = field(default_factory=list)
    """Seconds from handing an event over until it was acknowledged."""
    expected: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)
    _count: int = 0

    def copy(self, place: str, words: str) -> None:
        if found := _MARK.search(words):
            self.arrived[place].append((int(found[1]), time.perf_counter()))
            self._count += 1
            if self._count >= self.expected:
                self.came.set()

    def begin(self, posts: int) -> None:
        self.said.clear()
        self.arrived.clear()
        self.acknowledged.clear()
        self.expected, self._count = posts, 0
        self.came.clear()

    def verdict(self) -> dict[str, Any]:
        """Delays in ms, posts lost and doubled, copies that overtook an earlier one at their place."""
        delays = sorted(1000 * (at - self.said[n]) for copies in self.arrived.values() for n, at in copies)
        seen = [n for copies in self.arrived.values() for n, _ in copies]
        swapped = sum(a > b for copies in self.arrived.values() for (a, _), (b, _) in itertools.pairwise(copies))
        last = max((at for copies in self.arrived.values() for _, at in copies), default=0.0)
        first = min(self.said.values(), default=0.0)
        first_copy = min((at for copies in self.arrived.values() for _, at in copies), default=0.0)
        return {
            "posts": len(self.said),
            "p50_ms": round(delays[len(delays) // 2], 2) if delays else None,
            "p99_ms": round(delays[int(len(delays) * 0.99)], 2) if delays else None,
            "per_s": round(len(set(seen)) / (last - first), 1) if last > first else None,
            "drain_per_s": round(len(set(seen)) / (last - first_copy), 1) if last > first_copy else None,
            **_acknowledgements(sorted(self.acknowledged)),
            "lost": len(set(self.said) - set(seen)),
            "doubled": len(seen) - len(set(seen)),
            "out_of_order": swapped,
        }


def _acknowledgements(waits: list[float]) -> dict[str, Any]:
    """How soon events were acknowledged, and how many later than Slack bears."""
    if not waits:
        return {}
    return {
        "ack_p99_ms": round(1000 * waits[int(len(waits) * 0.99)], 2),
        "ack_max_ms": round(1000 * waits[-1], 2),
        "ack_late": sum(wait > PATIENCE_S for wait in waits),
    }
