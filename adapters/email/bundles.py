"""Several posts in one mail: a conversation as it went on, or a digest of many. Each post can be answered on its own. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Final
from urllib.parse import quote

from adapters.email.addresses import Home
from adapters.email.attaching import attach, picture
from adapters.email.commands import Way, footer, ways
from adapters.email.filelinks import Linker, linker
from adapters.email.headers import item_id, leaving, message_id
from adapters.email.phrases import BETWEEN, HEADING, MARKER
from adapters.email.render import FOOTER, Letter, content, one_line, shown, subject_of
from adapters.email.writing import cleaned, write_text
from bridge.contract import File, FileLimits, Item, Part
from bridge.post import Destination, Media, Place, Ref
from bridge.text import first_line, plain

HOW: Final = "To answer a post, write right below it, or press its Answer link."


@dataclass(frozen=True, slots=True)
class Bundler:
    """See `bridge.contract.Bundler`."""

    home: Home

    def bundle(self, conversations: Sequence[Sequence[Item]], destination: Destination) -> Part:
        """One mail for the conversations' posts."""
        items = [item for conversation in conversations for item in conversation]
        files = _Files(items[0].context.limits.files, [media for item in items for media in item.post.media], self._linker(items))
        make = _digest if len(conversations) > 1 else _conversation
        letter = make(conversations, files, self.home, destination)
        return Part(json.dumps(asdict(letter), ensure_ascii=False), tuple(map(File, files.chosen)))

    def _linker(self, items: Sequence[Item]) -> Linker:
        return linker(self.home, items[0].context.public_url, max(item.post.at for item in items))

    def refer(self, key: str, number: int, place: Place) -> Ref:
        """By what id the post is answered: the mail's own, or one made of it."""
        mail = message_id(key, self.home)
        return Ref(place, item_id(mail, number, self.home) if number else mail)


class _Files:
    """The files of all posts in the mail: each is named below its post, and as many as fit go along."""

    def __init__(self, limits: FileLimits | None, media: Sequence[Media], link: Linker) -> None:
        attached = attach(media, limits, link)
        self.chosen = tuple({each.blob: each for each in attached.chosen}.values())
        self._lines = iter(attached.lines)
        self._shown = frozenset(each.blob for each in attached.shown)

    def of(self, item: Item) -> tuple[tuple[str, ...], str]:
        """What is said of the post's files, and its pictures; to be asked for each post once, in order."""
        lines = tuple(next(self._lines) for _ in item.post.media)
        return lines, "".join(picture(each) for each in item.post.media if each.blob and each.blob in self._shown)


# ---------------------------------------------------------------- one conversation


def _conversation(conversations: Sequence[Sequence[Item]], files: _Files, home: Home, to: Destination) -> Letter:
    """Posts as one after the other was written."""
    items = conversations[0]
    first, last = items[0], items[-1]
    title = one_line(last.context.group) or "viabridge"
    texts, pages = [MARKER], [f"<p><small>{MARKER}</small></p>"]
    for before, item in _pairs(items):
        text, page = _body(before, item, files)
        texts.extend([BETWEEN, text] if before else [text])
        pages.append(f"<hr>{page}" if before else page)
    below = footer(f"{title} · {FOOTER}", offered(to, home, last))
    return Letter(
        subject=subject_of(first.post, first.context, title),
        name=f"{_listed([shown(item.post) for item in items])} via {title}",
        text="\n\n".join([*texts, below.text]),
        html="\n".join([*pages, below.html]),
        date=last.post.at.isoformat(),
        group=title,
        link=last.context.public_url,
        items=_named(items),
    )


def _pairs(items: Sequence[Item]) -> Iterator[tuple[Item | None, Item]]:
    yield from zip((None, *items), items, strict=False)


def _body(before: Item | None, item: Item, files: _Files) -> tuple[str, str]:
    """A post as text and as HTML."""
    lines, pictures = files.of(item)
    blocks = tuple(content(item.post, item.context, lines, quoting=not _is_above(before, item)))
    return plain(blocks).replace(HEADING, "·"), f"{cleaned(write_text(blocks)).replace(HEADING, '·')}{pictures}"


def _is_above(before: Item | None, item: Item) -> bool:
    """Whether what the post answers stands right above it."""
    parent = item.context.parent
    return before is not None and parent is not None and parent.line == first_line(before.post.text)


def _listed(names: Sequence[str]) -> str:
    different = list(dict.fromkeys(names))
    return " and ".join(different) if len(different) < 3 else f"{different[0]} and {len(different) - 1} others"


# ---------------------------------------------------------------- a digest


def _digest(conversations: Sequence[Sequence[Item]], files: _Files, home: Home, to: Destination) -> Letter:
    """Everything that waited for the reader, by group and conversation."""
    items = [item for conversation in conversations for item in conversation]
    titles = list(dict.fromkeys(one_line(item.context.group) or "viabridge" for item in items))
    about = _listed(titles)
    begins = f"{len(items)} posts in {len(conversations)} conversations. {HOW}"
    texts, pages = [begins], [f"<p>{escape(begins, quote=False)}</p>"]
    number = 0
    for conversation in conversations:
        first = conversation[0]
        subject = subject_of(first.post, first.context, about).removeprefix("Re: ")
        texts.append(f"━━ {subject}")
        pages.append(f"<hr>\n<p><b>{escape(subject, quote=False)}</b></p>")
        for before, item in _pairs(conversation):
            number += 1
            text, page = _body(before, item, files)
            head = f"{HEADING} {number} · {shown(item.post)} · {item.post.at:%d %b %H:%M} UTC"
            link = answer_link(item, home)
            texts.append(f"{head}\n{text}\n\n  Answer: {link}")
            pages.append(f"<p><small>{escape(head, quote=False)}</small></p>\n{page}")
            pages.append(cleaned(f'<p><small><a href="{escape(link)}">Answer</a></small></p>'))
    last = items[-1]
    below = footer(about, offered(to, home, last))
    return Letter(
        subject=one_line(f"{about}: {len(items)} posts", 150),
        name=about,
        text="\n\n".join([*texts, below.text]),
        html="\n".join([*pages, below.html]),
        date=max(item.post.at for item in items).isoformat(),
        group=titles[0],
        link=last.context.public_url,
        items=_named(items),
        digest=True,
    )


def answer_link(item: Item, home: Home) -> str:
    """What a press on Answer writes to: an address made for that post, where there can be one, else a subject that names it."""
    name = item.ref.id.partition("@")[0]
    line = first_line(item.post.text, 50)
    address = home.own_for("r", item.to.place.id, name, item.post.at)
    if address:
        return f"mailto:{address}?subject={quote(f'Re: {line}')}"
    return f"mailto:{home.address_of(item.to.place.id)}?subject={quote(f'Re: {line} [{name}]')}"


def offered(to: Destination, home: Home, last: Item) -> tuple[Way, ...]:
    """What the reader can ask of us."""
    leave = leaving(to, home, last.context.public_url)
    return ways(to, home, last.post.at, leave[0] if leave else "")


def _named(items: Sequence[Item]) -> tuple[str, ...]:
    return tuple(f"{item.to.place.id}/{item.ref.id}" for item in items)
