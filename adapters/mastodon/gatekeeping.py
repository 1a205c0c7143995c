"""What the sandbox's proxy makes of the mock's answers: nobody reads what isn't theirs, and mentions are links. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

Json = Any

_TAGS: Final = re.compile(r"(<a\b.*?</a>|<[^>]*>)", re.DOTALL)
_FULL_HANDLE: Final = r"(?<!\w)@(\w+)@{domain}(?![\w.-])"


def is_status(value: Json) -> bool:
    return isinstance(value, dict) and "visibility" in value and "account" in value and "content" in value


def statuses_in(value: Json) -> Iterator[dict[str, Any]]:
    """Every status in an answer, however deep."""
    if isinstance(value, dict):
        if is_status(value):
            yield value
        for inner in value.values():
            yield from statuses_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from statuses_in(inner)


def hidden_authors(answer: Json, viewer: str) -> frozenset[str]:
    """The authors whose followers-only posts are in the answer: whether the viewer follows them must be asked."""
    return frozenset(
        str(status["account"]["id"])
        for status in statuses_in(answer)
        if status["visibility"] == "private" and str(status["account"]["id"]) != viewer
    )


def may_read(status: Json, viewer: str, follows: frozenset[str]) -> bool:
    """Mastodon's own rule. `viewer` is empty for somebody who is not signed in."""
    author = str(status["account"]["id"])
    if status["visibility"] in ("public", "unlisted") or (viewer and author == viewer):
        return True
    if viewer and viewer in (str(mention["id"]) for mention in status.get("mentions") or ()):
        return True
    return status["visibility"] == "private" and author in follows


def withhold(answer: Json, readable: Callable[[Json], bool]) -> Json:
    """The answer without the statuses that are not `readable`; None in their place where it is no list."""
    if is_status(answer) and not readable(answer):
        return None
    if isinstance(answer, dict):
        return {key: withhold(value, readable) for key, value in answer.items()}
    if isinstance(answer, list):
        kept = [(value, withhold(value, readable)) for value in answer]
        return [after for before, after in kept if after is not None or before is None]
    return answer


def link_mentions(status: dict[str, Any]) -> None:
    """Write mentions as real servers do; the mock leaves them plain."""
    for mention in status.get("mentions") or ():
        link = (
            f'<span class="h-card" translate="no"><a href="{mention["url"]}" class="u-url mention">'
            f"@<span>{mention['username']}</span></a></span>"
        )
        handle = re.compile(rf"(?<![\w/])@{re.escape(mention['acct'])}(?![\w@])", re.IGNORECASE)
        pieces = _TAGS.split(str(status["content"]))
        # with one capturing group, every second piece is a tag
        status["content"] = "".join(piece if odd % 2 else handle.sub(link, piece) for odd, piece in enumerate(pieces))


def short_handles(text: str, domain: str) -> str:
    """`@name@domain` of the server's own people as `@name`, which is all that the mock understands."""
    return re.sub(_FULL_HANDLE.format(domain=re.escape(domain)), r"@\1", text)


def point_streaming_here(answer: Json, base_url: str) -> None:
    """Advertise the proxy as the streaming server, in both versions of the instance document."""
    if not isinstance(answer, dict):
        return
    here = f"ws://{urlsplit(base_url).netloc}"
    if isinstance(urls := answer.get("urls"), dict) and "streaming_api" in urls:
        urls["streaming_api"] = here
    configuration = answer.get("configuration")
    if isinstance(configuration, dict) and isinstance(urls := configuration.get("urls"), dict):
        urls["streaming"] = here
