"""Tree → the plain text a Mastodon status is made of: harmless to whoever it names, and measured as the server does."""

from __future__ import annotations

import re
from typing import Final

from bridge.contract import Limits
from bridge.text import Text, plain

ZERO_WIDTH: Final = "\u200b"

_ADDRESS: Final = r"(?P<address>\b[A-Za-z][A-Za-z0-9+.-]*://[^\s<>\"]+)"
# The server reads `@name` as a mention wherever no word character stands before it (older ones also except a slash or
# an equals sign, which is why those get no mercy here): a superset of every version's expression is what is safe.
_MENTION: Final = r"(?<!\w)@(?=\w)"
_RISKY: Final = re.compile(f"{_ADDRESS}|(?P<mention>{_MENTION})")
# Servers look for mentions inside addresses too, but never after a slash: the address of a profile stays as it is.
_MENTION_IN_ADDRESS: Final = re.compile(r"(?<![\w/])@(?=\w)")

# What a server surely takes for a link, so that it counts as a fixed number of characters. Stricter than the real rule:
# what we don't recognise is counted in full, so a part can only come out shorter than it might be.
_TOP_LEVEL: Final = r"(?:[a-z]{2}|com|org|net|edu|gov|mil|int|info|biz|name|app|dev|blog|social|online|site|cloud)"
_COUNTED_LINK: Final = re.compile(
    rf"(?<![\w@$#./-])https?://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+{_TOP_LEVEL}(?![\w.-])(?::\d+)?"
    r"(?:/(?:[A-Za-z0-9!*';:,.$%+~@/=_#&?-]*[A-Za-z0-9=_/#&+-])?)?",
    re.IGNORECASE | re.ASCII,
)

# What no server takes for a link, and so counts in full: hosts without a top-level domain that the public has.
_PRIVATE_TOP_LEVEL: Final = "(?:corp|example|home|internal|intranet|invalid|lan|local|localdomain|localhost|private|test)"
_PRIVATE_ADDRESS: Final = re.compile(
    rf"[a-z][a-z0-9+.-]*://(?:[^/?#@\s]*@)?(?:\[|(?:[^./?#:\s]+|[\d.]+|[^/?#:\s]*\.{_PRIVATE_TOP_LEVEL})(?=[:/?#]|$))",
    re.IGNORECASE,
)


def write_text(text: Text) -> str:
    """The tree as a status: plain words, "> " before quotes, "- " before items, each address once; mentions nobody."""
    return neutralise(plain(text))


def neutralise(source: str) -> str:
    """The text with every `@name` that a server would read as a mention made harmless; e-mail addresses stay as they are.

    A mention in a followers-only post lets the mentioned account read it. In an address the sign is percent-encoded,
    which leads to the same page; elsewhere an invisible space parts it from the name.
    """
    return _RISKY.sub(_harmless, source)


def _harmless(found: re.Match[str]) -> str:
    address: str | None = found["address"]
    if address is None:
        return "@" + ZERO_WIDTH
    return _MENTION_IN_ADDRESS.sub("%40", address)


def length(source: str, limits: Limits) -> int:
    """How many characters the server counts, at most: links as `limits.per_link` each, where that is set."""
    if limits.per_link is None:
        return len(source)
    links = [len(found.group()) for found in _COUNTED_LINK.finditer(source)]
    return len(source) - sum(links) + limits.per_link * len(links)


def shortened(status: str, room: int, limits: Limits) -> str:
    """The status; where it is too long for an address that the server surely counts in full, only the address's beginning.

    Any other that seems too long the server may know for a link, and take.
    """
    if length(status, limits) <= room or not _PRIVATE_ADDRESS.search(status):
        return status
    return status[: room - 1].rstrip() + "…"
