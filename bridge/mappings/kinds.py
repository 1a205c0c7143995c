"""The kinds of values in the mapping file: how each is written, and what is wrong with it, in words."""

from __future__ import annotations

import re
from datetime import time, timedelta
from typing import Annotated, Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from bridge.mappings.problems import nearest

UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LONGEST: Final = timedelta(days=3650)
PLACEHOLDERS: Final = ("author", "initials", "text")


def duration(value: object) -> timedelta:
    """`48h`, `30m`, `60s` or `7d` as a time span. Raises a pydantic error in words."""
    match = re.fullmatch(r"(\d{1,9})([smhd])", value) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("duration", "must be a number with its unit: 60s, 30m, 48h or 7d")
    span = timedelta(**{UNITS[match[2]]: int(match[1])})
    if span > LONGEST:
        raise PydanticCustomError("duration", "must be at most 3650d")
    return span


def positive(span: timedelta) -> timedelta:
    if not span:
        raise PydanticCustomError("duration", "must be more than nothing, such as 24h")
    return span


def web_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname) and not (parts.query or parts.fragment)
    except ValueError:
        good = False
    if not good or re.search(r"\s", value):
        raise PydanticCustomError("url", "must be an address such as https://bridge.example")
    return value.rstrip("/")


def template(value: str) -> str:
    for name in re.findall(r"\{([^{}]*)\}", value):
        if name not in PLACEHOLDERS:
            meant = nearest(name, PLACEHOLDERS)
            raise PydanticCustomError(
                "via",
                "knows {author}, {initials} and {text}, not {unknown}{hint}",
                {"unknown": f"{{{name}}}", "hint": f"; did you mean {{{meant}}}?" if meant else "", **_THEMSELVES},
            )
    if value.count("{text}") != 1:
        raise PydanticCustomError("via", "must hold {text} once, where the post's words go", _THEMSELVES)
    return value


_THEMSELVES: Final[dict[str, object]] = {name: f"{{{name}}}" for name in PLACEHOLDERS}


def way(value: str) -> str:
    if value in ("direct", "mention"):
        return value
    if not re.fullmatch(r"#\w+", value):
        meant = nearest(value, ("direct", "mention"))
        cure = f'; did you mean "{meant}"?' if meant else ""
        raise PydanticCustomError("way", 'must be direct, mention or a hashtag such as "#all"{cure}', {"cure": cure})
    return value.lower()


def budget_of(value: str) -> tuple[int | None, timedelta]:
    """`30/m` as how many in which time; None for `off`. Raises a pydantic error in words."""
    if value == "off":
        return None, timedelta(hours=1)
    match = re.fullmatch(r"([1-9]\d{0,8})/([smhd])", value)
    if match is None:
        raise PydanticCustomError("budget", "must be a number per s, m, h or d, such as 30/m, or off")
    return int(match[1]), timedelta(**{UNITS[match[2]]: 1})


def budget(value: str) -> str:
    budget_of(value)
    return value


def clock(value: object) -> time:
    """`08:00` as a time of day. Raises a pydantic error in words."""
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value.strip()) if isinstance(value, str) else None
    if match is None:
        raise PydanticCustomError("clock", 'must be a time of day in quotes, from "00:00" to "23:59"')
    return time(int(match[1]), int(match[2]))


def quiet(value: object) -> tuple[time, time]:
    begins, dash, ends = value.partition("-") if isinstance(value, str) else ("", "", "")
    try:
        found = (clock(begins), clock(ends)) if dash else None
    except PydanticCustomError:
        found = None
    if found is None or found[0] == found[1]:
        raise PydanticCustomError("quiet", 'must be two different times of day in quotes: "22:00-07:00"')
    return found


def zone(value: str) -> str:
    try:
        return ZoneInfo(value).key
    except (KeyError, ValueError, OSError):  # a name with a slash at its start is a ValueError, a folder's an OSError
        meant = nearest(value, sorted(available_timezones()))
        cure = f'; did you mean "{meant}"?' if meant else ""
        raise PydanticCustomError("zone", "must be a time zone such as Europe/London{cure}", {"cure": cure}) from None


def listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def reader(value: object) -> object:
    if isinstance(value, str):
        return {"person": value}
    if not isinstance(value, dict):
        raise PydanticCustomError("reader", "must be a person, such as lee")
    return value


def hashtag(value: str) -> str:
    return "#" + value.lstrip("#").lower()


Words = Annotated[str, Field(min_length=1)]
Clock = Annotated[
    time, BeforeValidator(clock), WithJsonSchema({"type": "string", "pattern": r"^([01]?\d|2[0-3]):[0-5]\d$", "x-kind": "time"})
]
Quiet = Annotated[
    tuple[time, time],
    BeforeValidator(quiet),
    WithJsonSchema({"type": "string", "pattern": r"^\d?\d:\d\d ?- ?\d?\d:\d\d$", "x-kind": "two times"}),
]
Span = Annotated[
    timedelta,
    BeforeValidator(duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,9}[smhd]$", "examples": ["60s", "30m", "48h", "7d"]}),
]
PositiveSpan = Annotated[Span, AfterValidator(positive)]
Handles = Annotated[list[Words], BeforeValidator(listed, json_schema_input_type=str | list[str]), Field(min_length=1)]
