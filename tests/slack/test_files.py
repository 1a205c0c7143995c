"""Files both ways: from Slack's own hosts only, once they are finished; and to Slack so that they really stand in the channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from adapters.slack.adapter import SlackAdapter
from adapters.slack.media import Hosts
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.settings import SlackSettings
from bridge.contract import Absent, Attempt, Fault, File, Found, Part, Thread
from bridge.errors import FileRejected, NeedsOperator, Rejected, Retryable, Uncertain
from bridge.post import Created, Destination, Media, Place, PlaceId, Ref
from bridge.text import from_plain
from tests.slack.desk import TEAM, Desk, context, post

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
LAKE = Media("lake.png", "image/png", len(PNG), "The lake at dawn", blob="b1")
MINUTES = Media("minutes.pdf", "application/pdf", 3, "", blob="b2")
HERE = Destination(Place(TEAM, PlaceId("C0ALLHANDS1")))


def loaded(adapter: SlackAdapter, *media: Media, words: str = "look") -> Part:
    """A post's one part, its files with their bytes, as the core hands it over."""
    (part,) = adapter.render(post(from_plain(words) if words else (), media=media), HERE, context(limits=adapter.limits))
    return Part(part.body, tuple(File(file.media, PNG) for file in part.files))


# ---------------------------------------------------------------- inwards


@pytest.mark.scenario("I01")
async def test_a_picture_is_fetched_with_its_description(desk: Desk) -> None:
    await desk.sandbox.write_with_file("lynn", "look", "lake.png", PNG, "The lake at dawn")
    (media,) = (await desk.created()).post.media
    assert (media.name, media.mime, media.size, media.alt) == ("lake.png", "image/png", len(PNG), "The lake at dawn")
    assert await desk.adapter.fetch(media, 10_000) == PNG


@pytest.mark.scenario("I03")
async def test_an_unfinished_upload_is_awaited(desk: Desk) -> None:
    await desk.sandbox.write_with_file("lynn", "look", "lake.png", PNG, finished=False)
    (raw,) = await desk.box.heard(1)
    (event,) = desk.adapter.parse(raw)
    assert isinstance(event, Created)
    (media,) = event.post.media
    with pytest.raises(Retryable):
        await desk.adapter.fetch(media, 10_000)
    completing = asyncio.create_task(desk.adapter.complete(event))
    await desk.sandbox.finish()
    found = await completing
    assert isinstance(found, Created)
    assert (found.post.media[0].mime, found.post.media[0].size) == ("image/png", len(PNG))
    assert await desk.adapter.fetch(found.post.media[0], 10_000) == PNG
    assert await desk.adapter.fetch(media, 10_000) == PNG, "its id alone is enough"


async def test_slacks_sign_in_page_is_no_file(desk: Desk) -> None:
    await desk.sandbox.write_with_file("lynn", "look", "lake.png", PNG)
    (media,) = (await desk.created()).post.media
    await desk.sandbox.with_server(lambda server: setattr(server.files, "login", 1))
    with pytest.raises(Rejected, match="sign-in page"):
        await desk.adapter.fetch(media, 10_000)


async def test_a_file_larger_than_wanted_is_refused(desk: Desk) -> None:
    await desk.sandbox.write_with_file("lynn", "look", "lake.png", PNG)
    (media,) = (await desk.created()).post.media
    with pytest.raises(Rejected, match="larger"):
        await desk.adapter.fetch(media, len(PNG) - 1)


async def test_a_deleted_file_is_gone(desk: Desk) -> None:
    await desk.sandbox.write_with_file("lynn", "look", "lake.png", PNG)
    (media,) = (await desk.created()).post.media
    await desk.sandbox.with_server(lambda server: server.workspace.files.clear())
    with pytest.raises(Rejected, match="gone"):
        await desk.adapter.fetch(media, 10_000)


