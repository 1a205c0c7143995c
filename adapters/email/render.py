"""A post as the mail a reader gets: what it says, in text and HTML. Pure; addresses and ids are added by `headers`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from html import escape
from typing import Final

from adapters.email.attaching import attach, picture
from adapters.email.phrases import MARKER
from adapters.email.writing import cleaned, write_text
from bridge.contract import Context, File, Part
from bridge.post import Destination, Post
from bridge.text import Block, Break, Inline, Paragraph, Str, Text, attribute, first_line, plain, prepend

__all__ = ["FOOTER", "Letter", "letter_of", "render", "write_text"]

LEAVE: Final = "To get no more of these:"
FOOTER: Final = "Press Reply to answer everyone in this group."
_LONGEST_NAME: Final = 60
_LONGEST_SUBJECT: Final = 150
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_ADDRESS = re.compile(r"([^\s<>()\",;:@]{1,64})@[^\s<>()\",;:@]{1,255}")


@dataclass(frozen=True, slots=True)
class Letter:
    """What stands in one mail. `group` is empty for a notice to one person; `date` is ISO 8601, UTC.

    `link` is where we are reached from outside.
    """

    subject: str
    name: str
    text: str
    html: str
    date: str
    group: str = ""
    link: str = ""


def letter_of(part: Part) -> Letter:
    """The letter that `render` wrote into the part."""
    return Letter(**json.loads(part.body))


def render(post: Post, destination: Destination, context: Context, leave: str = "") -> tuple[Part, ...]:
    """One mail, never split. Its parent's first line is always quoted: mail is read one at a time. `leave` is how to leave."""
    attached = attach(post.media, context.limits.files)
    text = tuple(_content(post, context, attached.lines))
    title = one_line(context.group) or "viabridge"
    direct = destination.place.is_direct
    footer = f"{title} · {FOOTER}" if not direct else title
    letter = Letter(
        subject=_subject(post, context, title),
        name=f"{_shown(post)} via {title}" if context.via else title,
        text="\n\n".join([*([] if direct else [MARKER]), plain(text), f"-- \n{footer}{_way_out(leave)}"]),
        html=_page(text, footer, leave, "".join(map(picture, attached.shown)), marked=not direct),
        date=post.at.isoformat(),
        group="" if direct else title,
        link=context.public_url,
    )
    return (Part(json.dumps(asdict(letter), ensure_ascii=False), tuple(map(File, attached.chosen))),)


def _way_out(leave: str) -> str:
    return f"\n{LEAVE} {leave}" if leave else ""


def one_line(value: str, longest: int = _LONGEST_NAME) -> str:
    """A value that is safe in a header: no line ends, no control or direction marks, not too long."""
    line = " ".join(_CONTROL.sub(" ", value).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def _shown(post: Post) -> str:
    """The author's name; of an address in it only what stands before the @: addresses are nobody else's business."""
    return one_line(_ADDRESS.sub(r"\1", post.author.name)) or "Somebody"


def _subject(post: Post, context: Context, title: str) -> str:
    subject = one_line(context.subject or first_line(post.text, 60) or title, _LONGEST_SUBJECT)
    return f"Re: {subject}" if context.parent and not subject.lower().startswith("re:") else subject


def _content(post: Post, context: Context, files: tuple[str, ...]) -> Iterator[Block]:
    if context.parent:
        author = one_line(_ADDRESS.sub(r"\1", context.parent.author))
        yield Paragraph((Str(f"↪ {author}: {context.parent.line}"),))
    if post.warning:
        yield Paragraph((Str(f"CW: {post.warning}"),))
    yield from _corrected(_attributed(post, context), corrected=context.corrected)
    if files:
        yield Paragraph(tuple(_named(files)))


def _attributed(post: Post, context: Context) -> Text:
    return attribute(post.text, context.via, _shown(post)) if context.via else post.text


def _corrected(text: Text, *, corrected: bool) -> Text:
    return prepend(text, (Str("Correction: "),)) if corrected else text


def _named(files: tuple[str, ...]) -> Iterator[Inline]:
    for number, line in enumerate(files):
        if number:
            yield Break()
        yield Str(line)


def _page(text: Text, footer: str, leave: str, pictures: str, *, marked: bool) -> str:
    """The whole HTML, cleaned; its looks are added when it is sent."""
    marker = f"<p><small>{MARKER}</small></p>\n" if marked else ""
    below = f'<br><a href="{escape(leave)}">{LEAVE.rstrip(":")}</a>' if leave else ""
    ending = f"\n<hr>\n<p><small>{escape(footer, quote=False)}{below}</small></p>"
    return f"{cleaned(marker + write_text(text))}{pictures}{cleaned(ending)}"
