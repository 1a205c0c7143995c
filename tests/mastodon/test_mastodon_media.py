"""Files with statuses, against the sandbox: uploaded before the status, never linked, replaced as a whole, gone with it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
import requests
from mastodon.errors import MastodonNetworkError

from adapters.mastodon import hearing
from adapters.mastodon import media as media_module
from adapters.mastodon.adapter import MastodonAdapter
from adapters.mastodon.identity import Identity
from adapters.mastodon.media import Hosts, Uploads, fetch
from adapters.mastodon.parse import parse
from adapters.mastodon.server import alt_characters_of, limits_of
from bridge.contract import Absent, Attempt, Fault, File, FileLimits, Found, Part, Thread
from bridge.errors import FileRejected, Rejected, Retryable, Uncertain
from bridge.post import Created, Deleted, Edited, Media, NativeId, Post, UserId
from tests.mastodon.conftest import ACCOUNT, TIMELINE, Rig, a_context, a_post, streaming

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
LAKE = Media("lake.png", "image/png", len(PNG), "The lake at dawn", blob="lake")
BOAT = Media("boot-ä.png", "image/png", len(PNG), "", blob="boat")


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def ready_at_once(rig: Rig) -> AsyncIterator[None]:
    yield
    rig.sandbox.darkroom.slow(0)
    rig.sandbox.darkroom.refuse(0)


def part_of(rig: Rig, words: str, *media: Media, **changes: object) -> Part:
    [part] = rig.adapter.render(a_post(words, **changes), TIMELINE, a_context(rig.adapter.limits))
    return replace(part, files=tuple(File(each, PNG + each.blob.encode()) for each in media))


async def alts(rig: Rig, native: NativeId) -> list[str]:
    return [each.alt for each in await rig.sandbox.attached(native)]


@pytest.mark.scenario("I01")
async def test_files_stand_with_their_bytes_and_descriptions(rig: Rig) -> None:
    ref = await rig.adapter.send(part_of(rig, "two pictures", LAKE, BOAT), TIMELINE, Thread(), "two")
    lake, boat = await rig.sandbox.attached(ref.id)
    assert (lake.alt, lake.body, lake.mime) == ("The lake at dawn", PNG + b"lake", "image/png")
    assert (boat.alt, boat.body) == ("", PNG + b"boat")


@pytest.mark.scenario("I04")
async def test_a_status_waits_until_its_file_is_ready(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media_module, "_POLLS", (0.01, 0.02))
    rig.sandbox.darkroom.slow(3)
    ref = await rig.adapter.send(part_of(rig, "a slow one", LAKE), TIMELINE, Thread(), "slow")
    assert await alts(rig, ref.id) == [LAKE.alt]


@pytest.mark.scenario("I04")
async def test_nothing_is_posted_while_a_file_is_not_ready_and_the_next_try_goes_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_module, "_POLLS", (10_000.0, 10_000.0))  # the end comes first
    rig.sandbox.darkroom.slow(1)
    before, part = rig.sandbox.darkroom.uploads, part_of(rig, "not ready", LAKE)
    with pytest.raises(Retryable, match="making a file"):
        await rig.adapter.send(part, TIMELINE, Thread(), "not ready")
    assert not rig.copies("not ready")
    monkeypatch.setattr(media_module, "_POLLS", (0.01, 0.02))
    ref = await rig.adapter.send(part, TIMELINE, Thread(), "not ready")
    assert (await alts(rig, ref.id), rig.sandbox.darkroom.uploads - before) == ([LAKE.alt], 1)


@pytest.mark.scenario("I06")
async def test_a_file_that_is_refused_is_told_by_its_name_and_nothing_is_posted(rig: Rig) -> None:
    rig.sandbox.darkroom.refuse(1)
    with pytest.raises(FileRejected, match="content type") as caught:
        await rig.adapter.send(part_of(rig, "refused file", LAKE), TIMELINE, Thread(), "refused file")
    assert (caught.value.blob, rig.copies("refused file")) == ("lake", [])


async def test_an_edit_keeps_the_files_and_sends_everything_again(rig: Rig) -> None:
    await streaming(rig)
    ref = await rig.adapter.send(part_of(rig, "before it", LAKE, BOAT, language="de"), TIMELINE, Thread(), "kept")
    uploads, before = rig.sandbox.darkroom.uploads, await rig.sandbox.attached(ref.id)
    await rig.adapter.edit(ref, part_of(rig, "after it", LAKE, BOAT, language="de", warning="boats", sensitive=True))
    assert await rig.sandbox.attached(ref.id) == before
    assert rig.sandbox.darkroom.uploads == uploads, "the same files are not uploaded twice"
    sent = rig.sandbox.darkroom.edit_of(ref.id)
    assert (sent["language"], sent["spoiler_text"], sent["sensitive"]) == ("de", "boats", True)
    assert (await rig.heard(Edited, ref.id)).post.warning == "boats"


async def test_an_edit_after_a_restart_uploads_again(rig: Rig) -> None:
    ref = await rig.adapter.send(part_of(rig, "before crash", LAKE), TIMELINE, Thread(), "crash")
    rig.adapter._sender.uploads = Uploads(rig.adapter._call)
    await rig.adapter.edit(ref, part_of(rig, "after crash", LAKE))
    assert await alts(rig, ref.id) == [LAKE.alt]


async def test_an_edit_changes_which_files_stand(rig: Rig) -> None:
    ref = await rig.adapter.send(part_of(rig, "which", LAKE), TIMELINE, Thread(), "which")
    await rig.adapter.edit(ref, part_of(rig, "which", BOAT, replace(LAKE, alt="At noon")))
    assert await alts(rig, ref.id) == ["", "At noon"]
    await rig.adapter.edit(ref, part_of(rig, "which"))
    assert await alts(rig, ref.id) == []
    await rig.adapter.edit(ref, part_of(rig, "which", LAKE))
    assert await alts(rig, ref.id) == [LAKE.alt]


async def test_a_file_that_somebody_took_off_is_uploaded_again(rig: Rig) -> None:
    ref = await rig.adapter.send(part_of(rig, "taken off", LAKE), TIMELINE, Thread(), "taken off")
    other = await rig.adapter.send(part_of(rig, "bare", BOAT), TIMELINE, Thread(), "bare")
    uploads = rig.adapter._sender.uploads
    uploads._standing[ref.id] = uploads._standing[other.id]  # what stands is another one
    await rig.adapter.edit(ref, part_of(rig, "taken off", BOAT))
    assert await alts(rig, ref.id) == [""]
    assert rig.sandbox.darkroom.files_of(ref.id) != rig.sandbox.darkroom.files_of(other.id)


@pytest.mark.scenario("E08")
async def test_a_deleted_status_takes_its_files_along(rig: Rig) -> None:
    await streaming(rig)
    ref = await rig.adapter.send(part_of(rig, "to be gone", LAKE), TIMELINE, Thread(), "gone file")
    [media] = (await rig.heard(Created, ref.id)).post.media
    assert await rig.adapter.fetch(media, 10_000) == PNG + b"lake"
    await rig.adapter.delete(ref)
    await rig.heard(Deleted, ref.id)
    with pytest.raises(Rejected, match="gone"):
        await rig.adapter.fetch(media, 10_000)


async def test_the_same_picture_twice_is_two_files(rig: Rig) -> None:
    ref = await rig.adapter.send(part_of(rig, "twice the same", LAKE, LAKE), TIMELINE, Thread(), "twice the same")
    first, second = await rig.sandbox.attached(ref.id)
    assert first.id != second.id


async def test_a_long_description_is_cut_to_what_the_server_takes(rig: Rig) -> None:
    long = replace(LAKE, alt="wave " * 400)
    ref = await rig.adapter.send(part_of(rig, "long alt", long), TIMELINE, Thread(), "long alt")
    [alt] = await alts(rig, ref.id)
    assert len(alt) <= 1500
    assert alt.endswith("wave…")


# ---------------------------------------------------------------- in doubt


def attempt(part: Part, key: str, ago: float = 0.0) -> Attempt:
    return Attempt(key, TIMELINE, part, Thread(), datetime.now(UTC) - timedelta(seconds=ago))


@pytest.mark.scenario("C04")
async def test_a_send_with_files_whose_reply_is_lost_is_found(rig: Rig) -> None:
    part = part_of(rig, "lost with file", LAKE)
    rig.sandbox.fault(Fault.REPLY_LOST)
    with pytest.raises(Uncertain):
        await rig.adapter.send(part, TIMELINE, Thread(), "lost file")
    [copy] = rig.copies("lost with file")
    assert isinstance(await rig.adapter.find(attempt(part, "lost file")), Found)
    again = await rig.adapter.send(part, TIMELINE, Thread(), "lost file")
    assert (again.id, rig.copies("lost with file")) == (copy, [copy])
    assert await alts(rig, copy) == [LAKE.alt]


@pytest.mark.scenario("C05")
async def test_equal_words_with_other_files_are_told_apart(rig: Rig) -> None:
    """As after a crash: nothing is remembered of what was sent before."""
    bare, lake = part_of(rig, "look here"), part_of(rig, "look here", LAKE)
    boat = part_of(rig, "look here", replace(BOAT, alt="A boat"))
    ref = await rig.adapter.send(lake, TIMELINE, Thread(), "look lake")
    rig.adapter._sender._ours.clear()
    assert await rig.adapter.find(attempt(bare, "look bare")) == Absent()
    assert await rig.adapter.find(attempt(boat, "look boat")) == Absent()
    assert await rig.adapter.find(attempt(lake, "look lake")) == Found(ref)


# ---------------------------------------------------------------- fetching


async def test_a_members_file_is_fetched_with_its_description(rig: Rig) -> None:
    native = await rig.sandbox.write_with_file("lynn", "see", "lake.png", "image/png", PNG, "The lake at dawn")
    [media] = (await rig.heard(Created, native)).post.media
    assert (media.alt, media.mime) == ("The lake at dawn", "image/png")
    assert await rig.adapter.fetch(media, len(PNG)) == PNG
    with pytest.raises(Rejected, match="larger"):
        await rig.adapter.fetch(media, len(PNG) - 1)


@pytest.mark.parametrize("url", ["https://far.example/lake.png", "file:///etc/hosts", "", "http://127.0.0.1:1/x"])
async def test_nothing_is_fetched_from_elsewhere(rig: Rig, url: str) -> None:
    with pytest.raises(Rejected, match="another server"):
        await rig.adapter.fetch(Media("x.png", source=url), 1000)


class Answers:
    """A session of canned answers; notes what was asked, and with which headers."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []
        self.after: float | None = 7.0

    def get(self, url: str, **options: Any) -> requests.Response:
        assert "Authorization" not in options["headers"]
        assert options["allow_redirects"] is False
        self.asked.append(url)
        status, headers, body = self.answers.pop(0)
        response = requests.Response()
        response.status_code, response.raw = status, io.BytesIO(body)
        response.headers.update(headers)
        return response

    async def call(self, call: Callable[[Any], Any], **_: object) -> Any:
        client = type("Client", (), {"session": self})()
        try:
            return call(client)
        except MastodonNetworkError as error:
            raise Retryable from error


