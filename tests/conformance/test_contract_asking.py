"""What every adapter must offer to those who ask: an answer to a ping, and its own messages' ids and nobody else's."""

from __future__ import annotations

import pytest

from bridge.errors import SendError
from bridge.post import PlaceId
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
