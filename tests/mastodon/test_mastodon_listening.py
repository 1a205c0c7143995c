"""The real adapter against the sandbox: everything is heard once, whatever the stream does."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest

from adapters.mastodon.adapter import MastodonAdapter
from adapters.mastodon.sandbox import MastodonSandbox
from adapters.mastodon.settings import MastodonSettings
from adapters.mastodon.stream import TASK
from bridge.contract import Fault
from bridge.post import Audience, Created, Deleted, Edited, NativeId, Own
from bridge.text import plain
from tests.mastodon.conftest import ACCOUNT, MemoryInbox, Rig, client_of, eventually, plugged_in, streaming


async def everything_is_heard(rig: Rig, before: set[str]) -> None:
    """Each event that the sandbox handed out has exactly one raw, and nothing else has."""

    def same() -> bool:
        return {one.key for one in rig.sandbox.emitted()} - before == set(rig.inbox.raws)

    await eventually(same, "one raw per event")


def keys(sandbox: MastodonSandbox) -> set[str]:
    return {one.key for one in sandbox.emitted()}


def streams() -> set[asyncio.Task[object]]:
    """The tasks that follow a stream now."""
    return {one for one in asyncio.all_tasks() if one.get_name() == TASK}


@pytest.mark.scenario("A07")
async def test_a_direct_message_its_edit_and_its_deletion_are_heard(rig: Rig) -> None:
    before = keys(rig.sandbox) - set(rig.inbox.raws)
    native = await rig.sandbox.write_direct("lynn", "Can everyone meet @ 2pm?")
    event = await rig.heard(Created, native)
    assert plain(event.post.text) == "Can everyone meet @ 2pm?"
    assert event.post.author.name == "Lynn"
    assert rig.sandbox.people["lynn"] in event.post.author.handles
    await rig.sandbox.edit(native, "Can everyone meet @ 3pm?")
    assert plain((await rig.heard(Edited, native)).post.text) == "Can everyone meet @ 3pm?"
    await rig.sandbox.delete(native)
    await rig.heard(Deleted, native)
    await everything_is_heard(rig, before)


@pytest.mark.scenario("A10")
async def test_what_people_post_as_the_account_is_heard(rig: Rig) -> None:
    native = await rig.sandbox.write("allhands", "posted by hand")
    event = await rig.heard(Created, native)
    assert (plain(event.post.text), event.own, event.post.gated) == ("posted by hand", Own.PERHAPS, True)


async def test_a_followers_answer_is_heard_with_what_it_answers(rig: Rig) -> None:
    root = await rig.sandbox.write("allhands", "who is coming?")
    native = await rig.sandbox.write("karl", "me", reply_to=root)
    event = await rig.heard(Created, native)
    assert event.post.reply_to is not None
    assert (event.post.reply_to.id, plain(event.post.text)) == (root, "me")


async def test_followers_cannot_post_on_the_timeline(sandbox: MastodonSandbox) -> None:
    with pytest.raises(ValueError, match="can only answer"):
        await sandbox.write("lynn", "hello")


@pytest.mark.scenario("D16")
async def test_first_contact_brings_no_history(sandbox: MastodonSandbox) -> None:
    await sandbox.write("allhands", "long ago")
    async with plugged_in(sandbox, MemoryInbox()) as rig:
        native = await sandbox.write("allhands", "from now on")
        await rig.heard(Created, native)
        assert len(rig.inbox.raws) == 1


async def test_what_happened_while_away_is_caught_up_in_order(sandbox: MastodonSandbox) -> None:
    inbox = MemoryInbox()
    async with plugged_in(sandbox, inbox):
        pass
    posted = [await sandbox.write("allhands", f"away {n}") for n in range(50)]
    direct = [await sandbox.write_direct("lynn", f"away {n}") for n in range(3)]
    async with plugged_in(sandbox, inbox):
        await eventually(lambda: len(inbox.raws) >= 53, "all of it")
        mine = [key.removeprefix("status:") for key in inbox.order]
        assert [key for key in mine if key in posted] == posted
        assert [key for key in mine if key in direct] == direct
        assert len(mine) == 53


async def test_a_cursor_never_runs_ahead_of_what_was_stored(sandbox: MastodonSandbox) -> None:
    inbox = MemoryInbox()
    async with plugged_in(sandbox, inbox) as rig:
        before = dict(inbox.cursors)
        inbox.broken = True
        native = await sandbox.write("allhands", "the store is down")
        await eventually(lambda: f"status:{native}" in inbox.offered, "an attempt")
        assert not inbox.raws
        assert inbox.cursors == before
        inbox.broken = False
        await rig.heard(Created, native)


async def test_an_outage_loses_and_doubles_nothing(rig: Rig) -> None:
    await rig.sandbox.unplug()
    away = [await rig.sandbox.write("allhands", f"during {n}") for n in range(45)]
    await rig.sandbox.plug()
    last = await rig.sandbox.write_direct("karl", "after")
    for native in (*away, last):
        await rig.heard(Created, native)
    assert [key for key in rig.inbox.order if key.removeprefix("status:") in away] == [f"status:{native}" for native in away]


@pytest.mark.scenario("D08")
async def test_what_a_silent_stream_keeps_back_is_found_by_looking(rig: Rig) -> None:
    await streaming(rig)
    distrusted = streams()
    async with asyncio.timeout(30):
        while not streams() - distrusted:  # distrusted once it kept silent between two looks
            rig.sandbox.fault(Fault.SILENT)
            await rig.heard(Created, await rig.sandbox.write("allhands", "kept back"))
    rig.sandbox.fault(Fault.SILENT, times=0)
    assert rig.inbox.kept, "the admins are told"


async def test_an_event_told_twice_is_one_raw(rig: Rig) -> None:
    await streaming(rig)
    rig.sandbox.fault(Fault.TWICE)
    native = await rig.sandbox.write("allhands", "told twice")
    key = f"status:{native}"
    await eventually(lambda: rig.inbox.offered.count(key) >= 2, "both")
    assert [stored for stored in rig.inbox.raws if native in stored] == [key]


async def test_an_echo_before_the_reply_is_heard(rig: Rig) -> None:
    await streaming(rig)
    rig.sandbox.fault(Fault.EARLY_ECHO, seconds=2)
    sending = asyncio.create_task(rig.send("an early echo", "early"))
    await eventually(lambda: rig.copies("an early echo"), "the copy")
    [copy] = rig.copies("an early echo")
    await rig.heard(Created, copy)
    assert not sending.done()
    assert not rig.inbox.raws[f"status:{copy}"].echo, "nobody knew yet where it stands"
    assert (await sending).id == copy


async def test_an_echo_is_only_what_this_process_sent_and_as_it_was_sent(sandbox: MastodonSandbox) -> None:
    inbox = MemoryInbox()
    async with plugged_in(sandbox, inbox):
        pass
    start = dict(inbox.cursors)
    adapter = MastodonAdapter(ACCOUNT, MastodonSettings.model_validate(sandbox.account))
    async with adapter.open():
        rig = Rig(sandbox, adapter, inbox)
        sent, changed = await rig.send("as it was sent", "sent"), await rig.send("to be changed", "changed")
        await sandbox.edit(changed.id, "changed by somebody else")
        by_hand = await sandbox.write("allhands", "by hand")
        assert await _echoes(adapter, inbox, by_hand) == {sent.id}
    restarted = MemoryInbox(cursors=start)
    async with plugged_in(sandbox, restarted) as rig:
        await rig.heard(Created, by_hand)
        assert f"status:{sent.id}" in restarted.raws
        assert not any(raw.echo for raw in restarted.raws.values())


async def _echoes(adapter: MastodonAdapter, inbox: MemoryInbox, last: NativeId) -> set[str]:
    """The statuses that are handed on as echoes when everything up to the last one is caught up."""
    listening = asyncio.create_task(adapter.listen(inbox))
    await eventually(lambda: f"status:{last}" in inbox.raws, "the last one")
    listening.cancel()
    with suppress(asyncio.CancelledError):
        await listening
    return {key.removeprefix("status:") for key, raw in inbox.raws.items() if raw.echo}


async def test_listening_ends_at_once_and_leaves_nothing_running(sandbox: MastodonSandbox) -> None:
    async with asyncio.timeout(5):
        async with plugged_in(sandbox, MemoryInbox()) as rig:
            await rig.heard(Created, await sandbox.write("allhands", "connected"))
        ours = ("mastodon-0", "mastodon-1", "mastodon-2", "mastodon-3")
        await eventually(lambda: not [one for one in threading.enumerate() if one.name in ours], "no thread", 2.0)
        await eventually(lambda: not streams(), "no stream", 2.0)


async def test_a_stranger_reads_nothing_of_what_stands(rig: Rig) -> None:
    native = await rig.sandbox.write("allhands", "for followers")
    direct = await rig.sandbox.write_direct("lynn", "between us")
    standing = {one.id for one in rig.sandbox.standing()}
    assert {native, direct} <= standing
    assert not await rig.sandbox.stranger_view()


async def test_what_the_account_boosts_is_told_and_taken_back(rig: Rig) -> None:
    await streaming(rig)
    karl, account = (client_of(rig.sandbox, handle) for handle in ("karl", "allhands"))
    public = await asyncio.to_thread(karl.status_post, "The lake is open", visibility="public")
    boost = await asyncio.to_thread(account.status_reblog, public["id"])
    native = NativeId(str(boost["id"]))
    event = await rig.heard(Created, native)
    assert "The lake is open" in plain(event.post.text)
    assert (event.own, event.post.audience) == (Own.PERHAPS, Audience.PUBLIC)
    again = await asyncio.to_thread(karl.status_reblog, public["id"])
    await rig.sandbox.write(rig.sandbox.native_writer, "and then")
    await streaming(rig)
    assert f"status:{again['id']}" not in rig.inbox.raws, "what others boost is not the account's"
    await asyncio.to_thread(account.status_unreblog, public["id"])
    await rig.sandbox.unplug()
    await rig.sandbox.plug()  # the mock's stream says nothing of it; looking does
    await rig.heard(Deleted, native)
    await asyncio.to_thread(karl.status_delete, public["id"])  # others here look at what strangers see
