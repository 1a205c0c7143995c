"""The rich-text tree every platform's markup is read into and written from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import assert_never
from unicodedata import category, normalize


@dataclass(frozen=True, slots=True)
class Str:
    """Plain characters; they never mean markup. No newlines: those are `Break`."""

    text: str


@dataclass(frozen=True, slots=True)
class Bold:
    children: Inlines


@dataclass(frozen=True, slots=True)
class Italic:
    children: Inlines


@dataclass(frozen=True, slots=True)
class Strike:
    children: Inlines


@dataclass(frozen=True, slots=True)
class Code:
    """Inline code."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link. `children` is what is shown; empty means the address itself."""

    url: str
    children: Inlines = ()


@dataclass(frozen=True, slots=True)
class Mention:
    """A person named in the text. `label` is their shown name, without a leading @."""

    user: str
    label: str


@dataclass(frozen=True, slots=True)
class Emoji:
    """An emoji; `char` is empty for a platform's own ones, which are shown as `:name:`."""

    name: str
    char: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """A line break within a paragraph."""


Inline = Str | Bold | Italic | Strike | Code | Link | Mention | Emoji | Break
Inlines = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    children: Inlines


@dataclass(frozen=True, slots=True)
class Quote:
    children: Text


@dataclass(frozen=True, slots=True)
class CodeBlock:
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class List:
    """A list; each item is a text of its own. `start` counts for ordered ones."""

    items: tuple[Text, ...]
    ordered: bool = False
    start: int = 1


Block = Paragraph | Quote | CodeBlock | List
Text = tuple[Block, ...]


def from_plain(source: str) -> Text:
    """Plain text as a tree: blank lines part paragraphs, single newlines are breaks, bare addresses become links."""
    paragraphs = re.split(r"\n[ \t]*(?:\n[ \t]*)+", source.replace("\r\n", "\n").replace("\r", "\n").strip("\n"))
    return tuple(Paragraph(inlines(p)) for p in paragraphs if p.strip())


_URL = re.compile(r"\bhttps?://[^\s<>\"]+", re.IGNORECASE)
_URL_TAIL = ".,;:!?'\"*_~"


def inlines(source: str) -> Inlines:
    """One paragraph's plain text as inline nodes, with breaks and bare links found."""
    nodes: list[Inline] = []
    for number, line in enumerate(source.split("\n")):
        if number:
            nodes.append(Break())
        nodes.extend(_line(line))
    return tuple(nodes)


def _line(line: str) -> Iterator[Inline]:
    at = 0
    for match in _URL.finditer(line):
        url = match.group().rstrip(_URL_TAIL)
        surplus = url.count(")") - url.count("(")  # counted once: a hostile line may end in thousands of them
        while surplus > 0 and url.endswith(")"):
            url = url[:-1].rstrip(_URL_TAIL)
            surplus -= 1
        if match.start() > at:
            yield Str(line[at : match.start()])
        yield Link(url)
        at = match.start() + len(url)
    if at < len(line):
        yield Str(line[at:])


def plain(text: Text) -> str:
    """The text without any marks, for logs of nothing and for people who read plainly: words, breaks, bullets, links."""
    return "\n\n".join(_plain_block(block) for block in text)


def first_line(text: Text, width: int = 80) -> str:
    """The first line that says something, cut to `width` characters."""
    line = next((line.strip() for line in plain(text).splitlines() if line.strip()), "")
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def _plain_block(block: Block) -> str:
    match block:
        case Paragraph(children):
            return plain_inlines(children)
        case Quote(children):
            return "\n".join(f"> {line}".rstrip() for line in plain(children).split("\n"))
        case CodeBlock(code):
            return code
        case List():
            return "\n".join(f"{mark}{body}" for mark, body in list_lines(block, lambda item: "\n".join(map(_plain_block, item))))
        case _:
            assert_never(block)


def list_lines(block: List, render: Callable[[Text], str]) -> Iterator[tuple[str, str]]:
    """Each item's mark ("- " or "3. ") and its rendered body, further lines indented under the mark."""
    for number, item in enumerate(block.items, start=block.start):
        mark = f"{number}. " if block.ordered else "- "
        yield mark, render(item).replace("\n", "\n" + " " * len(mark))


def plain_inlines(nodes: Inlines) -> str:
    """Inline nodes as words."""
    return "".join(_plain_inline(node) for node in nodes)


