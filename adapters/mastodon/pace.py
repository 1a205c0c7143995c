"""How many calls the server still allows, as its answers tell: who has none left for a kind of call waits, and does not ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from typing import Final
from urllib.parse import urlsplit

LONGEST: Final = 3 * 3600.0
"""Seconds that are waited at most: the longest period over which a server of today counts."""


class Kind(Enum):
    """What a server counts apart from the rest."""

    POSTS = auto()
    MEDIA = auto()
    DELETES = auto()
    REST = auto()


def kind_of(method: str, url: str) -> Kind | None:
    """The kind of a call; None for what is no call of the API (a file)."""
    path = urlsplit(url).path
    if not path.startswith("/api/"):
        return None
    if method == "POST" and path.endswith("/media"):
        return Kind.MEDIA
    if path.startswith("/api/v1/statuses") and method in ("POST", "PUT", "DELETE"):
        return Kind.DELETES if method == "DELETE" else Kind.POSTS
    return Kind.REST


class Pace:
    """What is left of each kind. Used from several threads. `clock` is `time.monotonic`, `now` the time of day (seconds)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._shut_until: dict[Kind, float] = {}

    def wait(self, kind: Kind | None) -> float:
        """Seconds until the next call of this kind may be made; 0 for now."""
        with self._lock:
            return max(0.0, self._shut_until.get(kind, 0.0) - self._clock()) if kind else 0.0

    def heard(self, kind: Kind | None, status: int, headers: Mapping[str, str]) -> float | None:
        """An answer came; the seconds that it asks us to wait, if it does."""
        after = seconds_of(headers.get("Retry-After", ""), headers.get("Date", ""), self._now())
        reset = seconds_of(headers.get("X-RateLimit-Reset", ""), headers.get("Date", ""), self._now())
        used_up = headers.get("X-RateLimit-Remaining", "").strip() == "0"
        if after is None and status == 429:
            after = reset
        with self._lock:
            if kind and used_up and reset:
                self._shut_until[kind] = self._clock() + reset
            elif kind and used_up is False and status != 429:
                self._shut_until.pop(kind, None)
        return after


def seconds_of(words: str, date: str, now: float) -> float | None:
    """How long until the moment that a header names: as seconds, a number of seconds since 1970, an HTTP date or an ISO time.

    Moments are taken by the server's own clock where it tells (`date`), and never for longer than `LONGEST`.
    """
    words = words.strip()
    if not words:
        return None
    try:
        number = float(words) if words.replace(".", "", 1).isdigit() else _moment(words)
        if number > 1_000_000_000:  # no period, but a moment
            number -= _moment(date) if date else now
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, number), LONGEST)


def _moment(words: str) -> float:
    """An HTTP date or ISO time as seconds since 1970. Raises `ValueError`."""
    try:
        at = datetime.fromisoformat(words)
    except ValueError:
        at = parsedate_to_datetime(words)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
