"""Whether Slack itself sent a request. Pure; junk of any kind is simply not signed, it never raises."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

WINDOW: Final = 300
"""Seconds that a request's time may lie before or after ours, as Slack asks for (replays)."""


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature Slack would send: `v0=` and an HMAC-SHA256 in hex."""
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def is_signed(secret: str, timestamp: str, signature: str, body: bytes, now: float) -> bool:
    """Whether `signature` is Slack's over `timestamp` and `body`, made within the window around `now` (seconds since 1970)."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        return False
    if not secret or abs(now - int(timestamp)) > WINDOW:
        return False
    # as bytes: compare_digest refuses non-ASCII text with an exception
    return hmac.compare_digest(sign(secret, timestamp, body).encode(), signature.encode("utf-8", "replace"))
