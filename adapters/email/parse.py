"""What a mail says, as events. Pure: bytes and who we are go in, events or reasons come out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.email.addresses import BRIDGE, Home, addresses_in
from adapters.email.asking import emoji_in, leaver_in, says_stop
from adapters.email.attaching import PROGRAM, is_program
from adapters.email.bounces import came_back, undelivered
from adapters.email.commands import Command, command_in, says_join
from adapters.email.headers import item_id, mail_of_digest
from adapters.email.identity import author_of, doubt_about
from adapters.email.inline import answers_in
from adapters.email.introductions import MARKER_WORDS
from adapters.email.mime import File, Mail, Section, fingerprint, ids_in, read_fields, read_mail, sent_at
from adapters.email.quotes import prune
from adapters.email.reading import parse_html, read_element, read_text
from adapters.email.refusals import refusal, went_to_many
from adapters.email.reply import cut, cut_tree
from bridge.errors import Unparsable
from bridge.post import (
    Audience,
    Author,
    Created,
    Heard,
    Ignored,
    Media,
    NativeId,
    Own,
    Post,
    Raw,
    Reacted,
    Ref,
    UserId,
    Wish,
    Wished,
)
from bridge.text import Block, Bold, Paragraph, Quote, Str, Text, from_plain, is_blank, plain

__all__ = ["Envelope", "parse", "raws", "read_text"]

LEAVE = "leave"
"""In a raw's hints: the word by which somebody left by a link."""
_RECIPIENTS = ("delivered-to", "x-original-to", "envelope-to", "to", "cc")
_ANSWERS = ("re:", "re[", "aw:", "antw:", "sv:", "vs:", "odp:", "rv:", "res:", "ynt:", "回复", "答复", "回覆")
_FORWARDS = ("fwd:", "fw:", "wg:", "tr:", "enc:", "doorst:", "vl:", "vb:", "vs: fw", "pd:", "i: fw", "转发", "轉寄", "fyi:")
_ONLY_OUTLOOK = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
_NAMED = re.compile(r"\[([a-z0-9]{20,40})\]\s*$")
NO_TEXT: Text = (Paragraph((Str("(no text)"),)),)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the mail server said beside the mail. An empty sender is the null path of bounces."""

    sender: str
    recipient: str


def raws(body: bytes, home: Home, now: datetime, envelope: Envelope | None = None, checked: str | None = None) -> tuple[Raw, ...]:
    """The raws a mail becomes: one per group it is for, or one without a group, which `parse` then explains.

    A raw's key is the same for one mail to one group, however often and by whatever way it comes. `checked` is what was found
    when we looked ourselves who wrote it.
    """
    try:
        fields = read_fields(body)
    except Unparsable:
        fields = Mail((), (), (), "")
    groups = home.groups_in([envelope.recipient]) if envelope else _groups(fields, home)
    beside = {"to": envelope.recipient, "from": envelope.sender} if envelope else {}
    if checked is not None:
        beside["checked"] = checked
    at, mark = sent_at(fields, now), fingerprint(body)
    return tuple(
        Raw(home.account, f"{mark}/{group}", body, at, {**beside, **({"group": group} if group else {})})
        for group in groups or ("",)
    )


def _groups(mail: Mail, home: Home) -> tuple[str, ...]:
    return home.groups_in(value for name in _RECIPIENTS for value in mail.all(name))


def parse(raw: Raw, home: Home) -> tuple[Heard, ...]:
    """One `Created` per group the mail is for, what it asks for, or why it is no post. Raises `Unparsable`, nothing else."""
    if LEAVE in raw.hints:
        return (_left_by_link(raw, home),)
    mail = read_mail(raw.body)
    reason = "bounce" if came_back(raw, home) else refusal(mail, raw.hints.get("from"), home)
    if reason == "bounce":
        return (undelivered(mail, raw, home) or Ignored(raw.key, reason),)
    left = leaver_in(mail, home)
    if left is not None:  # before all else: programs send it by themselves
        group, reader = left
        return (Wish(Ref(home.place(group), NativeId(raw.key)), reader, Wished.LEAVE, raw.at),)
    if reason:
        return (Ignored(raw.key, reason),)
    groups = (raw.hints["group"],) if "group" in raw.hints else _groups(mail, home)
    if not groups:
        return _unaddressed(mail, raw, home)
    if went_to_many(mail):
        raise Unparsable("The mail says it went to many (Precedence), so perhaps no person wrote it to the group; it is held.")
    return tuple(each for group in groups for each in _heard(mail, raw, home, group))


def _left_by_link(raw: Raw, home: Home) -> Heard:
    left = home.signer.leaver(raw.hints[LEAVE]) if home.signer else None
    if left is None:
        raise Unparsable("A link to leave was pressed that the account's secret of today did not make; it is held.")
    return Wish(Ref(home.place(left[0]), NativeId(raw.key)), left[1], Wished.LEAVE, raw.at)


def _unaddressed(mail: Mail, raw: Raw, home: Home) -> tuple[Heard, ...]:
    written = [raw.hints.get("to", ""), *(value for name in _RECIPIENTS for value in mail.all(name))]
    addressed = {address for value in written for address in addresses_in(value) if home.is_ours(address)}
    if home.own_address in addressed and _ancestors(mail):  # an answer to what we said to one person
        return (Created(_post(mail, raw, home, BRIDGE), Own.NO),)
    if addressed:
        raise Unparsable("The mail came to an address of ours that belongs to no group, or to more than one; it is held.")
    return (Ignored(raw.key, "not-addressed"),)


def _heard(mail: Mail, raw: Raw, home: Home, group: str) -> tuple[Heard, ...]:
    """What the mail says to one group: an emoji, a wish, a post, or answers to several."""
    post = _post(mail, raw, home, group)
    emoji = emoji_in(mail, post.text) if post.reply_to else None
    if emoji and post.reply_to:
        return (Reacted(post.reply_to, post.author, emoji, raw.at),)
    command = command_in(mail) or _bare_command(mail)
    if command:
        return (_wish(post, command),)
    digest = next((found for name in _ancestors(mail) if (found := mail_of_digest(name, home))), None)
    return _answers(mail, post, digest, home) if digest else (Created(post, Own.NO),)


def _bare_command(mail: Mail) -> Command | None:
    """What is asked in the mail's own words, where there is nothing else in it."""
    words = _without_subject(mail)
    if mail.files:
        return None
    if says_stop(words, mail.subject):
        return Command(Wished.PERHAPS_LEAVE)
    return Command(Wished.JOIN) if says_join(plain(words), mail.subject) else None


