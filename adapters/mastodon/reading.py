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
_SECTIONS: Final = frozenset(
    {"div", "section", "article", "header", "footer", "aside", "details", "summary", "figure", "figcaption"}
)
_LISTS: Final = frozenset({"ul", "ol", "li", "dl", "dt", "dd"})
_TABLES: Final = frozenset({"table", "caption", "thead", "tbody", "tfoot", "tr"})
_BLOCKS: Final = frozenset({"p", "blockquote", "pre", "hr"}) | _HEADINGS | _SECTIONS | _LISTS | _TABLES
_SILENT: Final = frozenset({"script", "style", "head", "title", "template"})
_TOO_DEEP: Final = "The post's HTML is nested too deeply to be read."
_QUOTE: Final = "quote-inline"
_ABBREVIATES: Final = frozenset({"invisible", "ellipsis"})
_ADDRESS: Final = re.compile(r"(?:https?://|mailto:)\S+", re.IGNORECASE)
_WHOLE: Final = _SILENT | {"a", "code"}
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
    root = _root(native)
    if root is None:
        return ()
    _join_signs(root)
    try:
        return tuple(_blocks(root))
    except RecursionError:
        raise Unparsable(_TOO_DEEP) from None


def quoted_address(native: str) -> str:
    """Where the post that this one quotes stands, as servers add it for those that know no quotes; empty without one."""
    root = _root(native) if _QUOTE in native else None
    inline = (
        next((node for node in root.iter("p", "span", "div") if _QUOTE in _classes(node)), None) if root is not None else None
    )
    links = (str(link.get("href", "")) for link in inline.iter("a")) if inline is not None else ()
    return next(filter(_ADDRESS.fullmatch, links), "")


def _root(native: str) -> HtmlElement | None:
    """What stands in the HTML, in one element; None for nothing. What the parser gives up on, it would leave out silently."""
    source = clean(native)
    if not source.strip():
        return None
    parser = html.HTMLParser()
    root = html.fragment_fromstring(source, create_parent="div", parser=parser)
    if parser.error_log.filter_from_fatals():
        raise Unparsable(_TOO_DEEP)
    return root


def _join_signs(root: HtmlElement) -> None:
    """Some servers leave the sign before the link to a person; it belongs to the name."""
    for parent in root.iter():
        for link in parent.iterchildren("a"):
            before = link.getprevious()
            ahead = (parent.text if before is None else before.tail) or ""
            if "mention" not in _classes(link) or not ahead.endswith("@"):
                continue
            if before is None:
                parent.text = ahead[:-1]
            else:
                before.tail = ahead[:-1]
            link.text = "@" + (link.text or "")


def _blocks(parent: HtmlElement) -> Iterator[Block]:
    """The blocks within `parent`; loose words between them become paragraphs."""
    return _gathered(_children(parent))


def _gathered(nodes: Iterable[HtmlElement | str]) -> Iterator[Block]:
    loose: list[Inline] = []
    for node in nodes:
        if isinstance(node, HtmlElement) and (node.tag in _BLOCKS or _wraps_blocks(node)):
            yield from _paragraph(loose)
            loose = []
            yield from _block(node)
        else:
            loose.extend(_inline(node))
    yield from _paragraph(loose)


def _wraps_blocks(node: HtmlElement) -> bool:
    """Whether it is a mark around whole paragraphs, which some editors make: the paragraphs matter more than the mark."""
    return node.tag not in _WHOLE and any(inner.tag in _BLOCKS for inner in node.iter())


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
        case _ if _QUOTE in _classes(node):
            return ()
        case _:
            return _blocks(node)


def _embolden(block: Block) -> Block:
    return Paragraph((Bold(block.children),)) if isinstance(block, Paragraph) else block


def _code_block(node: HtmlElement) -> Iterable[Block]:
    code = _source(node).strip("\n")
    language = next(
        (name.removeprefix("language-") for inner in node.iter("code") for name in _classes(inner) if "language-" in name),
        "",
    )
    return (CodeBlock(code, language),) if code else ()


def _list(node: HtmlElement) -> Iterable[Block]:
    items: list[Text] = []
    for child in _children(node):
        item = tuple(_gathered((child,)))
        if items and item and isinstance(child, HtmlElement) and child.tag in ("ul", "ol"):
            items[-1] += item  # a list right in a list belongs to the item before it
        elif item:
            items.append(item)
    start = str(node.get("start", "1"))
    number = int(start) if re.fullmatch(r"\d{1,6}", start) else 1
    return (List(tuple(items), ordered=node.tag == "ol", start=number if node.tag == "ol" else 1),) if items else ()


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
    if _QUOTE in _classes(node) or node.tag in _SILENT:
        return ()
    match node.tag:
        case "br":
            return (Break(),)
        case "a":
            return _link(node)
        case "code":
            return _code(node)
        case "img":
            return (Str(str(node.get("alt", ""))),)  # some servers send custom emoji as pictures, named :shortcode:
        case "td" | "th":
            return (*_inlines(node), Str(" "))
        case tag if tag in _MARKS:
            children = _tidy(_inlines(node))
            return (_MARKS[tag](children),) if children else ()
        case _:
            return _inlines(node)


def _code(node: HtmlElement) -> Iterator[Inline]:
    """Inline code; a line break in it is one in the text."""
    for number, line in enumerate(_source(node).split("\n")):
        if number:
            yield Break()
        if line:
            yield Code(line)


def _source(node: HtmlElement) -> str:
    """The words of code with all their line ends."""
    for line_break in node.iter("br"):
        line_break.tail = "\n" + (line_break.tail or "")
    return str(node.text_content())


def _link(node: HtmlElement) -> Iterable[Inline]:
    url = "".join(str(node.get("href", "")).split())
    classes = _classes(node)
    words = str(node.text_content())
    if words.startswith("#") and ("hashtag" in classes or "tag" in str(node.get("rel", "")).split()):
        return (Str(words),)
    if "mention" in classes and words.startswith("@"):
        return (Mention(url or words, words.removeprefix("@")),)
    if not _ADDRESS.fullmatch(url):
        return _inlines(node)
    if any(not _ABBREVIATES.isdisjoint(_classes(part)) for part in node.iter("span")):
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
