"""What every adapter must do with a copy: make it stand once, where it was told, and find it again."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from bridge.contract import Absent, Act, Attempt, Fault, Found, Standing, Thread, Unknown
from bridge.errors import Rejected
from bridge.post import Audience, Created, Deleted, Destination, Own, Place, Ref
from bridge.text import plain
from tests.conformance.rig import ACCOUNT, PARENT, Rig, arm, is_direct, post, unique


def standing(rig: Rig, ref: Ref) -> Standing:
    [found] = [one for one in rig.sandbox.standing() if one.id == ref.id]
    return found


@pytest.mark.scenario("A01")
async def test_a_copy_stands_once_with_its_attribution_and_under_its_ref(rig: Rig) -> None:
    words = unique("Can everyone meet @ 2pm today?")
    ref = await rig.copy(words)
    [found] = rig.copies(words)
    assert ref == Ref(rig.place, found.id)
    assert f"via Lynn: {words}" in found.text
    assert found.place == rig.place.id
    assert found.audience is Audience.GROUP
    assert found.reader == rig.reader
    assert found.reply_to is None
    assert not found.edited


async def test_two_sends_with_two_keys_are_two_messages(rig: Rig) -> None:
    words = unique("twice on purpose")
    refs = {await rig.copy(words), await rig.copy(words)}
    assert {found.id for found in rig.copies(words)} == {ref.id for ref in refs}
    assert len(refs) == 2


@pytest.mark.scenario("B01")
async def test_the_echo_of_a_copy_is_known_as_our_own_by_its_ref(rig: Rig) -> None:
    arm(rig.sandbox, Fault.EARLY_ECHO)  # what has no echo cannot have an early one
    early = await rig.copy(unique("early echo"))
    words = unique("an echo")
    ref = await rig.copy(words)
    [event] = await rig.heard(Created, ref.id)
    assert event.ref == ref
    assert event.own is not Own.NO
    assert words in plain(event.post.text)
    [event] = await rig.heard(Created, early.id)
    assert event.ref == early
    assert event.own is not Own.NO


async def test_the_sandbox_hands_out_an_early_echo_before_its_reply(rig: Rig) -> None:
    arm(rig.sandbox, Fault.EARLY_ECHO)
    ref = await rig.copy(unique("early echo"))
    assert ref.id in {emitted.id for emitted in rig.sandbox.emitted()}


async def test_a_copy_has_no_echo_but_its_own(rig: Rig) -> None:
    before = {*rig.inbox.raws}
    ref = await rig.copy(unique("one echo at most"))
    await rig.settled()
    fresh = [event for raw, event in rig.events() if raw.key not in before]
    assert {event.own for event in fresh if event.ref.id == ref.id} <= {Own.PERHAPS, Own.SURELY}
    assert len([event for event in fresh if event.ref.id == ref.id]) <= 1
    assert len(fresh) <= 2  # the later message is the other one


async def test_copies_sent_at_once_do_not_mix_up_their_refs(rig: Rig) -> None:
    words = [unique("at once") for _ in range(5)]
    refs = await asyncio.gather(*(rig.copy(one) for one in words))
    for one, ref in zip(words, refs, strict=True):
        assert one in standing(rig, ref).text


@pytest.mark.scenario("A11")
async def test_each_place_has_its_own_copy_in_its_own_thread(rig: Rig) -> None:
    if len(rig.sandbox.places) == 1:
        pytest.skip("it has one place")
    for name in rig.sandbox.places:
        destination = Destination(Place(ACCOUNT, await rig.adapter.pin(name)), rig.reader)
        [part] = rig.render(post(unique("to each")), destination)
        root = await rig.send(part, unique("key").replace(" ", "-"), destination=destination)
        answer = await rig.send(part, unique("key").replace(" ", "-"), Thread(root=root, parent=root), destination)
        assert root.place == answer.place == destination.place
        assert standing(rig, root).place == destination.place.id
        assert standing(rig, answer).reply_to == root.id


@pytest.mark.scenario("A02")
async def test_an_answer_stands_in_the_thread_of_what_it_answers(rig: Rig) -> None:
    root = await rig.copy(unique("Who brings cake?"))
    first = await rig.copy(unique("I do"), Thread(root=root, parent=root), parent=PARENT, threaded=True)
    second = await rig.copy(unique("me too"), Thread(root=root, parent=first), parent=PARENT, threaded=True)
    assert standing(rig, first).reply_to == root.id
    assert standing(rig, second).reply_to in (root.id, first.id)
    assert PARENT.line not in standing(rig, second).text or rig.reader


@pytest.mark.scenario("A02")
async def test_a_copy_answers_what_a_person_wrote(rig: Rig) -> None:
    native = await rig.sandbox.write(rig.writer, unique("Who brings cake?"))
    [event] = await rig.heard(Created, native)
    ref = await rig.copy(unique("I do"), Thread(root=event.ref, parent=event.ref), parent=PARENT, threaded=True)
    assert standing(rig, ref).reply_to == native


async def test_a_person_can_answer_a_copy(rig: Rig) -> None:
    ref = await rig.copy(unique("Who brings cake?"))
    words = unique("I do")
    [event] = await rig.heard(Created, await rig.sandbox.write("karl", words, reply_to=ref.id))
    assert words in plain(event.post.text)
    assert ref in (event.post.reply_to, *event.post.also_reply_to)


async def test_a_copy_whose_parent_is_not_there_quotes_it(rig: Rig) -> None:
    words = unique("I do")
    ref = await rig.copy(words, parent=PARENT, threaded=False)
    found = standing(rig, ref)
    assert PARENT.line in found.text
    assert PARENT.author in found.text
    assert found.text.index(PARENT.line) < found.text.index(words)


async def test_a_notice_to_a_person_is_seen_by_that_person_only(rig: Rig) -> None:
    place = await rig.place_of("karl")
    words = unique("Your post was not delivered.")
    destination = Destination(place, None)
    [part] = rig.render(post(words, audience=Audience.DIRECT), destination, via="", audience=Audience.DIRECT)
    ref = await rig.send(part, unique("notice").replace(" ", "-"), destination=destination)
    assert ref.place == place
    [found] = rig.copies(words)
    assert found.audience is Audience.DIRECT
    assert is_direct(found)
    assert "via" not in found.text.partition(words)[0]
    await rig.settled()
    for event in await rig.completed(ref.id):
        assert event.ref == ref
        assert event.own is not Own.NO


@pytest.mark.scenario("E01")
async def test_an_edit_replaces_what_stands_and_may_be_repeated(rig: Rig) -> None:
    before, after = unique("Meet at 2"), unique("Meet at 3")
    ref = await rig.copy(before)
    [part] = rig.render(post(after))
    if not rig.adapter.capabilities.edit:
        with pytest.raises(Rejected):
            await rig.adapter.edit(ref, part)
        assert before in standing(rig, ref).text
        return
    await rig.adapter.edit(ref, part)
    await rig.adapter.edit(ref, part)
    found = standing(rig, ref)
    assert f"via Lynn: {after}" in found.text
    assert before not in found.text
    assert found.edited
    assert found.audience is Audience.GROUP


@pytest.mark.scenario("E08")
async def test_a_delete_removes_what_stands_and_may_be_repeated(rig: Rig) -> None:
    words = unique("Never mind")
    ref = await rig.copy(words)
    if not rig.adapter.capabilities.delete:
        with pytest.raises(Rejected):
            await rig.adapter.delete(ref)
        assert rig.copies(words)
        return
    await rig.adapter.delete(ref)
    assert not rig.copies(words)
    await rig.adapter.delete(ref)


async def test_an_edit_of_what_is_gone_is_rejected(rig: Rig) -> None:
    ref = await rig.copy(unique("gone soon"))
    if not (rig.adapter.capabilities.edit and rig.adapter.capabilities.delete):
        pytest.skip("nothing can be edited or deleted there")
    await rig.adapter.delete(ref)
    [part] = rig.render(post(unique("too late")))
    with pytest.raises(Rejected):
        await rig.adapter.edit(ref, part)


@pytest.mark.scenario("C04")
async def test_one_key_makes_one_message_where_that_is_declared(rig: Rig) -> None:
    words = unique("one key")
    [part] = rig.render(post(words))
    key = unique("key").replace(" ", "-")
    refs = {await rig.send(part, key), await rig.send(part, key)}
    messages = {found.id for found in rig.copies(words)}
    assert messages == {ref.id for ref in refs}
    capabilities = rig.adapter.capabilities
    # Repeatable: it may have travelled twice, but whoever receives it sees one message by its id.
    assert len(messages) == (1 if capabilities.idempotent or capabilities.repeatable else 2)


async def test_what_was_never_sent_is_not_found(rig: Rig) -> None:
    await rig.copy(unique("something else"))
    started = datetime.now(UTC)
    [part] = rig.render(post(unique("never sent")))
    finding = await rig.adapter.find(Attempt(unique("never").replace(" ", "-"), rig.destination, part, Thread(), started))
    assert isinstance(finding, Unknown if rig.adapter.capabilities.repeatable else Absent)


async def test_what_was_sent_is_found_by_its_key_among_equals(rig: Rig) -> None:
    words = unique("equal words")
    root = await rig.copy(unique("root"))
    thread = Thread(root=root, parent=root)
    [part] = rig.render(post(words))
    started = datetime.now(UTC)
    keys = [unique("key").replace(" ", "-") for _ in range(2)]
    refs = [await rig.send(part, keys[0]), await rig.send(part, keys[1], thread)]
    findings = [
        await rig.adapter.find(Attempt(keys[0], rig.destination, part, Thread(), started)),
        await rig.adapter.find(Attempt(keys[1], rig.destination, part, thread, started)),
    ]
    if rig.adapter.capabilities.repeatable:
        assert all(isinstance(finding, Unknown | Found) for finding in findings)
    else:
        assert findings == [Found(ref) for ref in refs]


async def test_a_copy_that_a_person_deletes_is_heard_as_deleted(rig: Rig) -> None:
    if Act.DELETE not in rig.sandbox.can:
        pytest.skip("people cannot delete there")
    words = unique("somebody deletes this copy")
    ref = await rig.copy(words)
    await rig.sandbox.delete(ref.id)
    assert not rig.copies(words)
    [event] = await rig.heard(Deleted, ref.id)
    assert event.ref == ref
