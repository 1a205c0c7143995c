"""The faults that are set in the sandbox, counted down as they happen. Used from two threads."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from bridge.contract import Fault


@dataclass(slots=True)
class _Set:
    times: int
    seconds: float


class Faults:
    """What is still to go wrong."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._set: dict[Fault, _Set] = {}
        self._silent_until = 0.0

    def set(self, fault: Fault, times: int, seconds: float) -> None:
        with self._lock:
            if fault is Fault.SILENT and seconds > 0:
                self._silent_until = time.monotonic() + seconds
            else:
                self._set[fault] = _Set(times, seconds)

    def clear(self) -> None:
        with self._lock:
            self._set.clear()
            self._silent_until = 0.0

    def strike(self, fault: Fault) -> float | None:
        """Whether it goes wrong now: its seconds, and one time less to come; None where it does not."""
        with self._lock:
            if (due := self._set.get(fault)) is None or due.times < 1:
                return None
            due.times -= 1
            return due.seconds

    def silent(self) -> bool:
        """Whether the stream swallows the event at hand."""
        with self._lock:
            if time.monotonic() < self._silent_until:
                return True
        return self.strike(Fault.SILENT) is not None
