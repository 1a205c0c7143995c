"""The page's counter: what is lost or doubled right now, by the platforms' own journals. Pure, over what was just looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bridge.contract import Standing
from bridge.post import AccountId, Destination, PlaceId
from bridge.store.lineage import Family
from bridge.store.tables import DeliveryState

PATIENCE_S = 10.0
"""How long a post, or a place that was just plugged in, may take before what is missing counts as lost."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at everything. The journals are read before and after the ledger: a copy under way is in neither or in both."""

    before: Mapping[AccountId, Sequence[Standing]]
    families: Sequence[Family]
    after: Mapping[AccountId, Sequence[Standing]]
    raws_waiting: int
    now: float
    away: frozenset[AccountId]
    plugged_at: Mapping[AccountId, float]
    places: Mapping[AccountId, PlaceId]


@dataclass(frozen=True, slots=True)
class Tally:
    """`arrived` copies stand; of `waiting` posts per account a copy is still to come, `leaving` ones wait to be heard."""

    lost: int
    doubled: int
    posts: int
    arrived: int
    waiting: Mapping[AccountId, int]
    leaving: Mapping[AccountId, int]


def tally(seen: Seen, others: Mapping[tuple[AccountId, str], Sequence[Destination]]) -> Tally:
    """Count. `others` names for each original (account, native id) every destination its copies should reach."""
    known = {(family.ref.place.account, str(family.ref.id)): family for family in seen.families}
    waiting: Counter[AccountId] = Counter()
    leaving: Counter[AccountId] = Counter()
    lost = posts = 0
    for family in seen.families:
        waiting.update({outcome.destination.account for outcome in family.outcomes if outcome.state == DeliveryState.WAITING})
    for account, one in originals(seen):
        posts += 1
        heard = known.get((account, str(one.id)))
        to = others.get((account, str(one.id)), ())
        if heard is None:
            leaving[account] += 1
            lost += 0 if _may_take_time(seen, account, one) else len(to)
        elif heard.verdict == "relayed":
            lost += _missing(seen, heard, to)
    return Tally(lost, _doubled(seen), posts, sum(_arrived(seen)), waiting, leaving)


def _arrived(seen: Seen) -> Iterator[int]:
    """Per account, the copies that stand in the group's place."""
    for account, all_of_them in seen.after.items():
        yield sum(one.by_bridge and one.place == seen.places.get(account) for one in all_of_them)


def originals(seen: Seen) -> Iterator[tuple[AccountId, Standing]]:
    """What people wrote at the group's places, and directly to the account."""
    for account, all_of_them in seen.after.items():
        for one in all_of_them:
            if not one.by_bridge and (one.place == seen.places.get(account) or one.audience == 0):
                yield account, one


def _may_take_time(seen: Seen, account: AccountId, one: Standing) -> bool:
    since = max(one.at, seen.plugged_at.get(account, 0.0))
    return account in seen.away or seen.raws_waiting > 0 or seen.now - since < PATIENCE_S


def _missing(seen: Seen, family: Family, to: Sequence[Destination]) -> int:
    """Destinations without any outcome, and copies that are said to stand and don't."""
    planned = {outcome.destination for outcome in family.outcomes}
    standing = {(account, str(one.id)) for account, all_of_them in seen.after.items() for one in all_of_them}
    gone = [copy for copy in family.copies if copy.standing and (copy.ref.place.account, str(copy.ref.id)) not in standing]
    settled = not family.waiting and not seen.raws_waiting
    return len([each for each in to if each not in planned]) + (len(gone) if settled else 0)


def _doubled(seen: Seen) -> int:
    """Messages of ours that no receipt knows, where nothing is under way that could still bring one."""
    receipts = {(copy.ref.place.account, str(copy.ref.id)) for family in seen.families for copy in family.copies}
    outcomes = (outcome for family in seen.families for outcome in family.outcomes)
    busy = {outcome.destination.account for outcome in outcomes if outcome.state == DeliveryState.WAITING}
    return sum(
        one.by_bridge and (account, str(one.id)) not in receipts
        for account, all_of_them in seen.before.items()
        if account not in busy
        for one in all_of_them
    )
