"""Signed names: ids that nobody can guess, answer and return addresses made for one reader, links to leave. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

Kind = Literal["r", "b"]
"""What a ticket is for: answering (`r`), or coming back (`b`)."""

KINDS: Final[tuple[Kind, ...]] = ("r", "b")
LENGTH: Final = 33
"""Characters of a ticket; so many are left for the rest of a local part, of which SMTP allows 64."""
LIFE: Final = timedelta(days=180)
_EPOCH: Final = date(2020, 1, 1)
_ID: Final = 12  # bytes
_DAY: Final = 2
_MAC: Final = 6


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a ticket was made for: the copy with this id (the local part of its Message-ID)."""

    id: str
    expired: bool


class Signer:
    """Signs with one secret. Its `repr` says nothing of it."""

    def __init__(self, secret: str) -> None:
        self._secret = hashlib.sha256(b"viabridge mail\0" + secret.encode()).digest()

    def id(self, key: str) -> str:
        """The id of what is sent under `key`: 20 characters, the same for every repeat."""
        return _text(self._mac("id", key.encode(), _ID))

    def ticket(self, kind: Kind, name: str, made: datetime) -> str:
        """A ticket for the copy with this id, lower-case base32, without anything that is lost where case is."""
        days = max(0, (made.astimezone(UTC).date() - _EPOCH).days) & 0xFFFF
        payload = _bytes(name) + days.to_bytes(_DAY, "big")
        return kind + _text(payload + self._mac(kind, payload, _MAC))

    def read(self, kind: Kind, ticket: str, now: datetime) -> Ticket | None:
        """What a ticket was made for; None where we never made it."""
        if len(ticket) != LENGTH or not ticket.startswith(kind):
            return None
        try:
            whole = _bytes(ticket[1:])
        except ValueError:
            return None
        payload, mac = whole[:-_MAC], whole[-_MAC:]
        if not hmac.compare_digest(mac, self._mac(kind, payload, _MAC)):
            return None
        made = _EPOCH + timedelta(days=int.from_bytes(payload[_ID:], "big"))
        return Ticket(_text(payload[:_ID]), expired=now.astimezone(UTC).date() - made > LIFE)

    def file(self, blob: str, name: str, until: date) -> str:
        """A word with which the file of this blob and name can be had until the end of that day."""
        payload = bytes.fromhex(blob) + (until - _EPOCH).days.to_bytes(_DAY, "big")
        return _text(payload + self._mac("file", payload + name.encode("utf-8", "replace"), 15))

    def filed(self, word: str, name: str, now: datetime) -> str | None:
        """The blob that a word of `file` is for; None where we never made it, or it is over."""
        whole = _bytes(word) if len(word) < 100 else b""
        payload, mac = whole[:-15], whole[-15:]
        if len(payload) <= _DAY or not hmac.compare_digest(mac, self._mac("file", payload + name.encode("utf-8", "replace"), 15)):
            return None
        until = _EPOCH + timedelta(days=int.from_bytes(payload[-_DAY:], "big"))
        return payload[:-_DAY].hex() if now.astimezone(UTC).date() <= until else None

    def leaving(self, group: str, reader: str) -> str:
        """A word that proves that it was given to this reader of the group: with it they can leave, and nothing else."""
        named = _text(f"{group}\0{reader}".encode())
        return f"{named}.{_text(self._mac('leave', named.encode(), 15))}"

    def leaver(self, word: str) -> tuple[str, str] | None:
        """The group and the reader whom `leaving` named; None where we never made the word."""
        named, _, mac = word.strip().lower().partition(".")
        if len(word) > 700 or not hmac.compare_digest(mac.encode(), _text(self._mac("leave", named.encode(), 15)).encode()):
            return None
        group, _, reader = _bytes(named).decode().partition("\0")
        return group, reader

    def _mac(self, purpose: str, payload: bytes, length: int) -> bytes:
        return hmac.digest(self._secret, purpose.encode() + b"\0" + payload, "sha256")[:length]


def _text(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def _bytes(text: str) -> bytes:
    """Raises `ValueError`."""
    return base64.b32decode(text.upper() + "=" * (-len(text) % 8))
