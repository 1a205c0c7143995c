"""The inbox's lane: what cannot be understood is held and stops nobody; authors are called as the mapping file calls them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from bridge.engine import Account, Engine
from bridge.errors import Unparsable
from bridge.inbox import Inbox
from bridge.post import Event, Ignored, NativeId, Place, Raw, Ref
from bridge.reasons import Reason
from bridge.store import sql
from bridge.store.tables import RawState
from bridge.waking import Wake
from tests.core.desk import Desk
from tests.core.worlds import CHANNEL, LYNN_OUTSIDE, LYNNS_DIRECT, NOW, TEAM, TIMELINE, at, created, deleted, post


class Understanding:
    """An adapter that understands only this: `say` what each raw means, or which error it is."""

    def __init__(self, say: dict[str, Event | Exception]) -> None:
        self._say = say

    def parse(self, raw: Raw) -> tuple[Event, ...]:
        meant = self._say[raw.key]
        if isinstance(meant, Exception):
            raise meant
        return (meant,)

    async def complete(self, event: Event) -> Event:
        return event


async def heard(desk: Desk, say: dict[str, Event | Exception]) -> list[tuple[str, str]]:
    """Take the raws in this order and serve the lane; each raw's state and reason."""
    adapter: Any = Understanding(say)
    account = Account(TEAM, adapter)
    account.opened.set()
    inbox = Inbox(desk.store, Engine({TEAM: account}, now=lambda: NOW), lambda: desk.world)
    for n, key in enumerate(say):
        await inbox.take(Raw(TEAM, key, b"{}", at(n)))
    await inbox.serve(await desk.source(TEAM), Wake())
    return [(row.state, row.reason) for row in await desk.rows(sql.raw)]


BAD_NODE: Any = ("no block at all",)
MISTAKES: dict[str, tuple[Callable[[], Event | Exception], Reason]] = {
    "it says nothing that its platform says": (lambda: Unparsable("odd"), Reason.UNPARSABLE),
    "its adapter makes a mistake": (lambda: ValueError("a mistake"), Reason.INTERNAL),
    "it becomes what the ledger cannot keep": (lambda: created(BAD_NODE), Reason.INTERNAL),
}


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_a_raw_is_held_and_stops_nobody_when(desk: Desk, mistake: str) -> None:
    odd, reason = MISTAKES[mistake]
    found = await heard(desk, {"first": created("one"), "odd": odd(), "last": created("two")})
    assert found == [(RawState.DONE, ""), (RawState.HELD, reason), (RawState.DONE, "")]
    assert await desk.count(sql.post) == 2
    [held] = await desk.rows(sql.raw, sql.raw.c.state == RawState.HELD)
    assert bytes(held.body) == b"{}"


@pytest.mark.scenario("G01")
async def test_an_author_is_called_as_the_mapping_file_calls_them(desk: Desk) -> None:
    await heard(desk, {"a": created("hello", author=LYNN_OUTSIDE, place=LYNNS_DIRECT), "b": created("hi")})
    assert [row.author for row in await desk.rows(sql.post, sql.post.c.native.startswith("n"), sql.post.c.person != "")][:1] == [
        "Lynn"
    ]
    assert post().author.name == "lynn.example"
    job = await desk.job(await desk.lane(TIMELINE))
    assert job.post is not None
    assert job.post.author.name == "Lynn"


async def test_a_lane_whose_owner_was_replaced_accepts_nothing(desk: Desk) -> None:
    stale = await desk.source(TEAM, "one")
    account = Account(TEAM, Understanding({"a": created()}))  # type: ignore[arg-type]
    account.opened.set()
    inbox = Inbox(desk.store, Engine({TEAM: account}, now=lambda: NOW), lambda: desk.world)
    await inbox.take(Raw(TEAM, "a", b"{}", at()))
    await desk.source(TEAM, "one")
    await inbox.serve(stale, Wake())
    assert await desk.count(sql.post) == 0
    assert len(await desk.waiting(TEAM)) == 1


