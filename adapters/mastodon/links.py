"""Which status a link means. Pure; nothing is asked of the server."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from bridge.post import NativeId, Place, Ref

_PATHS: Final = (
    re.compile(r"/(?:web/|deck/)?@[^/]+/(?:statuses/)?([0-9A-Za-z]+)/?"),
    re.compile(r"/users/[^/]+/statuses/([0-9A-Za-z]+)(?:/activity)?/?"),
    re.compile(r"/(?:web/)?statuses/([0-9A-Za-z]+)/?"),
)


def located(words: str, server: str, timeline: Place) -> Ref | None:
    """The status at `server` that the link leads to, named as one of the timeline; None for what leads elsewhere.

    Another server's link of a status that is here as well is not known: its id there is not its id here.
    """
    try:
        link, home = urlsplit(words), urlsplit(server)
    except ValueError:
        return None
    if link.scheme not in ("http", "https") or link.netloc.lower() != home.netloc.lower():
        return None
    found = next((match for path in _PATHS if (match := path.fullmatch(link.path))), None)
    return Ref(timeline, NativeId(found.group(1))) if found else None
