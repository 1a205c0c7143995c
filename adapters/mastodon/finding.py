"""Whether a status whose reply was lost stands among our recent ones: by what it says, answers, and when it came."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from adapters.mastodon.hearing import Entity
from adapters.mastodon.reading import read_text
from adapters.mastodon.render import Draft
from bridge.contract import Absent, Attempt, Finding, Found, Unknown
from bridge.errors import Rejected
from bridge.post import NativeId, Ref
from bridge.text import plain

_CLOCKS: Final = timedelta(seconds=5)  # the server's clock may be behind ours by so much
_PAGES: Final = 10  # looked through at most; more than 400 own posts since the attempt is no outage but a flood
_LETTERS: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """The status we look for. `not_these` are statuses that are known to be something else."""

    text: str
    visibility: str
    answers: str | None
    not_before: datetime
    not_these: frozenset[str]
    attempt: Attempt

    @classmethod
    def of(cls, attempt: Attempt, draft: Draft, not_these: frozenset[str]) -> Wanted:
        answered = attempt.thread.previous or attempt.thread.parent or attempt.thread.root
        return cls(
            text=draft.status,
            visibility=draft.visibility,
            answers=answered.id if answered else None,
            not_before=attempt.started_at - _CLOCKS,
            not_these=not_these,
            attempt=attempt,
        )


def addressed(draft: Draft, acct: str) -> Draft:
    """The draft with `@acct` at its head."""
    return replace(draft, status=f"@{acct} {draft.status}")


async def look(
    wanted: Wanted,
    page_before: Callable[[str | None], Awaitable[Sequence[Entity]]],
    source_of: Callable[[str], Awaitable[str]],
) -> Finding:
    """Read our own posts, newest first, back to the attempt. `Unknown` when that is too far back to tell."""
    before: str | None = None
    for _ in range(_PAGES):
        page = await page_before(before)
        for status in page:
            if _time(status["created_at"]) < wanted.not_before:
                return Absent()
            if _resembles(status, wanted) and await _says(status, wanted.text, source_of):
                return Found(Ref(wanted.attempt.destination.place, NativeId(str(status["id"]))))
        if not page:
            return Absent()
        before = str(page[-1]["id"])
    return Unknown()


def _resembles(status: Entity, wanted: Wanted) -> bool:
    """What can be told without asking again; the letters decide, as servers turn marks and spaces into HTML of their own."""
    answered = status.get("in_reply_to_id")
    return (
        str(status["id"]) not in wanted.not_these
        and status["visibility"] == wanted.visibility
        and (str(answered) if answered else None) == wanted.answers
        and _letters(plain(read_text(str(status["content"])))) == _letters(wanted.text)
    )


async def _says(status: Entity, text: str, source_of: Callable[[str], Awaitable[str]]) -> bool:
    """Whether it was written as `text`, character by character but for white space at the ends."""
    try:
        source = await source_of(str(status["id"]))
    except Rejected:
        return True  # this server does not tell the source; the letters are all there is
    return _lines(source) == _lines(text)


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().splitlines()]


def _letters(text: str) -> str:
    return _LETTERS.sub("", text)


def _time(value: object) -> datetime:
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at if at.tzinfo else at.replace(tzinfo=UTC)
