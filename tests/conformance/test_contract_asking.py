"""What every adapter must offer to those who ask: an answer to a ping, and its own messages' ids and nobody else's."""

from __future__ import annotations

import pytest

from bridge.errors import SendError
from bridge.post import PlaceId, UserId
from tests.conformance.rig import Rig


@pytest.mark.scenario("L21")
async def test_it_answers_a_ping_and_says_so_when_it_can_not(rig: Rig) -> None:
    await rig.adapter.ping(PlaceId(rig.place.id))
    await rig.sandbox.unplug()
    try:
        with pytest.raises(SendError):
            await rig.adapter.ping(PlaceId(rig.place.id))
    finally:
        await rig.sandbox.plug()


@pytest.mark.scenario("L11")
@pytest.mark.parametrize(
    "words", ["", "hello", "https://nowhere.example/a/1", "https://[", "mailto:lee@gmail.example", "\0", "x" * 5000]
)
async def test_what_is_none_of_its_messages_is_not_located(rig: Rig, words: str) -> None:
    assert rig.adapter.locate(words) is None


async def test_who_can_be_told_aside_can_command_and_the_other_way_round(rig: Rig) -> None:
    assert rig.adapter.capabilities.asides == (rig.adapter.commands is not None)


@pytest.mark.scenario("K06")
async def test_where_it_lists_its_people_none_of_them_is_gone_and_of_nobody_there_is_no_word(rig: Rig) -> None:
    directory = rig.adapter.directory
    if directory is None:
        pytest.skip("it lists nobody")
    found = [await rig.adapter.look_up(handle) for handle in rig.sandbox.people.values()]
    assert [await directory.is_gone(user) for user in found if user] == [False] * len(rig.sandbox.people)
    assert await directory.is_gone(UserId("nobody")) is None
    await rig.sandbox.unplug()
    try:
        with pytest.raises(SendError):
            await directory.is_gone(UserId("nobody"))
    finally:
        await rig.sandbox.plug()
