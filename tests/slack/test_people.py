"""Whom a handle of the mapping file means in Slack, and how many people read a channel."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.slack import people
from adapters.slack.adapter import asked
from bridge.post import UserId
from tests.slack.desk import Desk


@pytest.fixture
async def lynn(desk: Desk) -> UserId:
    found = await desk.adapter.look_up("lynn@example.org")
    assert found
    return found


async def test_every_kind_of_handle_leads_to_the_same_person(desk: Desk, lynn: UserId) -> None:
    for handle in (lynn, lynn.lower(), "@lynn", "lynn"):
        assert await desk.adapter.look_up(handle) == lynn


@pytest.mark.parametrize("handle", ["nobody@example.org", "@nobody", "u0nobody", "nobody"])
async def test_a_handle_of_nobody_leads_nowhere(desk: Desk, handle: str) -> None:
    assert await desk.adapter.look_up(handle) is None


async def test_a_channels_people_are_counted_without_the_app(desk: Desk) -> None:
    place = await desk.adapter.pin("all-hands")
    said = await asked(desk.adapter._web.conversations_members(channel=place))
    assert await desk.adapter.members(place) == len(said["members"]) - 1 > 0


async def test_where_slack_does_not_say_nobody_guesses(desk: Desk) -> None:
    assert await people.count(desk.adapter._web, "C1", _silent) is None


async def _silent(call: Any, **_: object) -> Any:
    """An answer without a number."""
    call.close()
    return {"channel": {"id": "C1"}}