class Live:
    """A lane that is served while raws come; `order` is in which order they were accepted."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.order: list[str] = []
        account = Account(TEAM, self)  # type: ignore[arg-type]
        account.opened.set()
        self.inbox = Inbox(desk.store, Engine({TEAM: account}, now=lambda: desk.now), lambda: desk.world)
        self.wake = Wake()
        self.inbox.wake = lambda _lanes: self.wake.set()
        self.inbox.hand = lambda _lane, raws: self.wake.hand(raws)

    def parse(self, raw: Raw) -> tuple[Event, ...]:
        self.order.append(raw.key)
        return (created(raw.key, ref=Ref(CHANNEL, NativeId(raw.key)), at=raw.at),)

    async def complete(self, event: Event) -> Event:
        return event

    async def serve(self) -> None:
        """Until nothing is known to wait."""
        await self.inbox.serve(await self.desk.source(TEAM, "one"), self.wake)

    async def take(self, number: int) -> None:
        await self.inbox.take(Raw(TEAM, str(number), b"{}", at(number)))


async def test_what_is_handed_over_is_accepted_once_and_in_the_platforms_order(desk: Desk) -> None:
    live = Live(desk)
    await live.serve()
    assert not live.wake.must_look, "nothing waits"
    for number in (3, 1, 2):
        await live.take(number)
    await live.take(2)
    await live.serve()
    await live.take(4)
    await live.serve()
    assert not live.wake.must_look
    assert live.order == ["1", "2", "3", "4"]
    assert {row.state for row in await desk.rows(sql.raw)} == {RawState.DONE}


async def test_what_was_stored_without_anybody_being_told_is_looked_for(desk: Desk) -> None:
    live = Live(desk)
    await live.serve()
    task = asyncio.create_task(live.take(1))
    await asyncio.sleep(0)
    task.cancel()  # whoever handed it over went away
    with pytest.raises(asyncio.CancelledError):
        await task
    await live.take(2)
    await live.serve()
    assert live.order == ["1", "2"]


async def test_more_than_is_kept_in_memory_is_looked_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.waking.MOST_HANDED", 2)
    live = Live(desk)
    await live.serve()
    for number in range(3):
        await live.take(number)
    assert live.wake.must_look
    await live.take(3)
    await live.serve()
    assert live.order == ["0", "1", "2", "3"]


async def test_an_echo_is_stored_as_understood(desk: Desk) -> None:
    live = Live(desk)
    await live.serve()
    await live.inbox.take_page(TEAM, [Raw(TEAM, "1", b"{}", at(1), echo=True), Raw(TEAM, "2", b"{}", at(2))], "page", "2")
    await live.serve()
    assert live.order == ["2"]
    rows = await desk.rows(sql.raw)
    assert [(row.key, row.state, row.reason, bytes(row.body)) for row in rows] == [
        ("1", RawState.DONE, Reason.OWN_ECHO, b""),
        ("2", RawState.DONE, "", b"{}"),
    ]


async def test_what_must_wait_is_looked_for_again_with_what_came_meanwhile(desk: Desk) -> None:
    live = Live(desk)
    await live.serve()
    with live.inbox.catching_up(TEAM):
        await live.take(2)
        serving = asyncio.create_task(live.serve())
        while not live.wake.must_look:
            await asyncio.sleep(0)
        await live.take(1)
        assert not live.order
    await serving
    assert live.order == ["1", "2"]


async def test_what_is_heard_during_a_catch_up_is_judged_after_it_in_the_platforms_order(desk: Desk) -> None:
    say: dict[str, Event | Exception] = {
        key: created(key, ref=Ref(CHANNEL, NativeId(key)), at=at(n)) for n, key in enumerate(("missed", "live"))
    }
    adapter: Any = Understanding(say)
    account = Account(TEAM, adapter)
    account.opened.set()
    inbox = Inbox(desk.store, Engine({TEAM: account}, now=lambda: NOW), lambda: desk.world)
    claim, wake = await desk.source(TEAM), Wake()
    inbox.wake = lambda _lanes: wake.set()
    with inbox.catching_up(TEAM):
        await inbox.take(Raw(TEAM, "live", b"{}", at(1)))
        serving = asyncio.create_task(inbox.serve(claim, wake))
        await inbox.take_page(TEAM, (Raw(TEAM, "missed", b"{}", at(0)),), "cursor", "1")
        assert {row.state for row in await desk.rows(sql.raw)} == {RawState.WAITING}
        inbox.look_again(TEAM)
    await serving
    assert [row.native for row in await desk.rows(sql.post)] == ["missed", "live"]
    assert {row.state for row in await desk.rows(sql.raw)} == {RawState.DONE}


async def test_what_was_looked_up_before_a_catch_up_ended_is_looked_up_again(desk: Desk) -> None:
    say: dict[str, Event | Exception] = {
        key: created(key, ref=Ref(CHANNEL, NativeId(key)), at=at(n)) for n, key in enumerate(("missed", "live"))
    }
    adapter: Any = Understanding(say)
    account = Account(TEAM, adapter)
    account.opened.set()
    inbox = Inbox(desk.store, Engine({TEAM: account}, now=lambda: NOW), lambda: desk.world)
    await inbox.take(Raw(TEAM, "live", b"{}", at(1)))
    looked, may_return = asyncio.Event(), asyncio.Event()
    write = desk.store.write

    class Slow:
        """The store, whose first look is answered late."""

        def __getattr__(self, name: str) -> Any:
            return getattr(desk.store, name)

        async def write(self, operation: Any) -> Any:
            found = await write(operation)
            if not looked.is_set():
                looked.set()
                await may_return.wait()
            return found

    slow: Any = Slow()
    inbox._store = slow
    with inbox.catching_up(TEAM):
        serving = asyncio.create_task(inbox.serve(await desk.source(TEAM), Wake()))
        await looked.wait()
        await inbox.take_page(TEAM, (Raw(TEAM, "missed", b"{}", at(0)),), "cursor", "1")
    may_return.set()
    await serving
    assert [row.native for row in await desk.rows(sql.post)] == ["missed", "live"]


async def test_the_ledger_tells_which_posts_of_a_place_stand(desk: Desk) -> None:
    adapter: Any = Understanding({})
    inbox = Inbox(desk.store, Engine({TEAM: Account(TEAM, adapter)}, now=lambda: NOW), lambda: desk.world)
    refs = {name: Ref(CHANNEL, NativeId(name)) for name in ("old", "gone", "new")}
    for n, (name, ref) in enumerate(refs.items()):
        await desk.hear(created(name, ref=ref, at=at(n)))
    await desk.hear(deleted(refs["gone"]))
    assert await inbox.standing(CHANNEL, at(1)) == ("new",)
    assert await inbox.standing(CHANNEL, at(0)) == ("old", "new")


async def test_a_place_where_others_may_read_now_is_told_to_the_other_replicas(desk: Desk) -> None:
    ignored = Ignored("shared", "the channel is shared now", doubts=(CHANNEL.id,))
    adapter: Any = Understanding({"shared": ignored, "hi": created("hi")})  # type: ignore[dict-item]
    account = Account(TEAM, adapter)
    account.opened.set()
    inbox = Inbox(desk.store, Engine({TEAM: account}, now=lambda: NOW), lambda: desk.world)
    doubted: list[Place] = []
    inbox.doubted = doubted.append
    for n, key in enumerate(("shared", "hi")):
        await inbox.take(Raw(TEAM, key, b"{}", at(n)))
    await inbox.serve(await desk.source(TEAM), Wake())
    assert doubted == [CHANNEL]
