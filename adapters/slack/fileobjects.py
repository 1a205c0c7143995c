"""Slack's file objects: what they say of a file, and where it was shared. Pure."""

from __future__ import annotations

from adapters.slack.events import Json, part, parts, word
from bridge.post import Media


def is_unfinished(file: Json) -> bool:
    """Whether Slack has only announced the file, or keeps it to those who ask."""
    is_here = word(file, "url_private_download") or word(file, "url_private")
    return word(file, "file_access") == "check_file_info" or not is_here or not word(file, "mimetype")


def media_of(file: Json) -> Media:
    """Slack's file object as a value. Its source is its id, and its address once it has one."""
    size, url = file.get("size"), word(file, "url_private_download") or word(file, "url_private")
    known = "" if is_unfinished(file) else f" {url}"
    return Media(
        name=word(file, "name") or word(file, "title") or "file",
        mime=word(file, "mimetype") or "application/octet-stream",
        size=size if isinstance(size, int) and size > 0 else None,
        alt=word(file, "alt_txt"),
        source=f"{word(file, 'id')}{known}".strip(),
    )


def id_of(media: Media) -> str:
    """The file's id in Slack."""
    return media.source.partition(" ")[0]


def title_of(media: Media) -> str:
    """What is shown with a file: its description, as Slack takes none with an upload, else its name."""
    return " ".join((media.alt or media.name).split())[:255]


def share_of(file: Json, channel: str) -> str:
    """Where in the channel the file was shared last; empty where it was not."""
    shares = part(file, "shares")
    found = [share for kind in ("public", "private") for share in parts(part(shares, kind), channel)]
    return word(found[-1], "ts") if found else ""


def files_in(message: Json) -> tuple[str, ...]:
    """The ids of the files that a message carries."""
    return tuple(word(file, "id") for file in parts(message, "files") if word(file, "id") and word(file, "mode") != "tombstone")
