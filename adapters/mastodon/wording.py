"""What a status carries beside its text, in words that any platform can show: a poll, a quoted post, a boost. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bridge.text import Block, Inline, Link, List, Paragraph, Str, Text, plain, prepend, split

_BOOSTED: Final = 280
"""Characters that are shown of somebody else's post; its address leads to the rest."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a poll; `votes` is None where they are not told yet."""

    title: str
    votes: int | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """A poll. `closes` is aware UTC; None for one that stays open. `voted` says whether anybody has."""

    choices: tuple[Choice, ...]
    closes: datetime | None = None
    closed: bool = False
    several: bool = False
    voted: bool = False


def poll_words(poll: Poll, url: str) -> Text:
    """The answers as a list, and below how, where and until when one votes; without `url` nobody else can."""
    items: tuple[Text, ...] = tuple((Paragraph((Str(_choice(choice, poll)),)),) for choice in poll.choices)
    until = f" until {poll.closes:%Y-%m-%d %H:%M} UTC" if poll.closes else ""
    if poll.closed:
        line = Paragraph((Str("The poll is closed."),))
    elif url:
        line = Paragraph((Str("vote (several answers): " if poll.several else "vote: "), Link(url), *_words(until)))
    else:
        line = Paragraph((Str(f"A poll{until}."),))
    blocks: tuple[Block, ...] = (List(items), line) if items else (line,)
    return blocks


def _choice(choice: Choice, poll: Poll) -> str:
    title = " ".join(choice.title.split()) or "?"
    if choice.votes is None or not (poll.voted or poll.closed):
        return title
    return f"{title}: {choice.votes} vote{'' if choice.votes == 1 else 's'}"


def quote_words(url: str) -> Text:
    """The line that says which post is quoted."""
    return (Paragraph((Str("RE: "), Link(url))),) if url else ()


def boost_words(name: str, handle: str, text: Text, url: str) -> Text:
    """Somebody else's post that the account passes on: who wrote it, how it begins, and where all of it stands."""
    begins, *more = split(text, lambda _, part: len(plain(part)) <= _BOOSTED) if text else ((),)
    if more:
        begins = (*begins, Paragraph((Str("…"),)))
    who = f"🔁 {' '.join(name.split())} ({handle})"
    said = prepend(begins, (Str(f"{who}: "),)) if begins else (Paragraph((Str(who),)),)
    return (*said, Paragraph((Link(url),))) if url else said


def _words(words: str) -> tuple[Inline, ...]:
    return (Str(words),) if words else ()
