"""Mail's own markup, HTML, read into the text tree. Quotes are cut elsewhere (`quotes`, `reply`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from lxml import html as lxml_html
from lxml.etree import Element, LxmlError
from lxml.html import HtmlElement

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
    Paragraph,
    Quote,
    Str,
    Strike,
    Text,
    plain_inlines,
)

_DEEPEST: Final = 120  # levels read with their marks; what lies deeper keeps its words only
_DROPPED = frozenset(
    {"script", "style", "head", "title", "meta", "link", "template", "noscript", "object", "iframe", "svg", "form", "select"}
)
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "hr", "dl", "address", "fieldset", "center"})
_LINES = frozenset(
    {"div", "tr", "section", "article", "header", "footer", "main", "body", "html", "dt", "dd", "caption", "tbody", "thead"}
)
_BLOCKS = _PARAGRAPHS | _LINES | {"blockquote", "ul", "ol", "li", "pre"}
_MARKS: dict[str, Callable[[Inlines], Inline]] = {
    "b": Bold,
    "strong": Bold,
    "i": Italic,
    "em": Italic,
    "cite": Italic,
    "s": Strike,
    "strike": Strike,
    "del": Strike,
}
_CODES = frozenset({"code", "tt", "kbd", "samp"})
_SPACES = re.compile(r"[ \t\r\n\f]+")
_INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad]")
_SAFE_URL = re.compile(r"(?:https?://|mailto:)[^\s<>\"]+", re.IGNORECASE)


def parse_html(source: str) -> HtmlElement | None:
    """The document's tree; None where there is nothing in it."""
    try:
        return lxml_html.document_fromstring(source.encode("utf-8"), parser=lxml_html.HTMLParser(encoding="utf-8"))
    except (LxmlError, ValueError, AssertionError):
        return None


def read_text(native: str) -> Text:
    """HTML as a text tree: marks, lists, quotes, code and links kept; scripts, styles and hidden things dropped."""
    root = parse_html(native)
    return () if root is None else read_element(root)


def read_element(root: HtmlElement) -> Text:
    """An element's content as a text tree."""
    page = _Page()
    _read(root, page, 0)
    return page.finished()