def _plain_inline(node: Inline) -> str:
    match node:
        case Str(text) | Code(text):
            return text
        case Bold(children) | Italic(children) | Strike(children):
            return plain_inlines(children)
        case Link(url, children):
            return link_words(url, plain_inlines(children))
        case Mention(_, label):
            return f"@{label}"
        case Emoji(name, char):
            return char or f":{name}:"
        case Break():
            return "\n"
        case _:
            assert_never(node)


def mentioned(text: Text) -> frozenset[str]:
    """The users whom the text mentions, by the ids that their platform gave."""
    return frozenset(user for block in text for user in _mentioned_in(block))


def _mentioned_in(block: Block) -> Iterator[str]:
    match block:
        case Paragraph(children):
            yield from _mentioned_inline(children)
        case Quote(children):
            yield from mentioned(children)
        case List(items):
            for item in items:
                yield from mentioned(item)
        case _:
            return


def _mentioned_inline(nodes: Inlines) -> Iterator[str]:
    for node in nodes:
        match node:
            case Mention(user):
                yield user
            case Bold(children) | Italic(children) | Strike(children):
                yield from _mentioned_inline(children)
            case _:
                continue


def link_words(url: str, label: str) -> str:
    """A link for readers without links: the address once, and its label where that says more."""
    shown = label.strip()
    if not shown or url in (shown, f"mailto:{shown}") or url.rpartition("://")[2].rstrip("/") == shown.rstrip("/"):
        return url.removeprefix("mailto:")
    return f"{label} ({url})"


def is_blank(text: Text) -> bool:
    """Whether nothing in it can be read: no words, no emoji; marks, bullets and invisible characters don't count."""
    return all(map(_is_blank_block, text))


def _is_blank_block(block: Block) -> bool:
    match block:
        case Paragraph(children):
            return _is_invisible(plain_inlines(children))
        case Quote(children):
            return is_blank(children)
        case CodeBlock(code):
            return _is_invisible(code)
        case List(items):
            return all(map(is_blank, items))
        case _:
            assert_never(block)


def _is_invisible(words: str) -> bool:
    # Cf are the zero-width and direction marks, Cc the control characters.
    return all(character.isspace() or category(character) in ("Cf", "Cc") for character in words)


def attribute(text: Text, template: str, author: str) -> Text:
    """The text wrapped in the group's `via` template, such as `via {author}: {text}`.

    Marks in `author` mean nothing, and it is one line whatever its platform let it be; the template may have several.
    """
    before, _, after = template.partition("{text}")
    if before:
        text = prepend(text, _lines(filled(before, author)))
    if after:
        text = append(text, _lines(filled(after, author)))
    return text


_NAMES = re.compile(r"\{(author|initials)\}")


def filled(template: str, author: str) -> str:
    """The template with `{author}` and `{initials}` filled in; what a name itself holds in braces stays as it is."""
    name = " ".join(author.split())
    return _NAMES.sub(lambda found: name if found[1] == "author" else initials(name), template)


def initials(name: str) -> str:
    """The first letters of the name's words, at most three, upper case; the name itself where no word begins with one.

    Emoji and other signs before a word don't count; a word in brackets does not count as a whole: `🦊 Lynn (she/her)` is `L`.
    """
    bare = (word.lstrip("".join(filter(_is_sign, word))) for word in normalize("NFC", name).split())
    found = [word[0].upper()[0] for word in bare if word[:1].isalnum()]
    return "".join(found[:3]) or name


def _is_sign(character: str) -> bool:
    return category(character)[0] in "SMC"


def _lines(source: str) -> Inlines:
    """Plain characters with their line breaks; nothing in them becomes a link."""
    first, *others = source.split("\n")
    nodes = [Str(first), *(node for line in others for node in (Break(), Str(line)))]
    return tuple(node for node in nodes if node != Str(""))


def prepend(text: Text, nodes: Inlines) -> Text:
    """`nodes` before the text: in its first paragraph where it starts with one, else in a paragraph of their own."""
    if text and isinstance(text[0], Paragraph):
        return (Paragraph(nodes + text[0].children), *text[1:])
    return (Paragraph(nodes), *text)


def append(text: Text, nodes: Inlines) -> Text:
    """`nodes` after the text: in its last paragraph where it ends with one, else in a paragraph of their own."""
    if text and isinstance(text[-1], Paragraph):
        return (*text[:-1], Paragraph(text[-1].children + nodes))
    return (*text, Paragraph(nodes))
