"""What was said while nobody listened is heard when somebody does: in order, threads, edits and deletions included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapters.slack import history
from adapters.slack.adapter import SlackAdapter
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.settings import SlackSettings
from bridge.post import Created, Deleted, Edited, Event, Ignored, NativeId, Place, PlaceId
from bridge.text import plain
from tests.slack.desk import TEAM, Box

HERE = Place(TEAM, PlaceId("C0ALLHANDS1"))


@asynccontextmanager
async def hearing(sandbox: SlackSandbox, box: Box) -> AsyncIterator[SlackAdapter]:
    """An adapter that listens, and has caught up."""
    adapter = SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))
    async with adapter.open():
        await adapter.pin("all-hands")
        before = box.caught_up
        listening = asyncio.create_task(adapter.listen(box))
        await box.until(lambda: box.caught_up > before)
        yield adapter
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def meanwhile(sandbox: SlackSandbox, *, is_deaf: bool) -> None:
    await sandbox.with_server(lambda server: setattr(server.delivery, "deaf", is_deaf))


def said(adapter: SlackAdapter, box: Box, seen: int = 0) -> list[Event]:
    """What was heard, in the platform's order."""
    raws = sorted(list(box.raws.values())[seen:], key=lambda raw: raw.at)
    return [event for raw in raws for event in adapter.parse(raw) if not isinstance(event, Ignored)]


def words(events: list[Event]) -> list[str]:
    return [plain(event.post.text) for event in events if isinstance(event, Created)]


async def first_contact(sandbox: SlackSandbox, box: Box) -> None:
    async with hearing(sandbox, box):
        pass


async def heard(box: Box, holds: Callable[[], bool]) -> None:
    await box.until(holds)


@pytest.mark.scenario("D01")
async def test_what_was_said_in_a_downtime_comes_in_order_with_its_thread(sandbox: SlackSandbox) -> None:
    box = Box()
    async with hearing(sandbox, box):
        root = await sandbox.write("lynn", "before")
        await box.heard(1)
    seen = len(box.raws)
    await meanwhile(sandbox, is_deaf=True)
    for number in range(5):
        await sandbox.write("lynn", f"word {number}")
    answer = await sandbox.write("karl", "an answer", reply_to=root)
    await meanwhile(sandbox, is_deaf=False)
    async with hearing(sandbox, box) as adapter:
        events = said(adapter, box, seen)
        assert words(events) == [*(f"word {number}" for number in range(5)), "an answer"]
        last = events[-1]
        assert isinstance(last, Created)
        assert (last.ref.id, last.post.reply_to and last.post.reply_to.id) == (answer, root)


async def test_more_than_a_page_is_read_and_nothing_twice(sandbox: SlackSandbox) -> None:
    box = Box()
    await first_contact(sandbox, box)
    await meanwhile(sandbox, is_deaf=True)
    for number in range(230):
        await sandbox.write("lynn", f"word {number}")
    await meanwhile(sandbox, is_deaf=False)
    async with hearing(sandbox, box) as adapter:
        assert words(said(adapter, box)) == [f"word {number}" for number in range(230)]
    async with hearing(sandbox, box) as adapter:
        await sandbox.write("lynn", "after")
        await heard(box, lambda: "after" in words(said(adapter, box)))
    assert len(box.raws) == 231


@pytest.mark.scenario("D16")
async def test_a_first_contact_brings_no_flood(sandbox: SlackSandbox) -> None:
    box = Box()
    await meanwhile(sandbox, is_deaf=True)
    await sandbox.write("lynn", "long ago")
    await meanwhile(sandbox, is_deaf=False)
    async with hearing(sandbox, box) as adapter:
        await sandbox.write("lynn", "now")
        await box.heard(1)
        assert words(said(adapter, box)) == ["now"]
    async with hearing(sandbox, box) as adapter:  # nor later, when it is read again from shortly before
        assert words(said(adapter, box)) == ["now"]


async def test_edits_and_deletions_of_a_downtime_are_noticed(sandbox: SlackSandbox) -> None:
    box = Box()
    async with hearing(sandbox, box):
        kept, changed, gone, root = [await sandbox.write("lynn", f"word {number}") for number in range(4)]
        answer = await sandbox.write("karl", "an answer", reply_to=root)
        lost = await sandbox.write("karl", "a lost answer", reply_to=root)
        await box.heard(6)
    box.ledger[HERE] = [
        kept,
        changed,
        gone,
        root,
        answer,
        lost,
        NativeId("reactions:team/C1#1.5"),
    ]  # what the bridge says has no ts
    await meanwhile(sandbox, is_deaf=True)
    await sandbox.edit(changed, "other words")
    for native in (gone, root, lost):
        await sandbox.delete(native)
    await sandbox.unfurl(kept)
    await meanwhile(sandbox, is_deaf=False)
    async with hearing(sandbox, box) as adapter:
        events = said(adapter, box, 6)
    edits = [(event.ref.id, plain(event.post.text)) for event in events if isinstance(event, Edited)]
    assert edits == [(changed, "other words")]
    assert {event.ref.id for event in events if isinstance(event, Deleted)} == {gone, root, lost}
    assert not [event for event in events if isinstance(event, Created)]