@pytest.mark.parametrize(
    ("api", "url", "allowed"),
    [
        ("https://slack.com/api/", "https://files.slack.com/files-pri/T1-F1/lake.png", True),
        ("https://slack.com/api/", "https://acme.enterprise.slack.com/files/lake.png", True),
        ("https://slack-gov.com/api/", "https://files.slack-gov.com/lake.png", True),
        ("https://slack.com/api/", "http://files.slack.com/lake.png", False),
        ("https://slack.com/api/", "https://files.slack.com.evil.example/lake.png", False),
        ("https://slack.com/api/", "https://evilslack.com/lake.png", False),
        ("https://slack.com/api/", "https://files.slack.com@evil.example/lake.png", False),
        ("https://slack.com/api/", "https://127.0.0.1/lake.png", False),
        ("https://slack.com/api/", "file:///etc/hosts", False),
        ("https://slack.com/api/", "https://[", False),
        ("https://slack.com/api/", "", False),
        ("http://127.0.0.1:1/api/", "http://127.0.0.1:2/lake.png", True),
        ("http://127.0.0.1:1/api/", "http://10.0.0.1:2/lake.png", False),
    ],
)
def test_the_token_is_shown_to_slacks_own_hosts_only(api: str, url: str, allowed: bool) -> None:  # noqa: FBT001 - a case
    if allowed:
        Hosts(api).check(url)
    else:
        with pytest.raises(Rejected):
            Hosts(api).check(url)


async def test_without_files_read_files_are_named_with_the_cure() -> None:
    async with SlackSandbox(scopes="chat:write,channels:read,users:read") as sandbox:
        adapter = SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))
        async with adapter.open():
            with pytest.raises(Rejected, match="files:read"):
                await adapter.fetch(Media("x.png", source="F1 http://127.0.0.1/x.png"), 10)
            assert adapter.limits.files is None


# ---------------------------------------------------------------- outwards


@pytest.fixture
async def adapter_there(sandbox: SlackSandbox, adapter: SlackAdapter) -> AsyncIterator[SlackAdapter]:
    async with adapter.open():
        yield adapter