OURS = Hosts(frozenset({"social.example", "media.example"}), plain=False)
PICTURE = Media("x.png", source="https://social.example/media_proxy/1")


async def test_a_redirect_is_followed_only_where_it_stays_with_our_server() -> None:
    moved = (302, {"Location": "https://media.example/1.png"}, b"")
    answers = Answers(moved, (200, {"Content-Type": "image/png"}, PNG))
    assert await fetch(answers.call, OURS, PICTURE, 1000) == PNG
    assert answers.asked == [PICTURE.source, "https://media.example/1.png"]
    for target in ("https://far.example/1.png", "http://media.example/1.png", "//127.0.0.1/x"):
        answers = Answers((302, {"Location": target}, b""))
        with pytest.raises(Rejected, match="another server"):
            await fetch(answers.call, OURS, PICTURE, 1000)
    with pytest.raises(Rejected, match="from one address to the next"):
        await fetch(Answers(*[moved] * 9).call, OURS, PICTURE, 1000)


@pytest.mark.scenario("I03")
async def test_a_file_that_is_not_ready_when_its_status_is_heard_is_waited_for() -> None:
    """Some servers tell of a status before its files came over from another server."""
    item: dict[str, Any] = {"id": "7", "type": "image", "url": None, "remote_url": None, "description": "The lake"}
    [media] = created_with(item).media
    assert (media.mime, media.alt) == ("image/jpeg", "The lake")
    served = Answers((200, {"Content-Type": "image/png"}, PNG))
    shown = {"media_attachments": [item]}

    async def call(call: Callable[[Any], Any], **options: object) -> Any:
        client = type("Client", (), {"session": served, "status": lambda _, status_id: shown if status_id == "5" else None})()
        return call(client)

    with pytest.raises(Retryable, match="ready"):
        await fetch(call, OURS, media, 1000)
    item["url"] = "https://media.example/1.png"
    assert await fetch(call, OURS, media, 1000) == PNG
    assert served.asked == ["https://media.example/1.png"]
    shown["media_attachments"] = []
    with pytest.raises(Rejected, match="gone"):
        await fetch(call, OURS, media, 1000)


