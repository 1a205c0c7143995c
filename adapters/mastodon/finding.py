"""Whether a status whose reply was lost stands among our recent ones: by what it says, answers, and when it came."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.mastodon.hearing import Entity
from adapters.mastodon.identity import AUDIENCES
from adapters.mastodon.reading import read_text
from adapters.mastodon.render import Draft
from bridge.contract import Absent, Attempt, Unknown
from bridge.post import Audience, UserId
from bridge.text import plain

_CLOCKS: Final = timedelta(seconds=5)  # the server's clock may be behind ours by so much
_PAGES: Final = 10  # looked through at most; more than 400 own posts since the attempt is no outage but a flood
_ALT_LETTERS: Final = 100
_ADDRESS: Final = re.compile(r"\s*@\S+\s*")
_LETTERS: Final = re.compile(r"[\W_]+")


class Gone(Exception):
    """The status was deleted between two looks."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The status we look for. `not_these` are statuses that are known to be something else.

    `text` is without the address of the `person` whom a direct message is for: servers show it in different ways. `alts`
    are the descriptions of its files, in order, each as far as its first letters.
    """

    text: str
    person: UserId | None
    audience: Audience
    answers: str | None
    not_before: datetime
    not_these: frozenset[str]
    alts: tuple[str, ...] = ()

    @classmethod
    def of(cls, attempt: Attempt, draft: Draft, not_these: frozenset[str]) -> Wanted:
        answered = attempt.thread.previous or attempt.thread.parent or attempt.thread.root
        return cls(
            text=draft.status,
            person=attempt.destination.place.person,
            audience=AUDIENCES[draft.visibility],
            answers=answered.id if answered else None,
            not_before=attempt.started_at - _CLOCKS,
            not_these=not_these,
            alts=tuple(_beginning(file.media.alt) for file in attempt.part.files),
        )


def addressed(draft: Draft, acct: str) -> Draft:
    """The draft with `@acct` at its head."""
    return replace(draft, status=f"@{acct} {draft.status}")


async def look(
    wanted: Wanted,
    page_before: Callable[[str | None], Awaitable[Sequence[Entity]]],
    source_of: Callable[[str], Awaitable[str | None]],
) -> Entity | Absent | Unknown:
    """Read our own posts, newest first, back to the attempt. `Unknown` when that is too far back to tell.

    Finds what can be read by more people than asked, too. `source_of` may raise `Gone`.
    """
    before: str | None = None
    for _ in range(_PAGES):
        page = await page_before(before)
        for status in page:
            if _time(status["created_at"]) < wanted.not_before:
                return Absent()
            if _resembles(status, wanted) and await _says(status, wanted, source_of):
                return status
        if not page:
            return Absent()
        before = str(page[-1]["id"])
    return Unknown()


def _resembles(status: Entity, wanted: Wanted) -> bool:
    """What can be told without asking again; the letters decide, as servers turn marks and spaces into HTML of their own."""
    answered = status.get("in_reply_to_id")
    mentioned = [str(mention["id"]) for mention in status.get("mentions") or ()]
    return (
        str(status["id"]) not in wanted.not_these
        and AUDIENCES.get(status["visibility"], Audience.PUBLIC) >= wanted.audience
        and (str(answered) if answered else None) == wanted.answers
        and tuple(_beginning(media.get("description")) for media in status.get("media_attachments") or ()) == wanted.alts
        and (wanted.person is None or wanted.person in mentioned)
        and _letters(_unaddressed(plain(read_text(str(status["content"]))), wanted)) == _letters(wanted.text)
    )


async def _says(status: Entity, wanted: Wanted, source_of: Callable[[str], Awaitable[str | None]]) -> bool:
    """Whether it was written as `wanted`, character by character but for white space at the ends."""
    try:
        source = await source_of(str(status["id"]))
    except Gone:
        return False
    if source is None:
        return True  # the letters are all there is
    return lines(_unaddressed(source, wanted)) == lines(wanted.text)


def _unaddressed(text: str, wanted: Wanted) -> str:
    return text if wanted.person is None else _ADDRESS.sub("", text, count=1)


def lines(text: str) -> list[str]:
    """What a server keeps of a text: white space at the ends of it and of its lines may be gone."""
    return [line.rstrip() for line in text.strip().splitlines()]


def _beginning(alt: object) -> str:
    """The first letters of a description: servers cut long ones at different lengths."""
    return _letters(str(alt or ""))[:_ALT_LETTERS]


def _letters(text: str) -> str:
    return _LETTERS.sub("", text)


def _time(value: object) -> datetime:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at if at.tzinfo else at.replace(tzinfo=UTC)
