"""Mastodon's HTML → rich-text tree. Knows what servers of the family send; trusts none of it to be well-formed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from lxml import html
from lxml.html import HtmlElement

from bridge.errors import Unparsable
from bridge.text import (
    Block,
    Bold,
    Break,
    Code,
    CodeBlock,
    Inline,
    Inlines,
    Italic,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Str,
    Strike,
    Text,
    plain_inlines,
)

_MARKS: Final[dict[str, Callable[[Inlines], Inline]]] = {
    "b": Bold,
    "strong": Bold,
    "i": Italic,
    "em": Italic,
    "s": Strike,
    "del": Strike,
    "strike": Strike,
}
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_BLOCKS: Final = frozenset({"p", "div", "section", "article", "ul", "ol", "li", "blockquote", "pre", "hr"}) | _HEADINGS
_SILENT: Final = frozenset({"script", "style", "head", "title", "template"})
_NEWLINES: Final = re.compile(r"[ \t]*[\r\n]+[ \t\r\n]*")
# NUL and its like, and lone surrogates (a JSON escape can smuggle one in), are no characters: lxml and UTF-8 refuse them.
_UNREADABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def clean(text: str) -> str:
    """The text without what no text can hold (NUL, other controls, lone surrogates)."""
    return _UNREADABLE.sub("", text)


def read_text(native: str) -> Text:
    """A status' `content` as a tree. A `Mention.user` is the address it links to; `parse` knows whose id that is.

    Raises `Unparsable` for HTML nested beyond all reason.
    """
    source = clean(native)
    if not source.strip():
        return ()
    root = html.fragment_fromstring(source, create_parent="div")
    try:
        return tuple(_blocks(root))
    except RecursionError:
        raise Unparsable("The post's HTML is nested too deeply to be read.") from None


def _blocks(parent: HtmlElement) -> Iterator[Block]:
    """The blocks within `parent`; loose words between them become paragraphs."""
    loose: list[Inline] = []
    for node in _children(parent):
        if isinstance(node, HtmlElement) and node.tag in _BLOCKS:
            yield from _paragraph(loose)
            loose = []
            yield from _block(node)
        else:
            loose.extend(_inline(node))
    yield from _paragraph(loose)


def _block(node: HtmlElement) -> Iterable[Block]:
    match node.tag:
        case "hr":
            return ()
        case "blockquote":
            quoted = tuple(_blocks(node))
            return (Quote(quoted),) if quoted else ()
        case "pre":
            return _code_block(node)
        case "ul" | "ol":
            return _list(node)
        case heading if heading in _HEADINGS:
            # A heading has no place in a conversation: its words stay, in bold.
            return (_embolden(block) for block in _blocks(node))
        case _ if "quote-inline" in _classes(node):
            return ()
        case _:
            return _blocks(node)


def _embolden(block: Block) -> Block:
    return Paragraph((Bold(block.children),)) if isinstance(block, Paragraph) else block


def _code_block(node: HtmlElement) -> Iterable[Block]:
    for line_break in node.iter("br"):
        line_break.tail = "\n" + (line_break.tail or "")
    code = str(node.text_content()).strip("\n")
    language = next(
        (name.removeprefix("language-") for inner in node.iter("code") for name in _classes(inner) if "language-" in name),
        "",
    )
    return (CodeBlock(code, language),) if code else ()


def _list(node: HtmlElement) -> Iterable[Block]:
    items = tuple(item for child in node if child.tag == "li" and (item := tuple(_blocks(child))))
    start = str(node.get("start", "1"))
    number = int(start) if re.fullmatch(r"\d{1,6}", start) else 1
    return (List(items, ordered=node.tag == "ol", start=number if node.tag == "ol" else 1),) if items else ()


def _children(parent: HtmlElement) -> Iterator[HtmlElement | str]:
    """Text and elements in reading order; comments are no text."""
    if parent.text:
        yield str(parent.text)
    for child in parent:
        if isinstance(child.tag, str):  # a comment's tag is a function
            yield child
        if child.tail:
            yield str(child.tail)


def _inlines(parent: HtmlElement) -> Iterator[Inline]:
    for node in _children(parent):
        yield from _inline(node)


def _inline(node: HtmlElement | str) -> Iterable[Inline]:
    if isinstance(node, str):
        # Servers break lines with <br>; a newline in the source is only white space. Other white space is shown as it is.
        return (Str(_NEWLINES.sub(" ", node)),)
    if "quote-inline" in _classes(node) or node.tag in _SILENT:
        return ()
    match node.tag:
        case "br":
            return (Break(),)
        case "a":
            return _link(node)
        case "code":
            return (Code(str(node.text_content())),)
        case "img":
            return (Str(str(node.get("alt", ""))),)  # some servers send custom emoji as pictures, named :shortcode:
        case tag if tag in _MARKS:
            children = _tidy(_inlines(node))
            return (_MARKS[tag](children),) if children else ()
        case _:
            return _inlines(node)


def _link(node: HtmlElement) -> Iterable[Inline]:
    url = str(node.get("href", "")).strip()
    classes = _classes(node)
    words = str(node.text_content())
    if "hashtag" in classes or words.startswith("#"):
        return (Str(words),)
    if "mention" in classes and words.startswith("@"):
        return (Mention(url or words, words.removeprefix("@")),)
    if not url or not url.startswith(("http://", "https://", "mailto:")):
        return _inlines(node)
    if any("invisible" in _classes(part) or "ellipsis" in _classes(part) for part in node.iter("span")):
        return (Link(url),)  # the shown words are an abbreviation of the address
    children = _tidy(_inlines(node))
    return (Link(url, () if plain_inlines(children).strip() == url else children),)


def _classes(node: HtmlElement) -> frozenset[str]:
    return frozenset(str(node.get("class", "")).split())


def _paragraph(loose: list[Inline]) -> Iterable[Block]:
    children = _trim(_tidy(loose))
    return (Paragraph(children),) if children else ()


def _tidy(nodes: Iterable[Inline]) -> Inlines:
    """Neighbouring strings joined, empty ones gone: so that equal texts are equal trees."""
    tidy: list[Inline] = []
    for node in nodes:
        if isinstance(node, Str) and tidy and isinstance(previous := tidy[-1], Str):
            tidy[-1] = Str(previous.text + node.text)
        elif node != Str(""):
            tidy.append(node)
    return tuple(tidy)


def _trim(nodes: Inlines) -> Inlines:
    """No white space or breaks at a paragraph's ends."""
    trimmed = list(nodes)
    while trimmed and (isinstance(first := trimmed[0], Break) or (isinstance(first, Str) and not first.text.strip())):
        trimmed.pop(0)
    while trimmed and (isinstance(last := trimmed[-1], Break) or (isinstance(last, Str) and not last.text.strip())):
        trimmed.pop()
    if trimmed and isinstance(first := trimmed[0], Str):
        trimmed[0] = Str(first.text.lstrip(" \t\n"))
    if trimmed and isinstance(last := trimmed[-1], Str):
        trimmed[-1] = Str(last.text.rstrip(" \t\n"))
    return tuple(trimmed)
