"""Files both ways: taken out of mails, put into them up to a limit, the others named with the reason."""
# ruff: noqa: RUF001 - lines with a dash

from __future__ import annotations

from email import message_from_bytes
from typing import Any

import pytest

from adapters.email.headers import compose
from adapters.email.mime import read_mail
from adapters.email.render import letter_of, render
from adapters.email.sandbox import EmailSandbox
from bridge.contract import File, FileLimits, Limits, Thread
from bridge.errors import Rejected
from bridge.post import Created, Media
from bridge.text import plain
from tests.email.support import HOME, MemoryInbox, adapter_for, context, parsed, post, reader, running

LIMITS = Limits(100_000, files=FileLimits(3, 1000, 1000))
LAKE = Media("lake.png", "image/png", 400, "The lake", blob="a" * 64)
PLAN = Media("plan ü.pdf", "application/pdf", 400, blob="b" * 64)


def rendered(*media: Media, limits: Limits = LIMITS) -> tuple[tuple[File, ...], str]:
    (part,) = render(post("see", media=media), reader(), context(limits=limits))
    return part.files, letter_of(part).text


@pytest.mark.scenario("I06")
def test_files_go_along_up_to_the_limit_and_the_others_are_named_with_the_reason() -> None:
    more = Media("more.pdf", "application/pdf", 400, blob="c" * 64)
    huge = Media("huge.zip", "application/zip", 5000)
    gone = Media("gone.txt", "text/plain", missing="could not be copied")
    files, words = rendered(LAKE, PLAN, more, huge, gone)
    assert [file.media for file in files] == [LAKE, PLAN]
    assert "lake.png" not in words
    assert "The lake" in words
    for line in ("more.pdf – too large for mail", "huge.zip – too large for mail", "gone.txt – could not be copied"):
        assert line in words


def test_programs_are_named_and_never_go_along() -> None:
    for name, mime in (("run.exe", "application/octet-stream"), ("x.PDF.Js", "text/plain"), ("x", "application/x-msdownload")):
        files, words = rendered(Media(name, mime, 10, blob="d" * 64))
        assert not files
        assert "a program, which is not passed on" in words


@pytest.mark.scenario("I07")
def test_a_picture_without_words_is_a_mail_with_the_picture() -> None:
    (part,) = render(post("", media=(LAKE,)), reader(), context(limits=LIMITS))
    mail = compose(letter_of(part), reader(), HOME, Thread(), "k", [File(LAKE, b"\x89PNG")])
    message: Any = message_from_bytes(mail)
    assert message.get_content_type() == "multipart/related"
    picture = message.get_payload()[1]
    assert picture.get_payload(decode=True) == b"\x89PNG"
    html = read_mail(mail).sections[0].html or ""
    assert f"cid:{picture['Content-ID'].strip('<>')}" in html
    assert 'alt="The lake"' in html


def test_files_keep_their_names_and_bytes() -> None:
    (part,) = render(post("see", media=(LAKE, PLAN)), reader(), context(limits=LIMITS))
    mail = compose(letter_of(part), reader(), HOME, Thread(), "k", [File(LAKE, b"\x89PNG"), File(PLAN, b"%PDF")])
    assert mail == compose(letter_of(part), reader(), HOME, Thread(), "k", [File(LAKE, b"\x89PNG"), File(PLAN, b"%PDF")])
    assert [(file.name, file.size) for file in read_mail(mail).files] == [("lake.png", 4), ("plan ü.pdf", 4)]


# ---------------------------------------------------------------- inwards

PARTS = (
    "From: lynn@example.org\r\nTo: all-hands@bridge.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nSee.\r\n{}--b--\r\n'
)


def with_part(*fields: str, body: str = "JVBERg==") -> bytes:
    head = "\r\n".join(("--b", *fields, "Content-Transfer-Encoding: base64"))
    return PARTS.format(f"{head}\r\n\r\n{body}\r\n").encode()


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="plan.pdf"', "plan.pdf"),
        ("attachment; filename*=utf-8''pl%C3%A4n.pdf", "plän.pdf"),
        ('attachment; filename*0="long-"; filename*1="name.pdf"', "long-name.pdf"),
        ('attachment; filename="=?utf-8?q?pl=C3=A4n=2Epdf?="', "plän.pdf"),
        ('attachment; filename="plän.pdf"', "plän.pdf"),
        ('inline; filename="../../etc/passwd.pdf"', ".._.._etc_passwd.pdf"),
    ],
)
def test_names_of_files_are_read_in_all_their_spellings(disposition: str, name: str) -> None:
    (media,) = parsed(with_part("Content-Type: application/pdf", f"Content-Disposition: {disposition}")).media
    assert (media.name, media.mime, media.size, media.missing) == (name, "application/pdf", 4, "")


async def test_a_file_is_taken_out_of_the_mail_that_we_keep() -> None:
    body = with_part("Content-Type: application/pdf", 'Content-Disposition: attachment; filename="plan.pdf"')
    inbox = MemoryInbox()
    async with EmailSandbox() as sandbox, running(await adapter_for(sandbox), inbox) as adapter:
        sandbox.submit("lynn@example.org", "all-hands@bridge.example", body)
        await inbox.until(lambda: bool(inbox.raws))
        (event,) = adapter.parse(next(iter(inbox.raws.values())))
        assert isinstance(event, Created)
        (media,) = event.post.media
        assert await adapter.fetch(media, 1000) == b"%PDF"
        with pytest.raises(Rejected, match="larger"):
            await adapter.fetch(media, 2)
        for source in ("nobody#0", f"{media.source}9", "", "x"):
            with pytest.raises(Rejected):
                await adapter.fetch(Media("x", source=source), 1000)


@pytest.mark.parametrize(
    ("mime", "name", "why"),
    [
        ("application/ms-tnef", "winmail.dat", "Outlook"),
        ("application/octet-stream", "invoice.exe", "program"),
        ("application/x-msdownload", "invoice", "program"),
    ],
)
def test_what_is_not_passed_on_is_named_with_the_reason(mime: str, name: str, why: str) -> None:
    (media,) = parsed(with_part(f"Content-Type: {mime}", f'Content-Disposition: attachment; filename="{name}"')).media
    assert media.name == name
    assert why in media.missing
    assert not media.source


def test_an_invitation_is_read_as_a_line() -> None:
    calendar = (
        "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Budget\\, round 2\r\n"
        "DTSTART;TZID=Europe/London:20261103T100000\r\n"
        "DTEND:20261103T110000Z\r\nLOCATION:Room\r\n  5\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )
    body = (
        f"From: lynn@example.org\r\nTo: all-hands@bridge.example\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n{calendar}"
    )
    assert plain(parsed(body.encode()).text) == "🗓️ Budget, round 2, 2026-11-03 10:00 – 2026-11-03 11:00 UTC, Room 5"
