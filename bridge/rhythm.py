"""When a reader gets what: how soon a post is for them, alone, with its conversation, or with everything else. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import time
from enum import IntEnum, StrEnum
from typing import assert_never

from bridge import text, timing
from bridge.mappings import Deliver, Person, Rhythm
from bridge.post import AccountId, Post
from bridge.text import Bold, Inlines, Italic, Link, List, Mention, Paragraph, Strike, Text

SILENCE_S = 60.0
"""A conversation's posts go out together once nobody has added one for so long."""
LONGEST_S = 180.0
"""And no later than this after the first of them."""
MOST_A_DAY = 20
"""Mails of one day after which the rest of a reader's posts wait for the evening."""
EVENING = time(18)
ANNOUNCES = "📣"
"""How a post of an announcer begins that is an announcement."""


class Form(StrEnum):
    """How a copy goes to its destination."""

    ALONE = ""  # by itself, at once
    BUNDLE = "bundle"  # with the others of its conversation
    DIGEST = "digest"  # with everything that waits for its reader


class Weight(IntEnum):
    """How much a post matters to one reader."""

    PLAIN = 0
    FOR_THEM = 1  # it answers them, or names them
    ANNOUNCEMENT = 2


@dataclass(frozen=True, slots=True)
class Choice:
    """What a reader chose for themselves; it can only reduce what the mapping file lets them have."""

    deliver: Deliver | None = None
    paused_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Slot:
    """When a copy is due, and in which form."""

    ready_at: float
    form: Form = Form.ALONE


NOTHING_CHOSEN = Choice()


def reduced(rhythm: Rhythm, choice: Choice) -> Deliver:
    """What the file and the reader agree on: the rarer of the two."""
    return max(rhythm.deliver, choice.deliver or rhythm.deliver, key=lambda each: each.rank)


def slot(rhythm: Rhythm, choice: Choice, weight: Weight, now: float, *, patient: bool = True) -> Slot | None:
    """When the reader gets a post; None where they chose to do without.

    Not `patient`: what comes as it is written is not held to be bundled.
    """
    deliver = reduced(rhythm, choice)
    if deliver is Deliver.ANNOUNCEMENTS and weight is not Weight.ANNOUNCEMENT:
        return None
    if choice.paused_until > now:
        return Slot(choice.paused_until, Form.DIGEST)
    if weight is Weight.ANNOUNCEMENT:
        return Slot(now)
    quiet_until = timing.quiet_until(rhythm.quiet, rhythm.zone, now)
    match deliver:
        case Deliver.DAILY:
            return Slot(timing.next_at(rhythm.at, rhythm.zone, now), Form.DIGEST)
        case Deliver.WEEKLY:
            return Slot(timing.next_at(rhythm.at, rhythm.zone, now, weekday=timing.MONDAY), Form.DIGEST)
        case _ if quiet_until is not None:
            return Slot(quiet_until, Form.DIGEST)
        case Deliver.HOURLY:
            return Slot(_unless_quiet(rhythm, timing.next_hour(rhythm.zone, now)), Form.DIGEST)
        case Deliver.EACH | Deliver.ANNOUNCEMENTS:
            return Slot(now) if weight is not Weight.PLAIN or not patient else Slot(now + SILENCE_S, Form.BUNDLE)
        case _:
            assert_never(deliver)


def _unless_quiet(rhythm: Rhythm, moment: float) -> float:
    return timing.quiet_until(rhythm.quiet, rhythm.zone, moment) or moment


def day_of(rhythm: Rhythm, now: float) -> str:
    """The reader's own date."""
    return timing.day_of(rhythm.zone, now)


def evening(rhythm: Rhythm, now: float) -> float:
    """When a reader who had many mails today gets the rest: in the evening, and once that is over, the next morning."""
    due = timing.next_at(EVENING, rhythm.zone, now)
    if timing.day_of(rhythm.zone, due) != timing.day_of(rhythm.zone, now):
        due = timing.next_at(rhythm.at, rhythm.zone, now)
    return _unless_quiet(rhythm, due)


# ---------------------------------------------------------------- how much a post matters


def is_announcement(post: Post) -> bool:
    """Whether it says so itself; whether its author may announce is for the caller to know."""
    return text.plain(post.text).lstrip().startswith(ANNOUNCES)


def names(post: Post, person: Person, account: AccountId) -> bool:
    """Whether the post names the person: mentions one of their handles, or calls them by their name or @key.

    The account is the post's. Whoever is taken for another gets a mail a minute earlier, no more.
    """
    handles = {handle.lstrip("@") for handle in person.handles.get(account, ())}
    called = handles | {person.name.lower()}
    for mention in _mentions(post.text):
        if not called.isdisjoint({mention.user.lower().lstrip("@"), mention.label.lower().lstrip("@")}):
            return True
    words = text.plain(post.text)
    at_them = any(_stands(f"@{name}".lower(), words.lower()) for name in {str(person.id), *handles})
    return at_them or _stands(person.name, words)


def _stands(name: str, words: str) -> bool:
    """Whether the name stands there as a word of its own."""
    return re.search(rf"(?<![\w@]){re.escape(name)}(?!\w)", words) is not None


def _mentions(blocks: Text) -> Iterator[Mention]:
    for block in blocks:
        match block:
            case Paragraph(children):
                yield from _mentions_in(children)
            case List(items):
                for item in items:
                    yield from _mentions(item)
            case _:
                continue  # who is only quoted is not spoken to


def _mentions_in(nodes: Inlines) -> Iterator[Mention]:
    for node in nodes:
        match node:
            case Mention():
                yield node
            case Bold(children) | Italic(children) | Strike(children) | Link(_, children):
                yield from _mentions_in(children)
            case _:
                continue


def weight(*, announced: bool, for_them: bool) -> Weight:
    """Both at once, in one word."""
    if announced:
        return Weight.ANNOUNCEMENT
    return Weight.FOR_THEM if for_them else Weight.PLAIN


def bundle_due(accepted: Iterable[float], now: float) -> float:
    """When a conversation's waiting posts, accepted then, go out: after the silence, and never too late for the first."""
    return min(now + SILENCE_S, min(accepted, default=now) + LONGEST_S)
