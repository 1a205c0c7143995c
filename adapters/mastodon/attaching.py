"""Which of a post's files go along with a status, and why the others are only named. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bridge.contract import FileLimits
from bridge.post import Media

_TOO_LARGE: Final = "too large for here"
_WRONG_KIND: Final = "not a kind that can be shown here"
_NOT_TOGETHER: Final = "cannot stand beside the others here"
_SHOWN: Final = frozenset({"image", "video", "audio"})


@dataclass(frozen=True, slots=True)
class Attached:
    """The files that go along, in their order, and a line for each that does not."""

    chosen: tuple[Media, ...]
    named: tuple[str, ...]


def attach(media: Sequence[Media], limits: FileLimits | None) -> Attached:
    """Choose what one status may carry: several pictures, or one video or sound alone; the first file that may go decides."""
    chosen: list[Media] = []
    named: list[str] = []
    for file in media:
        why = _why_not(file, chosen, limits)
        if limits is not None and file.blob and not why:
            chosen.append(file)
        else:
            named.append(_line(file, why))
    return Attached(tuple(chosen), tuple(named))


def _why_not(file: Media, chosen: Sequence[Media], limits: FileLimits | None) -> str:
    """Why the file cannot go along; empty where it can, or where nobody has looked."""
    if file.missing or limits is None:
        return file.missing
    if _kind(file) not in _SHOWN or (limits.mimes and file.mime not in limits.mimes):
        return _WRONG_KIND
    if not limits.take(file):
        return _TOO_LARGE
    if chosen and {_kind(file), _kind(chosen[0])} != {"image"}:
        return "only 1 fits" if _kind(file) == _kind(chosen[0]) else _NOT_TOGETHER
    if len(chosen) >= limits.count:
        return f"only {limits.count} fit{'s' if limits.count == 1 else ''}"
    return ""


def _kind(file: Media) -> str:
    return file.mime.partition("/")[0]


def _line(file: Media, why: str) -> str:
    return f"📎 {file.name}" + (f" ({file.alt})" if file.alt else "") + (f" \N{EN DASH} {why}" if why else "")
