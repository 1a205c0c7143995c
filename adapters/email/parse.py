"""What a mail says, as events. Pure: bytes and who we are go in, events or reasons come out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from adapters.email.addresses import Home, addresses_in
from adapters.email.identity import author_of, is_disproved
from adapters.email.introductions import MARKER_WORDS
from adapters.email.mime import File, Mail, Section, fingerprint, ids_in, read_fields, read_mail, sent_at
from adapters.email.quotes import prune
from adapters.email.reading import parse_html, read_element, read_text
from adapters.email.refusals import refusal, went_to_many
from adapters.email.reply import cut, cut_tree
from bridge.errors import Unparsable
from bridge.post import Audience, Author, Created, Ignored, Media, NativeId, Own, Post, Raw, Ref, UserId
from bridge.text import Block, Bold, Paragraph, Quote, Str, Text, from_plain, is_blank, plain

__all__ = ["Envelope", "parse", "raws", "read_text"]

_RECIPIENTS = ("delivered-to", "x-original-to", "envelope-to", "to", "cc")
_ANSWERS = ("re:", "re[", "aw:", "antw:", "sv:", "vs:", "odp:", "rv:", "res:", "ynt:", "回复", "答复", "回覆")
_FORWARDS = ("fwd:", "fw:", "wg:", "tr:", "enc:", "doorst:", "vl:", "vb:", "vs: fw", "pd:", "i: fw", "转发", "轉寄", "fyi:")
NO_TEXT: Text = (Paragraph((Str("(no text)"),)),)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the mail server said beside the mail. An empty sender is the null path of bounces."""

    sender: str
    recipient: str


def raws(body: bytes, home: Home, now: datetime, envelope: Envelope | None = None) -> tuple[Raw, ...]:
    """The raws a mail becomes: one per group it is for, or one without a group, which `parse` then explains.

    A raw's key is the same for one mail to one group, however often and by whatever way it comes.
    """
    try:
        fields = read_fields(body)
    except Unparsable:
        fields = Mail((), (), (), "")
    groups = home.groups_in([envelope.recipient]) if envelope else _groups(fields, home)
    beside = {"to": envelope.recipient, "from": envelope.sender} if envelope else {}
    at, mark = sent_at(fields, now), fingerprint(body)
    return tuple(
        Raw(home.account, f"{mark}/{group}", body, at, {**beside, **({"group": group} if group else {})})
        for group in groups or ("",)
    )


def _groups(mail: Mail, home: Home) -> tuple[str, ...]:
    return home.groups_in(value for name in _RECIPIENTS for value in mail.all(name))


def parse(raw: Raw, home: Home) -> tuple[Created | Ignored, ...]:
    """One `Created` per group the mail is for, or why it is no post. Raises `Unparsable`, nothing else."""
    mail = read_mail(raw.body)
    reason = refusal(mail, raw.hints.get("from"), home)
    if reason:
        return (Ignored(raw.key, reason),)
    groups = (raw.hints["group"],) if "group" in raw.hints else _groups(mail, home)
    if not groups:
        return (_unaddressed(mail, raw, home),)
    if went_to_many(mail):
        raise Unparsable("The mail says it went to many (Precedence), so perhaps no person wrote it to the group; it is held.")
    if home.authserv and is_disproved(mail, home.authserv):
        raise Unparsable("The receiving server found that the mail is not from whom its From line names; it is held.")
    return tuple(Created(_post(mail, raw, home, group), Own.NO) for group in groups)


def _unaddressed(mail: Mail, raw: Raw, home: Home) -> Ignored:
    written = [raw.hints.get("to", ""), *(value for name in _RECIPIENTS for value in mail.all(name))]
    if any(home.is_ours(address) for value in written for address in addresses_in(value)):
        raise Unparsable("The mail came to an address of ours that belongs to no group, or to more than one; it is held.")
    return Ignored(raw.key, "not-addressed")


