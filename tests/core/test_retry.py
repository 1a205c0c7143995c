"""Retry decisions: what comes after each failure, and when."""

from __future__ import annotations

import pytest

from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain
from bridge.reasons import Reason
from bridge.retry import FIRST_S, LONGEST_S, OPERATOR_S, Again, GiveUp, LookUp, backoff, decide


@pytest.mark.scenario("D09")
@pytest.mark.parametrize("asked", [0.0, 0.25, 1.0, 1.5, 59.0, 3600.0])
@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_retry_after_is_respected_and_hardly_exceeded(asked: float, jitter: float) -> None:
    decision = decide(Retryable("busy", after=asked), 7, jitter)
    assert isinstance(decision, Again)
    assert asked <= decision.after <= asked + 1.0
    assert decision.sentence == ""


def test_lanes_that_hear_the_same_retry_after_come_back_apart() -> None:
    waits = {decide(Retryable(after=10.0), 0, jitter).after for jitter in (0.0, 0.3, 0.9)}  # type: ignore[union-attr]
    assert len(waits) == 3


def test_the_backoff_doubles_from_a_second_and_is_bounded() -> None:
    assert [backoff(n, 1.0) for n in range(5)] == [FIRST_S * 2**n for n in range(5)]
    assert backoff(9, 1.0) == backoff(10_000, 1.0) == LONGEST_S


@pytest.mark.parametrize("failures", [0, 1, 5, 100])
def test_chance_takes_at_most_half_of_the_backoff(failures: int) -> None:
    assert backoff(failures, 0.0) == backoff(failures, 1.0) / 2


def test_without_retry_after_the_backoff_decides() -> None:
    assert decide(Retryable("down"), 3, 1.0) == Again(8.0)


def test_what_needs_a_human_is_tried_again_and_says_what_to_mend() -> None:
    assert decide(NeedsOperator("Invite the app."), 0, 0.5) == Again(OPERATOR_S, "Invite the app.")


@pytest.mark.scenario("D11")
def test_a_refusal_is_given_up_at_once_with_its_sentence() -> None:
    assert decide(Rejected("Too long."), 0, 0.5) == GiveUp(Reason.REJECTED, "Too long.")


@pytest.mark.scenario("C04")
def test_what_is_perhaps_sent_is_looked_up_first() -> None:
    assert decide(Uncertain(), 0, 0.5) == LookUp()


def test_an_error_of_an_unknown_kind_is_tried_again() -> None:
    assert decide(SendError("odd"), 0, 1.0) == Again(FIRST_S)
