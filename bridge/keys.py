"""The key of a send: the same for every repeat of it, and different from any other, also after a restored backup."""

from __future__ import annotations

import hashlib

from bridge.post import Destination


def send_key(event_key: str, destination: Destination, number: int, generation: int) -> str:
    """32 hex digits out of what is sent where; `generation` counts replays. Never a row id (design §5)."""
    source = "\0".join((event_key, str(destination), str(number), str(generation)))
    return hashlib.sha256(source.encode()).hexdigest()[:32]
