"""What the world's name service says of the domain that mails come from: SPF, DKIM, DMARC, and where its own mail goes."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Final

import dkim
import dns.exception
import dns.resolver
from dkim.crypto import UnparsableKeyError, parse_pem_private_key, parse_public_key

from adapters.email.settings import Settings
from bridge.contract import Checked, Level

Ask = Callable[[str, str], tuple[str, ...] | None]
"""The records of a kind at a name, as text; none, or None where nobody could be asked. Blocks."""

SECONDS: Final = 5.0
_EXAMPLES: Final = frozenset({"example.com", "example.net", "example.org"})
_NOWHERE: Final = frozenset({"example", "test", "invalid", "localhost", "local", "lan", "internal", "home"})
"""Names that are not in the world's name service (RFC 2606, RFC 6762)."""


def ask_dns(name: str, kind: str) -> tuple[str, ...] | None:
    """As `Ask`, over the network."""
    try:
        found = dns.resolver.resolve(name, kind, lifetime=SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except (dns.exception.DNSException, OSError):
        return None
    return tuple(record.to_text().replace('" "', "").strip('"') for record in found)


def hints(host: str, settings: Settings, ask: Ask = ask_dns) -> tuple[Checked, ...]:
    """What should be mended at the name service, each with the record to publish."""
    labels = host.lower().split(".")
    if labels[-1] in _NOWHERE or ".".join(labels[-2:]) in _EXAMPLES:
        return ()
    return tuple(found for found in (*_all(host, settings, ask),) if found is not None)


def _all(host: str, settings: Settings, ask: Ask) -> Iterator[Checked | None]:
    if settings.domain:
        yield _mx(host, ask)
    yield _spf(host, ask)
    if settings.dkim_key:
        yield _dkim(host, settings.dkim_selector, settings.dkim_key.get_secret_value(), ask)
    yield _dmarc(host, ask)


def _unasked(what: str) -> Checked:
    return Checked(Level.WARNING, f"{what}: the name service did not answer", "Try again later; it changes nothing here.")


def _mx(host: str, ask: Ask) -> Checked:
    found = ask(host, "MX")
    if found is None:
        return _unasked(f"MX of {host}")
    if not found:
        cure = f"Publish an MX record at {host} that names the server in front of `listen`; else no answer finds its way."
        return Checked(Level.ERROR, f"mail for {host}: no MX record", cure)
    return Checked(Level.OK, f"mail for {host} goes to {', '.join(sorted(each.split()[-1].rstrip('.') for each in found))}")


def _spf(host: str, ask: Ask) -> Checked:
    found = ask(host, "TXT")
    if found is None:
        return _unasked(f"SPF of {host}")
    records = [each for each in found if each.lower().startswith("v=spf1")]
    if len(records) == 1:
        return Checked(Level.OK, f"SPF of {host}")
    if records:
        return Checked(Level.ERROR, f"SPF of {host}: {len(records)} records", "Join them into one: else none of them counts.")
    cure = f'Publish a TXT record at {host}: "v=spf1 … -all", with what the operator of your `smtp` server names between.'
    return Checked(Level.WARNING, f"SPF of {host}: none, so many providers take its mail for spam", cure)


def _dkim(host: str, selector: str, key: str, ask: Ask) -> Checked:
    name = f"{selector}._domainkey.{host}"
    found = ask(name, "TXT")
    if found is None:
        return _unasked(f"DKIM key at {name}")
    publish = f'Publish a TXT record at {name}: "v=DKIM1; k=rsa; p=…", p being what `openssl rsa -pubout` makes of `dkim_key`.'
    if not found:
        return Checked(Level.ERROR, f"DKIM key at {name}: none, so no signature of ours can be checked", publish)
    if not any(_belongs(each, key) for each in found):
        return Checked(Level.ERROR, f"DKIM key at {name}: it is not that of `dkim_key`, so every signature fails", publish)
    return Checked(Level.OK, f"DKIM key at {name}")


def _belongs(record: str, key: str) -> bool:
    tags = dict(tag.strip().partition("=")[::2] for tag in record.replace(" ", "").split(";"))
    try:
        public = parse_public_key(base64.b64decode(tags.get("p", "")))
        return bool(public["modulus"] == parse_pem_private_key(key.encode())["modulus"])
    except (UnparsableKeyError, ValueError, dkim.DKIMException):
        return False


def _dmarc(host: str, ask: Ask) -> Checked:
    labels = host.split(".")
    for start in range(max(1, len(labels) - 1)):
        found = ask(f"_dmarc.{'.'.join(labels[start:])}", "TXT")
        if found is None:
            return _unasked(f"DMARC of {host}")
        if any(each.lower().startswith("v=dmarc1") for each in found):
            return Checked(Level.OK, f"DMARC of {host}")
    cure = f'Publish a TXT record at _dmarc.{host}: "v=DMARC1; p=none" to begin with, "p=quarantine" once all its mail is signed.'
    return Checked(Level.WARNING, f"DMARC of {host}: none, so anybody can write in its name", cure)
