"""Looking ourselves whether a mail is signed by the domain of its From line (DKIM), where no server in front does it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import dkim

from adapters.email.addresses import addresses_in
from adapters.email.identity import author_of, is_aligned
from adapters.email.mime import read_fields
from bridge.errors import Unparsable

DNS_SECONDS: Final = 4
_MOST_SIGNATURES: Final = 4
_LARGEST: Final = 26_214_400


def prove(body: bytes, dnsfunc: Callable[..., Any] | None = None) -> str:
    """`pass` where a signature of the From line's domain (or one above it) fits, `none` otherwise. Asks DNS. Never raises.

    A signature over a part of the body only (`l=`) proves nothing, as anybody could have written the rest.
    """
    try:
        mail = read_fields(body)
    except Unparsable:
        return "none"
    author = author_of(mail)
    signatures = mail.all("dkim-signature")[:_MOST_SIGNATURES]
    if author is None or len(body) > _LARGEST:
        return "none"
    domain = addresses_in(author[1])[0].rpartition("@")[2]
    for number, signature in enumerate(signatures):
        tags = dict(tag.strip().partition("=")[::2] for tag in signature.replace(" ", "").split(";"))
        if is_aligned(tags.get("d", "").lower(), domain) and "l" not in tags and _fits(body, number, dnsfunc):
            return "pass"
    return "none"


def _fits(body: bytes, number: int, dnsfunc: Callable[..., Any] | None) -> bool:
    wire = body if b"\r\n" in body[:2000] else body.replace(b"\n", b"\r\n")
    try:
        signed = dkim.DKIM(wire, timeout=DNS_SECONDS, minkey=1024)
        return bool(signed.verify(idx=number, dnsfunc=dnsfunc) if dnsfunc else signed.verify(idx=number))
    except Exception:  # noqa: BLE001 - hostile signatures and absent name servers raise all kinds of things
        return False


def sign(mail: bytes, selector: str, domain: str, key: str) -> bytes:
    """The mail, signed over its body and the fields that people and robots go by. Raises `ValueError` for a useless key."""
    try:
        signature: bytes = dkim.sign(mail, selector.encode(), domain.encode(), key.encode(), include_headers=_SIGNED)
    except (dkim.DKIMException, ValueError, TypeError) as problem:
        raise ValueError("the key cannot sign") from problem
    return signature + mail


_SIGNED: Final = [
    name.encode()
    for name in (
        "from", "to", "subject", "date", "message-id", "in-reply-to", "references", "reply-to", "mime-version", "content-type",
        "list-id", "list-post", "list-unsubscribe", "list-unsubscribe-post", "auto-submitted",
    )
]  # fmt: skip