@pytest.mark.scenario("I01")
@pytest.mark.scenario("I06")
async def test_files_are_one_message_with_the_words(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    ref = await adapter_there.send(loaded(adapter_there, LAKE, MINUTES), HERE, Thread(), "k1")
    [standing] = sandbox.standing()
    assert (standing.id, standing.text) == (ref.id, "via Karl: look")
    assert [(file.name, file.title, file.body) for file in sandbox.files_of(ref.id)] == [
        ("lake.png", "The lake at dawn", PNG),
        ("minutes.pdf", "minutes.pdf", PNG),
    ]


@pytest.mark.scenario("I07")
async def test_a_picture_alone_is_attributed(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    await adapter_there.send(loaded(adapter_there, LAKE, words=""), HERE, Thread(), "k1")
    assert [standing.text.strip() for standing in sandbox.standing()] == ["via Karl:"]


async def test_words_beside_a_file_ping_nobody(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    await adapter_there.send(loaded(adapter_there, LAKE, words="<!channel> @channel @here"), HERE, Thread(), "k1")
    [standing] = sandbox.standing()
    assert "<!" not in standing.native
    assert "@channel" not in standing.native


@pytest.mark.parametrize("late", [0, 3])
async def test_where_it_stands_is_told_by_the_file_itself(sandbox: SlackSandbox, adapter_there: SlackAdapter, late: int) -> None:
    await sandbox.with_server(lambda server: setattr(server.files, "late", late))
    ref = await adapter_there.send(loaded(adapter_there, LAKE), HERE, Thread(), "k1")
    assert [standing.id for standing in sandbox.standing()] == [ref.id]


async def test_where_it_stands_is_told_by_its_event(desk: Desk) -> None:
    await desk.sandbox.with_server(lambda server: server.absent.add("files.info"))

    async def listening() -> None:
        while True:
            desk.box.changed.clear()
            for raw in list(desk.box.raws.values()):
                desk.adapter.parse(raw)
            await desk.box.changed.wait()

    parsing = asyncio.create_task(listening())
    ref = await desk.adapter.send(loaded(desk.adapter, LAKE), HERE, Thread(), "k1")
    parsing.cancel()
    assert [standing.id for standing in desk.sandbox.standing()] == [ref.id]


async def test_an_answer_with_a_file_stands_in_its_thread(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    root = await adapter_there.send(loaded(adapter_there), HERE, Thread(), "k0")
    ref = await adapter_there.send(loaded(adapter_there, LAKE), HERE, Thread(root=root), "k1")
    assert [standing.reply_to for standing in sandbox.standing() if standing.id == ref.id] == [root.id]


async def test_a_lost_answer_is_found_by_the_file(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    sandbox.fault(Fault.REPLY_LOST)
    part = loaded(adapter_there, LAKE)
    with pytest.raises(Uncertain):
        await adapter_there.send(part, HERE, Thread(), "k1")
    [standing] = sandbox.standing()
    attempt = Attempt("k1", HERE, Part(part.body, part.files), Thread(), datetime.now(UTC))
    assert await adapter_there.find(attempt) == Found(Ref(HERE.place, standing.id))
    other = SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))
    async with other.open():  # after a crash nothing is remembered
        assert await other.find(attempt) == Found(Ref(HERE.place, standing.id))
        words = loaded(other, LAKE, words="other words")
        assert await other.find(Attempt("k2", HERE, words, Thread(), datetime.now(UTC))) == Absent()


@pytest.mark.scenario("E08")
async def test_an_edit_keeps_the_files_and_a_deletion_removes_them(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    ref = await adapter_there.send(loaded(adapter_there, LAKE), HERE, Thread(), "k1")
    await adapter_there.edit(ref, loaded(adapter_there, LAKE, words="other words"))
    [standing] = sandbox.standing()
    assert standing.text == "via Karl: other words"
    assert len(sandbox.files_of(ref.id)) == 1
    await adapter_there.delete(ref)
    assert not sandbox.standing()
    assert await sandbox.with_server(lambda server: list(server.workspace.files)) == []


@pytest.mark.scenario("E08")
async def test_after_a_restart_a_deletion_removes_the_files_too(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    ref = await adapter_there.send(loaded(adapter_there, LAKE), HERE, Thread(), "k1")
    other = SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))
    async with other.open():
        await other.delete(ref)
    assert await sandbox.with_server(lambda server: list(server.workspace.files)) == []


@pytest.mark.parametrize("absent", ["files.getUploadURLExternal"])
async def test_where_files_cannot_go_the_core_is_told_and_they_are_named(
    sandbox: SlackSandbox, adapter_there: SlackAdapter, absent: str
) -> None:
    await sandbox.with_server(lambda server: server.absent.add(absent))
    with pytest.raises(FileRejected) as refused:
        await adapter_there.send(loaded(adapter_there, LAKE), HERE, Thread(), "k1")
    assert refused.value.blob == "b1"
    assert adapter_there.limits.files is None
    assert "lake.png" in loaded(adapter_there, LAKE).body


async def test_a_description_is_never_sent_with_the_upload(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    """With one, Slack takes the file and does not share it; the sandbox does the same."""
    ref = await adapter_there.send(loaded(adapter_there, LAKE), HERE, Thread(), "k1")
    assert [file.alt for file in sandbox.files_of(ref.id)] == [""]


async def test_no_file_goes_where_another_company_reads(sandbox: SlackSandbox, adapter_there: SlackAdapter) -> None:
    with pytest.raises(NeedsOperator):
        await adapter_there.send(loaded(adapter_there, LAKE), Destination(Place(TEAM, PlaceId("C0PARTNERS1"))), Thread(), "k1")
    assert await sandbox.with_server(lambda server: list(server.files.uploads)) == []
