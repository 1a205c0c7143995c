"""An invitation in a mail, as a line to read."""

from __future__ import annotations

import re

_CALENDAR = re.compile(r"^(SUMMARY|DTSTART|DTEND|LOCATION|METHOD)(?:;[^:\n]{0,200})?:([^\n]{0,500})$", re.MULTILINE)


def invitation(calendar: str) -> str:
    """A calendar's event as a line to read: what, when, where. Empty where it says none of it."""
    unfolded = calendar[:100_000].replace("\n ", "").replace("\n\t", "")
    event = unfolded.partition("BEGIN:VEVENT")[2] or unfolded
    found: dict[str, str] = {}
    for name, value in _CALENDAR.findall(event):
        found.setdefault(name, value.replace("\\,", ",").replace("\\;", ";").replace("\\n", " ").strip())
    when = " \N{EN DASH} ".join(_moment(found[name]) for name in ("DTSTART", "DTEND") if name in found)
    said = ", ".join(filter(None, (found.get("SUMMARY"), when, found.get("LOCATION"))))
    return f"\N{SPIRAL CALENDAR PAD}\ufe0f {said}" if said else ""


def _moment(value: str) -> str:
    match = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?", value)
    if match is None:
        return value[:40]
    year, month, day, hour, minute, utc = match.groups()
    return f"{year}-{month}-{day}" + (f" {hour}:{minute}{' UTC' if utc else ''}" if hour else "")
