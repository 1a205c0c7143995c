"""A server that is like GoToSocial: WebSocket alone, no idempotency keys, no notification policy, no edits of nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest
import pytest_asyncio

from adapters.mastodon.sandbox import MastodonSandbox
from bridge.contract import Attempt, Fault, File, Found, Level, Part, Thread
from bridge.errors import Rejected, Uncertain
from bridge.post import Created, Deleted, Edited, Media, UserId
from bridge.text import plain
from tests.mastodon.conftest import TIMELINE, MemoryInbox, Rig, a_context, a_post, eventually, plugged_in, streaming

LAKE = File(Media("lake.png", "image/png", 264, "The lake at dawn", blob="lake"), b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
_keys = count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gotosocial() -> AsyncIterator[MastodonSandbox]:
    async with MastodonSandbox("gotosocial") as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def rig(gotosocial: MastodonSandbox) -> AsyncIterator[Rig]:
    async with plugged_in(gotosocial, MemoryInbox(), scan=60) as ready:
        yield ready


def part_of(rig: Rig, words: str, *files: File, **changes: object) -> Part:
    [part] = rig.adapter.render(a_post(words, **changes), TIMELINE, a_context(rig.adapter.limits))
    return replace(part, files=files)


# ---------------------------------------------------------------- heard


async def test_a_server_with_websockets_alone_is_heard_over_one(rig: Rig) -> None:
    """It advertises an encrypted address that it does not have, and names what is deleted by a bare id."""
    await streaming(rig)
    native = await rig.sandbox.write_direct("lynn", "one\n\ntwo")
    assert plain((await rig.heard(Created, native)).post.text) == "one\n\ntwo"
    await rig.sandbox.edit(native, "three")
    assert plain((await rig.heard(Edited, native)).post.text) == "three"
    await rig.sandbox.delete(native)
    await rig.heard(Deleted, native)
    assert plain((await rig.heard(Created, await rig.sandbox.write("allhands", "still there"))).post.text) == "still there"


async def test_an_event_told_twice_over_a_websocket_is_one_raw(rig: Rig) -> None:
    await streaming(rig)
    rig.sandbox.fault(Fault.TWICE)
    key = f"status:{await rig.sandbox.write('allhands', 'told twice')}"
    await eventually(lambda: rig.inbox.offered.count(key) >= 2, "both")
    assert rig.inbox.order.count(key) == 1


async def test_that_there_is_no_notification_policy_is_no_trouble(rig: Rig) -> None:
    found = [each for each in await rig.adapter.check() if "policy" in each.what]
    assert [each.level for each in found] == [Level.OK]


# ---------------------------------------------------------------- sent


@pytest.mark.scenario("C04")
async def test_a_lost_reply_is_found_where_keys_are_ignored(rig: Rig) -> None:
    assert not rig.adapter.capabilities.idempotent
    first = await rig.send("said with a key", "the same key")
    assert await rig.send("said with a key", "the same key") != first
    started = datetime.now(UTC)
    rig.sandbox.fault(Fault.REPLY_LOST)
    with pytest.raises(Uncertain):
        await rig.send("its reply is lost", "lost")
    found = await rig.adapter.find(Attempt("lost", TIMELINE, part_of(rig, "its reply is lost"), Thread(), started))
    assert isinstance(found, Found)
    assert rig.copies("its reply is lost") == [found.ref.id]


@pytest.mark.scenario("E02")
@pytest.mark.parametrize("files", [(), (LAKE,)])
@pytest.mark.parametrize("warning", ["", "boats"])
async def test_an_edit_that_changes_nothing_is_done_although_the_server_refuses_it(
    rig: Rig, files: tuple[File, ...], warning: str
) -> None:
    """As of a part of a long post whose other parts change, or after a lost answer."""
    before = part_of(rig, "as it was", *files, warning=warning)
    ref = await rig.adapter.send(before, TIMELINE, Thread(), f"unchanged {next(_keys)}")
    await rig.adapter.edit(ref, before)
    after = part_of(rig, "as it is", *files, warning=warning)
    await rig.adapter.edit(ref, after)
    await rig.adapter.edit(ref, after)
    [standing] = [each for each in rig.sandbox.standing() if each.id == ref.id]
    assert standing.text.endswith("via Lynn: as it is")
    assert len(await rig.sandbox.attached(ref.id)) == len(files)


async def test_an_edit_that_is_refused_and_does_not_stand_is_told(rig: Rig) -> None:
    ref = await rig.send("it stands", "stands")
    rig.sandbox.fault(Fault.REFUSED)
    with pytest.raises(Rejected, match="told to refuse"):
        await rig.adapter.edit(ref, part_of(rig, "it does not"))


async def test_that_followers_cannot_be_removed_is_told_with_what_to_do(rig: Rig) -> None:
    door = rig.adapter.people
    assert door is not None
    with pytest.raises(Rejected, match="block the person"):
        await door.remove(UserId("1"))