class _Page:
    """Collects blocks; knows where a line or a paragraph ends."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._nodes: list[Inline] = []

    def add(self, *nodes: Inline) -> None:
        self._nodes.extend(nodes)

    def line(self) -> None:
        """Start a new line, unless one has just been started."""
        last = next((node for node in reversed(self._nodes) if not (isinstance(node, Str) and not node.text.strip())), None)
        if last is not None and not isinstance(last, Break):
            self._nodes.append(Break())

    def block(self, *blocks: Block) -> None:
        """End the paragraph, then add `blocks`."""
        self._blocks.extend(Paragraph(nodes) for nodes in _paragraphs(self._nodes))
        self._nodes = []
        self._blocks.extend(blocks)

    def unfinished(self) -> Inlines:
        """What stands in the paragraph so far."""
        return tuple(self._nodes)

    def finished(self) -> Text:
        self.block()
        return tuple(self._blocks)


def _paragraphs(nodes: list[Inline]) -> Iterator[Inlines]:
    """The nodes parted where an empty line stands, tidied, blank ones left out."""
    lines: list[list[Inline]] = [[]]
    for node in nodes:
        if isinstance(node, Break):
            lines.append([])
        else:
            lines[-1].append(node)
    paragraph: list[Inline] = []
    for line in (*map(_tidy, lines), ()):
        if line:
            paragraph.extend((Break(), *line) if paragraph else line)
        elif paragraph:
            yield tuple(paragraph)
            paragraph = []


def _tidy(line: list[Inline]) -> Inlines:
    """One line with neighbouring strings joined, single spaces, none at its ends; empty where nothing can be read."""
    joined: list[Inline] = []
    for node in line:
        if isinstance(node, Str) and joined and isinstance(joined[-1], Str):
            joined[-1] = Str(joined[-1].text + node.text)
        else:
            joined.append(node)
    spaced = [Str(re.sub(" {2,}", " ", node.text)) if isinstance(node, Str) else node for node in joined]
    if spaced and isinstance(spaced[0], Str):
        spaced[0] = Str(spaced[0].text.lstrip())
    if spaced and isinstance(spaced[-1], Str):
        spaced[-1] = Str(spaced[-1].text.rstrip())
    kept = tuple(node for node in spaced if node != Str(""))
    return kept if plain_inlines(kept).strip() else ()


def _string(source: str | None) -> Iterator[Str]:
    text = _INVISIBLE.sub("", _SPACES.sub(" ", source or "")).replace("\xa0", " ")
    if text:
        yield Str(text)


def _read(element: HtmlElement, page: _Page, depth: int) -> None:
    page.add(*_string(element.text))
    for child in element:
        _read_child(child, page, depth + 1)
        page.add(*_string(child.tail))


def _read_child(child: HtmlElement, page: _Page, depth: int) -> None:
    tag = child.tag
    if not isinstance(tag, str) or tag in _DROPPED or _is_hidden(child):
        return
    if depth > _DEEPEST:
        page.add(*_string(" ".join(child.itertext(Element))))
    elif tag == "br":
        page.add(Break())
    elif tag in _BLOCKS:
        _read_block(child, tag, page, depth)
    elif tag in ("td", "th"):
        _read(child, page, depth)
        page.add(Str(" "))
    elif tag == "img":
        page.add(*_picture(child))
    elif any(below.tag in _BLOCKS for below in child.iterdescendants()):
        _read(child, page, depth)  # a mark around whole blocks: the blocks matter more than the mark
    else:
        page.add(*_marked(child, tag, depth))


def _is_hidden(element: HtmlElement) -> bool:
    style = (element.get("style") or "").replace(" ", "").lower()
    return "display:none" in style or "mso-hide:all" in style or element.get("hidden") is not None


def _read_block(child: HtmlElement, tag: str, page: _Page, depth: int) -> None:
    if tag == "pre":
        page.block(CodeBlock(_code(child).strip("\n")))
    elif tag == "blockquote":
        inner = _inner(child, depth)
        page.block(*((Quote(inner),) if inner else ()))
    elif tag in ("ul", "ol"):
        page.block(*_list(child, ordered=tag == "ol", depth=depth))
    elif tag in _PARAGRAPHS:
        page.block()
        inner = _inner(child, depth)
        page.block(*(_heading(inner) if tag[1:].isdigit() else inner))
    else:
        page.line()
        _read(child, page, depth)
        page.line()


def _inner(element: HtmlElement, depth: int) -> Text:
    page = _Page()
    _read(element, page, depth)
    return page.finished()


def _heading(inner: Text) -> Iterator[Block]:
    for block in inner:
        yield Paragraph((Bold(block.children),)) if isinstance(block, Paragraph) else block


def _list(element: HtmlElement, depth: int, *, ordered: bool) -> Iterator[Block]:
    items = tuple(inner for child in element if isinstance(child.tag, str) and (inner := _item(child, depth + 1)))
    start = element.get("start") or "1"
    if items:
        yield List(items, ordered, int(start) if ordered and start.isascii() and start.isdigit() and len(start) < 10 else 1)


def _item(child: HtmlElement, depth: int) -> Text:
    if depth > _DEEPEST:
        return ()
    if child.tag in ("ul", "ol"):  # some clients nest lists beside the items
        return tuple(_list(child, depth, ordered=child.tag == "ol"))
    return _inner(child, depth)


def _code(element: HtmlElement) -> str:
    pieces = [element.text or ""]
    for child in element.iterdescendants():
        pieces.append("\n" if child.tag == "br" else child.text or "" if isinstance(child.tag, str) else "")
        pieces.append(child.tail or "")
    return "".join(pieces).replace("\xa0", " ")


def _picture(element: HtmlElement) -> Iterator[Inline]:
    alt = (element.get("alt") or "").strip()
    if alt and len(alt) <= 8 and not alt.isascii():  # webmail sends emoji as pictures
        yield Str(alt)


def _marked(child: HtmlElement, tag: str, depth: int) -> Inlines:
    if tag in _CODES:
        text = _SPACES.sub(" ", "".join(child.itertext(Element))).replace("\xa0", " ")
        return (Code(text),) if text.strip() else ()
    page = _Page()
    _read(child, page, depth)
    nodes = page.unfinished()  # an inline element holds no blocks
    if tag == "a":
        return _link(child.get("href") or "", nodes)
    if tag not in _MARKS or not plain_inlines(nodes).strip():
        return nodes
    before, inner, after = _edges(nodes)
    return (*before, _MARKS[tag](inner), *after)


def _edges(nodes: Inlines) -> tuple[Inlines, Inlines, Inlines]:
    """The nodes with spaces at their ends put outside: marks of other platforms don't bear them inside."""
    inner = list(nodes)
    before: Inlines = ()
    after: Inlines = ()
    if isinstance(first := inner[0], Str) and first.text.startswith(" "):
        before, inner[0] = (Str(" "),), Str(first.text.lstrip(" "))
    if isinstance(last := inner[-1], Str) and last.text.endswith(" "):
        after, inner[-1] = (Str(" "),), Str(last.text.rstrip(" "))
    return before, tuple(node for node in inner if node != Str("")), after


def _link(url: str, nodes: Inlines) -> Inlines:
    label = plain_inlines(nodes).strip()
    if not label or not _SAFE_URL.fullmatch(url.strip()):
        return nodes
    before, inner, after = _edges(nodes)
    same = label in (url.strip(), url.strip().rstrip("/"))
    return (*before, Link(url.strip(), () if same else inner), *after)
