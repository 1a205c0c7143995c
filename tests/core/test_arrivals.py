"""What a look at the door shows that was not known, and what is said to who was let in. Pure."""

from __future__ import annotations

from bridge.arrivals import Changes, Seen, changes
from bridge.contract import Follower
from bridge.notices import welcome
from bridge.post import UserId, direct
from bridge.store.people import Known
from bridge.store.tables_people import FollowState
from bridge.text import plain
from tests.core.worlds import ALL, NOW, group

KARL = Follower(UserId("12"), "Karl", ("12", "@karl@social.example"))
HERE = direct(ALL, KARL.user)


def known(state: FollowState) -> dict[UserId, Known]:
    return {KARL.user: Known(KARL, state, NOW)}


def test_a_look_at_the_requests_alone_says_nothing_of_who_left() -> None:
    assert changes(Seen([], None), known(FollowState.FOLLOWING)) == Changes()
    [left] = changes(Seen([], []), known(FollowState.FOLLOWING)).left
    assert left.follower == KARL


def test_a_request_that_is_no_longer_there_has_vanished_and_who_follows_then_has_arrived() -> None:
    seen = changes(Seen([], [KARL]), known(FollowState.ASKING))
    assert [each.follower for each in seen.vanished] == [KARL]
    assert seen.arrived == (KARL,)


def test_who_asks_again_after_they_left_asks_anew() -> None:
    assert changes(Seen([KARL], []), known(FollowState.GONE)).asking == (KARL,)
    assert changes(Seen([KARL], []), known(FollowState.ASKING)) == Changes()


def test_a_new_name_is_noticed() -> None:
    renamed = Follower(KARL.user, "Karla", KARL.handles)
    [now] = changes(Seen([], [renamed]), known(FollowState.FOLLOWING)).renamed
    assert (now.follower.name, now.state) == ("Karla", FollowState.FOLLOWING)


def test_a_welcome_has_four_sentences_what_who_how_and_how_not_to_miss_it() -> None:
    said = plain(welcome(HERE, [group()], frozenset({"direct", "mention"})).text)
    assert said.startswith("Welcome to “All-Hands”")
    assert said.count(". ") == 3
    assert "press Reply or write to me directly" in said
    assert "bell" in said


def test_only_ways_that_work_are_told() -> None:
    assert "press Reply:" in plain(welcome(HERE, [group()], frozenset({"mention"})).text)
    assert "To answer, write to me directly:" in plain(welcome(HERE, [group()], frozenset({"direct"})).text)
    assert "ask an admin" in plain(welcome(HERE, [group()], frozenset()).text)


def test_a_person_is_welcomed_under_one_key_for_ever() -> None:
    assert welcome(HERE, [group()], frozenset()).key == welcome(HERE, [group(name="other")], frozenset({"direct"})).key
