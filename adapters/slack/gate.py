"""Each channel's gate: nothing is written where another company reads. How channels are asked for is the adapter's business."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from adapters.slack.channels import Channel

FRESH: Final = 60.0
"""Seconds for which a channel found to be ours alone is not asked about again, unless Slack says that its sharing changed."""


class Gate:
    """Which channels may be written to. `look_up` raises `SendError`, `refuse` `NeedsOperator`; `clock` counts seconds."""

    def __init__(
        self, look_up: Callable[[str], Awaitable[Channel]], refuse: Callable[[Channel], None], clock: Callable[[], float]
    ) -> None:
        self._look_up = look_up
        self._refuse = refuse
        self._clock = clock
        self._known: dict[str, tuple[float, Channel]] = {}
        self._changed: dict[str, float] = {}

    async def ensure(self, channel: str) -> None:
        """Go on where the channel is ours alone. Raises `NeedsOperator` where it is not, `SendError` where nobody can say."""
        at, found = self._known.get(channel, (0.0, None))
        if found is None or not _is_fine(found) or not self._is_fresh(channel, at):
            at = self._clock()  # before asking: a change heard meanwhile makes the answer stale
            found = await self._look_up(channel)
            self._known[channel] = (at, found)
        self._refuse(found)

    def _is_fresh(self, channel: str, at: float) -> bool:
        return self._clock() - at < FRESH and self._changed.get(channel, -1.0) < at

    def put(self, channel: Channel) -> None:
        """Remember what was learned otherwise."""
        self._known[channel.id] = (self._clock(), channel)

    def forget(self, channel: str) -> None:
        """Ask again before the next message: its sharing changed, or may have."""
        self._changed[channel] = self._clock()


def _is_fine(channel: Channel) -> bool:
    return channel.is_member and not channel.is_shared and not channel.is_archived
