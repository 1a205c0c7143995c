"""What the server says about itself, read out of its instance document. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from adapters.mastodon.settings import stream_url
from bridge.contract import FileLimits, Limits

# Compatible servers say so in their version, "2.7.2 (compatible; Pleroma 2.6.0)", or name themselves.
_COMPATIBLE: Final = re.compile(r"compatible;|gotosocial|pleroma|akkoma|misskey|sharkey|friendica", re.IGNORECASE)
_RELEASE: Final = re.compile(r"(\d+)\.\d+")
_FILES: Final = FileLimits(4, 8_000_000, 40_000_000)
"""What is assumed where a server says nothing of its own."""
_FIRST_OF_TODAY: Final = 4  # GoToSocial counts its own releases, from 0.1: no Mastodon that we support does


def version_of(instance: Mapping[str, Any]) -> str:
    return str(instance.get("version") or "")


def is_mastodon(instance: Mapping[str, Any]) -> bool:
    """Whether it is Mastodon itself (or a fork that keeps its promises): only that honours idempotency keys."""
    version = version_of(instance)
    release = _RELEASE.match(version)
    ours = str(instance.get("source_url") or "").lower()
    return (
        release is not None
        and int(release[1]) >= _FIRST_OF_TODAY
        and not _COMPATIBLE.search(version)
        and not _COMPATIBLE.search(ours)
    )


def limits_of(instance: Mapping[str, Any]) -> Limits:
    """How long a status may be, and which files it may carry.

    Links count fixed on Mastodon only: others advertise it but count every character.
    """
    statuses = _configured(instance, "statuses")
    per_link = statuses.get("characters_reserved_per_url")
    return Limits(
        characters=int(statuses.get("max_characters") or 500),
        per_link=int(per_link) if per_link and is_mastodon(instance) else None,
        files=_file_limits(instance),
    )


def _file_limits(instance: Mapping[str, Any]) -> FileLimits:
    media = _configured(instance, "media_attachments")
    return FileLimits(
        count=int(_configured(instance, "statuses").get("max_media_attachments") or _FILES.count),
        image_bytes=int(media.get("image_size_limit") or _FILES.image_bytes),
        other_bytes=int(media.get("video_size_limit") or _FILES.other_bytes),
        mimes=frozenset(map(str, media.get("supported_mime_types") or ())),
    )


def alt_characters_of(instance: Mapping[str, Any], otherwise: int) -> int:
    """How long a file's description may be."""
    return int(_configured(instance, "media_attachments").get("description_limit") or otherwise)


def _configured(instance: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (instance.get("configuration") or {}).get(name) or {}
    return found


def streaming_of(instance: Mapping[str, Any]) -> str | None:
    """Where server-sent events are: the advertised streaming host, over HTTP."""
    advertised = ((instance.get("configuration") or {}).get("urls") or {}).get("streaming")
    return stream_url(str(advertised)) if advertised else None


def newest_of(page: Sequence[Mapping[str, Any]], otherwise: str) -> str:
    """The id of a page's newest item; pages come newest first."""
    return str(page[0]["id"]) if page else otherwise
