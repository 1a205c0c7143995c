"""What people's mail programs make of a press on Reply: the quote, the words above it, the fields. No tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.policy import SMTP
from email.utils import formatdate, make_msgid, parseaddr
from html import escape
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Got:
    """A mail as a program shows it."""

    message: Message[str, str]
    name: str
    address: str
    subject: str
    text: str
    html: str

    @classmethod
    def of(cls, body: bytes) -> Got:
        message = message_from_bytes(body)
        name, address = parseaddr(str(make_header(decode_header(message["From"]))))
        parts = {part.get_content_type(): _words(part) for part in reversed(list(message.walk())) if not part.is_multipart()}
        subject = str(make_header(decode_header(message["Subject"])))
        return cls(message, name, address, subject, parts.get("text/plain", ""), parts.get("text/html", ""))

    @property
    def quoted(self) -> str:
        return "\n".join(f"> {line}".rstrip() for line in self.text.strip().split("\n"))


def _words(part: Message[str, str]) -> str:
    data = part.get_payload(decode=True)
    return data.decode("utf-8").replace("\r\n", "\n") if isinstance(data, bytes) else ""


def _reply(got: Got, sender: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = got.message["Reply-To"] or got.message["From"]
    mail["Subject"] = got.subject if got.subject.startswith("Re:") else f"Re: {got.subject}"
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2])
    mail["In-Reply-To"] = got.message["Message-ID"]
    mail["References"] = " ".join(filter(None, (got.message["References"], got.message["Message-ID"])))
    return mail


def gmail(got: Got, sender: str, words: str) -> EmailMessage:
    mail = _reply(got, sender)
    on = f"On Wed, 25 Nov 2026 at 10:02, {got.name} <\n{got.address}> wrote:"
    mail.set_content(f"{words}\n\n{on}\n\n{got.quoted}\n")
    attribution = f'<div dir="ltr" class="gmail_attr">{escape(on)}<br></div>'
    quote = f'<blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px solid">{got.html}</blockquote>'
    mail.add_alternative(
        f'<div dir="ltr">{escape(words)}</div><br><div class="gmail_quote">{attribution}{quote}</div>', subtype="html"
    )
    return mail


def outlook(got: Got, sender: str, words: str) -> EmailMessage:
    """It writes HTML alone, drops References, and marks where the quote starts."""
    mail = _reply(got, sender)
    del mail["References"]
    mail["Thread-Topic"] = got.subject
    head = f"<b>From:</b> {escape(got.name)} &lt;{got.address}&gt;<br><b>Sent:</b> Wednesday, 25 November 2026 10:02<br>"
    head += f"<b>To:</b> {escape(sender)}<br><b>Subject:</b> {escape(got.subject)}"
    start = '<div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1">'
    quote = f'{start}<div id="divRplyFwdMsg" dir="ltr">{head}</div>{got.html}'
    mail.set_content(f'<html><body><div class="elementToProof">{escape(words)}</div>{quote}</body></html>', subtype="html")
    return mail


def apple(got: Got, sender: str, words: str) -> EmailMessage:
    mail = _reply(got, sender)
    mail.set_content(
        f"{words}\n\nSent from my iPhone\n\n> On 25 Nov 2026, at 10:02, {got.name} <{got.address}> wrote:\n> \n{got.quoted}\n"
    )
    return mail


def thunderbird(got: Got, sender: str, words: str) -> EmailMessage:
    mail = _reply(got, sender)
    mail.set_content(f"{words}\n\nAm 25.11.26 um 10:02 schrieb {got.name}:\n{got.quoted}\n\n-- \nThe chair\nBoard of example\n")
    mail.set_param("format", "flowed")
    return mail


def mutt(got: Got, sender: str, words: str) -> EmailMessage:
    """Its people write below what they quote."""
    mail = _reply(got, sender)
    mail.set_content(f"* {got.name} <{got.address}> [2026-11-25 10:02]:\n{got.quoted}\n\n{words}\n")
    return mail


PROGRAMS: Mapping[str, Callable[[Got, str, str], EmailMessage]] = MappingProxyType(
    {"gmail": gmail, "outlook": outlook, "apple": apple, "thunderbird": thunderbird, "mutt": mutt}
)
