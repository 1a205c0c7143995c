"""Mail that came back: which copy, and whether for good. It never becomes a post and is never answered."""

from __future__ import annotations

import re
from email import message_from_bytes
from typing import Final

from flufl.bounce import scan_message

from adapters.email.addresses import Home
from adapters.email.headers import item_id, mail_of_digest
from adapters.email.mime import Mail, embedded
from bridge.post import NativeId, Raw, Ref, Undelivered

_LARGEST: Final = 200_000
_ID = re.compile(rb"^message-id:[ \t]*\r?\n?[ \t]*<((?:d\.)?[a-z0-9]{20,40})@([a-z0-9.-]{1,253})>", re.IGNORECASE | re.MULTILINE)
_SAID = re.compile(rb"^(?:diagnostic-code|status):[ \t]*([^\r\n]{1,200})", re.IGNORECASE | re.MULTILINE)
_LATER = re.compile(rb"^action:[ \t]*(delayed|delivered|relayed|expanded)", re.IGNORECASE | re.MULTILINE)
_FAILED = re.compile(rb"^action:[ \t]*failed", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"\S{1,64}@\S{1,255}")


def undelivered(mail: Mail, raw: Raw, home: Home) -> Undelivered | None:
    """The copy that did not reach its reader for good; None where that can't be told, or may still change.

    Whose it was is told by the address it came back to, which we made for that copy, else by its Message-ID in the report.
    """
    body = embedded(raw.body)
    ticket = home.ticket_in("b", raw.hints.get("to", ""), raw.at)
    name = f"{ticket.id}@{home.host}" if ticket else _returned(body, home)
    if name is None or not _is_final(mail, raw.body, body):
        return None
    said = next(iter(_SAID.findall(body)), b"").decode("utf-8", "replace")
    why = " ".join(_ADDRESS.sub("the reader", said).split())[:120] or "no reason given"
    return Undelivered(Ref(home.place(""), NativeId(name)), why, raw.at)


def came_back(raw: Raw, home: Home) -> bool:
    """Whether it came to an address for what comes back, whatever it says it is."""
    return home.ticket_in("b", raw.hints.get("to", ""), raw.at) is not None


def _returned(body: bytes, home: Home) -> str | None:
    for name, host in _ID.findall(body):
        if host.decode().lower() == home.host:
            native = f"{name.decode().lower()}@{home.host}"
            digest = mail_of_digest(native, home)
            return item_id(digest, 1, home) if digest else native  # a digest stands for none of its posts: its first one does
    return None


def _is_final(mail: Mail, whole: bytes, body: bytes) -> bool:
    if _FAILED.search(body):
        return True
    if _LATER.search(body):
        return False
    try:
        temporary, permanent = scan_message(message_from_bytes(whole[:_LARGEST]))
    except Exception:  # noqa: BLE001 - it stumbles over odd mail in many ways; then only the report's own words count
        return mail.mime == "multipart/report"
    return bool(permanent) or (not temporary and mail.mime == "multipart/report")
