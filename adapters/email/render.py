"""A post as the mail a reader gets: what it says, in text and HTML. Pure; addresses and ids are added by `headers`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Final

from adapters.email.attaching import attach, picture
from adapters.email.commands import Way, footer
from adapters.email.filelinks import Linker, no_link
from adapters.email.phrases import MARKER
from adapters.email.writing import cleaned, write_text
from bridge.contract import Context, File, Part
from bridge.post import Destination, Post
from bridge.text import Block, Break, Inline, Link, Paragraph, Str, Text, attribute, first_line, plain, prepend

__all__ = ["FOOTER", "Letter", "letter_of", "render", "write_text"]

FOOTER: Final = "Press Reply to answer everyone in this group."
_LONGEST_NAME: Final = 60
_LONGEST_SUBJECT: Final = 150
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_LINKED = re.compile(r": (https?://\S+/mail/\S+/file/\S+)$")
_ADDRESS = re.compile(r"([^\s<>()\",;:@]{1,64})@[^\s<>()\",;:@]{1,255}")


@dataclass(frozen=True, slots=True)
class Letter:
    """What stands in one mail. `group` is empty for a notice to one person; `date` is ISO 8601, UTC.

    `link` is where we are reached from outside. `items` are the posts it brings, where there are several, as group/id; a
    `digest` brings those of several conversations, and stands for none of them.
    """

    subject: str
    name: str
    text: str
    html: str
    date: str
    group: str = ""
    link: str = ""
    items: tuple[str, ...] = ()
    digest: bool = False


def letter_of(part: Part) -> Letter:
    """The letter that `render` wrote into the part."""
    found = json.loads(part.body)
    return Letter(**(found | {"items": tuple(found.get("items", ()))}))


def render(
    post: Post, destination: Destination, context: Context, offered: tuple[Way, ...] = (), link: Linker = no_link
) -> tuple[Part, ...]:
    """One mail, never split. Its parent's first line is always quoted: mail is read one at a time.

    `offered` is what its reader can ask of us.
    """
    attached = attach(post.media, context.limits.files, link)
    text = tuple(content(post, context, attached.lines))
    title = one_line(context.group) or "viabridge"
    direct = destination.place.is_direct
    below = footer(f"{title} · {FOOTER}" if not direct else title, offered)
    letter = Letter(
        subject=subject_of(post, context, title),
        name=f"{shown(post)} via {title}" if context.via else title,
        text="\n\n".join([*([] if direct else [MARKER]), plain(text), below.text]),
        html=_page(text, below.html, "".join(map(picture, attached.shown)), marked=not direct),
        date=post.at.isoformat(),
        group="" if direct else title,
        link=context.public_url,
    )
    return (Part(json.dumps(asdict(letter), ensure_ascii=False), tuple(map(File, attached.chosen))),)


def one_line(value: str, longest: int = _LONGEST_NAME) -> str:
    """A value that is safe in a header: no line ends, no control or direction marks, not too long."""
    line = " ".join(_CONTROL.sub(" ", value).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def shown(post: Post) -> str:
    """The author's name; of an address in it only what stands before the @: addresses are nobody else's business."""
    return one_line(_ADDRESS.sub(r"\1", post.author.name)) or "Somebody"


def subject_of(post: Post, context: Context, title: str) -> str:
    """The conversation's name, the same in all its mails."""
    own = title if context.parent else first_line(post.text, 60)  # nameless: still the same in all its mails
    subject = one_line(context.subject or own or title, _LONGEST_SUBJECT)
    return f"Re: {subject}" if context.parent and not subject.lower().startswith("re:") else subject


def content(post: Post, context: Context, files: tuple[str, ...], *, quoting: bool = True) -> Iterator[Block]:
    """What a mail says of a post; `files` is what is said of its files, `quoting` whether it says what the post answers."""
    if context.parent and quoting:
        author = one_line(_ADDRESS.sub(r"\1", context.parent.author))
        yield Paragraph((Str(f"↪ {author}: {context.parent.line}"),))
    if post.warning:
        yield Paragraph((Str(f"CW: {post.warning}"),))
    yield from _corrected(_attributed(post, context), corrected=context.corrected)
    if files:
        yield Paragraph(tuple(_named(files)))


def _attributed(post: Post, context: Context) -> Text:
    return attribute(post.text, context.via, shown(post)) if context.via else post.text


def _corrected(text: Text, *, corrected: bool) -> Text:
    return prepend(text, (Str("Correction: "),)) if corrected else text


def _named(files: tuple[str, ...]) -> Iterator[Inline]:
    for number, line in enumerate(files):
        if number:
            yield Break()
        linked = _LINKED.search(line)
        yield Str(line[: linked.start(1)] if linked else line)
        if linked:
            yield Link(linked[1], ())


def _page(text: Text, below: str, pictures: str, *, marked: bool) -> str:
    """The whole HTML, cleaned; its looks are added when it is sent."""
    marker = f"<p><small>{MARKER}</small></p>\n" if marked else ""
    return f"{cleaned(marker + write_text(text))}{pictures}\n{below}"