@pytest.mark.parametrize(
    ("answer", "is_gone"),
    [
        ({"ok": False, "error": "thread_not_found"}, True),
        ({"ok": True, "messages": [{"ts": "1.5", "subtype": "tombstone"}]}, True),
        ({"ok": True, "messages": [{"ts": "1.5", "text": "hi"}]}, False),
        ({"ok": True, "messages": []}, False),  # it shows nothing of what stands
        ({"ok": True}, False),
    ],
)
async def test_only_a_refusal_or_a_tombstone_says_that_a_message_is_gone(answer: dict[str, object], *, is_gone: bool) -> None:
    class Web:
        async def conversations_replies(self, **_: object) -> dict[str, object]:
            return answer

    async def asked(call: Awaitable[Any], **_: object) -> Any:
        return await call

    assert await history.is_gone(Web(), "C1", asked, "1.5") is is_gone  # type: ignore[arg-type]


async def test_a_missed_post_that_was_edited_since_is_both_in_one(sandbox: SlackSandbox) -> None:
    box = Box()
    await first_contact(sandbox, box)
    await meanwhile(sandbox, is_deaf=True)
    native = await sandbox.write("lynn", "hi")
    await sandbox.edit(native, "hello")
    await meanwhile(sandbox, is_deaf=False)
    async with hearing(sandbox, box) as adapter:
        created, edited = said(adapter, box)
    assert isinstance(created, Created)
    assert isinstance(edited, Edited)
    assert plain(created.post.text) == plain(edited.post.text) == "hello"


async def test_a_thread_broadcast_is_one_post_in_its_thread(sandbox: SlackSandbox) -> None:
    box = Box()
    async with hearing(sandbox, box):
        root = await sandbox.write("lynn", "question")
        await box.heard(1)
    seen = len(box.raws)
    await meanwhile(sandbox, is_deaf=True)
    await sandbox.write("karl", "an answer for all", reply_to=root, broadcast=True)
    await meanwhile(sandbox, is_deaf=False)
    async with hearing(sandbox, box) as adapter:
        [found] = said(adapter, box, seen)
        assert isinstance(found, Created)
        assert found.post.reply_to is not None
        assert found.post.reply_to.id == root


async def test_what_is_heard_live_waits_for_what_was_missed(sandbox: SlackSandbox) -> None:
    box = Box()
    await first_contact(sandbox, box)
    await meanwhile(sandbox, is_deaf=True)
    await sandbox.write("lynn", "missed")
    await meanwhile(sandbox, is_deaf=False)
    sandbox.slow("conversations.history", 0.5)
    adapter = SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))
    async with adapter.open():
        await adapter.pin("all-hands")
        listening = asyncio.create_task(adapter.listen(box))
        await box.until(lambda: box.holding > 0)
        live = await sandbox.write("lynn", "live")
        await box.until(lambda: len(box.raws) == 2 and not box.holding)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert f"C0ALLHANDS1:{live}:created" in box.held, "stored at once, judged later"


@pytest.mark.parametrize(
    "absent", [("conversations.history",), ("conversations.replies",), ("conversations.history", "users.info")]
)
async def test_something_less_than_slack_is_heard_all_the_same(sandbox: SlackSandbox, absent: tuple[str, ...]) -> None:
    box = Box()
    await sandbox.with_server(lambda server: server.absent.update(absent))
    adapter = SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))
    async with adapter.open():
        await adapter.pin("all-hands")
        listening = asyncio.create_task(adapter.listen(box))
        await sandbox.write("lynn", "hi")
        await box.heard(1)
        assert words(said(adapter, box)) == ["hi"]
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def test_a_page_that_is_refused_for_now_is_asked_for_again(sandbox: SlackSandbox) -> None:
    box = Box()
    await first_contact(sandbox, box)
    await meanwhile(sandbox, is_deaf=True)
    await sandbox.write("lynn", "missed")
    await meanwhile(sandbox, is_deaf=False)
    sandbox.busy("conversations.history", times=2, seconds=0.1)
    async with hearing(sandbox, box) as adapter:
        await box.heard(1)
        assert words(said(adapter, box)) == ["missed"]


async def test_a_first_contact_that_is_refused_for_now_is_made_all_the_same(sandbox: SlackSandbox) -> None:
    box = Box()
    sandbox.busy("conversations.history", times=2, seconds=0.1)
    await first_contact(sandbox, box)
    await meanwhile(sandbox, is_deaf=True)
    await sandbox.write("lynn", "missed")
    await meanwhile(sandbox, is_deaf=False)
    sandbox.busy("conversations.info", times=1, seconds=0.1)
    async with hearing(sandbox, box) as adapter:
        assert words(said(adapter, box)) == ["missed"]