# ---------------------------------------------------------------- the post


def _post(mail: Mail, raw: Raw, home: Home, group: str) -> Post:
    place = home.place(group)
    ancestors = tuple(Ref(place, NativeId(name)) for name in _ancestors(mail))
    native = mail.message_id or f"{raw.key.partition('/')[0]}@{home.host}"
    text = body_text(mail, is_answer=bool(ancestors))
    return Post(
        ref=Ref(place, NativeId(native)),
        author=_author(mail),
        text=text,
        audience=Audience.GROUP,
        at=raw.at,
        reply_to=next(iter(ancestors), None),
        also_reply_to=ancestors[1:],
        gated=False,
        language=mail.first("content-language")[:2].lower(),
        media=tuple(map(_media, mail.files)),
    )


def _ancestors(mail: Mail) -> tuple[str, ...]:
    """The ids of what it answers, nearest first. Some chains grow to hundreds; the nearest twenty will do."""
    chain = (*ids_in(mail.first("in-reply-to")), *reversed(ids_in(mail.first("references"))))
    return tuple(dict.fromkeys(chain))[:20]


def _author(mail: Mail) -> Author:
    found = author_of(mail)
    if found is None:
        raise Unparsable("The mail must have one From line with one address to say who wrote it, and has not; it is held.")
    shown, address = found
    local = address.partition("@")[0]
    name = shown.strip(" '\"") or local
    return Author(UserId(address), name.partition("@")[0].strip() or local if "@" in name else name[:200], (address,))


def _media(file: File) -> Media:
    return Media(name=file.name, mime=file.mime, size=file.size)


def body_text(mail: Mail, *, is_answer: bool) -> Text:
    """What its writer wrote: without quotes and signatures, and with the subject where that says more."""
    forwarded = mail.subject.lower().startswith(_FORWARDS) and not _holds_marker(mail)  # its quote is what is passed on
    text = tuple(block for section in mail.sections for block in _section_text(section, cutting=not forwarded))
    if is_blank(text) and not _holds_marker(mail):
        text = tuple(block for section in mail.sections for block in _section_text(section, cutting=False))
    text = NO_TEXT if is_blank(text) else text
    subject = mail.subject
    if is_answer or not subject or subject.lower().startswith(_ANSWERS) or _says(text, subject):
        return text
    return (Paragraph((Bold((Str(subject),)),)), *(() if text == NO_TEXT else text))


def _says(text: Text, subject: str) -> bool:
    return " ".join(subject.casefold().split()).rstrip(".… ") in " ".join(plain(text).casefold().split())


def _holds_marker(mail: Mail) -> bool:
    return any(MARKER_WORDS in (section.plain or section.html or "") for section in mail.sections)


def _section_text(section: Section, *, cutting: bool) -> Text:
    if section.plain is not None and section.plain.strip():
        return read_plain(cut(section.plain) if cutting else section.plain)
    if section.html is None:
        return ()
    root = parse_html(section.html)
    if root is None:
        return ()
    if not cutting:
        return read_element(root)
    prune(root)
    return cut_tree(read_element(root))


def read_plain(body: str) -> Text:
    """Plain text as a tree: lines that start with `>` become quotes."""
    return tuple(_plain_blocks(body, 0))


def _plain_blocks(body: str, depth: int) -> Iterator[Block]:
    run: list[str] = []
    quoted = False
    for line in (*body.split("\n"), None):
        is_quoted = line is not None and line.lstrip(" ").startswith(">") and depth < 8
        if (line is None or is_quoted != quoted) and run:
            inner = "\n".join(run)
            yield from (Quote(tuple(_plain_blocks(inner, depth + 1))),) if quoted else from_plain(inner)
            run = []
        quoted = is_quoted
        if line is not None:
            run.append(line.lstrip(" ").removeprefix(">").removeprefix(" ") if is_quoted else line.rstrip())
