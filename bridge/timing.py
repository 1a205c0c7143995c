"""Times of day in people's own zones, safe where clocks are put forward and back. Pure; moments are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_DAY = timedelta(days=1)
MONDAY = 0


def next_at(at: time, zone: str, now: float, *, weekday: int | None = None) -> float:
    """The next moment after `now` at which a clock in the zone shows `at`, on that day of the week if one is given.

    A time that clocks skip in spring comes as much later as they are put forward; of one that they show twice in autumn
    the first counts.
    """
    return next(moment for moment, day in _moments(at, zone, now) if moment > now and weekday in (None, day))


def _moments(at: time, zone: str, now: float) -> Iterator[tuple[float, int]]:
    """When clocks in the zone show `at`, from the day before `now` on, with the day of the week."""
    day = datetime.fromtimestamp(now, ZoneInfo(zone)).date() - _DAY
    while True:
        yield datetime.combine(day, at, ZoneInfo(zone)).timestamp(), day.weekday()
        day += _DAY


def at_date(day: date, at: time, zone: str) -> float:
    """When a clock in the zone shows `at` on that day."""
    return datetime.combine(day, at, ZoneInfo(zone)).timestamp()


def next_hour(zone: str, now: float) -> float:
    """The next full hour on the zone's clocks: some are half an hour off."""
    local = datetime.fromtimestamp(now, ZoneInfo(zone))
    past = local.minute * 60 + local.second + local.microsecond / 1e6
    return now + 3600 - past


def day_of(zone: str, now: float) -> str:
    """The date on the zone's calendars: 2026-11-25."""
    return datetime.fromtimestamp(now, ZoneInfo(zone)).date().isoformat()


def quiet_until(quiet: tuple[time, time] | None, zone: str, now: float) -> float | None:
    """When the quiet that holds at `now` ends; None where none holds."""
    if quiet is None:
        return None
    begins, ends = quiet
    ended = next_at(ends, zone, now)
    return ended if next_at(begins, zone, now) > ended else None
