"""Content warnings: the server's own field here, a first line `CW: …` wherever there is no such field. Pure."""

from __future__ import annotations

import re
from typing import Final

from bridge.text import Break, Inlines, Paragraph, Text, is_blank, plain_inlines

_FIRST_LINE: Final = re.compile(r"\s*(?:cw|content warning)\s*[:\uff1a]\s*(?P<warning>\S.*)", re.IGNORECASE | re.DOTALL)


def told_apart(text: Text, *, with_files: bool = False) -> tuple[str, Text]:
    """The warning that the first line of the text gives, and the text without that line; an empty one where it gives none.

    A warning of nothing is no warning: a text that has only that line, and no files with it, stays as it is.
    """
    if not text or not isinstance(first := text[0], Paragraph):
        return "", text
    line, rest = _first_line(first.children)
    found = _FIRST_LINE.fullmatch(plain_inlines(line))
    after: Text = (Paragraph(rest), *text[1:]) if rest else text[1:]
    if found is None or (is_blank(after) and not with_files):
        return "", text
    return " ".join(found["warning"].split()), after


def _first_line(nodes: Inlines) -> tuple[Inlines, Inlines]:
    """What stands before the first break, and what after it."""
    if Break() not in nodes:
        return nodes, ()
    at = nodes.index(Break())
    return nodes[:at], nodes[at + 1 :]
