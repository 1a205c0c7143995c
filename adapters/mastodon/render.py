"""Post → the statuses of one copy: attributed, quoted, numbered, within the limit, never wider than allowed. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from adapters.mastodon.identity import VISIBILITIES
from adapters.mastodon.writing import length, neutralise, write_text
from bridge.contract import Context, Limits, Part
from bridge.post import Audience, Destination, Media, Post
from bridge.text import Inlines, Paragraph, Str, Text, attribute, prepend, split

__all__ = ["Draft", "draft_of", "render", "write_text"]

ADDRESS_ROOM: Final = 100
"""Characters kept free in a direct message for the `@name@host ` that `send` puts before it."""
_WARNING_SHARE: Final = 3  # a content warning may fill a third of a status; a longer one moves into the text
_EXCERPT: Final = 100  # characters of the answered post that are quoted


@dataclass(frozen=True, slots=True)
class Draft:
    """One status to be, as the server's own parameters name it."""

    status: str
    spoiler_text: str
    visibility: str
    language: str
    sensitive: bool


def draft_of(part: Part) -> Draft:
    """The draft that `render` froze in `part`."""
    return Draft(**json.loads(part.body))


def render(post: Post, destination: Destination, context: Context) -> tuple[Part, ...]:
    """The post as one status, or as a numbered thread of several; to a `Direct` place as direct messages.

    A status that can't be cut to fit (one link longer than the limit) is left to the server to refuse.
    """
    warning, body = _warning(post, context.limits)
    text = _body(post, body, context)
    used = length(warning, context.limits) + (ADDRESS_ROOM if destination.place.is_direct else 0)
    visibility = _visibility(destination, context.audience)
    return tuple(
        Part(_freeze(Draft(status, warning, visibility, post.language, post.sensitive or bool(post.warning))))
        for status in _statuses(text, context.limits, used)
    )


def _freeze(draft: Draft) -> str:
    return json.dumps(asdict(draft), ensure_ascii=False)


def _visibility(destination: Destination, audience: Audience) -> str:
    return VISIBILITIES[Audience.DIRECT if destination.place.is_direct else audience]


def _warning(post: Post, limits: Limits) -> tuple[str, Text]:
    """The content warning and the text; a warning too long for its place stands whole at the head of the text."""
    warning = neutralise(" ".join(post.warning.split()))
    room = limits.characters // _WARNING_SHARE
    if length(warning, limits) <= room:
        return warning, post.text
    return warning[: room - 1].rstrip() + "…", (_line(f"CW: {post.warning}"), *post.text)


def _body(post: Post, text: Text, context: Context) -> Text:
    """The text with all that must be said around it."""
    text = (*text, *(_line(_named(media)) for media in post.media))
    if context.corrected:
        text = prepend(text, (Str("(corrected) "),))
    if context.via:
        text = attribute(text, context.via, " ".join(post.author.name.split()))
    if context.parent and not context.threaded:
        excerpt = context.parent.line
        line = excerpt if len(excerpt) <= _EXCERPT else excerpt[: _EXCERPT - 1].rstrip() + "…"
        text = (_line(f"↪ {context.parent.author}: {line}"), *text)
    return text


def _named(media: Media) -> str:
    return f"📎 {media.name} ({media.alt})" if media.alt else f"📎 {media.name}"


def _line(words: str) -> Paragraph:
    children: Inlines = (Str(" ".join(words.split())),)
    return Paragraph(children)


def _statuses(text: Text, limits: Limits, used: int) -> tuple[str, ...]:
    """The text as one status, or as many as it takes, each with its number and room left for it."""
    if _fits(limits, used)(0, text):
        return (write_text(text).strip("\n"),)
    digits = 1
    while True:
        number = f" ({'9' * digits}/{'9' * digits})"
        parts = split(text, _fits(limits, used + len(number)))
        if len(str(len(parts))) <= digits:
            return tuple(f"{write_text(part).strip()} ({n}/{len(parts)})" for n, part in enumerate(parts, start=1))
        digits += 1


def _fits(limits: Limits, used: int) -> Callable[[int, Text], bool]:
    return lambda _, part: length(write_text(part), limits) + used <= limits.characters
