"""What to do after a failed call. Pure: given the failure, the count and the randomness."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain
from bridge.reasons import Reason

FIRST_S = 1.0
LONGEST_S = 300.0
OPERATOR_S = 60.0
"""How often a paused place is tried again, so that it resumes by itself once it was mended."""


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after so many seconds; `sentence` is set where a human must mend something first."""

    after: float
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class LookUp:
    """Nobody knows whether it was sent: look before anything else."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It will never be delivered as it is."""

    reason: Reason
    sentence: str


def decide(error: SendError, failures: int, jitter: float) -> Again | LookUp | GiveUp:
    """The next step after `error`; `failures` so far in a row, `jitter` in 0..1."""
    match error:
        case Uncertain():
            return LookUp()
        case Rejected():
            return GiveUp(Reason.REJECTED, error.sentence)
        case NeedsOperator():
            return Again(OPERATOR_S, error.sentence)
        case Retryable() if error.after is not None:
            # A little more than asked for, never less: many lanes hear the same Retry-After.
            return Again(error.after + jitter * min(1.0, error.after * 0.1))
        case _:
            return Again(backoff(failures, jitter))


def backoff(failures: int, jitter: float) -> float:
    """Seconds to wait after so many failures in a row: 1 s doubling to 5 min, half of it by chance."""
    longest = min(LONGEST_S, FIRST_S * 2.0 ** min(failures, 16))
    return longest * (0.5 + jitter / 2)