def _wish(post: Post, command: Command) -> Wish:
    return Wish(post.ref, post.author.user, command.wished, post.at, post.author.name, command.until, post.doubt)


def _answers(mail: Mail, post: Post, digest: NativeId, home: Home) -> tuple[Heard, ...]:
    """Answers to posts of a digest, each to its own; what stands above them all goes with the first."""
    found = answers_in(mail)
    above = [answer.words for answer in found if not answer.number]
    below = [answer for answer in found if answer.number]
    if not below:
        return (_wish(post, Command(Wished.WHICH)),)
    answers: list[Heard] = []
    for answer in below:
        words = "\n\n".join([*above, answer.words])
        above = []
        native = NativeId(f"{post.ref.id}#{answer.number}") if answers else post.ref.id
        ref, to = Ref(post.ref.place, native), Ref(post.ref.place, item_id(digest, answer.number, home))
        media = () if answers else post.media
        answers.append(
            Created(replace(post, ref=ref, text=read_plain(words), reply_to=to, also_reply_to=(), media=media), Own.NO)
        )
    return tuple(answers)


def _without_subject(mail: Mail) -> Text:
    return body_text(mail, is_answer=True)


# ---------------------------------------------------------------- the post


def _post(mail: Mail, raw: Raw, home: Home, group: str) -> Post:
    place = home.place(group)
    ancestors = tuple(Ref(place, NativeId(name)) for name in _ancestors(mail))
    native = mail.message_id or f"{raw.key.partition('/')[0]}@{home.host}"
    text = body_text(mail, is_answer=bool(ancestors))
    author = _author(mail)
    named = _named_in(mail.subject, home)
    if named and not ancestors:
        ancestors = (Ref(place, named),)
    ticket = home.ticket_in("r", raw.hints.get("to", "") or _own_recipient(mail, home), raw.at)
    by_ticket = Ref(place, NativeId(f"{ticket.id}@{home.host}")) if ticket else None
    if by_ticket and by_ticket not in ancestors:
        ancestors = (by_ticket, *ancestors)
    return Post(
        ref=Ref(place, NativeId(native)),
        author=author,
        text=text,
        audience=Audience.GROUP,
        at=raw.at,
        reply_to=next(iter(ancestors), None),
        also_reply_to=ancestors[1:],
        gated=False,
        language=mail.first("content-language")[:2].lower(),
        media=tuple(_media(file, raw) for file in mail.files),
        doubt=doubt_about(mail, author.user, home.authserv, raw.hints.get("checked") if home.check_senders else None),
        by_ticket=by_ticket,
    )


def _named_in(subject: str, home: Home) -> NativeId | None:
    """The post that the subject names, as the Answer links of a digest do where no address can be made for it."""
    match = _NAMED.search(subject[-60:])
    return NativeId(f"{match[1]}@{home.host}") if match else None


def _own_recipient(mail: Mail, home: Home) -> str:
    """The address of ours made for one reader, where no server said to whom the mail went."""
    written = (address for name in _RECIPIENTS for value in mail.all(name) for address in addresses_in(value))
    return next((address for address in written if home.is_ours(address) and home.group_of(address)), "")


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


def _media(file: File, raw: Raw) -> Media:
    """A file that can be fetched from the raw, or the reason why it is only named."""
    missing = ""
    if is_program(file.name, file.mime):
        missing = PROGRAM
    elif file.mime.lower() in _ONLY_OUTLOOK or file.name.lower() == "winmail.dat":
        missing = "written by Outlook for itself, so others cannot open it"
    source = "" if missing else f"{raw.key}#{file.number}"
    return Media(name=file.name, mime=file.mime, size=file.size, source=source, missing=missing)


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
