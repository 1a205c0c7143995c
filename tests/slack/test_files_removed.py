"""A file that is taken away from a post leaves its copies too, also where that was missed; one that comes later is named."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from adapters.slack.adapter import SlackAdapter
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.settings import SlackSettings
from bridge.contract import Thread
from bridge.post import Created, Edited
from tests.slack.desk import PART, TEAM, Box, Desk
from tests.slack.test_catching_up import HERE as CHANNEL
from tests.slack.test_catching_up import hearing, meanwhile, said
from tests.slack.test_files import HERE, LAKE, MINUTES, PNG, loaded


@pytest.fixture
async def adapter_there(adapter: SlackAdapter) -> AsyncIterator[SlackAdapter]:
    async with adapter.open():
        yield adapter


# ---------------------------------------------------------------- inwards


async def test_a_file_taken_away_is_an_edit_also_where_the_words_were_edited_before(desk: Desk) -> None:
    native = await desk.sandbox.write_with_files("lynn", "look", {"a.png": PNG, "b.png": PNG})
    await desk.sandbox.edit(native, "look here")
    await desk.sandbox.remove_file(native, "a.png")
    created, edited, removed = await desk.events(3)
    assert isinstance(created, Created)
    assert isinstance(edited, Edited)
    assert isinstance(removed, Edited)
    assert [[media.name for media in event.post.media] for event in (created, edited, removed)] == [
        ["a.png", "b.png"],
        ["a.png", "b.png"],
        ["b.png"],
    ]
    assert removed.at > edited.at


@pytest.mark.parametrize("is_edited", [False, True])
async def test_a_file_taken_away_in_a_downtime_is_noticed_once(sandbox: SlackSandbox, *, is_edited: bool) -> None:
    box = Box()
    async with hearing(sandbox, box):
        native = await sandbox.write_with_files("lynn", "look", {"a.png": PNG, "b.png": PNG})
        if is_edited:
            await sandbox.edit(native, "look here")
        await box.heard(1 + is_edited)
    box.ledger[CHANNEL] = [native]
    await meanwhile(sandbox, is_deaf=True)
    await sandbox.remove_file(native, "a.png")
    await meanwhile(sandbox, is_deaf=False)
    for _ in range(2):
        async with hearing(sandbox, box) as adapter:
            *_, event = said(adapter, box)
    assert len(box.raws) == 2 + is_edited
    assert isinstance(event, Edited)
    assert [media.name for media in event.post.media] == ["b.png"]


# ---------------------------------------------------------------- outwards


async def test_an_edit_takes_away_the_file_that_the_post_lost(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    ref = await adapter_there.send(loaded(adapter_there, LAKE, MINUTES), HERE, Thread(), "k1")
    await adapter_there.edit(ref, loaded(adapter_there, LAKE, words="without the minutes"))
    assert [file.name for file in sandbox.files_of(ref.id)] == ["lake.png"]
    [standing] = sandbox.standing()
    assert standing.text == "via Karl: without the minutes"


async def test_after_a_restart_too(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    ref = await adapter_there.send(loaded(adapter_there, LAKE, MINUTES), HERE, Thread(), "k1")
    other = SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))
    async with other.open():
        await other.edit(ref, loaded(other, words="without any"))
    assert sandbox.files_of(ref.id) == ()
    assert await sandbox.with_server(lambda server: list(server.workspace.files)) == []


async def test_a_file_that_an_edit_brings_is_named(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    ref = await adapter_there.send(loaded(adapter_there, LAKE), HERE, Thread(), "k1")
    await adapter_there.edit(ref, loaded(adapter_there, LAKE, MINUTES, words="with the minutes"))
    assert [file.name for file in sandbox.files_of(ref.id)] == ["lake.png"]
    [standing] = sandbox.standing()
    assert "📎 minutes.pdf" in standing.text


async def test_what_was_sent_without_files_is_not_asked_for_them(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    ref = await adapter_there.send(PART, HERE, Thread(), "k1")
    await sandbox.with_server(lambda server: server.absent.add("conversations.replies"))
    await adapter_there.edit(ref, PART)
    assert sandbox.standing()[0].edited
