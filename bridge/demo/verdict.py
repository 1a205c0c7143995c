"""Whether every scripted post stands exactly once wherever it should, and nothing else does. Pure, over the journals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bridge.contract import Standing
from bridge.post import DIRECT, Destination


@dataclass(frozen=True, slots=True)
class Expected:
    """A text that should stand so many `times` at a destination; `answers` names the text it must be threaded under."""

    step: str
    text: str
    origin: str
    destination: Destination
    times: int = 1
    answers: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A post that arrived; `ms` after it was written (or changed, or removed) at its origin."""

    step: str
    post: str
    origin: str
    destination: str
    ms: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it all; `breaches` are sentences."""

    lost: int = 0
    doubled: int = 0
    breaches: tuple[str, ...] = ()
    rows: tuple[Row, ...] = field(default=())

    @property
    def ok(self) -> bool:
        return not (self.lost or self.doubled or self.breaches)


Journals = Mapping[str, Sequence[Standing]]
"""What stands, by account."""


def copies_of(journals: Journals, text: str, destination: Destination) -> Sequence[Standing]:
    """The copies at the destination that carry exactly this text behind their attribution, and nothing after it."""
    return [one for one in at(journals, destination) if one.by_bridge and carries(one.text, text)]


def carries(shown: str, text: str) -> bool:
    """Whether a copy's text ends in an attribution and `text`: what quotes it, or has a quote below, does not."""
    lines = shown.strip()
    return lines.endswith(f": {text}") and lines[: -len(text)].rpartition("\n")[2].removeprefix("Correction: ").startswith("via ")


def at(journals: Journals, destination: Destination) -> Sequence[Standing]:
    """What stands at a destination: at its place, and in its reader's inbox where there is one."""
    here = [one for one in journals.get(destination.account, ()) if one.place == destination.place.id]
    if destination.reader is None:
        return here
    return [one for one in here if one.reader == destination.reader or (one.reader is None and one.user == destination.reader)]


def judge(expected: Sequence[Expected], journals: Journals) -> Verdict:
    """Count what is missing, what is there too often, and what nobody expects."""
    lost = doubled = 0
    breaches: list[str] = []
    for each in expected:
        found = copies_of(journals, each.text, each.destination)
        lost += max(0, each.times - len(found))
        doubled += max(0, len(found) - each.times)
        if len(found) != each.times:
            breaches.append(f"{each.step}: “{each.text}” stands {len(found)} times at {each.destination}, not {each.times}")
        if not all(_threaded(one, each, journals) for one in found):
            breaches.append(f"{each.step}: “{each.text}” stands outside its thread at {each.destination}")
    return Verdict(lost, doubled, tuple(breaches + _unexpected(expected, journals)))


def _threaded(copy: Standing, expected: Expected, journals: Journals) -> bool:
    if not expected.answers:
        return True
    parents = {
        one.id
        for one in at(journals, expected.destination)
        if one.text.strip() == expected.answers or carries(one.text, expected.answers)
    }
    return copy.reply_to in parents


def _unexpected(expected: Sequence[Expected], journals: Journals) -> list[str]:
    """Copies that no scripted post explains; what the bridge says to one person directly is not for the group."""
    return [
        f"nobody wrote what stands at {account}/{one.place}: {one.text!r}"
        for account, standing in journals.items()
        for one in standing
        if one.by_bridge and one.place != DIRECT
        if not any(carries(one.text, each.text) for each in expected)
    ]


def in_order(texts: Sequence[str], destination: Destination, journals: Journals) -> Sequence[str]:
    """A breach if the copies of `texts` do not stand in their order."""
    times = [one.at for text in texts for one in copies_of(journals, text, destination)]
    return [] if times == sorted(times) else [f"what waited for {destination} came out of order"]
