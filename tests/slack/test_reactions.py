"""Reactions in Slack, as they are heard."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import reactions
from adapters.slack.parse import Identity
from bridge.contract import Thread
from bridge.post import Destination, Ignored, Mark, NativeId, Own, Place, PlaceId, Raw, Reacted, Ref, UserId, aside
from tests.slack.desk import PATIENT, TEAM, Desk, context, post

CHANNEL = Place(TEAM, PlaceId("C0ALLHANDS1"))


async def reacted(desk: Desk, number: int) -> Reacted:
    found = await desk.event(number)
    assert isinstance(found, Reacted)
    return found


@pytest.mark.scenario("G09")
async def test_a_reaction_says_who_what_and_where(desk: Desk) -> None:
    native = await desk.sandbox.write("lynn", "lunch?")
    await desk.sandbox.react("karl", native, "tada")
    await desk.sandbox.react("karl", native, "tada", is_there=False)
    put, taken = await reacted(desk, 2), await reacted(desk, 3)
    assert (put.ref, put.author.name, put.emoji, put.removed, put.own) == (Ref(CHANNEL, native), "Karl", "🎉", False, Own.NO)
    assert (taken.emoji, taken.removed) == ("🎉", True)
    assert put.revision != taken.revision


@pytest.mark.parametrize(("name", "shown"), [("+1::skin-tone-3", "👍🏼"), ("our_own_parrot", ":our_own_parrot:"), ("heart", "❤️")])
async def test_an_emoji_is_shown_as_a_character_where_there_is_one(desk: Desk, name: str, shown: str) -> None:
    native = await desk.sandbox.write("lynn", "lunch?")
    await desk.sandbox.react("karl", native, name)
    assert (await reacted(desk, 2)).emoji == shown


async def test_our_own_mark_is_known_as_ours(desk: Desk) -> None:
    native = await desk.sandbox.write("karl", "hi")
    notice = post((), reply_to=Ref(CHANNEL, native), mark=Mark.WAITS)
    to = Destination(aside(CHANNEL, UserId("U0KARL00001")))
    (part,) = desk.adapter.render(notice, to, context())
    await desk.adapter.send(part, to, Thread(), "k")
    assert (await reacted(desk, 2)).own is Own.SURELY


async def test_what_is_reacted_to_between_two_is_nobodys_business(desk: Desk) -> None:
    native = await desk.sandbox.write_direct("karl", "psst")
    await desk.sandbox.react("karl", native, "tada")
    assert isinstance(await desk.event(2), Ignored)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5) | st.sampled_from(["reaction_added", "message", "C1", "1.2"]),
        lambda inner: st.dictionaries(st.sampled_from(["event", "type", "item", "user", "channel", "ts", "reaction"]), inner),
        max_leaves=8,
    )
)
@PATIENT
def test_no_event_is_a_stumbling_block(event: object) -> None:
    body = json.dumps({"type": "event_callback", "event": event}).encode()
    found = reactions.heard(Raw(TEAM, "k", body, post(()).at), Identity(TEAM))
    assert found is None or isinstance(found[0].ref.id, NativeId.__supertype__)
