"""What makes `demo --once` fail: a lost copy, a doubled one, one nobody expects, one outside its thread or out of order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.contract import Standing
from bridge.demo.verdict import Expected, carries, in_order, judge
from bridge.post import AccountId, Audience, Destination, NativeId, Place, PlaceId

HALL = Destination(Place(AccountId("hall"), PlaceId("c1")))
POST = Destination(Place(AccountId("post"), PlaceId("all")), "lee@example.org")
SAID = Expected("new post", "Can everyone meet?", "Hall", HALL)


def copy(
    text: str = "via Lynn: Can everyone meet?", native: str = "1", *, at: float = 1.0, reply_to: str | None = None
) -> Standing:
    answered = NativeId(reply_to) if reply_to else None
    return Standing(PlaceId("c1"), NativeId(native), "bridge", text, text, Audience.GROUP, at, answered, by_bridge=True)


def test_one_copy_in_its_place_is_well() -> None:
    assert judge([SAID], {"hall": [copy()]}).ok


def test_a_missing_copy_is_lost() -> None:
    found = judge([SAID], {"hall": []})
    assert (found.lost, found.doubled, found.ok) == (1, 0, False)


def test_a_second_copy_is_doubled() -> None:
    found = judge([SAID], {"hall": [copy(), copy(native="2")]})
    assert (found.lost, found.doubled, found.ok) == (0, 1, False)


def test_a_copy_of_a_removed_post_is_doubled() -> None:
    assert judge([replace(SAID, times=0)], {"hall": [copy()]}).doubled == 1


def test_a_copy_that_nobody_wrote_is_a_breach() -> None:
    found = judge([SAID], {"hall": [copy(), copy("via Lynn: Something else", "2")]})
    assert (found.lost, found.doubled, found.ok) == (0, 0, False)


def test_a_copy_where_none_was_expected_is_a_breach() -> None:
    stray = replace(copy(), place=PlaceId("all"), reader="lee@example.org")
    elsewhere = {"hall": [copy()], "post": [stray]}
    assert judge([SAID, replace(SAID, destination=POST, times=0)], elsewhere).doubled == 1
    assert judge([SAID, replace(SAID, destination=POST)], elsewhere).ok


def test_an_answer_outside_its_thread_is_a_breach() -> None:
    answer = replace(SAID, text="Yes", answers="Can everyone meet?")
    assert judge([SAID, answer], {"hall": [copy(), copy("via Karl: Yes", "2", reply_to="1")]}).ok
    assert not judge([SAID, answer], {"hall": [copy(), copy("via Karl: Yes", "2")]}).ok
    assert not judge([SAID, answer], {"hall": [copy(), copy("via Karl: Yes", "2", reply_to="7")]}).ok


def test_copies_out_of_order_are_a_breach() -> None:
    journals = {"hall": [copy("via Lynn: one", "1", at=2.0), copy("via Lynn: two", "2", at=1.0)]}
    assert in_order(["one", "two"], HALL, journals)
    assert not in_order(["two", "one"], HALL, journals)


@pytest.mark.parametrize(
    ("shown", "carried"),
    [
        ("via Lynn: Yes", True),
        ("↪ Karl: Can everyone meet?\n\nvia Lynn: Yes", True),
        ("Correction: via Lynn: Yes", True),
        ("via Lynn: Yes\n> via Karl: Can everyone meet?", False),  # the quote was left in
        ("Lynn: Yes", False),  # not attributed
        ("via Lynn: No, Yes", False),
    ],
)
def test_a_copy_carries_its_text_behind_via_and_nothing_after_it(shown: str, *, carried: bool) -> None:
    assert carries(shown, "Yes") is carried
