"""Links to files that are too large for a mail: signed, for a while. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from adapters.email.addresses import Home
from bridge.post import Media

LARGEST: Final = 40_000_000
"""Bytes of a file that is offered by a link at most."""
LASTS: Final = timedelta(days=14)

Linker = Callable[[Media], str]
"""What is said of a file that does not go along: until when it can be had, and where; empty for nothing."""


def linker(home: Home, public_url: str, at: datetime) -> Linker:
    """For a mail of that time; of no file where nothing is signed, or nobody reaches us from outside."""
    signer, until = home.signer, (at + LASTS).date()

    def link(media: Media) -> str:
        if signer is None or not public_url or not media.blob or (media.size or 0) > LARGEST:
            return ""
        word = signer.file(media.blob, media.name, until)
        where = f"{public_url}/mail/{quote(home.account, safe='')}/file/{word}/{quote(media.name, safe='')}"
        size = f"{max(1, round((media.size or 0) / 1_000_000))} MB, " if media.size else ""
        return f"{size}until {until.day} {until:%B}: {where}"

    return link


def no_link(_media: Media) -> str:
    """Where there are no links."""
    return ""
