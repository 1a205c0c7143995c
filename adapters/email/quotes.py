"""Quotes that mail programs mark in HTML, taken out of the tree; what they don't mark is left to `reply`."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import html
from lxml.html import HtmlElement

from adapters.email.phrases import FORWARDED, MARKER


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Marked by class: the element is the quote.
_QUOTE_CLASSES = _words("""
    gmail_quote gmail_quote_container gmail_extra yahoo_quoted protonmail_quote zmail_extra tutanota_quote
    mail-quote-collapse moz-cite-prefix gmail_attr gmail_signature moz-signature
    yahoo-signature ms-outlook-mobile-reference-message ms-outlook-mobile-signature protonmail_signature_block
    mailbird_quote front-blockquote
""")
# Marked by id: the element is the quote.
_QUOTE_IDS = _words("""
    mailru-quotes olk_src_body_section reply-intro x_olk_src_body_section isreplycontent yahoo_quoted
""")
# Marked by id: the quote starts here and goes on to the end.
_START_IDS = _words("""
    divrplyfwdmsg x_divrplyfwdmsg appendonsend x_appendonsend stopspelling mail-editor-reference-message-container
""")


def prune(root: HtmlElement) -> None:
    """Remove marked quotes and signatures, in place. A forwarded mail is no quote and stays."""
    for element in list(root.iter()):
        if not isinstance(element.tag, str) or element.getparent() is None or not _is_inside(element, root):
            continue
        if _is_quote(element) and not _is_forward(element):
            _remove(element)
        elif _starts_quote(element):
            _remove_from(element)


def _is_inside(element: HtmlElement, root: HtmlElement) -> bool:
    return next(element.iterancestors("html"), None) is root or root.tag != "html"


def _values(element: HtmlElement, name: str) -> frozenset[str]:
    return _words((element.get(name) or "").lower())


def _is_quote(element: HtmlElement) -> bool:
    if _values(element, "class") & _QUOTE_CLASSES or _values(element, "id") & _QUOTE_IDS:
        return True
    return element.tag == "blockquote" and (
        (element.get("type") or "").lower() == "cite"
        or element.get("cite") is not None
        or "border-left" in (element.get("style") or "").lower()
    )


def _starts_quote(element: HtmlElement) -> bool:
    if _values(element, "id") & _START_IDS:
        return True
    style = (element.get("style") or "").replace(" ", "").lower()
    if element.tag == "div" and "border-top:solid" in style and "border:none" in style:  # desktop Outlook's head
        return True
    return element.tag == "hr" and (element.get("tabindex") == "-1" or element.get("id") == "stopSpelling")


def _is_forward(element: HtmlElement) -> bool:
    start = "".join(_first_words(element)).strip().strip("-*: ").casefold()
    return start.startswith(FORWARDED)


def _first_words(element: HtmlElement) -> Iterator[str]:
    length = 0
    for text in element.itertext():
        yield text
        length += len(text.strip())
        if length > 60:
            return


def _remove(element: HtmlElement) -> None:
    """Leave a quote of our marker in its place, so that `reply` knows that a quote stood between two texts."""
    placeholder = html.Element("blockquote")
    placeholder.text = MARKER
    element.addprevious(placeholder)
    element.drop_tree()


def _remove_from(element: HtmlElement) -> None:
    """Remove the element and all that follows it in the document."""
    body = next(element.iterancestors("body"), None)
    at: HtmlElement | None = element
    while at is not None and at is not body:
        parent = at.getparent()
        for sibling in list(at.itersiblings()):
            sibling.drop_tree()
        at.tail = None
        at = parent
    element.drop_tree()
