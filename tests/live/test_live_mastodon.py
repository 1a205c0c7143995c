"""What must hold on any server: the same tests against the sandbox, in both dialects, and against real servers."""

from __future__ import annotations

import struct
import zlib
from datetime import UTC, datetime

import pytest

from bridge.contract import Attempt, File, Found, Level, Thread
from bridge.post import Audience, Created, Deleted, Destination, Edited, Media, Own, UserId, direct
from bridge.text import plain
from tests.live.scene import Scene, unique
from tests.live.somebody import patiently
from tests.mastodon.conftest import ACCOUNT, TIMELINE, MemoryInbox

pytestmark = pytest.mark.timeout(900)


def a_picture() -> bytes:
    """A grey square that real servers take for a PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    side = 16
    header, rows = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0), (b"\0" + b"\x80" * side) * side
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


SQUARE = File(Media("square.png", "image/png", len(a_picture()), "A grey square", blob="square"), a_picture())


async def hidden_from_strangers(scene: Scene, native: str) -> None:
    """The account itself can read it: so it stands, and only strangers are told that it does not."""
    seen = await scene.account.reads(native)
    assert seen
    assert seen["visibility"] in ("private", "direct")
    assert scene.stranger_handle not in [mention["username"] for mention in seen["mentions"]]
    if scene.keeps_secrets:
        assert await scene.stranger.reads(native) is None
        assert await scene.nobody.reads(native) is None


async def test_a_copy_is_for_followers_alone_also_edited_and_in_a_thread(scene: Scene) -> None:
    async with scene.listening(MemoryInbox()) as guest:
        first = await guest.send(unique("first"))
        second = await guest.send(unique("second"), Thread(first, first))
        edited = unique("edited")
        await guest.edit(second, guest.part(edited))
        seen = await scene.member.reads(second.id)
        assert seen is not None
        assert (seen["visibility"], seen["in_reply_to_id"]) == ("private", first.id)
        assert edited in seen["content"]
        for ref in (first, second):
            await hidden_from_strangers(scene, ref.id)
        await guest.delete(second)
        await guest.delete(second)
        assert await scene.member.finds_gone(second.id)
        assert await scene.member.reads(first.id)


async def test_a_mention_in_a_copy_lets_nobody_read_it(scene: Scene) -> None:
    async with scene.listening(MemoryInbox()) as guest:
        ref = await guest.send(unique(f"ask @{scene.stranger_handle} about it"))
        for words in (None, unique(f"(@{scene.stranger_handle}) and /@{scene.stranger_handle}")):
            if words:
                await guest.edit(ref, guest.part(words))
            seen = await scene.account.reads(ref.id)
            assert seen is not None
            assert not seen["mentions"]
            await hidden_from_strangers(scene, ref.id)


@pytest.mark.scenario("K04")
async def test_a_notice_is_read_by_the_one_whom_it_is_for(scene: Scene) -> None:
    user = UserId(str((await scene.member.me())["id"]))
    place = direct(ACCOUNT, user)
    async with scene.listening(MemoryInbox()) as guest:
        words = unique("this is for you alone")
        ref = await guest.bring(guest.part(words, to=Destination(place)), Destination(place))
        seen = await scene.member.reads(ref.id)
        assert seen is not None
        assert (seen["visibility"], [str(mention["id"]) for mention in seen["mentions"]]) == ("direct", [user])
        await hidden_from_strangers(scene, ref.id)


@pytest.mark.scenario("I01")
async def test_files_their_descriptions_and_warnings_survive_edits_also_of_nothing(scene: Scene) -> None:
    async with scene.listening(MemoryInbox()) as guest:
        ref = await guest.bring(guest.part(unique("before"), SQUARE, warning="squares"))
        words = unique("after")
        after = guest.part(words, SQUARE, warning="squares")
        await guest.edit(ref, after)
        await guest.edit(ref, after)
        seen = await scene.member.reads(ref.id)
        assert seen is not None
        assert words in seen["content"]
        assert (seen["spoiler_text"], [media["description"] for media in seen["media_attachments"]]) == (
            "squares",
            ["A grey square"],
        )
        await hidden_from_strangers(scene, ref.id)


async def test_a_direct_message_is_heard_and_its_relayed_form_is_for_followers_alone(scene: Scene) -> None:
    async with scene.listening(MemoryInbox()) as guest:
        words = unique("can everyone meet?")
        event = await guest.heard(Created, await scene.write_directly(words))
        assert (plain(event.post.text), event.post.audience, event.own) == (words, Audience.DIRECT, Own.NO)
        ref = await guest.send(plain(event.post.text))
        seen = await scene.member.reads(ref.id)
        assert seen is not None
        assert (seen["visibility"], words in seen["content"], "via" in seen["content"]) == ("private", True, True)
        await hidden_from_strangers(scene, ref.id)


async def test_the_edit_and_the_deletion_of_a_direct_message_are_heard(scene: Scene) -> None:
    """Also where the account does not follow its writer, so that some servers' streams do not tell them."""
    async with scene.listening(MemoryInbox()) as guest:
        native = await scene.write_directly(unique("before"))
        await guest.heard(Created, native)
        words = unique("after")
        await scene.member.edit(native, f"@{scene.handle} {words}")
        assert plain((await guest.heard(Edited, native)).post.text) == words
        await scene.member.delete(native)
        await guest.heard(Deleted, native)


