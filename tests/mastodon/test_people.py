"""The account's door at a real server: who asks, letting in, removing; whom handles mean; how many follow."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.mastodon import people
from adapters.mastodon.people import follower_of
from bridge.contract import Follower, People
from bridge.errors import NeedsOperator, Rejected
from bridge.post import PlaceId, UserId
from tests.mastodon.conftest import Rig


@pytest.fixture
def door(rig: Rig) -> People:
    found = rig.adapter.people
    assert found
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def asking(rig: Rig, door: People) -> AsyncIterator[Follower]:
    """The stranger, who asks to follow; at the end they follow no more."""
    await rig.sandbox.ask_to_follow("stranger")
    [one] = await door.requests()
    yield one
    await rig.sandbox.stop_following("stranger")


async def test_who_asks_is_known_by_every_handle(asking: Follower) -> None:
    assert asking.name == "A stranger"
    assert {asking.user, "@stranger", "@stranger@social.example"} <= set(asking.handles)
    assert not asking.moved


async def test_who_was_let_in_follows_and_no_longer_asks(rig: Rig, door: People, asking: Follower) -> None:
    members = await rig.adapter.members(PlaceId("timeline"))
    await door.approve(asking.user)
    assert await door.requests() == []
    assert asking.user in [each.user for each in await door.followers()]
    assert await rig.adapter.members(PlaceId("timeline")) == (members or 0) + 1
    await door.approve(asking.user)  # repeating it does no harm


async def test_who_was_turned_down_neither_follows_nor_asks(door: People, asking: Follower) -> None:
    await door.reject(asking.user)
    assert await door.requests() == []
    assert asking.user not in [each.user for each in await door.followers()]


async def test_who_was_removed_follows_no_more(door: People, asking: Follower) -> None:
    await door.approve(asking.user)
    await door.remove(asking.user)
    assert asking.user not in [each.user for each in await door.followers()]


async def test_where_a_server_cannot_remove_nobody_is_blocked_behind_the_admins_back(door: People, asking: Follower) -> None:
    """GoToSocial answers 404, as this server does for a person that it does not know."""
    with pytest.raises(Rejected, match="block the person on the account's own page"):
        await door.remove(UserId("404404"))


async def test_followers_of_many_pages_are_all_there(door: People, monkeypatch: pytest.MonkeyPatch) -> None:
    everybody = await door.followers()
    assert len(everybody) > 1
    monkeypatch.setattr(people, "PAGE", 1)
    assert await door.followers() == everybody


async def test_a_door_that_stands_open_is_told(rig: Rig, door: People) -> None:
    rig.adapter._locked = False
    try:
        with pytest.raises(NeedsOperator, match="Approve follow requests"):
            await door.requests()
    finally:
        rig.adapter._locked = True


@pytest.mark.parametrize("handle", ["@misslynn13", "@misslynn13@social.example"])
async def test_a_handle_leads_to_its_account_though_the_file_keeps_it_in_lower_case(rig: Rig, door: People, handle: str) -> None:
    [lynn] = [each for each in await door.followers() if "@MissLynn13" in each.handles]
    assert await rig.adapter.look_up(handle) == lynn.user
    assert await rig.adapter.look_up(lynn.user) == lynn.user


@pytest.mark.parametrize("handle", ["@nobody", "@nobody@elsewhere.example", "404404"])
async def test_a_handle_of_nobody_leads_nowhere(rig: Rig, handle: str) -> None:
    assert await rig.adapter.look_up(handle) is None


def test_who_moved_is_said_to_have_moved() -> None:
    account = {"id": 1, "acct": "karl@old.example", "display_name": "", "username": "karl", "moved": {"id": 2, "acct": "karl"}}
    handles = ("1", "karl@old.example", "@karl@old.example")
    assert follower_of(account, "social.example") == Follower(UserId("1"), "karl", handles, moved=True)
    assert not follower_of({**account, "moved": None}, "social.example").moved
