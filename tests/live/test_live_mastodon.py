"""What must hold on any server: the same tests against the sandbox, in both dialects, and against real servers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.contract import Attempt, Found, Level, Thread
from bridge.post import Audience, Created, Deleted, Edited, Own
from bridge.text import plain
from tests.live.scene import Scene, unique
from tests.mastodon.conftest import TIMELINE, MemoryInbox, a_context, a_post

pytestmark = pytest.mark.timeout(240)


async def hidden_from_strangers(scene: Scene, native: str) -> None:
    """The account itself can read it: so it stands, and only strangers are told that it does not."""
    assert await scene.account.reads(native)
    assert await scene.stranger.reads(native) is None
    assert await scene.nobody.reads(native) is None


async def test_a_copy_is_for_followers_alone_also_edited_and_in_a_thread(scene: Scene) -> None:
    async with scene.listening(MemoryInbox()) as guest:
        first = await guest.send(unique("first"))
        second = await guest.send(unique("second"), Thread(first, first))
        edited = unique("edited")
        part = guest.adapter.render(a_post(edited), TIMELINE, a_context(guest.adapter.limits))[0]
        await guest.adapter.edit(second, part)
        seen = await scene.member.reads(second.id)
        assert seen is not None
        assert (seen["visibility"], seen["in_reply_to_id"]) == ("private", first.id)
        assert edited in seen["content"]
        for ref in (first, second):
            await hidden_from_strangers(scene, ref.id)
        await guest.adapter.delete(second)
        await guest.adapter.delete(second)
        assert await scene.member.reads(second.id) is None
        assert await scene.member.reads(first.id)


async def test_a_mention_in_a_copy_lets_nobody_read_it(scene: Scene) -> None:
    async with scene.listening(MemoryInbox()) as guest:
        ref = await guest.send(unique(f"ask @{scene.stranger_handle} about it"))
        seen = await scene.account.reads(ref.id)
        assert seen is not None
        assert not seen["mentions"]
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


@pytest.mark.scenario("A10")
async def test_what_people_post_as_the_account_is_heard(scene: Scene) -> None:
    async with scene.listening(MemoryInbox()) as guest:
        words = unique("by hand")
        event = await guest.heard(Created, await scene.account.write(words, "private"))
        assert (plain(event.post.text), event.own) == (words, Own.PERHAPS)


async def test_the_stream_stands_and_tells_edits(scene: Scene) -> None:
    async with scene.listening(MemoryInbox(), scan=60) as guest:
        checked = [each for each in await guest.adapter.check() if "stream" in each.what.lower()]
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
        part = guest.adapter.render(a_post(words), TIMELINE, a_context(guest.adapter.limits))[0]
        # what this process sent itself is no other's: so another process looks
        async with scene.listening(MemoryInbox()) as another:
            assert await another.adapter.find(Attempt("lost", TIMELINE, part, Thread(), started)) == Found(ref)
