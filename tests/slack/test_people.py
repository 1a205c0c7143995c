"""Whom a handle of the mapping file means in Slack, and how many people read a channel."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.slack import people
from adapters.slack.adapter import asked
from bridge.errors import Retryable
from bridge.post import Ignored, UserId
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


# ---------------------------------------------------------------- members of the workspace


async def _gone(desk: Desk, user: str) -> bool | None:
    directory = desk.adapter.directory
    assert directory is not None
    return await directory.is_gone(UserId(user))


@pytest.mark.scenario("K06")
async def test_a_member_is_gone_once_deactivated_and_not_before_or_after(desk: Desk, lynn: UserId) -> None:
    assert await _gone(desk, lynn) is False
    await desk.sandbox.offboard("lynn", is_told=False)
    assert await _gone(desk, lynn) is True
    assert await desk.adapter.look_up("lynn@example.org") is None  # Slack finds nobody by the address of who is gone
    await desk.sandbox.offboard("lynn", is_gone=False, is_told=False)
    assert await _gone(desk, lynn) is False


@pytest.mark.scenario("K06")
async def test_that_slack_does_not_know_somebody_or_is_busy_says_nothing(desk: Desk, lynn: UserId) -> None:
    assert await _gone(desk, "U0NOBODY001") is None
    desk.sandbox.busy("users.info", 1, 3.0)
    with pytest.raises(Retryable):
        await _gone(desk, lynn)


MEMBER = {"id": "U1", "team_id": "T1", "name": "lynn", "deleted": True, "is_bot": False, "profile": {"email": "lynn@example.org"}}


@pytest.mark.scenario("K06")
@pytest.mark.parametrize(
    ("change", "gone"),
    [
        ({}, True),
        ({"deleted": False}, False),
        ({"deleted": None}, None),
        ({"deleted": "true"}, None),
        ({"deleted": 1}, None),
        ({"is_bot": True}, None),
        ({"is_bot": None}, None),
        ({"is_stranger": True}, None),
        ({"team_id": "T2"}, None),
        ({"team_id": None}, None),
    ],
)
def test_only_in_as_many_words_is_a_person_of_the_workspace_gone(
    change: dict[str, Any],
    gone: bool | None,  # noqa: FBT001 - a table
) -> None:
    assert people.is_gone(MEMBER | change, "T1") is gone
    assert people.is_gone(MEMBER | change, "") is None


@pytest.mark.scenario("K06")
@pytest.mark.parametrize("answer", [{}, {"user": None}, {"user": []}, {"user": {}}, {"user": MEMBER | {"id": "U2"}}])
async def test_an_odd_answer_says_nothing(desk: Desk, answer: dict[str, Any]) -> None:
    async def odd(call: Any, **_: object) -> Any:
        call.close()
        return answer

    members = people.Members(lambda: desk.adapter._web, lambda: "T1", odd)
    assert await members.is_gone(UserId("U1")) is None


@pytest.mark.scenario("K06")
async def test_what_slack_tells_of_its_members_names_them_and_how_they_stand(desk: Desk, lynn: UserId) -> None:
    await desk.sandbox.offboard("lynn")
    await desk.sandbox.offboard("lynn", is_gone=False)
    await desk.sandbox.with_server(lambda server: server.tell({"type": "user_change", "user": MEMBER | {"team_id": "T2"}}))
    told = [event for event in await desk.events(3) if isinstance(event, Ignored)]
    assert [(event.member.user if event.member else None, event.gone) for event in told] == [
        (lynn, True),
        (lynn, False),
        (None, False),
    ]
    assert told[0].member is not None
    assert set(told[0].member.handles) == {lynn, "lynn@example.org", "@lynn"}
