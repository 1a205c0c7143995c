"""Mail that is no post but asks something: an emoji, "stop", leaving; mail that came back."""

from __future__ import annotations

import httpx2
import pytest
from fastapi import FastAPI

from adapters.email.headers import digest_id, item_id
from adapters.email.parse import Envelope, parse, raws
from adapters.email.webhooks import router
from bridge.post import Created, Ignored, NativeId, Reacted, Undelivered, Wish, Wished
from tests.email.support import ACCOUNT, NOW, MemoryInbox, mail
from tests.email.test_tokens import NAME, SIGNED, SIGNER

ANSWERS = "In-Reply-To: <x@bridge.example>"


def heard(body: bytes, envelope: Envelope | None = None) -> object:
    (event,) = parse(raws(body, SIGNED, NOW, envelope)[0], SIGNED)
    return event


GMAIL = (
    'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n'
    "\N{THUMBS UP SIGN}\r\n\r\nLee reacted via Gmail\r\n--b\r\n"
    "Content-Type: text/vnd.google.email-reaction+json; charset=utf-8\r\n\r\n"
    '{"emoji": "\N{THUMBS UP SIGN}", "version": 1}\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>x</p>\r\n--b--\r\n'
)


def test_gmails_reaction_is_a_reaction() -> None:
    head = f"From: lee@gmail.example\r\nTo: all-hands@bridge.example\r\n{ANSWERS}\r\nMIME-Version: 1.0\r\n"
    event = heard((head + GMAIL).encode())
    assert isinstance(event, Reacted)
    assert (event.emoji, event.ref.id, event.author.user) == ("\N{THUMBS UP SIGN}", "x@bridge.example", "lee@gmail.example")


@pytest.mark.parametrize(
    ("body", "emoji"),
    [
        (
            "\N{HEAVY BLACK HEART}\ufe0f Lee Smith reacted to your message:\n\n________\nFrom: x\nSent: y\nTo: z\n",
            "\N{HEAVY BLACK HEART}\ufe0f",
        ),
        ("Lee Smith hat auf Ihre Nachricht reagiert:\n\nVon: x\nGesendet: y\n", "\N{THUMBS UP SIGN}"),
    ],
)
def test_outlooks_reaction_is_a_reaction(body: str, emoji: str) -> None:
    event = heard(mail(body, ANSWERS, "Content-Type: text/plain; charset=utf-8"))
    assert isinstance(event, Reacted)
    assert event.emoji == emoji


def test_an_emoji_typed_by_hand_and_talk_of_reactions_are_posts() -> None:
    assert isinstance(heard(mail("\N{THUMBS UP SIGN}", ANSWERS, "Content-Type: text/plain; charset=utf-8")), Created)
    assert isinstance(heard(mail("Nobody reacted to your message yet. Why?", ANSWERS)), Created)


@pytest.mark.parametrize(
    ("body", "subject"),
    [
        ("unsubscribe", "Re: x"),
        ("Stop!", "x"),
        ("Please remove me.", "x"),
        ("Abmelden", "x"),
        ("", "unsubscribe"),
        ("STOP\n\n-- \nLee", "x"),
    ],
)
def test_a_bare_wish_to_leave_is_never_posted(body: str, subject: str) -> None:
    event = heard(mail(body, f"Subject: {subject}", ANSWERS, sender="lee@gmail.example"))
    assert isinstance(event, Wish)
    assert (event.wished, event.address) == (Wished.PERHAPS_LEAVE, "lee@gmail.example")


def test_talk_of_leaving_is_a_post() -> None:
    assert isinstance(heard(mail("Please stop the music at 2pm", "Subject: unsubscribe or not?")), Created)
    assert isinstance(heard(mail("How do I unsubscribe?")), Created)


def test_what_a_program_sends_to_leave_proves_its_reader() -> None:
    word = SIGNER.leaving("all-hands", "lee@gmail.example")
    event = heard(mail("", f"Subject: unsubscribe {word}", "Auto-Submitted: auto-generated", sender="lee@gmail.example"))
    assert isinstance(event, Wish)
    assert (event.wished, event.address, event.ref.place.id) == (Wished.LEAVE, "lee@gmail.example", "all-hands")
    forged = heard(mail("", f"Subject: unsubscribe {word[:-1]}x", sender="lee@gmail.example"))
    assert not (isinstance(forged, Wish) and forged.wished is Wished.LEAVE)


