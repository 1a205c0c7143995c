"""One look at the town: what was seen, who typed it, and how long each copy took. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bridge.contract import Standing
from bridge.demo.cast import Role
from bridge.demo.tally import Seen
from bridge.post import DIRECT, AccountId
from bridge.store.lineage import Family

Typed = Mapping[tuple[AccountId, str], "Written"]


@dataclass(frozen=True, slots=True)
class Written:
    """What was typed on the page: the text as typed last, and when it was last changed there."""

    text: str
    changed_at: float | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """From when to when an account was unplugged (seconds since the epoch)."""

    account: AccountId
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Look:
    """Everything a card is made from."""

    roles: Sequence[Role]
    seen: Seen
    typed: Typed
    written_at: Mapping[tuple[AccountId, str], float]
    """When each original was written; kept for those that are deleted by now."""
    outages: Sequence[Outage]

    def role(self, account: AccountId) -> Role:
        return next(role for role in self.roles if role.account == account)


def delay(look: Look, copy: Standing, family: Family | None) -> float | None:
    """Milliseconds between writing (or the last change before) and arriving, by the platforms' clocks; None where unknown."""
    if family is None:
        return None
    original = (family.ref.place.account, str(family.ref.id))
    if original not in look.written_at:
        return None
    typed = look.typed.get(original)
    changed = typed.changed_at if typed else None
    since = changed if changed is not None and changed <= copy.at else look.written_at[original]
    return max(0.0, (copy.at - since) * 1000)


def waited(look: Look, account: AccountId, copy: Standing, family: Family | None) -> bool:
    """Whether an outage held the copy up."""
    ms = delay(look, copy, family)
    if ms is None or family is None:
        return False
    since = copy.at - ms / 1000
    ends = {account, family.ref.place.account}
    return any(outage.account in ends and outage.begin < copy.at and since < outage.end for outage in look.outages)


def duration(ms: float) -> str:
    """Milliseconds for people."""
    return f"{ms:.0f} ms" if ms < 1000 else f"{ms / 1000:.1f} s"


def usual(look: Look) -> str:
    """The median time that a copy takes where nothing is unplugged; empty before the first one."""
    delays = list(_undisturbed(look))
    return duration(statistics.median(delays)) if delays else ""


def _undisturbed(look: Look) -> Iterator[float]:
    behind = {(c.ref.place.account, str(c.ref.id)): f for f in look.seen.families for c in f.copies}
    for account, all_of_them in look.seen.after.items():
        for one in all_of_them:
            family = behind.get((account, str(one.id)))
            if one.place == DIRECT or not one.by_bridge or waited(look, account, one, family):
                continue
            if (ms := delay(look, one, family)) is not None:
                yield ms
