"""Mail bytes as values: fields, texts and files, whatever state they are in. It knows nothing of groups or posts."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from typing import Any, Final, TypeAlias, TypeVar

from adapters.email.calendar import invitation
from bridge.errors import Unparsable

MailMessage: TypeAlias = "Message[str, str]"
T = TypeVar("T")

# What odd mail makes the standard library raise; each access to it is wrapped in `_or`.
_ODD = (MessageError, ValueError, LookupError, TypeError, AttributeError, AssertionError, OverflowError, RecursionError)
_LONGEST_FIELD: Final = 20_000
_LONGEST_TEXT: Final = 400_000  # characters of one section; far more than any post, little enough to read at once
_LONGEST_DECODED: Final = 4_000  # decode_header is quadratic in hostile input
_DEEPEST: Final = 25
# Codecs that are not for mail and take quadratic time or unescape; a mail that names one is read as UTF-8.
_NOT_FOR_MAIL = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined"})
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ID = re.compile(r"<([^<>\s]{1,400})>")
_FOLD = re.compile(r"\r?\n[ \t]*")
_SPACED_NAME = re.compile(rb"^([!-9;-~]+)[ \t]+:", re.MULTILINE)
_REACTION: Final = "text/vnd.google.email-reaction+json"
_NO_FILES: Final = frozenset({_REACTION, "text/x-amp-html", "text/calendar", "message/delivery-status"})
_LONGEST_HEAD: Final = 262_144
_RAW_NAME = re.compile(r'name="([^"\n]{1,300})"', re.IGNORECASE)
_SAME_MAIL = ("from", "to", "cc", "date", "subject", "in-reply-to", "references", "content-type")


@dataclass(frozen=True, slots=True)
class Section:
    """One piece of the body, in the forms its sender gave."""

    plain: str | None = None
    html: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """An attachment: its name, type and size in bytes; `number` tells it from the others of its mail."""

    name: str
    mime: str
    size: int
    number: int = 0


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail, taken apart. `fields` are unfolded, names in lower case; encoded words in them are not decoded yet."""

    fields: tuple[tuple[str, str], ...]
    sections: tuple[Section, ...]
    files: tuple[File, ...]
    mime: str
    reaction: str = ""
    """What a program says was only an emoji put on a mail, as JSON."""

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.fields if key == name)

    def first(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    @property
    def subject(self) -> str:
        return words(self.first("subject"))

    @property
    def message_id(self) -> str | None:
        """The Message-ID without its brackets; None where there is none that can be used."""
        return next(iter(ids_in(self.first("message-id"))), None)


def _or(access: Callable[[], T], otherwise: T) -> T:
    try:
        return access()
    except _ODD:
        return otherwise


def decoded(data: bytes, charset: str | None) -> str:
    """Bytes as text: by the named charset where it works, else UTF-8, else Windows Western. Never raises."""
    name = (charset or "").strip().lower().replace("-", "_")
    for codec in (name, "utf_8", "cp1252"):
        if not codec or codec in _NOT_FOR_MAIL:
            continue
        try:
            return clean(data.decode(codec))
        except (UnicodeError, *_ODD):
            continue
    return clean(data.decode("latin-1"))


def clean(text: str) -> str:
    """Text that any store and any platform can hold: no control characters, no lone surrogates."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).encode("utf-8", "replace").decode("utf-8")


def words(value: str) -> str:
    """A field's value with its encoded words decoded, on one line."""
    short = value[:_LONGEST_DECODED]
    pieces = _or(lambda: decode_header(short), [(short, None)]) if "=?" in short else [(short, None)]
    text = "".join(_piece(piece, charset) for piece, charset in pieces)
    return " ".join(clean(text).split())


def _piece(piece: Any, charset: str | None) -> str:  # the library's types promise less than it returns
    return decoded(piece, charset) if isinstance(piece, bytes) else str(piece)


def ids_in(value: str) -> tuple[str, ...]:
    """The message ids in a field's value, without brackets, in order, each once."""
    found = _ID.findall(value) or [
        word for word in value.split() if "@" in word and len(word) <= 400 and not set(word) & set("<>")
    ]
    return tuple(dict.fromkeys(found))


def mailboxes(value: str) -> list[tuple[str, str]]:
    """Display names and addresses in a field's value, as far as the standard library finds them."""
    return _or(lambda: getaddresses([value[:_LONGEST_DECODED]]), [])


def sent_at(mail: Mail, now: datetime) -> datetime:
    """When it says it was sent, in UTC; `now` where it doesn't say, says nonsense or names the future."""
    value = mail.first("date")[:200]
    stated = _or(lambda: parsedate_to_datetime(value), None) if value else None
    if stated is None:
        return now
    aware = _or(lambda: stated.replace(tzinfo=stated.tzinfo or UTC).astimezone(UTC), now)
    return min(aware, now)


def fingerprint(body: bytes) -> str:
    """What makes a mail the same mail, however it came: its Message-ID, else what its writer made of it. 64 hex digits.

    Fields that servers add on the way are left out, so that one mail by two ways has one fingerprint.
    """
    try:
        mail = read_fields(body)
    except Unparsable:
        return hashlib.sha256(body).hexdigest()
    if mail.message_id:
        return hashlib.sha256(mail.message_id.encode("utf-8", "replace")).hexdigest()
    digest = hashlib.sha256()
    for name in _SAME_MAIL:
        digest.update(f"{name}:{'|'.join(mail.all(name))}\n".encode("utf-8", "replace"))
    digest.update(_body_of(body).replace(b"\r\n", b"\n").rstrip())
    return digest.hexdigest()


def _body_of(body: bytes) -> bytes:
    ends = [(at, len(mark)) for mark in (b"\r\n\r\n", b"\n\n") if (at := body.find(mark)) >= 0]
    at, length = min(ends, default=(len(body), 0))
    return body[at + length :]


def read_fields(body: bytes) -> Mail:
    """The mail's fields only. Raises `Unparsable`."""
    head = body[: len(body) - len(_body_of(body))][:_LONGEST_HEAD]
    return Mail(tuple(_fields(_message(head))), (), (), "text/plain")


def read_mail(body: bytes) -> Mail:
    """The whole mail. Raises `Unparsable`, nothing else."""
    message = _message(body)
    try:
        files = tuple(replace(file, number=number) for number, (file, _) in enumerate(_files(message)))
        whole = Mail(tuple(_fields(message)), _sections(message, 0), files, message.get_content_type())
        return replace(whole, reaction=_reaction(message, 0))
    except _ODD as problem:
        raise Unparsable("The mail is built in a way that cannot be read; it is kept and held.") from problem


def file_bytes(body: bytes, number: int) -> bytes | None:
    """The bytes of the file with this number in the mail; None where there is none. Raises `Unparsable`."""
    message = _message(body)
    found = next((part for at, (_, part) in enumerate(_files(message)) if at == number), None)
    if found is None:
        return None
    return _inner_bytes(found) if found.get_content_type().startswith("message/") else _content(found)


def _inner_bytes(part: MailMessage) -> bytes | None:
    inner = next(iter(_children(part)), None)
    return _or(inner.as_bytes, None) if inner is not None else _content(part)


def embedded(body: bytes) -> bytes:
    """The beginning of what a report sends back with itself, as far as it is needed to find ids."""
    return _body_of(body)[:_LONGEST_TEXT]


def _reaction(part: MailMessage, depth: int) -> str:
    """The JSON by which a program says that the mail is only an emoji; empty where there is none."""
    if part.get_content_type() == _REACTION:
        return decoded(_content(part) or b"", "utf-8")[:500]
    if depth > _DEEPEST or not _is_container(part):
        return ""
    return next((found for child in _children(part) if (found := _reaction(child, depth + 1))), "")


def _message(body: bytes) -> MailMessage:
    head = body[: len(body) - len(_body_of(body))]
    if _SPACED_NAME.search(head):  # `From : x` is valid of old, but the library overlooks it, and whoever checks senders does not
        body = _SPACED_NAME.sub(rb"\1:", head) + body[len(head) :]
    try:
        return message_from_bytes(body)
    except _ODD as problem:
        raise Unparsable("The mail is built in a way that cannot be read; it is kept and held.") from problem


def _fields(message: MailMessage) -> Iterator[tuple[str, str]]:
    for name, value in message.raw_items():
        data = str(value)[:_LONGEST_FIELD].encode("utf-8", "surrogateescape")
        yield str(name).lower(), _FOLD.sub(" ", decoded(data, None)).strip()


def _children(part: MailMessage) -> tuple[MailMessage, ...]:
    payload = part.get_payload()
    return tuple(child for child in payload if isinstance(child, Message)) if isinstance(payload, list) else ()


def _is_container(part: MailMessage) -> bool:
    return part.get_content_maintype() == "multipart" and bool(_children(part))


def _is_body(part: MailMessage) -> bool:
    inline = _or(part.get_content_disposition, None) != "attachment" and _name(part) is None
    return inline and part.get_content_type() in ("text/plain", "text/html")


def _name(part: MailMessage) -> str | None:
    name = _or(part.get_filename, None)
    if not name:
        return None
    if "\ufffd" in name:
        name = _raw_name(part) or name
    return words(name.replace("/", "_").replace("\\", "_"))[:200] or None


def _raw_name(part: MailMessage) -> str | None:
    """A name that was written as it is, not in the ASCII that the library understands."""
    for field, value in part.raw_items():
        if str(field).lower() in ("content-disposition", "content-type"):
            match = _RAW_NAME.search(decoded(str(value)[:_LONGEST_FIELD].encode("utf-8", "surrogateescape"), None))
            if match:
                return match[1]
    return None


def _sections(part: MailMessage, depth: int) -> tuple[Section, ...]:
    if depth > _DEEPEST:
        return ()
    if _is_container(part):
        found = tuple(section for child in _children(part) for section in _sections(child, depth + 1))
        if part.get_content_subtype() != "alternative":
            return found
        plain = next((section.plain for section in found if section.plain and section.plain.strip()), None)
        html = next((section.html for section in found if section.html and section.html.strip()), None)
        return (Section(plain, html),) if plain or html else ()
    if part.get_content_type() == "text/calendar" and _or(part.get_content_disposition, None) != "attachment":
        return (Section(plain=invitation(_text(part))),)
    if not _is_body(part):
        return ()
    text = _text(part)
    return (Section(html=text),) if part.get_content_subtype() == "html" else (Section(plain=_unflowed(part, text)),)


def _text(part: MailMessage) -> str:
    data = _content(part)
    charset = _or(part.get_content_charset, None)
    if data is not None:
        return decoded(data, charset)[:_LONGEST_TEXT]
    payload = part.get_payload()
    return decoded(payload.encode("utf-8", "surrogateescape"), charset)[:_LONGEST_TEXT] if isinstance(payload, str) else ""


def _content(part: MailMessage) -> bytes | None:
    """The part's bytes, its transfer encoding undone; None where that is impossible."""

    def read() -> bytes | None:
        data = part.get_payload(decode=True)
        return data if isinstance(data, bytes) else None

    return _or(read, None)


def _parameter(part: MailMessage, name: str) -> str:
    def read() -> str:
        return str(part.get_param(name) or "").lower()

    return _or(read, "")


def _files(part: MailMessage, depth: int = 0) -> Iterator[tuple[File, MailMessage]]:
    if depth > _DEEPEST:
        return
    if _is_container(part):
        for child in _children(part):
            yield from _files(child, depth + 1)
    elif part.get_content_type().startswith("message/"):
        inner = next(iter(_children(part)), None)
        subject = words(str(_or(lambda: inner["subject"], "") or "")) if inner is not None else ""
        size = len(_inner_bytes(part) or b"")
        yield File(_name(part) or f"{subject or 'message'}.eml", part.get_content_type(), size), part
    elif not _is_body(part) and part.get_content_maintype() != "multipart" and part.get_content_type() not in _NO_FILES:
        data = _content(part)
        name = _name(part) or f"unnamed.{part.get_content_subtype()[:20]}"
        yield File(name, part.get_content_type(), len(data or b"")), part


def _unflowed(part: MailMessage, text: str) -> str:
    """RFC 3676: a line that ends in a space goes on in the next, at the same depth of quoting."""
    if _parameter(part, "format") != "flowed":
        return text
    glue = "" if _parameter(part, "delsp") == "yes" else " "
    lines: list[list[str]] = []
    open_depth: int | None = None
    for line in text.split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        content = bare.removeprefix(" ")
        flows = content.endswith(" ") and content != "-- "
        piece = content.removesuffix(" ") + glue if flows else content
        if open_depth == depth and content != "-- ":
            lines[-1].append(piece)
        else:
            lines.append([f"{'>' * depth} " if depth else "", piece])
        open_depth = depth if flows else None
    return "\n".join("".join(pieces) for pieces in lines)
