"""Who wrote a mail, as far as its fields can be believed. It knows nothing of groups or posts."""

from __future__ import annotations

import re
from typing import Final

from adapters.email.addresses import is_address
from adapters.email.mime import Mail, mailboxes, words

_LONGEST: Final = 4_000  # characters of a field that are looked at; no honest one is longer
# Read from left to right in one go, as a quote inside a comment is no quote and a bracket inside quotes no comment.
_ASIDE = re.compile(r'"(?:[^"\\]|\\.)*"|\((?:[^()\\]|\\.)*\)')
_ENCODED = re.compile(r'=\?[^?\s"<>(),]{1,60}\?[BbQq]\?[^?\s"<>(),]*\?=')
_ANGLED = re.compile(r"<([^<>]*)>")
_RESULT = re.compile(r"\s*([a-z0-9-]+)\s*(?:/\s*\d+\s*)?=\s*([a-z]+)")


def author_of(mail: Mail) -> tuple[str, str] | None:
    """Display name and address of its writer; None unless one single From field names one single mailbox.

    Other fields never count: whoever checks senders checks this one (RFC 7489 §6.6.1 gives up on more than one, too).
    """
    written = mail.all("from")
    if len(written) != 1 or len(written[0]) > _LONGEST:
        return None
    address = _only_mailbox(written[0])
    if address is None:
        return None
    name = next((name for name, found in mailboxes(written[0]) if found.lower() == address), "")
    return words(name or written[0].partition("<")[0].strip(' "')), address


def _only_mailbox(value: str) -> str | None:
    """The one address in a From field, lower-case. Encoded words are not decoded for it: no address may hide there."""
    bare = _ENCODED.sub(" ", _ASIDE.sub(" ", value)).lower()
    angled, around = _ANGLED.findall(bare), _ANGLED.sub(" ", bare)
    if len(angled) > 1 or set(around) & set('"()\\<>:;'):
        return None
    address = (angled[0] if angled else around).strip()
    beside = {word for word in around.split() if "@" in word}
    return address if is_address(address) and beside <= {address} else None


def is_disproved(mail: Mail, authserv: str) -> bool:
    """Whether the receiving server that signs as `authserv` found the From line to be untrue.

    Only its topmost field counts: a server writes above what came with the mail, and anybody can have written what is below.
    """
    for field in mail.all("authentication-results"):
        server, *results = _ASIDE.sub(" ", field).lower().split(";")
        if server.split()[:1] == [authserv]:
            found = {match.groups() for result in results if (match := _RESULT.match(result))}
            return ("dmarc", "fail") in found or (("spf", "fail") in found and ("dkim", "pass") not in found)
    return False
