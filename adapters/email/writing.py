"""The text tree written as HTML for mail: escaped, only a few plain tags, no style."""

from __future__ import annotations

import re
from html import escape
from typing import assert_never

import nh3

from bridge.text import (
    Block,
    Bold,
    Break,
    Code,
    CodeBlock,
    Emoji,
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
)

_SAFE_URL = re.compile(r"(?:https?://|mailto:)[^\s<>\"]+", re.IGNORECASE)
_TAGS = {"p", "br", "b", "i", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "hr", "small"}


def write_text(text: Text) -> str:
    """The text as an HTML fragment: escaped, and cleaned once more by a second pair of eyes (nh3)."""
    return cleaned("\n".join(_block(block) for block in text))


def cleaned(fragment: str) -> str:
    """Only the few tags we write ourselves, only web and mail links."""
    return nh3.clean(fragment, tags=_TAGS, attributes={"a": {"href"}, "ol": {"start"}}, url_schemes={"http", "https", "mailto"})


def _block(block: Block) -> str:
    match block:
        case Paragraph(children):
            return f"<p>{_inline_html(children)}</p>"
        case Quote(children):
            return f"<blockquote>{''.join(map(_block, children))}</blockquote>"
        case CodeBlock(code):
            return f"<pre>{escape(code, quote=False)}</pre>"
        case List(items, ordered, start):
            opening = (f'<ol start="{start}">' if start != 1 else "<ol>") if ordered else "<ul>"
            return opening + "".join(f"<li>{_item_html(item)}</li>" for item in items) + ("</ol>" if ordered else "</ul>")
        case _:
            assert_never(block)


def _item_html(item: Text) -> str:
    head = _inline_html(item[0].children) if item and isinstance(item[0], Paragraph) else ""
    rest = item[1:] if head else item
    return head + "".join(map(_block, rest))


def _inline_html(nodes: Inlines) -> str:
    return "".join(map(_node_html, nodes))


def _node_html(node: Inline) -> str:
    match node:
        case Str(text):
            return escape(text, quote=False)
        case Code(text):
            return f"<code>{escape(text, quote=False)}</code>"
        case Bold(children):
            return f"<b>{_inline_html(children)}</b>"
        case Italic(children):
            return f"<i>{_inline_html(children)}</i>"
        case Strike(children):
            return f"<s>{_inline_html(children)}</s>"
        case Link(url, children):
            label = _inline_html(children) or escape(url.removeprefix("mailto:"), quote=False)
            return f'<a href="{escape(url)}">{label}</a>' if _SAFE_URL.fullmatch(url) else label
        case Mention(_, label):
            return escape(f"@{label}", quote=False)
        case Emoji(name, char):
            return escape(char or f":{name}:", quote=False)
        case Break():
            return "<br>"
        case _:
            assert_never(node)
