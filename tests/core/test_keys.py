"""Send keys: the same for every repeat, different from any other, and no row's id."""

from __future__ import annotations

import itertools

from bridge.keys import send_key
from bridge.post import Destination
from tests.core.worlds import CHANNEL, MAILS, TIMELINE


def test_a_key_is_the_same_for_every_repeat_and_different_from_any_other() -> None:
    events, numbers, generations = ("a|created|", "a|edited|1", "b|created|"), (0, 1), (0, 1)
    to = (
        Destination(CHANNEL),
        Destination(TIMELINE),
        Destination(MAILS, "lee@gmail.example"),
        Destination(MAILS, "chair@board.example"),
    )
    everything = list(itertools.product(events, to, numbers, generations))
    keys = [send_key(*each) for each in everything]
    assert len(set(keys)) == len(everything)
    assert keys == [send_key(*each) for each in everything]
    assert {len(key) for key in keys} == {32}
