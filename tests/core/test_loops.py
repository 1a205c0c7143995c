"""Loops through bots nobody here controls: a post is known by its words, whatever stands around them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import loops
from bridge.loops import Earlier, Mark, mark
from tests.core.worlds import post

LONG = "Can everyone meet at two in the big room please?"


# ---------------------------------------------------------------- the words of a post


@pytest.mark.parametrize(
    "carried",
    [
        "[bridge] Lynn: {}",
        "<Lynn> {}",
        "via Lynn: {}",
        "[a] [b] via Relay 1: Lynn: {}",
        "**Lynn:** {}",
        "RT @lynn: {}",
        "[14:02] <Lynn> {}",
        "Lynn on Slack: {}",
        "🔁 Lynn: {}",
        "{} ^LG",
        "{} (via Slack)",
        "{} — Lynn",
        "> an older line\n{}",
        "   {}  ",
    ],
)
def test_what_relays_put_around_the_words_changes_nothing(carried: str) -> None:
    assert mark(post(carried.format(LONG))).key == mark(post(LONG)).key


@pytest.mark.parametrize("counted", ["17: {}", "[3] {}", "#17: {}", "Ticket 4711: {}", "post 0000021: {}", "Lynn: 17: {}"])
def test_what_is_numbered_is_told_apart_by_its_number(counted: str) -> None:
    assert mark(post(counted.format(LONG))).key != mark(post(LONG)).key


@pytest.mark.parametrize("other", ["Can everyone meet at three in the big room please?", "Meet at two?", "ok", ""])
def test_other_words_are_another_post(other: str) -> None:
    assert mark(post(other)).key != mark(post(LONG)).key


def test_a_post_that_looks_like_a_prefix_is_its_own_message() -> None:
    assert mark(post("Reminder:")).key
    assert mark(post("[bridge]")).key != mark(post("[other]")).key
    assert mark(post("…")).key == mark(post("")).key == ""


@given(st.text(max_size=300))
def test_any_text_has_a_mark(words: str) -> None:
    assert mark(post(words)) == mark(post(words))


def test_a_long_post_is_known_by_its_beginning() -> None:
    whole = " ".join(f"word{n}" for n in range(200))
    cut = " ".join(whole.split()[:60]) + "…"
    assert mark(post(whole)).key == mark(post(f"Lynn: {cut}")).key


OK = mark(post("ok"))


def named(*words: str, is_long: bool = False) -> Mark:
    return Mark("k", frozenset(words), is_long)


@pytest.mark.parametrize(
    ("new", "author", "earlier", "hops"),
    [
        (OK, "Karl", Earlier("Lynn", frozenset(), 0), 0),  # two people say ok
        (OK, "Lynn", Earlier("Lynn", frozenset(), 0), 0),
        (named("bridge", "lynn"), "Relay 1", Earlier("Lynn", frozenset(), 0), 1),
        (named("bridge", "lynn"), "Relay 2", Earlier("Relay 1", frozenset({"bridge", "lynn"}), 1), 2),
        (named("vote"), "Karl", Earlier("Lynn", frozenset({"vote"}), 0), 0),  # three people vote
        (named("lee"), "Karl", Earlier("Karl", frozenset({"anna"}), 0), 0),  # somebody takes minutes
        (named("x", "bridge"), "Relay 2", Earlier("Relay 1", frozenset({"bridge"}), 0), 1),
        (named(is_long=True), "Karl", Earlier("Lynn", frozenset(), 0), 1),
        (named(is_long=True), "Lynn", Earlier("Lynn", frozenset(), 0), 0),  # somebody reminds everybody again
        (named(is_long=True), "Relay 1", Earlier("Relay 1", frozenset(), 1), 2),
    ],
)
def test_what_came_back_is_told_from_what_is_said_twice(new: Mark, author: str, earlier: Earlier, hops: int) -> None:
    assert loops.hops(new, author, [earlier]) == hops
