"""What was missed comes before what is heard now, in the order it was said, whichever feed or stream tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.mastodon.catching_up import missed
from adapters.mastodon.feeds import Feed
from adapters.mastodon.hearing import Entity
from adapters.mastodon.identity import Identity
from adapters.mastodon.listening import Listening
from adapters.mastodon.reviewing import Review
from adapters.mastodon.sandbox import MastodonSandbox
from adapters.mastodon.stream import Connected, Ended, Stream, Tell, Told
from bridge.errors import Retryable
from bridge.post import UserId
from tests.mastodon.conftest import ACCOUNT, MemoryInbox, eventually, plugged_in, streaming

ME = Identity(ACCOUNT, UserId("1"), "allhands", "social.example")


def status(status_id: str, second: int) -> dict[str, Any]:
    """One of ours, said at a second of an hour."""
    minute, second = divmod(second, 60)
    return {
        "id": status_id,
        "account": {"id": "1", "username": "allhands", "acct": "allhands"},
        "content": "words",
        "visibility": "private",
        "created_at": f"2026-11-01T10:{minute:02}:{second:02}.000Z",
        "edited_at": None,
    }


class Pages:
    """A feed over statuses, oldest first. The first `failing` questions get no answer."""

    def __init__(self, name: str, standing: Sequence[Mapping[str, Any]], size: int = 40, failing: int = 0) -> None:
        self.name = name
        self.standing = list(standing)
        self.size = size
        self.failing = failing
        self.asked = 0

    async def after(self, cursor: str) -> Sequence[Entity]:
        self.asked += 1
        if self.asked <= self.failing:
            raise Retryable
        ids = [each["id"] for each in self.standing]
        start = ids.index(cursor) + 1 if cursor in ids else 0
        return list(reversed(self.standing[start : start + self.size]))

    async def before(self, _: str | None) -> Sequence[Entity]:
        return list(reversed(self.standing))

    def feed(self) -> Feed:
        return Feed(self.name, self.after, self.before, lambda item: item.get("status", item), "0")


async def read(*pages: Pages) -> tuple[list[str], dict[str, str]]:
    """The ids in the order they were read, and where the cursors ended."""
    ids: list[str] = []
    cursors: dict[str, str] = {}
    async for run in missed(ACCOUNT, [(each.feed(), "0") for each in pages]):
        ids += [each.status_id for each in run.heard]
        cursors[run.feed.name] = run.cursor
    return ids, cursors


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3000)), max_size=30), st.integers(1, 4))
async def test_two_feeds_are_read_as_one_oldest_first(said: list[tuple[int, int]], size: int) -> None:
    ordered = sorted(said, key=lambda each: each[1])
    statuses = [(feed, status(f"s{n}", second)) for n, (feed, second) in enumerate(ordered)]
    feeds = [Pages(str(n), [each for feed, each in statuses if feed == n], size) for n in (0, 1)]
    ids, cursors = await read(*feeds)
    times = {each["id"]: each["created_at"] for _, each in statuses}
    assert sorted(ids) == sorted(times)
    assert [times[each] for each in ids] == sorted(times.values())
    assert cursors == {each.name: each.standing[-1]["id"] for each in feeds if each.standing}


async def test_what_is_about_no_status_moves_the_cursor_and_nothing_else() -> None:
    ids, cursors = await read(Pages("mentions", [{"id": "n1", "status": None}, {"id": "n2", "status": status("a", 1)}]))
    assert (ids, cursors) == (["a"], {"mentions": "n2"})


async def test_a_server_that_repeats_a_page_keeps_nobody() -> None:
    stuck = Pages("statuses", [status("a", 1)])
    feed = Feed("statuses", stuck.before, stuck.before, lambda item: item, "0")
    runs = [run async for run in missed(ACCOUNT, [(feed, "0")])]
    assert [run.cursor for run in runs] == ["a"]


# ---------------------------------------------------------------- the stream waits for the pages


class Telling:
    """A way to a stream that stands and tells what it is told to; with `then_ends`, it ends at once after that."""

    def __init__(self, *told: Told, then_ends: bool = False) -> None:
        self.told = told
        self.then_ends = then_ends
        self.connects = 0

    def connect(self) -> Stream:
        self.connects += 1

        async def follow(tell: Tell) -> Ended:
            tell(Connected())
            for each in self.told:
                tell(each)
            if not self.then_ends:
                await asyncio.Event().wait()
            return Ended("over")

        return Stream(follow)

    def note(self, ended: Ended, *, stood: bool) -> bool:
        return False


@pytest.mark.scenario("D05")
@pytest.mark.parametrize("then_ends", [False, True], ids=["it stands", "it ends"])
async def test_what_the_stream_tells_waits_for_what_was_missed(*, then_ends: bool) -> None:
    """The stream is back before the pages can be read: a server under load has them on different machines."""
    pages = Pages("statuses", [status("a", 1), status("b", 2), status("c", 3)], failing=3)
    told = [Told("update", status(each, at)) for each, at in (("c", 3), ("d", 4))]
    streaming_: Any = Telling(*told, then_ends=then_ends)
    inbox = MemoryInbox()

    async def well() -> None: ...

    async def standing(_: str) -> Entity | None:
        return {}

    review = Review(ACCOUNT, [pages.feed()], standing)
    listening = asyncio.create_task(Listening(ME, [pages.feed()], streaming_, review, well, 0.1).run(inbox))
    try:
        await eventually(lambda: "status:d" in inbox.raws, "what the stream told")
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
    assert inbox.order == ["status:a", "status:b", "status:c", "status:d"]


@pytest.mark.scenario("D01")
async def test_after_an_outage_direct_messages_and_posts_come_as_they_were_said(sandbox: MastodonSandbox) -> None:
    inbox = MemoryInbox()
    async with plugged_in(sandbox, inbox) as rig:
        await streaming(rig)
        await sandbox.unplug()
        since = sandbox.connects()[-1:]
        said: list[str] = []
        for n in range(4):
            said.append(await sandbox.write("allhands", f"a post {n}"))
            said.append(await sandbox.write_direct("lynn", f"a direct message {n}"))
        sandbox.refuse_reads(503)
        await sandbox.plug()
        await eventually(lambda: sandbox.connects()[-1:] > since, "a stream")
        said.append(await sandbox.write("allhands", "a last post"))
        sandbox.refuse_reads(0)
        keys = [f"status:{each}" for each in said]
        await eventually(lambda: set(keys) <= set(inbox.raws), "all of them")
    assert [key for key in inbox.order if key in set(keys)] == keys
