"""What a failed call means: the one table, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from adapters.mastodon.workers import CallFailed
from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain


class Missing(Rejected):
    """The Mastodon server does not know what this is about."""


_TABLE: Final[Mapping[int, tuple[type[SendError], str]]] = MappingProxyType(
    {
        400: (Rejected, "The Mastodon server refuses this post: {said}"),
        401: (NeedsOperator, "The Mastodon server no longer accepts the access token: make a new one and restart."),
        403: (Rejected, "The Mastodon server does not allow this: {said}"),
        404: (Missing, "The Mastodon server does not know the post or person any more: {said}"),
        410: (Missing, "What this belongs to is gone from the Mastodon server: {said}"),
        408: (Retryable, "The Mastodon server did not get the whole request in time."),
        413: (Rejected, "This is too large for the Mastodon server: {said}"),
        422: (Rejected, "The Mastodon server refuses this post: {said}"),
        425: (Retryable, "The Mastodon server asks us to come again."),
        429: (Retryable, "The Mastodon server asks us to slow down."),
        503: (Retryable, "The Mastodon server is busy or being maintained."),
    }
)
_TOKEN_TROUBLE: Final = re.compile(r"scope|login|token|confirm|suspend|disabled", re.IGNORECASE)
_NO_TOKEN = "The access token may not do this ({said}): make one with the scopes read and write."  # noqa: S105 - a sentence
_UNREACHABLE: Final = "The Mastodon server cannot be reached."
_LOST: Final = "The Mastodon server did not answer: perhaps it took the post, perhaps not."
_FAILED: Final = "The Mastodon server failed or did not answer."


def translate(failed: CallFailed) -> SendError:
    """What an SDK error means. Nothing is `Uncertain`: reading, editing and deleting may be repeated."""
    status, said = failed.answer
    return meaning(status, said, failed.after, never_sent=failed.never_sent, posting=False)


def meaning(status: int | None, said: str, after: float | None, *, never_sent: bool, posting: bool) -> SendError:
    """What a failed call means: the answer's status, None without one, what the server `said`, and how long it asks us to wait.

    Only what is `posting`, and was perhaps sent, can be `Uncertain`.
    """
    if status == 403 and _TOKEN_TROUBLE.search(said):
        return NeedsOperator(_NO_TOKEN.format(said=said))
    if status is not None and (row := _TABLE.get(status)):
        kind, sentence = row
        return Retryable(sentence, after) if kind is Retryable else kind(sentence.format(said=said))
    if status is not None and 400 <= status < 500:
        return Rejected(_TABLE[400][1].format(said=said))
    if status is None and never_sent:
        return Retryable(_UNREACHABLE if after is None else _TABLE[429][1], after)
    return Uncertain(_LOST) if posting else Retryable(_FAILED, after)