def created_with(item: dict[str, Any]) -> Post:
    """The post of a status, number 5, of the account with this attachment."""
    account = {"id": "1", "username": "allhands", "acct": "allhands"}
    status = {"id": "5", "account": account, "content": "", "visibility": "private", "created_at": "2026-11-01T10:00:00Z"}
    raw = hearing.created(ACCOUNT, {**status, "media_attachments": [item]}).raw
    [event] = parse(raw, Identity(ACCOUNT, UserId("1"), "allhands", "social.example"))
    assert isinstance(event, Created)
    return event.post


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (404, {}, Rejected),
        (410, {}, Rejected),
        (403, {}, Rejected),
        (200, {"Content-Type": "text/html; charset=utf-8"}, Rejected),
        (200, {"Content-Length": "1001"}, Rejected),
        (429, {}, Retryable),
        (503, {}, Retryable),
    ],
)
async def test_what_is_no_file_now_or_never(status: int, headers: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        await fetch(Answers((status, headers, b"<html>")).call, OURS, PICTURE, 1000)
    if isinstance(caught.value, Retryable):
        assert caught.value.after == 7


async def test_a_connection_that_breaks_is_tried_again() -> None:
    class Broken(Answers):
        def get(self, url: str, **options: Any) -> requests.Response:
            raise requests.ConnectionError(url)

    with pytest.raises(Retryable):
        await fetch(Broken().call, OURS, PICTURE, 1000)


def test_our_hosts_are_the_servers_own_and_its_media_host() -> None:
    instance = {"thumbnail": {"url": "https://media.example/site.png"}}
    me = {"avatar": "https://files.example/a.png", "header": "", "avatar_static": None}
    assert Hosts.of("https://social.example", instance, me) == Hosts(
        frozenset({"social.example", "media.example", "files.example"}), plain=False
    )


# ---------------------------------------------------------------- limits


def test_limits_are_the_servers_or_what_every_server_takes() -> None:
    said = {
        "configuration": {
            "statuses": {"max_media_attachments": 6},
            "media_attachments": {
                "supported_mime_types": ["image/png"],
                "image_size_limit": 5,
                "video_size_limit": 6,
                "description_limit": 420,
            },
        }
    }
    assert limits_of(said).files == FileLimits(6, 5, 6, frozenset({"image/png"}))
    assert alt_characters_of(said, 1500) == 420
    assert limits_of({}).files == FileLimits(4, 8_000_000, 40_000_000)
    assert alt_characters_of({}, 1500) == 1500


def test_a_part_with_files_may_take_longer(rig: Rig) -> None:
    can = rig.adapter.capabilities
    assert can.per_file > media_module.UPLOAD_ANSWER
    assert can.deadline < can.per_file
    assert isinstance(rig.adapter, MastodonAdapter)