# ---------------------------------------------------------------- by a link


@pytest.mark.scenario("J14")
async def test_a_link_to_leave_changes_nothing_when_looked_at_and_everything_when_pressed() -> None:
    inbox, app = MemoryInbox(), FastAPI()
    app.include_router(router({ACCOUNT: SIGNER}, inbox))
    word = SIGNER.leaving("all-hands", "lee@gmail.example")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="https://bridge.example") as client:
        for _ in range(3):
            looked = await client.get(f"/mail/{ACCOUNT}/leave/{word}")
            assert looked.status_code == 200
            assert "lee@gmail.example" in looked.text
        assert not inbox.raws
        for wrong in (f"/mail/{ACCOUNT}/leave/{word[:-1]}x", f"/mail/other/leave/{word}", f"/mail/{ACCOUNT}/leave/%00"):
            assert (await client.get(wrong)).status_code == 404
            assert (await client.post(wrong)).status_code == 404
        assert not inbox.raws
        inbox.broken = True
        assert (await client.post(f"/mail/{ACCOUNT}/leave/{word}")).status_code == 503
        inbox.broken = False
        body = {"List-Unsubscribe": "One-Click"}
        assert (await client.post(f"/mail/{ACCOUNT}/leave/{word}", data=body)).status_code == 200
    [taken] = inbox.raws.values()
    (event,) = parse(taken, SIGNED)
    assert isinstance(event, Wish)
    assert (event.wished, event.address) == (Wished.LEAVE, "lee@gmail.example")


# ---------------------------------------------------------------- mail that came back


def report(action: str = "failed", inside: str = "") -> bytes:
    return (
        "From: Mail Delivery <MAILER-DAEMON@mx.example>\r\nTo: x@bridge.example\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
        "Sorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; lee@gmail.example\r\nAction: {action}\r\nStatus: 5.1.1\r\n"
        f"Diagnostic-Code: smtp; 550 5.1.1 <lee@gmail.example> unknown\r\n\r\n--b\r\n"
        f"Content-Type: text/rfc822-headers\r\n\r\n{inside}Subject: x\r\n\r\n--b--\r\n"
    ).encode()


@pytest.mark.scenario("B10")
@pytest.mark.scenario("J13")
def test_a_mail_that_came_back_names_its_copy_by_the_address_it_came_to() -> None:
    address = SIGNED.own_for("b", "all-hands", NAME, NOW) or ""
    event = heard(report(), Envelope("", address))
    assert isinstance(event, Undelivered)
    assert event.copy.id == f"{NAME}@bridge.example"
    assert "5.1.1" in event.why
    assert "lee@" not in event.why


def test_a_mail_that_came_back_to_a_mailbox_names_its_copy_by_the_id_it_carries() -> None:
    event = heard(report(inside=f"Message-ID: <{NAME}@bridge.example>\r\n"), Envelope("", "all-hands@bridge.example"))
    assert isinstance(event, Undelivered)
    assert event.copy.id == f"{NAME}@bridge.example"


def test_a_digest_that_came_back_to_a_mailbox_names_its_first_post() -> None:
    name = digest_id(NativeId(f"{NAME}@bridge.example"))
    event = heard(report(inside=f"Message-ID: <{name}>\r\n"), Envelope("", "all-hands@bridge.example"))
    assert isinstance(event, Undelivered)
    assert event.copy.id == item_id(NativeId(f"{NAME}@bridge.example"), 1, SIGNED)


def test_a_delay_and_a_return_that_names_nothing_count_nothing() -> None:
    address = SIGNED.own_for("b", "all-hands", NAME, NOW) or ""
    assert isinstance(heard(report("delayed"), Envelope("", address)), Ignored)
    assert isinstance(heard(report(), Envelope("", "all-hands@bridge.example")), Ignored)


@pytest.mark.scenario("B09")
def test_whatever_comes_to_a_return_address_is_never_a_post() -> None:
    address = SIGNED.own_for("b", "all-hands", NAME, NOW) or ""
    assert isinstance(heard(mail("I am on holiday", to=address), Envelope("lee@gmail.example", address)), Ignored)
