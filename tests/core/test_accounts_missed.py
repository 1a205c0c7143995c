"""What was heard and could not be stored: it comes again, and what follows must not overtake it."""

from __future__ import annotations

import pytest

from bridge.engine import Engine
from bridge.errors import Retryable
from bridge.inbox import Inbox
from tests.core.desk import Desk
from tests.core.test_accounts import Platform, kept, soon, url
from tests.core.worlds import TEAM

__all__ = ["url"]  # a fixture


class Full:
    """A store that has no room."""

    async def write(self, _operation: object) -> None:
        raise Retryable


@pytest.mark.scenario("D14")
async def test_who_listens_catches_up_once_what_was_heard_can_be_stored_again(desk: Desk) -> None:
    """Else what is heard next would overtake what is handed over again a little later."""
    platform = Platform()
    async with kept(desk, platform) as it:
        await soon(platform.listening)
        platform.listening.clear()
        engine = Engine({TEAM: it.account}, now=lambda: it.clock.now)
        inbox = Inbox(Full(), engine, lambda: desk.world)  # type: ignore[arg-type]
        with pytest.raises(Retryable):
            await inbox.take(desk.raw(TEAM))
        assert it.account.is_behind(it.clock.now)
        await soon(platform.listening)
        assert it.account.is_behind(it.clock.now), "until it catches up"
        with inbox.catching_up(TEAM):
            assert it.account.is_behind(it.clock.now)
        assert not it.account.is_behind(it.clock.now)
