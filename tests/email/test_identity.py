"""Who wrote a mail: one From line with one address, and what our own receiving server says about it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.email.parse import parse, raws
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


@pytest.mark.parametrize(
    "written",
    [
        ("mx.bridge.example; dmarc=fail (p=none) header.from=example.org",),
        ("MX.bridge.example 1; spf=pass smtp.mailfrom=evil.example; dkim=pass header.d=evil.example;\r\n dmarc = Fail",),
        ("mx.bridge.example; spf=fail smtp.mailfrom=example.org; dkim=none",),
        ("mx.bridge.example; spf=fail", "mx.bridge.example; dkim=pass; dmarc=pass"),
        ("elsewhere.example; dmarc=pass", "mx.bridge.example; dmarc=fail"),
        ('mx.bridge.example; spf=fail reason="x; dkim=pass"; dkim=fail (; dkim=pass)',),
    ],
)
def test_a_mail_whose_sender_our_server_disproved_is_held(written: tuple[str, ...]) -> None:
    (found,) = raws(results(*written), CHECKED, NOW)
    with pytest.raises(Unparsable, match="receiving server"):
        parse(found, CHECKED)
    assert isinstance(parse(found, HOME)[0], Created)


@pytest.mark.parametrize(
    "written",
    [
        (),
        ("mx.bridge.example; none",),
        ("mx.bridge.example; dmarc=pass; spf=softfail",),
        ("mx.bridge.example; spf=fail; dkim=fail; dkim=pass header.d=example.org",),
        ("mx.bridge.example; dmarc=pass", "mx.bridge.example; dmarc=fail"),
        ("elsewhere.example; dmarc=fail",),
        ("mx.bridge.example.evil.example; dmarc=fail",),
        ('mx.bridge.example; dmarc=pass reason="; dmarc=fail"',),
        ("; ; =",),
        ("",),
    ],
)
def test_other_findings_and_other_servers_findings_hold_nothing(written: tuple[str, ...]) -> None:
    (found,) = raws(results(*written), CHECKED, NOW)
    assert isinstance(parse(found, CHECKED)[0], Created)


async def test_the_setting_names_the_server_whose_findings_count() -> None:
    async with EmailSandbox() as sandbox:
        forged = raw(results("mx.bridge.example; dmarc=fail"))
        believing = await adapter_for(sandbox)
        assert isinstance(believing.parse(forged)[0], Created)
        checking = await adapter_for(sandbox, trusted_authserv="MX.bridge.example")
        with pytest.raises(Unparsable):
            checking.parse(forged)
