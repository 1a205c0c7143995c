"""Post → the statuses of one copy: attributed, quoted, numbered, within the limit, never wider than allowed. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from adapters.mastodon.attaching import Attached, attach
from adapters.mastodon.caution import told_apart
from adapters.mastodon.identity import VISIBILITIES
from adapters.mastodon.writing import length, neutralise, shortened, write_text
from bridge.contract import Context, File, Limits, Part
from bridge.post import Audience, Destination, Post
from bridge.text import Inlines, Paragraph, Str, Text, attribute, is_blank, prepend, split

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

    Its files go with the first one; those that cannot are named in the text. One address longer than a status stands alone:
    the server may count it as a link; where it surely does not, the address is cut, so that the words around it arrive.
    """
    limits = context.limits
    attached = attach(post.media, limits.files)
    warning, shown, words = _warning(post, limits)
    text = _body(post, _whole(words, attached), context)
    used = length(shown, limits) + (_address_room(limits) if destination.place.is_direct else 0)
    visibility = _visibility(destination, context.audience)
    files = tuple(map(File, attached.chosen))
    return tuple(
        Part(_freeze(Draft(status, shown, visibility, post.language, post.sensitive or bool(warning))), () if n else files)
        for n, status in enumerate(_statuses(text, limits, used))
    )


def _freeze(draft: Draft) -> str:
    # Halves of surrogate pairs, which some platforms hand on, can be neither kept nor sent.
    return json.dumps(asdict(draft), ensure_ascii=False).encode("utf-8", "replace").decode()


def _visibility(destination: Destination, audience: Audience) -> str:
    return VISIBILITIES[Audience.DIRECT if destination.place.is_direct else audience]


def _address_room(limits: Limits) -> int:
    return min(ADDRESS_ROOM, limits.characters // 2)


def _warning(post: Post, limits: Limits) -> tuple[str, str, Text]:
    """The content warning, what of it is shown as one, and the text; too long a warning stands whole at the text's head.

    What came from where there are no warnings may begin with a line `CW: …`: then that is the warning.
    """
    warning, text = (post.warning, post.text) if post.warning else told_apart(post.text, with_files=bool(post.media))
    shown = neutralise(" ".join(warning.split()))
    room = limits.characters // _WARNING_SHARE
    if length(shown, limits) <= room:
        return warning, shown, text
    return warning, shown[: room - 1].rstrip() + "…", (_line(f"CW: {warning}"), *text)


def _whole(text: Text, attached: Attached) -> Text:
    """The text and the names of the files that do not go along; never nothing, unless files do."""
    text = (*text, *map(_line, attached.named))
    return (_line("(no text)"),) if is_blank(text) and not attached.chosen else text


def _body(post: Post, text: Text, context: Context) -> Text:
    """The text with all that must be said around it."""
    if context.corrected:
        text = prepend(text, (Str("(corrected) "),))
    if context.via:
        text = attribute(text, context.via, " ".join(post.author.name.split()))
    if context.parent and not context.threaded:
        excerpt = context.parent.line
        line = excerpt if len(excerpt) <= _EXCERPT else excerpt[: _EXCERPT - 1].rstrip() + "…"
        text = (_line(f"↪ {context.parent.author}: {line}"), *text)
    return text


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
            room = limits.characters - used - len(number)
            statuses = (shortened(write_text(part).strip(), room, limits) for part in parts)
            return tuple(f"{status} ({n}/{len(parts)})" if parts[1:] else status for n, status in enumerate(statuses, start=1))
        digits += 1


def _fits(limits: Limits, used: int) -> Callable[[int, Text], bool]:
    return lambda _, part: length(write_text(part), limits) + used <= limits.characters
