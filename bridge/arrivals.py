"""What a look at a door shows that was not known, and writing that down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bridge.contract import Follower
from bridge.post import AccountId, UserId
from bridge.store import Tx, people
from bridge.store.people import NATIVE, Decision, Deed, Known
from bridge.store.tables_people import FollowState


@dataclass(frozen=True, slots=True)
class Seen:
    """One look at a door. `followers` is None where only the requests were looked at."""

    asking: Sequence[Follower]
    followers: Sequence[Follower] | None


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different from what we knew. `asking` are new requests; `answered` and `arrived` follow now."""

    asking: tuple[Follower, ...] = ()
    vanished: tuple[Known, ...] = ()
    arrived: tuple[Follower, ...] = ()
    left: tuple[Known, ...] = ()
    renamed: tuple[Known, ...] = ()


def changes(seen: Seen, known: dict[UserId, Known]) -> Changes:
    """What a look shows that was not known. Pure."""
    asking = {each.user: each for each in seen.asking}
    follows = {each.user: each for each in seen.followers or ()}
    was = {user: each for user, each in known.items() if each.state is FollowState.FOLLOWING}
    here = {**asking, **follows}
    return Changes(
        asking=tuple(each for user, each in asking.items() if not is_in(known.get(user), FollowState.ASKING)),
        vanished=tuple(each for user, each in known.items() if each.state is FollowState.ASKING and user not in asking),
        arrived=tuple(each for user, each in follows.items() if user not in was and user not in asking),
        left=tuple(each for user, each in was.items() if seen.followers is not None and user not in follows),
        renamed=tuple(
            replace(known[user], follower=each) for user, each in here.items() if user in known and known[user].follower != each
        ),
    )


def is_in(known: Known | None, state: FollowState) -> bool:
    """Whether somebody was seen before, and stands like this."""
    return known is not None and known.state is state


def _among(known: Known, followers: Sequence[Follower] | None) -> bool:
    return any(each.user == known.follower.user for each in followers or ())


def write_down(tx: Tx, account: AccountId, new: Changes, seen: Seen, known: dict[UserId, Known], now: float) -> None:
    """Write down what a look showed; what was decided past us goes into the log as such. `known` is from before it."""
    first = account not in people.following(tx)
    for renamed in new.renamed:
        people.note(tx, account, renamed)
    for asks in new.asking:
        people.note(tx, account, Known(asks, FollowState.ASKING, now))
    for gone in (*new.vanished, *new.left):
        _answered(tx, account, gone, now, follows=_among(gone, seen.followers))
    for arrived in new.arrived:
        if is_in(known.get(arrived.user), FollowState.ASKING):
            continue  # among the vanished requests
        people.note(tx, account, Known(arrived, FollowState.FOLLOWING, now))
        if not first:
            people.record(tx, Decision(now, Deed.APPROVE, account, arrived.user, people.handle_of(arrived), NATIVE))
    if seen.followers is not None:
        people.looked(tx, account, now)


def _answered(tx: Tx, account: AccountId, gone: Known, now: float, *, follows: bool) -> None:
    """Somebody no longer asks or follows: we decided that and could not write it down, somebody did natively, or they did."""
    follower = gone.follower
    if gone.wish is not None:
        people.decided(tx, account, follower, gone.wish, gone.by, now)
    elif follows:
        people.decided(tx, account, follower, Deed.APPROVE, NATIVE, now)
    else:
        people.note(tx, account, replace(gone, state=FollowState.GONE, at=now))
        people.record(tx, Decision(now, "gone", account, follower.user, people.handle_of(follower), NATIVE))
