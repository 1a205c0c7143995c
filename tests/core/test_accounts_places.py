"""The names of an account's places are looked up again as soon as the platform tells that places changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.accounts import AGAIN_S
from bridge.engine import Engine
from bridge.errors import NeedsOperator, Retryable
from bridge.inbox import Inbox
from bridge.store import pins
from tests.core.desk import Desk
from tests.core.test_accounts import UNKNOWN, WORLD, Platform, kept, soon
from tests.core.worlds import CHANNEL, OTHER_CHANNEL, TEAM


@pytest.fixture
def url(tmp_path: Path) -> str:
    """What is tested here is not the database's doing."""
    return f"sqlite:///{tmp_path / 'bridge.db'}"


async def test_what_names_mean_is_looked_up_as_soon_as_the_platform_tells_of_changes(desk: Desk) -> None:
    platform = Platform(names={"dev": OTHER_CHANNEL.id})
    async with kept(desk, platform) as it:
        await soon(platform.listening)
        platform.names["dev"] = Retryable("busy")
        inbox = Inbox(desk.store, Engine({TEAM: it.account}), lambda: WORLD)
        inbox.places_changed(TEAM)
        assert not it.account.placed.is_set(), "what follows is judged only afterwards"
        await it.clock.asleep(2)
        platform.names["dev"] = NeedsOperator(UNKNOWN)
        it.clock.advance(AGAIN_S)
        await soon(it.account.placed)
        assert it.account.unpinned == {"dev": UNKNOWN}
        assert platform.asked[-1] == OTHER_CHANNEL.id, "it is still listened to by its id"
        platform.names["dev"] = CHANNEL.id
        inbox.places_changed(TEAM)
        await soon(it.account.placed)
        assert f"write {TEAM}/{CHANNEL.id} in the mapping file" in it.account.unpinned["dev"]
        platform.names["dev"] = OTHER_CHANNEL.id
        inbox.places_changed(TEAM)
        await soon(it.account.placed)
        assert it.account.unpinned == {}
        assert it.reopened == [TEAM, TEAM], "what waited for it goes on"
        assert (await desk.read(pins.all_pins))[TEAM, "dev"] == OTHER_CHANNEL.id
