"""What mails become: posts, reasons, or held as unparsable; never an exception of another kind."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.email.addresses import Home
from adapters.email.parse import Envelope, parse, raws
from bridge.errors import Unparsable
from bridge.post import Audience, Created, NativeId, Place, PlaceId, Ref
from bridge.text import Bold, Paragraph, Str, plain
from tests.email.support import ACCOUNT, CORPORA, GROUP, HOME, NOW, mail, outcome, parsed, raw, refused


def test_a_mail_becomes_a_post_of_its_group() -> None:
    post = parsed(
        mail("Hello *all*\n\nSee https://example.org/x.", "Message-ID: <1@example.org>", "Date: Mon, 2 Nov 2026 11:00:00 +0000")
    )
    assert post.ref == Ref(GROUP, NativeId("1@example.org"))
    assert (post.author.user, post.author.name, post.author.handles) == ("lynn@example.org", "Lynn", ("lynn@example.org",))
    assert plain(post.text) == "Hello *all*\n\nSee https://example.org/x."
    assert post.audience is Audience.GROUP
    assert not post.gated
    assert post.at == datetime(2026, 11, 2, 11, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("karl@example.net", "karl"),
        ('"karl@example.net" <karl@example.net>', "karl"),
        ("=?utf-8?q?K=C3=A4rl?= <Karl@Example.net>", "Kärl"),
        ('"Karl, the ""b""ig" <karl@example.net>', "Karl, the big"),
    ],
)
def test_the_shown_name_never_holds_the_address(sender: str, name: str) -> None:
    author = parsed(mail(sender=sender)).author
    assert author.user == "karl@example.net"
    assert "@" not in author.name
    assert author.name.startswith(name[:4])


def test_an_answer_names_what_it_answers_nearest_first() -> None:
    post = parsed(mail("Yes", "In-Reply-To: <3@x>", "References: <1@x> <2@x>\r\n <3@x>"))
    assert post.reply_to == Ref(GROUP, NativeId("3@x"))
    assert [ref.id for ref in post.also_reply_to] == ["2@x", "1@x"]


def test_a_new_mail_says_its_subject_where_the_body_does_not() -> None:
    post = parsed(mail("At two.", "Subject: =?utf-8?q?Meeting_=E2=80=94_today?="))
    assert post.text[0] == Paragraph((Bold((Str("Meeting — today"),)),))
    assert plain(parsed(mail("Meeting today, at two.", "Subject: meeting TODAY")).text) == "Meeting today, at two."
    assert plain(parsed(mail("Yes", "Subject: Meeting", "In-Reply-To: <1@x>")).text) == "Yes"
    assert plain(parsed(mail("Yes", "Subject: Re: Meeting")).text) == "Yes"


def test_a_mail_to_two_groups_is_one_post_for_each() -> None:
    body = mail(to="all-hands@bridge.example, Leaders <LEADERS@bridge.example>, other@example.org")
    found = raws(body, HOME, NOW)
    assert [key.key.rpartition("/")[2] for key in found] == ["all-hands", "leaders"]
    places = [event.post.ref.place.id for one in found for event in parse(one, HOME) if isinstance(event, Created)]
    assert places == ["all-hands", "leaders"]


def test_the_envelope_outranks_the_fields() -> None:
    body = mail(to="all-hands@bridge.example")
    assert parsed(body, Envelope("lynn@example.org", "leaders@bridge.example")).ref.place == Place(ACCOUNT, PlaceId("leaders"))


def test_a_mailbox_is_shared_by_plus_addresses() -> None:
    home = Home(ACCOUNT, address="team@host.example", groups=frozenset({"one"}))
    assert (home.address_of("one"), home.group_of("TEAM@host.example"), home.group_of("team+one@host.example")) == (
        "team@host.example",
        "one",
        "one",
    )
    both = home.with_group("two")
    assert (both.address_of("two"), both.group_of("team@host.example"), both.group_of("team+two@host.example")) == (
        "team+two@host.example",
        None,
        "two",
    )
    assert both.group_of("team+three@host.example") is None
    assert both.group_of("team@elsewhere.example") is None


def test_mail_that_is_ours_but_names_no_group_is_held() -> None:
    home = Home(ACCOUNT, address="team@host.example", groups=frozenset({"one", "two"}))
    (found,) = raws(mail(to="team@host.example"), home, NOW)
    with pytest.raises(Unparsable):
        parse(found, home)


def test_mail_for_somebody_else_is_counted_and_done() -> None:
    assert refused(mail(to="newsletter@example.org")) == "not-addressed"


# ---------------------------------------------------------------- keys


@pytest.mark.scenario("C07")
def test_one_mail_by_two_ways_has_one_key() -> None:
    body = mail("Hello", "Message-ID: <1@example.org>")
    by_lmtp = raw(
        b"Received: from a\r\nReturn-Path: <lynn@example.org>\r\n" + body,
        Envelope("lynn@example.org", "all-hands@bridge.example"),
    )
    by_imap = raw(b"Delivered-To: all-hands@bridge.example\r\nX-Spam: no\r\n" + body)
    assert by_lmtp.key == by_imap.key


@pytest.mark.scenario("C07")
def test_mail_without_an_id_is_known_by_its_content() -> None:
    body = mail("Hello", "Date: Mon, 2 Nov 2026 11:00:00 +0000")
    assert raw(body).key == raw(b"Received: from a\r\n" + body + b"\r\n").key
    assert raw(body).key != raw(mail("Hello!", "Date: Mon, 2 Nov 2026 11:00:00 +0000")).key
    assert parsed(body).ref.id == parsed(b"Received: from b\r\n" + body).ref.id


# ---------------------------------------------------------------- odd mail


@pytest.mark.scenario("J05")
def test_an_empty_mail_with_a_file_names_the_file() -> None:
    body = mail(
        '--b\nContent-Type: text/plain\n\n\n--b\nContent-Type: application/pdf; name="plan.pdf"\n'
        "Content-Disposition: attachment\nContent-Transfer-Encoding: base64\n\nJVBERg==\n--b--",
        'Content-Type: multipart/mixed; boundary="b"',
        "In-Reply-To: <1@x>",
    )
    post = parsed(body)
    assert plain(post.text) == "(no text)"
    assert [(file.name, file.mime, file.size) for file in post.media] == [("plan.pdf", "application/pdf", 4)]


@pytest.mark.scenario("J11")
@pytest.mark.parametrize(
    ("charset", "data", "text"),
    [
        ("", "grüße".encode(), "grüße"),
        ("", "grüße".encode("cp1252"), "grüße"),
        ("no-such-set", "grüße".encode(), "grüße"),
        ("iso-8859-8", "שלום".encode("iso-8859-8"), "שלום"),
        ("utf-8", "שלום".encode(), "שלום"),
        ("us-ascii", "grüße".encode(), "grüße"),
        ("punycode", "grüße".encode(), "grüße"),
        ("utf-7", b"+2D0-", "?"),
        ("utf-8", b"nul\x00l", "null"),
    ],
)
def test_text_in_any_charset_is_read(charset: str, data: bytes, text: str) -> None:
    kind = f"Content-Type: text/plain; charset={charset}" if charset else "Content-Type: text/plain"
    assert plain(parsed(mail("", kind, "Content-Transfer-Encoding: 8bit") + data).text) == text


@pytest.mark.scenario("J11")
@pytest.mark.parametrize(
    "date", ["Fri, 1 Jan 2100 00:00:00 +0000", "nonsense", "", "Mon, 99 Foo 2026", "Fri, 31 Dec 9999 23:59:59 -1400"]
)
def test_a_date_that_cannot_be_true_is_now(date: str) -> None:
    assert parsed(mail("Hello", f"Date: {date}")).at == NOW


@pytest.mark.scenario("J11")
def test_null_bytes_and_raw_bytes_in_fields_do_no_harm() -> None:
    head = "Subject: nul\x00l grüße\r\nFrom: Käthe <k@example.org>\r\nTo: all-hands@bridge.example\r\n\r\nHello"
    post = parsed(head.encode("cp1252"))
    assert plain(post.text) == "null grüße\n\nHello"
    assert post.author.name == "Käthe"


def test_html_alone_is_read_with_its_marks() -> None:
    post = parsed(mail("<style>p{}</style><p>Hello <b>all</b></p><script>x()</script>", "Content-Type: text/html"))
    assert post.text == (Paragraph((Str("Hello "), Bold((Str("all"),)))),)


def test_flowed_lines_are_joined() -> None:
    post = parsed(mail("One long \nsentence.\nAnother.\n-- \nLynn", "Content-Type: text/plain; format=flowed"))
    assert plain(post.text) == "One long sentence.\nAnother."


def mime_files() -> list[Path]:
    listing = CORPORA / "mime" / "manifest.jsonl"
    return (
        [CORPORA / "mime" / json.loads(line)["file"] for line in listing.read_text("utf-8").splitlines()]
        if listing.exists()
        else []
    )


@pytest.mark.scenario("J11")
@pytest.mark.timeout(120)
def test_published_odd_mails_neither_raise_nor_hang() -> None:
    files = mime_files()
    if not files:
        pytest.skip("the published odd mails are not beside this checkout (../shared/corpora)")
    outcomes = [outcome(path.read_bytes()) for path in files]
    assert len(outcomes) == len(files)
    assert outcomes.count("created") > len(files) / 2


HEADS = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Type: text/html",
        b"Content-Type: message/rfc822",
        b"--b",
        b"--b--",
        b"",
        b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: x-uuencode",
        b"Subject: =?utf-8?b?====?=",
        b"From: <<a@b.example>>",
        b"Date: 99999999999999",
        b"Content-Disposition: attachment; filename*=x'y'%ff",
        b"Message-ID: <<>>",
        b"References: <a> <b",
        b"\xff\x00",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(HEADS | st.binary(max_size=60), max_size=12))
def test_no_bytes_make_parsing_raise_anything_but_unparsable(lines: list[bytes]) -> None:
    outcome(b"\r\n".join(lines))


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "body",
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 3000,
        b"From: " + b"(" * 50_000 + b"\r\n\r\nx",
        b"From: " + b"<" * 50_000 + b"\r\n\r\nx",
        b"Subject: " + b"=?a?q?" * 9_000 + b"\r\n\r\nx",
        b"References: " + b"<a@" * 20_000 + b"\r\n\r\nx",
        b"Date: " + b"1" * 50_000 + b"\r\n\r\nx",
        b"X: y\r\n" * 20_000 + b"\r\nx",
        b"Content-Type: text/plain; format=flowed\r\nFrom: a@b.example\r\n\r\n" + b"word \r\n" * 60_000,
        b"Content-Type: " + b"a/b; x=y" * 8_000 + b"\r\n\r\nx",
        b"Content-Type: message/rfc822\r\n\r\n" * 2_000,
    ],
    ids=[
        "nested",
        "comments",
        "brackets",
        "encoded-words",
        "references",
        "date",
        "many-fields",
        "flowed",
        "parameters",
        "nested-mails",
    ],
)
def test_hostile_mails_end_soon(body: bytes) -> None:
    assert outcome(body)
