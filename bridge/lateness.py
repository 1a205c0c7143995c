"""What a late copy says of itself, so that nobody takes yesterday's news for today's. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_MINUTE_S, _HOUR_S = 60.0, 3600.0


def note(written_at: datetime, due_at: float, now: float, after: timedelta) -> str:
    """`(delayed 31 s) ` for a post that comes so late, `(written 2026-11-25 06:12 UTC) ` from an hour on; empty in time.

    `due_at` is when it was to go out, where that is later than when it was written: a wait that was asked for is no delay.
    Nothing counts as late where `after` is nothing.
    """
    late = now - max(written_at.timestamp(), due_at)
    if not after or late < after.total_seconds():
        return ""
    if late < 2 * _MINUTE_S:
        return f"(delayed {late:.0f} s) "
    if late < _HOUR_S:
        return f"(delayed {late / _MINUTE_S:.0f} min) "
    return f"(written {written_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC) "
