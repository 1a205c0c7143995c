"""Who wrote a mail, as far as its fields can be believed. It knows nothing of groups or posts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from adapters.email.addresses import is_address
from adapters.email.mime import Mail, mailboxes, words

_LONGEST: Final = 4_000  # characters of a field that are looked at; no honest one is longer
# Read from left to right in one go, as a quote inside a comment is no quote and a bracket inside quotes no comment.
_ASIDE = re.compile(r'"(?:[^"\\]|\\.)*"|\((?:[^()\\]|\\.)*\)')
_ENCODED = re.compile(r'=\?[^?\s"<>(),]{1,60}\?[BbQq]\?[^?\s"<>(),]*\?=')
_ANGLED = re.compile(r"<([^<>]*)>")
_PROPERTY = re.compile(r"([a-z]+\.[a-z]+)\s*=\s*(\S{1,300})")
_ABOUT: Final = {"dkim": ("header.d", "header.i"), "spf": ("smtp.mailfrom", "smtp.from")}
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


def doubt_about(mail: Mail, address: str, authserv: str | None, checked: str | None) -> str:
    """Why the mail may be somebody else's than its From line says, for people; empty where something proves it.

    `authserv` is the name of our own receiving server, of which only the topmost field counts: a server writes above what
    came with the mail, and anybody can have written what is below. Without one, `checked` is what we found ourselves (`pass`
    or not); None where nobody looks, and the line is believed.
    """
    if authserv is None:
        return "" if checked in (None, "pass") else "No signature of its From line's domain fits."
    for field in mail.all("authentication-results"):
        server, *results = _ASIDE.sub(" ", field).lower().split(";")
        if server.split()[:1] == [authserv]:
            return _doubt_in([found for result in results if (found := _finding(result))], address.rpartition("@")[2])
    return "Our mail server has not said whether the From line is true."


@dataclass(frozen=True, slots=True)
class _Finding:
    """One result: by which method, which verdict, about which domain."""

    method: str
    verdict: str
    domain: str


def _finding(result: str) -> _Finding | None:
    match = _RESULT.match(result)
    if match is None:
        return None
    properties = dict(_PROPERTY.findall(result[match.end() :]))
    named = next((properties[name] for name in _ABOUT.get(match[1], ()) if name in properties), "")
    return _Finding(match[1], match[2], named.strip('"').rpartition("@")[2])


def _doubt_in(findings: Sequence[_Finding], domain: str) -> str:
    verdicts = {(each.method, each.verdict) for each in findings}
    if ("dmarc", "fail") in verdicts:
        return "Our mail server found that its From line is untrue (DMARC)."
    if ("dmarc", "pass") in verdicts:
        return ""
    if any(each.verdict == "pass" and is_aligned(each.domain, domain) for each in findings):
        return ""
    return "Our mail server found nothing that proves its From line."


def is_aligned(proved: str, domain: str) -> bool:
    """Whether what was proved of one domain holds for another: the same, or one above it that somebody can own."""
    return bool(proved) and (proved == domain or ("." in proved and domain.endswith(f".{proved}")))
