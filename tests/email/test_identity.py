"""Who wrote a mail: one From line with one address, and what our own receiving server says about it."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from dataclasses import replace

import dkim
import pytest

from adapters.email.parse import parse, raws
from adapters.email.proving import prove, sign
from adapters.email.sandbox import EmailSandbox
from bridge.errors import Unparsable
from bridge.post import Created
from tests.email.support import HOME, NOW, adapter_for, mail, parsed, raw

CHECKED = replace(HOME, authserv="mx.bridge.example")


@pytest.mark.parametrize(
    ("sender", "address", "name"),
    [
        ("lynn@example.org", "lynn@example.org", "lynn"),
        ("<Lynn@Example.org>", "lynn@example.org", "lynn"),
        ("lynn@example.org (Lynn)", "lynn@example.org", "Lynn"),
        ("lynn@example.org <lynn@example.org>", "lynn@example.org", "lynn"),
        ("Doe, Lynn <lynn@example.org>", "lynn@example.org", None),
        ('"karl@example.net (x" <lynn@example.org>', "lynn@example.org", "karl"),
        ('"karl@example.net, " <lynn@example.org>', "lynn@example.org", "karl"),
        ("=?utf-8?q?karl@example.net?= <lynn@example.org>", "lynn@example.org", "karl"),
        ("Lynn (<karl@example.net>) <lynn@example.org>", "lynn@example.org", None),
    ],
)
def test_the_one_address_of_the_from_line_is_the_author(sender: str, address: str, name: str | None) -> None:
    author = parsed(mail(sender=sender)).author
    assert (author.user, author.handles) == (address, (address,))
    assert name is None or author.name == name


@pytest.mark.parametrize(
    "sender",
    [
        "",
        "Lynn",
        "lynn@example.org, karl@example.net",
        "lynn@example.org, lynn@example.org",
        "Lynn <lynn@example.org>, Karl <karl@example.net>",
        "Lynn <lynn@example.org> <karl@example.net>",
        "lynn@example.org <karl@example.net>",
        "Team: lynn@example.org;",
        "Lynn <lynn@example.org",
        "lynn@example.org@example.net",
        "<@example.net:lynn@example.org>",
        "=?utf-8?q?Lynn_=3Clynn=40example=2Eorg=3E?=",
        '(") <karl@example.net> (") <lynn@example.org>',
        '"=?a?q?"<karl@example.net>"?=" <lynn@example.org>',
        "x" * 5_000 + " <lynn@example.org>",
    ],
)
def test_a_from_line_without_exactly_one_address_is_held(sender: str) -> None:
    with pytest.raises(Unparsable, match="one From line"):
        parsed(mail("Hello", "Sender: karl@example.net", "Reply-To: karl@example.net", sender=sender))


@pytest.mark.parametrize("second", ["From: karl@example.net", "From : karl@example.net", "FROM: lynn@example.org"])
def test_two_from_lines_are_held(second: str) -> None:
    with pytest.raises(Unparsable, match="one From line"):
        parsed(mail("Hello", second))


@pytest.mark.parametrize("field", ["Sender", "Reply-To", "Return-Path", "Resent-From"])
def test_no_other_field_says_who_wrote_it(field: str) -> None:
    body = f"{field}: <lynn@example.org>\r\nTo: all-hands@bridge.example\r\n\r\nHello".encode()
    with pytest.raises(Unparsable, match="one From line"):
        parsed(body)


def results(*written: str) -> bytes:
    return mail("Hello", *(f"Authentication-Results: {value}" for value in written))


@pytest.mark.scenario("J06")
@pytest.mark.parametrize(
    "written",
    [
        ("mx.bridge.example; dmarc=fail (p=none) header.from=example.org",),
        ("MX.bridge.example 1; spf=pass smtp.mailfrom=evil.example; dkim=pass header.d=evil.example;\r\n dmarc = Fail",),
        ("mx.bridge.example; spf=fail smtp.mailfrom=example.org; dkim=none",),
        ("mx.bridge.example; spf=fail", "mx.bridge.example; dkim=pass header.d=example.org; dmarc=pass"),
        ("elsewhere.example; dmarc=pass", "mx.bridge.example; dmarc=fail"),
        ('mx.bridge.example; spf=fail reason="x; dkim=pass header.d=example.org"; dkim=fail (; dkim=pass)',),
        ("mx.bridge.example; dkim=pass header.d=evil.example; spf=pass smtp.mailfrom=lynn@evil.example",),
        ("mx.bridge.example; dkim=pass header.d=evilexample.org",),
        ("mx.bridge.example; dkim=pass header.d=org",),
        ("mx.bridge.example; dkim=pass header.d=mail.example.org",),
        ("elsewhere.example; dmarc=pass",),
        ("mx.bridge.example.evil.example; dmarc=pass",),
        ("mx.bridge.example; none",),
        ("; ; =",),
        ("",),
        (),
    ],
)
def test_a_mail_whose_sender_our_server_does_not_prove_is_in_doubt(written: tuple[str, ...]) -> None:
    (found,) = raws(results(*written), CHECKED, NOW)
    (event,) = parse(found, CHECKED)
    assert isinstance(event, Created)
    assert event.post.doubt


@pytest.mark.parametrize(
    "written",
    [
        ("mx.bridge.example; dmarc=pass; spf=softfail",),
        ("mx.bridge.example; spf=fail; dkim=fail; dkim=pass header.d=example.org",),
        ("mx.bridge.example; dkim=pass header.i=@example.org header.s=x",),
        ("mx.bridge.example; spf=pass smtp.mailfrom=lynn@example.org",),
        ("mx.bridge.example; dmarc=pass", "mx.bridge.example; dmarc=fail"),
        ('mx.bridge.example; dmarc=pass reason="; dmarc=fail"',),
    ],
)
def test_what_our_server_proves_is_in_no_doubt(written: tuple[str, ...]) -> None:
    (found,) = raws(results(*written), CHECKED, NOW)
    (event,) = parse(found, CHECKED)
    assert isinstance(event, Created)
    assert not event.post.doubt


async def test_the_settings_say_whose_findings_count() -> None:
    async with EmailSandbox() as sandbox:
        forged = raw(results("mx.bridge.example; dmarc=pass"))
        for changes, doubtful in (
            ({"trusted_authserv": "MX.bridge.example"}, False),
            ({"trusted_authserv": "other.example"}, True),
            ({"trusted_authserv": None, "check_senders": False}, False),
        ):
            (event,) = (await adapter_for(sandbox, **changes)).parse(forged)
            assert isinstance(event, Created)
            assert bool(event.post.doubt) is doubtful


# ---------------------------------------------------------------- looking ourselves


@pytest.fixture(scope="module")
def key() -> tuple[str, bytes]:
    """A private key as PEM, and what the name server says of it."""
    made = subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True, text=True, timeout=60).stdout
    public = subprocess.run(
        ["openssl", "rsa", "-pubout", "-outform", "DER"], input=made.encode(), capture_output=True, check=True, timeout=60
    ).stdout
    return made, b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)


def published(record: bytes) -> Callable[..., bytes]:
    def answer(name: bytes | str, timeout: int = 5) -> bytes | str:
        return record if isinstance(name, bytes) else record.decode()

    return answer


def test_a_signature_of_the_from_lines_domain_proves_it(key: tuple[str, bytes]) -> None:
    private, record = key
    signed = sign(mail("Hello\n", "Subject: x"), "s", "example.org", private)
    assert prove(signed, published(record)) == "pass"
    assert prove(signed.replace(b"Hello", b"Jello"), published(record)) == "none"
    assert prove(signed, published(b"v=DKIM1; p=")) == "none"
    assert prove(mail("Hello"), published(record)) == "none"


def test_another_domains_signature_or_one_over_a_part_proves_nothing(key: tuple[str, bytes]) -> None:
    private, record = key
    assert prove(sign(mail("Hello\n"), "s", "evil.example", private), published(record)) == "none"
    partly = dkim.sign(mail("Hello\n"), b"s", b"example.org", private.encode(), length=True) + mail("Hello\n")
    assert prove(partly + b"and more\r\n", published(record)) == "none"


@pytest.mark.parametrize("found", ["pass", "none"])
def test_what_we_found_ourselves_decides_where_no_server_says_it(found: str) -> None:
    (taken,) = raws(mail(), HOME, NOW, None, found)
    (event,) = parse(taken, replace(HOME, check_senders=True))
    assert isinstance(event, Created)
    assert bool(event.post.doubt) is (found != "pass")
