"""What every adapter must make of trouble: name it rightly, lose nothing, double nothing."""

from __future__ import annotations

import asyncio
import re
import socket
from datetime import UTC, datetime

import pytest

from bridge.contract import Adapter, Attempt, Context, Fault, Found, Manifest, Sandbox, Thread, Unknown
from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain
from bridge.post import Audience, Created, Destination, Place
from tests.conformance.rig import ACCOUNT, Rig, arm, eventually, post, settings_of, unique


def a_key() -> str:
    return unique("key").replace(" ", "-")


async def stands_once_when_sent_again(rig: Rig, words: str) -> None:
    await rig.copy(words)
    assert len(rig.copies(words)) == 1


# ---------------------------------------------------------------- sending


async def test_a_busy_platform_is_tried_again_when_it_said(rig: Rig) -> None:
    arm(rig.sandbox, Fault.BUSY, seconds=3)
    words = unique("busy")
    with pytest.raises(Retryable) as caught:
        await rig.copy(words)
    assert caught.value.after is None or 0 < caught.value.after <= 4
    await stands_once_when_sent_again(rig, words)


async def test_a_broken_platform_is_tried_again_or_looked_up(rig: Rig) -> None:
    arm(rig.sandbox, Fault.BROKEN)
    words = unique("broken")
    [part] = rig.render(post(words))
    key, started = a_key(), datetime.now(UTC)
    with pytest.raises((Retryable, Uncertain)):
        await rig.send(part, key)
    finding = await rig.adapter.find(Attempt(key, rig.destination, part, Thread(), started))
    assert not isinstance(finding, Found)
    await stands_once_when_sent_again(rig, words)


async def test_a_refusal_is_not_tried_again_and_says_why(rig: Rig) -> None:
    arm(rig.sandbox, Fault.REFUSED)
    words = unique("refused")
    with pytest.raises((Rejected, NeedsOperator)) as caught:
        await rig.copy(words)
    assert len(caught.value.sentence.split()) >= 3
    assert words not in caught.value.sentence
    assert not rig.copies(words)
    await stands_once_when_sent_again(rig, words)


@pytest.mark.scenario("C04")
async def test_a_lost_reply_is_uncertain_and_the_copy_is_found(rig: Rig) -> None:
    arm(rig.sandbox, Fault.REPLY_LOST)
    words = unique("reply lost")
    [part] = rig.render(post(words))
    key, started = a_key(), datetime.now(UTC)
    with pytest.raises(Uncertain):
        await rig.send(part, key)
    [found] = await eventually(lambda: rig.copies(words), "the copy stands though its reply was lost")
    finding = await rig.adapter.find(Attempt(key, rig.destination, part, Thread(), started))
    match finding:
        case Found(ref):
            assert ref.id == found.id
            assert ref.place == rig.place
        case Unknown():
            assert rig.adapter.capabilities.repeatable
            await rig.send(part, key)
            assert {copy.id for copy in rig.copies(words)} == {found.id}
        case _:
            pytest.fail("it stands, but was not found")


async def test_an_unreachable_platform_is_tried_again(rig: Rig) -> None:
    words = unique("unplugged")
    await rig.sandbox.unplug()
    try:
        with pytest.raises(Retryable):
            await rig.copy(words)
    finally:
        await rig.sandbox.plug()
    await stands_once_when_sent_again(rig, words)


async def test_every_call_ends_in_a_send_error_while_unplugged(rig: Rig) -> None:
    ref = await rig.copy(unique("edited later"))
    [part] = rig.render(post(unique("changed")))
    await rig.sandbox.unplug()
    try:
        if rig.adapter.capabilities.edit:
            with pytest.raises(SendError):
                await rig.adapter.edit(ref, part)
        if rig.adapter.capabilities.delete:
            with pytest.raises(SendError):
                await rig.adapter.delete(ref)
        if not rig.adapter.capabilities.repeatable:
            with pytest.raises(SendError):
                await rig.adapter.find(rig.attempt(part, a_key()))
    finally:
        await rig.sandbox.plug()


async def test_a_platform_that_never_answers_is_given_up(manifest: Manifest, sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # connects, as nobody accepts, and says nothing
        nowhere = f"127.0.0.1:{mute.getsockname()[1]}"
        account = {
            key: re.sub(r"127\.0\.0\.1:\d+", nowhere, value) if isinstance(value, str) else value
            for key, value in sandbox.account.items()
        }
        kept = {key: value for key, value in sandbox.account.items() if key == "listen"}
        adapter = manifest.adapter(ACCOUNT, settings_of(manifest, {**account, **kept, "timeout": 0.3}))
        async with asyncio.timeout(10):
            with pytest.raises((Retryable, Uncertain)):
                await use(adapter, sandbox)


async def use(adapter: Adapter, sandbox: Sandbox) -> None:
    async with adapter.open():
        place = Place(ACCOUNT, await adapter.pin(sandbox.places[0]))
        destination = Destination(place, sandbox.people["lynn"])
        context = Context(adapter.limits, "via {author}: {text}", "all-hands", Audience.GROUP, subject="All hands")
        [part] = adapter.render(post("hello"), destination, context)
        await adapter.send(part, destination, Thread(), a_key())


# ---------------------------------------------------------------- hearing


async def test_a_stream_that_falls_silent_loses_nothing(rig: Rig) -> None:
    arm(rig.sandbox, Fault.SILENT, seconds=1)
    native = await rig.sandbox.write(rig.writer, unique("silence"))
    await rig.heard(Created, native)
    await rig.settled()
    assert len(await rig.heard(Created, native)) == 1


@pytest.mark.scenario("C02")
async def test_what_could_not_be_stored_is_handed_over_again(rig: Rig) -> None:
    rig.inbox.failing, rig.inbox.refused = True, 0
    try:
        native = await rig.sandbox.write(rig.writer, unique("not acknowledged"))
        await eventually(lambda: rig.inbox.refused, "the inbox was asked")
        assert native not in {event.ref.id for _, event in rig.events()}
    finally:
        rig.inbox.failing = False
    await rig.heard(Created, native)
    await rig.settled()
    assert len(await rig.heard(Created, native)) == 1


@pytest.mark.scenario("C01")
async def test_an_event_that_comes_twice_is_one_raw(rig: Rig) -> None:
    arm(rig.sandbox, Fault.TWICE)
    native = await rig.sandbox.write(rig.writer, unique("twice"))
    await rig.heard(Created, native)
    await rig.settled()
    assert len(await rig.heard(Created, native)) == 1


async def test_what_is_written_during_an_outage_arrives_once_in_order(rig: Rig) -> None:
    await rig.sandbox.unplug()
    try:
        written = [await rig.sandbox.write(rig.writer, unique("outage")) for _ in range(3)]
    finally:
        await rig.sandbox.plug()
    for native in written:
        await rig.heard(Created, native)
    await rig.settled()
    ordered = sorted(rig.events(), key=lambda heard: heard[0].at)
    assert [event.ref.id for _, event in ordered if event.ref.id in written] == written
