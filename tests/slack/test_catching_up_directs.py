"""What people wrote to the app itself while it was away is read afterwards, like what was said in its channels."""

from __future__ import annotations

import asyncio

import pytest

from adapters.slack.adapter import SlackAdapter
from adapters.slack.catching_up import DIRECTS
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.settings import SlackSettings
from bridge.post import Created, Deleted, Edited, Event, UserId, direct
from bridge.text import plain
from tests.slack.desk import TEAM, Box
from tests.slack.test_catching_up import first_contact, hearing, meanwhile, said

LYNN, KARL = direct(TEAM, UserId("U0LYNN00001")), direct(TEAM, UserId("U0KARL00001"))


async def completed(sandbox: SlackSandbox, box: Box, seen: int = 0) -> list[Event]:
    async with hearing(sandbox, box) as adapter:
        return [await adapter.complete(event) for event in said(adapter, box, seen)]


@pytest.mark.scenario("D01")
async def test_direct_messages_of_a_downtime_come_in_order_also_from_who_never_wrote_before(sandbox: SlackSandbox) -> None:
    box = Box()
    async with hearing(sandbox, box):
        await sandbox.write_direct("lynn", "before")
        await box.heard(1)
    await meanwhile(sandbox, is_deaf=True)
    await sandbox.write_direct("lynn", "one")
    await sandbox.write_direct("karl", "two")
    await sandbox.write("karl", "three")
    await sandbox.write_direct("lynn", "four")
    await meanwhile(sandbox, is_deaf=False)
    events = await completed(sandbox, box, 1)
    assert all(isinstance(event, Created) for event in events)
    posts = [(event.post.ref.place.person, plain(event.post.text)) for event in events if isinstance(event, Created)]
    assert posts == [(LYNN.person, "one"), (KARL.person, "two"), (None, "three"), (LYNN.person, "four")]
    assert await completed(sandbox, box) != []
    assert len(box.raws) == 5, "nothing comes twice"


async def test_what_was_said_directly_before_the_first_contact_is_left_alone(sandbox: SlackSandbox) -> None:
    await meanwhile(sandbox, is_deaf=True)
    await sandbox.write_direct("lynn", "long ago")
    await meanwhile(sandbox, is_deaf=False)
    box = Box()
    await first_contact(sandbox, box)
    assert box.cursors[DIRECTS]
    await first_contact(sandbox, box)
    assert box.raws == {}


async def test_changes_of_direct_messages_and_answers_to_them_are_noticed(sandbox: SlackSandbox) -> None:
    box = Box()
    async with hearing(sandbox, box):
        kept, changed, gone = [await sandbox.write_direct("lynn", f"word {number}") for number in range(3)]
        await box.heard(3)
    box.ledger[LYNN] = [kept, changed, gone]
    await meanwhile(sandbox, is_deaf=True)
    await sandbox.edit(changed, "other words")
    await sandbox.delete(gone)
    await sandbox.write_direct("lynn", "an answer", reply_to=kept)
    await meanwhile(sandbox, is_deaf=False)
    events = await completed(sandbox, box, 3)
    assert [(type(event), event.ref.place.person) for event in sorted(events, key=lambda event: type(event).__name__)] == [
        (Created, LYNN.person), (Deleted, LYNN.person), (Edited, LYNN.person),
    ]  # fmt: skip
    assert [event.post.reply_to.id for event in events if isinstance(event, Created) and event.post.reply_to] == [kept]


@pytest.mark.parametrize("absent", ["conversations.list", "conversations.history"])
async def test_something_less_than_slack_is_heard_all_the_same(sandbox: SlackSandbox, absent: str) -> None:
    box = Box()
    await first_contact(sandbox, box)
    adapter = SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))
    await sandbox.with_server(lambda server: server.absent.add(absent))
    async with adapter.open():
        listening = asyncio.create_task(adapter.listen(box))
        await sandbox.write_direct("lynn", "now")
        await box.heard(1)
        assert [plain(event.post.text) for event in said(adapter, box) if isinstance(event, Created)] == ["now"]
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
