"""Mails that went wrong on their way or were made to: hundreds of them, none of which raises, and none takes long."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

import pytest

from adapters.email.tokens import Signer
from tests.email.support import HOME, mail, outcome

SIGNED = replace(HOME, signer=Signer("only for this test"), check_senders=True)

FIELDS: Final = (
    b'Content-Type: multipart/alternative; boundary="x"',
    b"Content-Type: multipart/mixed",
    b"Content-Type: text/html; charset=utf-7",
    b"Content-Type: text/plain; charset=punycode",
    b"Content-Type: text/calendar; method=REQUEST",
    b"Content-Type: application/ms-tnef; name=winmail.dat",
    b"Content-Type: text/vnd.google.email-reaction+json",
    b"Content-Type: message/delivery-status",
    b"Content-Type: multipart/report; report-type=delivery-status",
    b"Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: quoted-printable",
    b"Content-Disposition: attachment; filename*0*=utf-8''%E2%82; filename*1*=%AC",
    b"In-Reply-To: <d.abcdefghij0123456789@bridge.example>",
    b"Subject: viabridge pause until 99999-12-31",
    b"Subject: =?utf-8?b?4?= =?utf-8?b?=4O?=",
    b"From: =?utf-8?b?4?= <a@b.example>",
    b"From: \xff\xfe <a@b>",
    b"Auto-Submitted: no",
    b"Date: Mon, 99 Foo 0000 99:99:99 +9999",
)


def several(*parts: tuple[str, str]) -> bytes:
    body = "".join(f"--b\r\n{head}\r\n\r\n{text}\r\n" for head, text in parts)
    return mail(f"{body}--b--", "MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="b"')


WHOLE: Final = (
    mail("Hello\n\nOn Tue, 3 Nov 2026 at 10:00, Lynn <lynn@example.org> wrote:\n> a\n> b\n-- \nLee"),
    mail("Ja gern\n\nAm 03.11.26 um 10:00 schrieb Lynn:\n> a", "Subject: =?iso-8859-1?q?Re=3A_Gr=FC=DFe?="),
    mail('<div>Hi</div><div class="gmail_quote"><blockquote>a</blockquote></div>', "Content-Type: text/html; charset=utf-8"),
    several(
        ("Content-Type: text/plain; charset=utf-8", "see the file"),
        ("Content-Type: image/png; name=a.png\r\nContent-Transfer-Encoding: base64", "aGVsbG8="),
    ),
    several(
        ("Content-Type: text/plain", "fwd"),
        ("Content-Type: message/rfc822", "From: x@y.example\r\nSubject: inner\r\n\r\nwords"),
        (
            "Content-Type: text/calendar",
            "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Lunch\r\nDTSTART:20261103T100000Z\r\nEND:VEVENT",
        ),
    ),
    several(
        ("Content-Type: multipart/alternative; boundary=c", "--c\r\n\r\na\r\n--c\r\nContent-Type: text/html\r\n\r\n<b>a\r\n--c--")
    ),
    mail("👍", "In-Reply-To: <x@bridge.example>", "Content-Type: text/plain; format=flowed; delsp=yes"),
    mail("Sorry", "Subject: Undelivered Mail Returned to Sender", "Content-Type: multipart/report; boundary=b"),
)


Change = Callable[[random.Random, bytes], bytes]


def a_byte(chance: random.Random, body: bytes) -> bytes:
    at = chance.randrange(len(body) + 1)
    return body[:at] + bytes([chance.randrange(256)]) + body[at + 1 :]


def a_gap(chance: random.Random, body: bytes) -> bytes:
    at = chance.randrange(len(body) + 1)
    return body[:at] + body[at + chance.randrange(1, 200) :]


def a_cut(chance: random.Random, body: bytes) -> bytes:
    return body[: chance.randrange(len(body) + 1)]


def a_field(chance: random.Random, body: bytes) -> bytes:
    lines = body.split(b"\n")
    lines.insert(chance.randrange(len(lines) + 1), chance.choice(FIELDS))
    return b"\n".join(lines)


def another_mail(chance: random.Random, body: bytes) -> bytes:
    at, other = chance.randrange(len(body) + 1), chance.choice(WHOLE)
    return body[:at] + other[chance.randrange(len(other)) :] + body[at:]


def line_ends(chance: random.Random, body: bytes) -> bytes:
    return body.replace(b"\r\n", chance.choice((b"\n", b"\r", b"\r\r\n")))


def many_times(chance: random.Random, body: bytes) -> bytes:
    at = chance.randrange(len(body) + 1)
    return body[:at] + body[at : at + 200] * chance.randrange(2, 100) + body[at:]


def shuffled(chance: random.Random, body: bytes) -> bytes:
    lines = body.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines)


CHANGES: Final[tuple[Change, ...]] = (a_byte, a_gap, a_cut, a_field, a_field, another_mail, line_ends, many_times, shuffled)


def odd(number: int) -> bytes:
    """The mail with this number, the same in every run."""
    chance = random.Random(number)  # noqa: S311 - chance that can be repeated is what is wanted
    body = chance.choice(WHOLE)
    for change in chance.choices(CHANGES, k=chance.randrange(1, 6)):
        body = partial(change, chance)(body)
    return body


@pytest.mark.scenario("J11")
@pytest.mark.timeout(120)
@pytest.mark.parametrize("hundred", range(8))
def test_mails_that_were_damaged_on_their_way_are_read_held_or_refused(hundred: int) -> None:
    found = Counter(outcome(odd(number), SIGNED) for number in range(hundred * 100, hundred * 100 + 100))
    assert sum(found.values()) == 100
    assert found["created"] > 20, found


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_broken_spoils_no_mail_but_itself(field: bytes) -> None:
    for body in WHOLE:
        assert outcome(field + b"\r\n" + body, SIGNED)
        assert outcome(body.replace(b"\r\n", b"\r\n" + field + b"\r\n", 1), SIGNED)
