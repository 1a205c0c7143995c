"""How people's own mail programs write: new mails and answers, for the sandbox. Nothing here is sent by the bridge."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from adapters.email.mime import Mail, ids_in, words


@dataclass(frozen=True, slots=True)
class Correspondent:
    """A person with a mail program."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What an answer takes over from the mail it answers."""

    message_id: str
    references: tuple[str, ...]
    subject: str
    sender: str
    reply_to: str
    text: str


def letterhead(mail: Mail) -> Letterhead:
    """What an answer needs of a received mail."""
    return Letterhead(
        message_id=mail.message_id or "",
        references=ids_in(mail.first("references")),
        subject=mail.subject,
        sender=words(mail.first("from")),
        reply_to=mail.first("reply-to") or mail.first("from"),
        text=next((section.plain for section in mail.sections if section.plain), ""),
    )


def new_mail(writer: Correspondent, to: str, text: str, message_id: str, answered: str | None = None) -> bytes:
    """A mail as typed into a compose window; with `answered` its program knows only the id of what it answers."""
    first = next((line for line in text.splitlines() if line.strip()), "")[:70]
    mail = _mail(writer, to, f"Re: {first}" if answered else first, message_id)
    if answered:
        mail["In-Reply-To"] = f"<{answered}>"
        mail["References"] = f"<{answered}>"
    mail.set_content(text + "\n")
    return mail.as_bytes()


def answer(writer: Correspondent, to: Letterhead, text: str, message_id: str) -> bytes:
    """A press on Reply: the answer on top, the received mail quoted below, as most programs do."""
    subject = to.subject if to.subject.lower().startswith("re:") else f"Re: {to.subject}"
    mail = _mail(writer, to.reply_to, subject, message_id)
    mail["In-Reply-To"] = f"<{to.message_id}>"
    mail["References"] = " ".join(f"<{name}>" for name in dict.fromkeys((*to.references, to.message_id)))
    quoted = "\n".join(f"> {line}".rstrip() for line in to.text.strip("\n").split("\n"))
    when = datetime.now(UTC).strftime("%a, %d %b %Y at %H:%M")
    mail.set_content(f"{text}\n\nOn {when}, {to.sender} wrote:\n\n{quoted}\n")
    return mail.as_bytes()


def _mail(writer: Correspondent, to: str, subject: str, message_id: str) -> EmailMessage:
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"{writer.name} <{writer.address}>"
    mail["To"] = to
    mail["Subject"] = subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{message_id}>"
    return mail
