"""What every adapter must do with what people write: take it durably, once, and say truly what it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.contract import Act, Sandbox
from bridge.post import Audience, Created, Deleted, Edited, Own, Place, Post, direct
from bridge.text import plain
from tests.conformance.rig import ACCOUNT, Rig, unique


def needs(sandbox: Sandbox, act: Act) -> None:
    if act not in sandbox.can:
        pytest.skip(f"people cannot {act} there")


def names(post: Post) -> set[str]:
    return {handle.lower() for handle in post.author.handles}


@pytest.mark.scenario("A03")
async def test_what_a_person_writes_arrives_once_and_says_where(rig: Rig) -> None:
    words = unique("Can everyone meet @ 2pm today?")
    native = await rig.sandbox.write(rig.writer, words)
    await rig.heard(Created, native)
    await rig.settled()
    [event] = await rig.heard(Created, native)
    assert words in plain(event.post.text)
    assert event.ref.place == rig.place
    assert event.post.audience is Audience.GROUP
    assert event.post.reply_to is None
    assert abs(event.at - datetime.now(UTC)) < timedelta(hours=1)


async def test_a_raw_carries_the_time_of_what_it_says(rig: Rig) -> None:
    native = await rig.sandbox.write(rig.writer, unique("now"))
    await rig.heard(Created, native)
    [(raw, event)] = [(raw, event) for raw, event in rig.events() if isinstance(event, Created) and event.ref.id == native]
    assert abs(raw.at - event.at) < timedelta(seconds=2)
    assert event.at.utcoffset() == timedelta(0)


async def test_a_person_is_known_by_name_and_by_the_handle_of_the_mapping_file(rig: Rig) -> None:
    root = await rig.sandbox.write(rig.writer, unique("Who is there?"))
    for person, handle in rig.sandbox.people.items():
        [event] = await rig.heard(Created, await rig.sandbox.write(person, unique("me"), reply_to=root))
        assert person in event.post.author.name.lower()
        assert handle.lower() in names(event.post)
        assert not event.post.author.is_bot
        assert event.own is Own.NO


async def test_two_people_have_two_ids(rig: Rig) -> None:
    root = await rig.sandbox.write(rig.writer, unique("Who is there?"))
    answers = [
        await rig.heard(Created, await rig.sandbox.write(person, unique("me"), reply_to=root)) for person in ("lynn", "karl")
    ]
    assert len({event.post.author.user for [event] in answers}) == 2


@pytest.mark.scenario("F01")
async def test_an_answer_names_what_it_answers(rig: Rig) -> None:
    root = await rig.sandbox.write(rig.writer, unique("Who brings cake?"))
    words = unique("I do")
    answer = await rig.sandbox.write("karl", words, reply_to=root)
    [event] = await rig.heard(Created, answer)
    assert words in plain(event.post.text)
    assert root in {ref.id for ref in (event.post.reply_to, *event.post.also_reply_to) if ref}
    assert event.post.reply_to is not None
    assert event.post.reply_to.place == event.ref.place == rig.place


@pytest.mark.scenario("A11")
async def test_each_place_is_heard_as_itself(rig: Rig) -> None:
    if len(rig.sandbox.places) == 1:
        pytest.skip("it has one place")
    for name in rig.sandbox.places:
        place = Place(ACCOUNT, await rig.adapter.pin(name))
        [event] = await rig.heard(Created, await rig.sandbox.write(rig.writer, unique("where?"), name))
        assert event.ref.place == place


@pytest.mark.scenario("D05")
async def test_messages_are_heard_in_the_order_they_were_written(rig: Rig) -> None:
    written = [await rig.sandbox.write(rig.writer, unique("in order")) for _ in range(5)]
    await rig.heard(Created, written[-1])
    ordered = sorted(rig.events(), key=lambda heard: heard[0].at)
    assert [event.ref.id for _, event in ordered if event.ref.id in written] == written


@pytest.mark.scenario("E01")
async def test_an_edit_arrives_with_the_new_text_and_a_revision_of_its_own(rig: Rig) -> None:
    needs(rig.sandbox, Act.EDIT)
    native = await rig.sandbox.write(rig.writer, unique("Meet at 2"))
    await rig.heard(Created, native)
    first, second = unique("Meet at 3"), unique("Meet at 4")
    await rig.sandbox.edit(native, first)
    await rig.heard(Edited, native)
    await rig.sandbox.edit(native, second)
    await rig.settled()
    events = await rig.heard(Edited, native)
    assert any(first in plain(event.post.text) for event in events)
    assert second in plain(events[-1].post.text)
    assert len({event.revision for event in events}) == len({plain(event.post.text) for event in events}) == 2
    assert {event.ref.place for event in events} == {rig.place}


@pytest.mark.scenario("E08")
async def test_a_deletion_arrives(rig: Rig) -> None:
    needs(rig.sandbox, Act.DELETE)
    native = await rig.sandbox.write(rig.writer, unique("Never mind"))
    await rig.heard(Created, native)
    await rig.sandbox.delete(native)
    await rig.heard(Deleted, native)
    await rig.settled()
    [event] = await rig.heard(Deleted, native)
    assert event.ref.place == rig.place


@pytest.mark.scenario("A07")
async def test_a_direct_message_stands_in_that_persons_direct_place(rig: Rig) -> None:
    needs(rig.sandbox, Act.DIRECT)
    words = unique("meet at 2?")
    native = await rig.sandbox.write_direct("lynn", words)
    await rig.heard(Created, native)
    await rig.settled()
    [event] = await rig.heard(Created, native)
    assert plain(event.post.text) == words
    assert event.post.audience is Audience.DIRECT
    assert event.ref.place == direct(ACCOUNT, event.post.author.user)
    assert rig.sandbox.people["lynn"].lower() in names(event.post)
    assert event.own is Own.NO


async def test_an_edited_direct_message_stays_direct(rig: Rig) -> None:
    needs(rig.sandbox, Act.DIRECT)
    needs(rig.sandbox, Act.EDIT)
    native = await rig.sandbox.write_direct("lynn", unique("only for you"))
    [opening] = await rig.heard(Created, native)
    words = unique("still only for you")
    await rig.sandbox.edit(native, words)
    [event] = await rig.heard(Edited, native)
    assert plain(event.post.text) == words
    assert event.post.audience is Audience.DIRECT
    assert event.ref == opening.ref


async def test_an_answer_to_a_direct_message_stays_direct(rig: Rig) -> None:
    needs(rig.sandbox, Act.DIRECT)
    first = await rig.sandbox.write_direct("karl", unique("hello"))
    [opening] = await rig.heard(Created, first)
    [event] = await rig.heard(Created, await rig.sandbox.write_direct("karl", unique("and more"), reply_to=first))
    assert event.ref.place == opening.ref.place
    assert event.post.audience is Audience.DIRECT
    assert event.post.reply_to == opening.ref


async def test_every_event_that_was_handed_out_is_one_raw_by_its_key(rig: Rig) -> None:
    """The law's first half; the journal is the oracle."""
    await rig.settled()
    before, known = {one.key for one in rig.sandbox.emitted()}, {*rig.inbox.raws}
    root = await rig.sandbox.write(rig.writer, unique("counted"))
    await rig.sandbox.write("karl", unique("counted too"), reply_to=root)
    await rig.copy(unique("counted, where it has an echo"))
    await rig.settled()
    journal = [one.key for one in rig.sandbox.emitted() if one.key not in before]
    assert len({*journal}) == len(journal) >= 3
    assert {*journal} <= {*rig.inbox.raws}
    assert {raw.key for raw, _ in rig.events() if raw.key not in known} <= {*journal}


async def test_the_journal_names_the_message_of_each_event(rig: Rig) -> None:
    native = await rig.sandbox.write(rig.writer, unique("named"))
    await rig.settled()
    [emitted] = [one for one in rig.sandbox.emitted() if one.id == native]
    assert emitted.place == rig.place.id
    assert [event.ref.id for event in rig.adapter.parse(rig.inbox.raws[emitted.key]) if isinstance(event, Created)] == [native]


async def test_what_people_wrote_stands_in_the_sandbox_as_theirs(rig: Rig) -> None:
    words = unique("mine")
    native = await rig.sandbox.write(rig.writer, words)
    [found] = [one for one in rig.sandbox.standing(rig.sandbox.places[0]) if one.id == native]
    assert not found.by_bridge
    assert words in found.text
    assert found.place == rig.place.id


async def test_parsing_twice_says_the_same(rig: Rig) -> None:
    await rig.settled()
    for raw in rig.inbox.raws.values():
        assert rig.adapter.parse(raw) == rig.adapter.parse(raw)
