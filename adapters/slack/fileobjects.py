"""Slack's file objects: what they say of a file, and where it was shared. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.slack.events import Json, is_trace, part, parts, word
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


def standing_in(message: Json) -> tuple[Json, ...]:
    """The files that a message carries, without what Slack leaves of those that were removed."""
    return tuple(file for file in parts(message, "files") if not is_trace(file))


def files_in(message: Json) -> tuple[str, ...]:
    """The ids of the files that a message carries."""
    return tuple(word(file, "id") for file in standing_in(message) if word(file, "id"))


def compared(standing: Sequence[Json], wanted: Sequence[Media]) -> tuple[tuple[str, ...], tuple[Media, ...]]:
    """Which standing files are wanted no more, by id, and which wanted ones don't stand.

    A file is known by its name, and by its size where several bear one: a description may change.
    """
    left, missing = list(standing), []
    for media in sorted(wanted, key=lambda media: not any(_is_exactly(file, media) for file in standing)):
        found = next((file for file in left if _is_exactly(file, media)), None)
        found = found or next((file for file in left if word(file, "name") == media.name), None)
        if found is None:
            missing.append(media)
        else:
            left.remove(found)
    return tuple(word(file, "id") for file in left if word(file, "id")), tuple(missing)


def _is_exactly(file: Json, media: Media) -> bool:
    return word(file, "name") == media.name and file.get("size") == media.size
