"""The page's counter tells lost and doubled posts by the journals, and has patience with what is under way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bridge.contract import Standing
from bridge.demo.tally import PATIENCE_S, Seen, Tally, tally
from bridge.post import AccountId, Audience, Destination, NativeId, Place, PlaceId, Ref
from bridge.store.lineage import Copy, Family, Outcome

HALL, PIER = (Place(AccountId(name), PlaceId(f"{name}-1")) for name in ("hall", "pier"))
THERE = Destination(PIER)


def message(place: Place, native: str, *, by_bridge: bool = False) -> Standing:
    return Standing(place.id, NativeId(native), "lynn", "Hello", "Hello", Audience.GROUP, 100.0, by_bridge=by_bridge)


SAID, COPIED = message(HALL, "said"), message(PIER, "copied", by_bridge=True)
FAMILY = Family(
    1, Ref(HALL, NativeId("said")), "Lynn", None, "relayed", "",
    (Copy(THERE, Ref(PIER, NativeId("copied")), standing=True),), (Outcome(THERE, "created", "delivered", ""),),
)  # fmt: skip


def counted(
    pier: Sequence[Standing],
    families: Sequence[Family],
    *,
    age_s: float = PATIENCE_S + 1,
    away: frozenset[AccountId] = frozenset(),
) -> Tally:
    journals = {AccountId("hall"): [SAID], AccountId("pier"): pier}
    places = {AccountId("hall"): HALL.id, AccountId("pier"): PIER.id}
    seen = Seen(journals, families, journals, raws_waiting=0, now=100.0 + age_s, away=away, plugged_at={}, places=places)
    return tally(seen, {(AccountId("hall"), "said"): [THERE]})


def test_a_post_that_stands_everywhere_once_is_neither() -> None:
    found = counted([COPIED], [FAMILY])
    assert (found.lost, found.doubled, found.posts, found.arrived) == (0, 0, 1, 1)


def test_a_copy_that_is_said_to_stand_and_does_not_is_lost() -> None:
    assert counted([], [FAMILY]).lost == 1


def test_a_destination_that_was_forgotten_is_lost() -> None:
    assert counted([], [replace(FAMILY, copies=(), outcomes=())]).lost == 1


def test_a_post_that_was_never_heard_is_lost_once_patience_ends() -> None:
    assert counted([], [], age_s=PATIENCE_S - 1).lost == 0
    assert counted([], []).lost == 1


def test_a_post_in_an_unplugged_place_waits_to_leave() -> None:
    found = counted([], [], away=frozenset({AccountId("hall")}))
    assert (found.lost, found.leaving) == (0, {"hall": 1})


def test_a_second_copy_is_doubled() -> None:
    assert counted([COPIED, replace(COPIED, id=NativeId("again"))], [FAMILY]).doubled == 1


def test_a_copy_whose_receipt_is_being_written_is_not_doubled() -> None:
    waiting = replace(FAMILY, copies=(), outcomes=(Outcome(THERE, "created", "waiting", ""),))
    found = counted([COPIED], [waiting])
    assert (found.lost, found.doubled, found.waiting) == (0, 0, {"pier": 1})


def test_a_refused_post_is_not_lost() -> None:
    assert counted([], [replace(FAMILY, verdict="dropped", reason="direct", copies=(), outcomes=())]).lost == 0
