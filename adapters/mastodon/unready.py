"""A file that its server is still making ready when its status is heard: without an address, so it is asked for again. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_UNREADY: Final = "unready:"
_KINDS: Final = {"image": "image/jpeg", "gifv": "video/mp4", "video": "video/mp4", "audio": "audio/mpeg"}


def source_of(item: Mapping[str, Any], status_id: str) -> str:
    """Where an attachment's bytes are to be had: its address, or, while it has none, by which status to ask for it."""
    return str(item.get("url") or "") or f"{_UNREADY}{status_id}/{item.get('id') or ''}"


def awaited(source: str) -> tuple[str, str] | None:
    """The ids of the status and of the attachment that has no address yet; None for what has one."""
    if not source.startswith(_UNREADY):
        return None
    status_id, _, media_id = source.removeprefix(_UNREADY).partition("/")
    return status_id, media_id


def address_in(status: Mapping[str, Any], media_id: str) -> str | None:
    """The attachment's address by now, empty while there is none; None where the status has no such attachment any more."""
    items = (item for item in status.get("media_attachments") or () if str(item.get("id")) == media_id)
    return next((str(item.get("url") or "") for item in items), None)


def kind_of(item: Mapping[str, Any]) -> str:
    """What sort of file it is where its name does not tell."""
    return _KINDS.get(str(item.get("type")), "application/octet-stream")