@pytest.mark.scenario("F07")
async def test_a_followers_answer_is_heard_as_one(scene: Scene) -> None:
    async with scene.listening(MemoryInbox()) as guest:
        ref = await guest.send(unique("what do you think?"))
        words = unique("a lot")
        event = await guest.heard(Created, await scene.member.write(f"@{scene.handle} {words}", "private", ref.id))
        assert (plain(event.post.text), event.post.audience, event.post.gated) == (words, Audience.GROUP, False)
        assert event.post.reply_to == ref


@pytest.mark.scenario("A04")
@pytest.mark.scenario("A10")
async def test_what_people_post_as_the_account_is_heard(scene: Scene) -> None:
    async with scene.listening(MemoryInbox()) as guest:
        words = unique("by hand")
        event = await guest.heard(Created, await scene.account.write(words, "private"))
        assert (plain(event.post.text), event.own) == (words, Own.PERHAPS)


async def test_the_stream_stands_and_tells_edits(scene: Scene) -> None:
    async with scene.listening(MemoryInbox(), scan=60) as guest:
        checked = [each for each in await patiently(guest.adapter.check) if "stream" in each.what.lower()]
        assert [each.level for each in checked] == [Level.OK]
        native = await scene.account.write(unique("before"), "private")
        await guest.heard(Created, native)
        words = unique("after")
        await scene.account.edit(native, words)
        assert plain((await guest.heard(Edited, native)).post.text) == words


@pytest.mark.scenario("E06")
async def test_what_happens_while_nobody_listens_is_caught_up(scene: Scene) -> None:
    inbox = MemoryInbox()
    async with scene.listening(inbox) as guest:
        edited, deleted = [await scene.write_directly(unique("before")) for _ in range(2)]
        for native in (edited, deleted):
            await guest.heard(Created, native)
    words = unique("while away")
    await scene.member.edit(edited, f"@{scene.handle} {words}")
    await scene.member.delete(deleted)
    new = await scene.account.write(unique("new"), "private")
    async with scene.listening(inbox) as guest:
        assert plain((await guest.heard(Edited, edited)).post.text) == words
        await guest.heard(Deleted, deleted)
        await guest.heard(Created, new)
    assert len(inbox.order) == len(set(inbox.order))


@pytest.mark.scenario("C04")
async def test_a_send_in_doubt_is_found(scene: Scene) -> None:
    async with scene.listening(MemoryInbox()) as guest:
        started = datetime.now(UTC)
        words = unique("did it arrive?")
        ref = await guest.send(words)
        attempt = Attempt("lost", TIMELINE, guest.part(words), Thread(), started)
        # what this process sent itself is no other's: so another process looks
        async with scene.listening(MemoryInbox()) as another:
            assert await patiently(lambda: another.adapter.find(attempt)) == Found(ref)


@pytest.mark.scenario("K07")
async def test_who_asks_to_follow_is_seen_and_reads_nothing_when_turned_down(scene: Scene) -> None:
    me, them = str((await scene.account.me())["id"]), str((await scene.stranger.me())["id"])
    async with scene.listening(MemoryInbox()) as guest:
        door = guest.adapter.people
        assert door is not None
        ref = await guest.send(unique("for those who were let in"))
        await scene.stranger.ask_to_follow(me)
        try:
            asking = await patiently(door.requests)
            assert them in [each.user for each in asking]
            await hidden_from_strangers(scene, ref.id)
            await patiently(lambda: door.reject(UserId(them)))
            assert them not in [each.user for each in await patiently(door.requests)]
        finally:
            await scene.stranger.stop_following(me)
        assert not await scene.stranger.follows(me)
        await hidden_from_strangers(scene, ref.id)
