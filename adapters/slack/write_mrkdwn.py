"""The tree written as mrkdwn: the escaped `text` that notifications and clients without blocks show.

mrkdwn has no escape for its marks: `*a*` typed elsewhere looks bold here. The blocks beside it show it as typed.
"""

from __future__ import annotations

import re
from typing import assert_never
from urllib.parse import quote

from adapters.slack.lists import Row, flatten
from adapters.slack.mentions import Called
from adapters.slack.mrkdwn import is_address
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
    link_words,
    plain_inlines,
)

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def clean(source: str) -> str:
    """Without the control characters and lone surrogates that no request can carry."""
    return _UNFIT.sub("", source)


def escape(source: str) -> str:
    """Text that means only itself: no `<`, `>` or `&` is left that Slack would act on."""
    return clean(source).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def write_mrkdwn(text: Text) -> str:
    """The text as mrkdwn, its blocks apart by blank lines."""
    return "\n\n".join(_block(block) for block in text)


def _block(block: Block) -> str:
    match block:
        case Paragraph(children):
            return _inlines(children)
        case Quote(children):
            return "\n".join(f"&gt; {line}".rstrip() for line in write_mrkdwn(children).split("\n"))
        case CodeBlock(code):
            return f"```\n{_unfenced(escape(code))}\n```"
        case List():
            rows = flatten(block)
            return "\n".join(f"{'    ' * row.level}{_mark(row)} {_inlines(row.children)}" for row in rows)
        case _:
            assert_never(block)


def _mark(row: Row) -> str:
    return f"{row.number}." if row.ordered else "•"


def _unfenced(code: str) -> str:
    """Code that can't end its own block: a zero-width space parts three backticks."""
    return code.replace("```", "``\u200b`")


def _inlines(nodes: Inlines) -> str:
    return "".join(_inline(node) for node in nodes)


def _inline(node: Inline) -> str:
    match node:
        case Str(text):
            return escape(text)
        case Bold(children):
            return _marked("*", children)
        case Italic(children):
            return _marked("_", children)
        case Strike(children):
            return _marked("~", children)
        case Code(text):
            return escape(text) if "`" in text or not text.strip() else f"`{escape(text)}`"
        case Link(url, children):
            return _link(url, plain_inlines(children))
        case Mention(user, label):
            return f"<@{user}>" if isinstance(node, Called) else escape(f"@{label}")
        case Emoji(name, char):
            return escape(char or f":{name}:")
        case Break():
            return "\n"
        case _:
            assert_never(node)


def _marked(mark: str, children: Inlines) -> str:
    """Marks hold within one line and stand close to the words: spaces at the ends go outside."""
    return "\n".join(_marked_line(mark, line) for line in _inlines(children).split("\n"))


def _marked_line(mark: str, line: str) -> str:
    inner = line.strip()
    if not inner:
        return line
    start = line.index(inner)
    return f"{line[:start]}{mark}{inner}{mark}{line[start + len(inner) :]}"


def _link(url: str, label: str) -> str:
    if not is_address(url):
        return escape(link_words(url, label))
    address = escape(re.sub(r"[\s<>|]", lambda found: quote(found.group()), clean(url)))
    shown = escape(re.sub(r"\s+", " ", label)).strip()
    return f"<{address}|{shown}>" if shown and label.strip() != url else f"<{address}>"
