"""Edits and deletions that no stream told, and everything a server may say without ending the listening."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.mastodon import hearing
from adapters.mastodon.feeds import Feed
from adapters.mastodon.hearing import Entity, Heard
from adapters.mastodon.identity import Identity
from adapters.mastodon.listening import WINDOW, Listening
from adapters.mastodon.reviewing import Review
from adapters.mastodon.sandbox import MastodonSandbox
from adapters.mastodon.stream import Connected, Ended, Stream, Tell, Told
from adapters.mastodon.window import MOST, Window
from bridge.contract import Fault
from bridge.errors import Rejected, Retryable
from bridge.post import Created, Deleted, Edited, NativeId, UserId
from bridge.text import plain
from tests.mastodon.conftest import ACCOUNT, MemoryInbox, Rig, eventually, plugged_in, streaming

ME = Identity(ACCOUNT, UserId("1"), "allhands", "social.example")


def status(status_id: str, edited: int = 0, words: str = "words") -> dict[str, Any]:
    """One of our own; `edited` is the minute of its last edit, 0: never."""
    return {
        "id": status_id,
        "account": {"id": "1", "username": "allhands", "acct": "allhands"},
        "content": words,
        "visibility": "private",
        "created_at": "2026-11-01T10:00:00.000Z",
        "edited_at": f"2026-11-01T10:{edited:02}:00.000Z" if edited else None,
    }


def known(*statuses: Entity) -> Window:
    window = Window()
    for each in statuses:
        window.note(hearing.created(ACCOUNT, each))
    return window


# ---------------------------------------------------------------- the window


def test_a_window_is_the_same_after_a_restart() -> None:
    window = known(status("01J"), status("9", 5))
    assert Window.load(window.dump()).dump() == window.dump()


@pytest.mark.parametrize("stored", [None, "", "{broken", "7", "[7]", '{"a": 1}', "null"])
def test_a_window_that_cannot_be_read_is_empty(stored: str | None) -> None:
    assert not Window.load(stored).ids


def test_a_window_keeps_the_newest_also_when_a_page_repeats_more_than_it_holds() -> None:
    page = [status(str(n)) for n in range(MOST + 40)]
    window = known(*page, *page)
    assert window.ids == tuple(str(n) for n in range(40, MOST + 40))


def test_a_page_that_shows_an_edit_beside_the_post_does_not_hide_it() -> None:
    """The post was heard before; its edit, made while the stream was down, first shows on a page of posts."""
    window = known(status("1"), status("1", 5))
    assert [each["id"] for each in window.changed([status("1", 5)])] == ["1"]


def test_a_post_that_was_edited_before_it_was_heard_is_no_edit() -> None:
    assert not known(status("1", 5)).changed([status("1", 5)])


def test_an_older_edit_never_follows_a_newer_one() -> None:
    window = known(status("1"))
    window.note(hearing.edited(ACCOUNT, status("1", 9)))
    assert not window.changed([status("1", 5)])
    assert window.changed([status("1", 10)])


def test_what_was_never_heard_neither_changes_nor_vanishes() -> None:
    window = known()
    window.note(hearing.edited(ACCOUNT, status("1", 5)))
    assert not window.ids
    assert not window.changed([status("2", 5)])


@pytest.mark.scenario("C15")
def test_an_edit_has_the_same_raw_by_stream_and_by_page() -> None:
    by_stream = hearing.of_event(ACCOUNT, "1", "status.update", status("1", 5))
    when = datetime(2026, 11, 1, 10, tzinfo=UTC)
    by_page = hearing.edited(ACCOUNT, {**status("1"), "created_at": when, "edited_at": when.replace(minute=5)})
    assert by_stream is not None
    assert by_stream.raw == by_page.raw


# ---------------------------------------------------------------- the review


class Server:
    """Pages of two feeds and single statuses, as they stand; `failing` says what looking one up raises."""

    def __init__(self, *standing: Entity, hidden: Sequence[Entity] = (), failing: Exception | None = None) -> None:
        self.standing = list(standing)
        self.hidden = list(hidden)
        self.failing = failing
        self.looked_up: list[str] = []

    async def page(self, before: str | None) -> Sequence[Entity]:
        return [] if before else list(reversed(self.standing))

    async def look_up(self, status_id: str) -> Entity | None:
        self.looked_up.append(status_id)
        if self.failing:
            raise self.failing
        return next((each for each in (*self.standing, *self.hidden) if each["id"] == status_id), None)

    def review(self) -> Review:
        async def after(_: str) -> Sequence[Entity]:
            return []

        return Review(ACCOUNT, [Feed("statuses", after, self.page, lambda item: item, "0")], self.look_up)


def found(changes: Sequence[Heard]) -> list[str]:
    return [each.raw.key for each in changes]


@pytest.mark.scenario("E06")
async def test_edits_come_oldest_first_and_then_what_is_gone() -> None:
    window = known(status("a"), status("b"), status("c"), status("d"))
    server = Server(status("a", 9), status("b", 3), status("d"))
    assert found(await server.review().changes(window)) == [
        "status:b:edit:2026-11-01T10:03:00.000000+00:00",
        "status:a:edit:2026-11-01T10:09:00.000000+00:00",
        "status:c:delete",
    ]
    assert server.looked_up == ["c"]


@pytest.mark.parametrize("error", [Retryable(), Rejected("forbidden")])
async def test_a_deletion_is_believed_only_where_the_server_says_so(error: Exception) -> None:
    server = Server(status("a"), failing=error)
    window = known(status("a"), status("b"))
    with suppress(Retryable):
        assert not await server.review().changes(window)
    server.failing = None
    assert found(await Server(status("a")).review().changes(window)) == ["status:b:delete"]


async def test_what_no_page_lists_is_looked_up_and_its_edit_heard() -> None:
    server = Server(status("a"), hidden=[status("b", 7)])
    window = known(status("a"), status("b"))
    review = server.review()
    assert found(await review.changes(window)) == ["status:b:edit:2026-11-01T10:07:00.000000+00:00"]
    await review.changes(window)
    assert server.looked_up == ["b"]  # not again at once: a stream that flaps must not use up our calls


async def test_nothing_is_asked_where_nothing_was_heard() -> None:
    server = Server()
    assert not await server.review().changes(Window())
    assert not server.looked_up


# ---------------------------------------------------------------- nothing a server says ends it


class Scripted:
    """Ways to a stream that tells what it is told to, then stands."""

    def __init__(self, *told: object) -> None:
        self.told = told

    def connect(self) -> Stream:
        async def follow(tell: Tell) -> Ended:
            tell(Connected())
            for each in self.told:
                tell(each)  # type: ignore[arg-type]
            await asyncio.Event().wait()
            return Ended("")

        return Stream(follow)

    def note(self, ended: Ended, *, stood: bool) -> bool:
        return False


@asynccontextmanager
async def hearing_from(streaming: Any, inbox: MemoryInbox, server: Server) -> AsyncIterator[None]:
    async def well() -> None: ...

    listening = asyncio.create_task(Listening(ME, [], streaming, server.review(), well, 60).run(inbox))
    try:
        yield
    finally:
        assert not listening.done()
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


NONSENSE: Sequence[Told] = [
    Told("", None),
    Told("update", None),
    Told("update", "{broken"),
    Told("update", []),
    Told("update", {"id": "1"}),
    Told("update", {"id": "1", "account": None}),
    Told("update", {"id": "1", "account": {"id": "1"}, "mentions": 7, "created_at": "yesterday"}),
    Told("update", {**status("1"), "created_at": "yesterday"}),
    Told("update", {**status("1"), "mentions": [{}]}),
    Told("status.update", {**status("1"), "edited_at": {}, "account": "me"}),
    Told("notification", {"type": "mention", "status": 7}),
    Told("notification", {"type": ["mention"]}),
    Told("notification", 7),
    Told("delete", None),
    Told("delete", {"id": 1}),
    Told("an event of the year 2030", {"new": True}),
    Told("filters_changed", None),
]


async def test_nothing_that_a_server_says_ends_the_listening() -> None:
    inbox = MemoryInbox()
    async with hearing_from(Scripted(*NONSENSE, Told("update", status("good"))), inbox, Server()):
        await eventually(lambda: "status:good" in inbox.raws, "what comes after nonsense")


async def test_what_could_not_be_read_is_looked_for_over_rest() -> None:
    inbox = MemoryInbox()
    inbox.cursors[WINDOW] = known(status("a")).dump()
    server = Server(status("a"))
    async with hearing_from(Scripted(), inbox, server):
        pass
    scripted = Scripted(Told("update", status("b")), Told("status.update", "{broken"))
    async with hearing_from(scripted, inbox, Server(status("a", 4), status("b"))):
        await eventually(lambda: [key for key in inbox.raws if key.startswith("status:a:edit")], "the edit")


async def test_a_store_that_is_down_loses_nothing_that_a_stream_tells() -> None:
    inbox = MemoryInbox(broken=True)
    async with hearing_from(Scripted(Told("update", status("a")), Told("delete", "a")), inbox, Server()):
        await eventually(lambda: inbox.offered, "an attempt")
        inbox.broken = False
        await eventually(lambda: inbox.order == ["status:a", "status:a:delete"], "both, in order")


# ---------------------------------------------------------------- the whole, through the sandbox


@pytest.mark.scenario("E06")
@pytest.mark.parametrize("person", ["allhands", "lynn"])
async def test_what_is_edited_and_deleted_during_an_outage_is_heard_after_it(rig: Rig, person: str) -> None:
    async def write(words: str) -> NativeId:
        if person == "allhands":
            return await rig.sandbox.write(person, words)
        return await rig.sandbox.write_direct(person, words)

    edited, deleted, left = [await write(f"before {n}") for n in range(3)]
    for native in (edited, deleted, left):
        await rig.heard(Created, native)
    await rig.sandbox.unplug()
    await rig.sandbox.edit(edited, "during")
    await rig.sandbox.delete(deleted)
    await rig.sandbox.plug()
    assert plain((await rig.heard(Edited, edited)).post.text) == "during"
    await rig.heard(Deleted, deleted)
    assert f"status:{left}:delete" not in rig.inbox.raws


@pytest.mark.scenario("D01")
async def test_what_is_edited_and_deleted_while_away_is_heard_after_the_start(sandbox: MastodonSandbox) -> None:
    inbox = MemoryInbox()
    async with plugged_in(sandbox, inbox) as rig:
        edited, deleted = [await sandbox.write("allhands", f"before {n}") for n in range(2)]
        for native in (edited, deleted):
            await rig.heard(Created, native)
    await sandbox.edit(edited, "while away")
    await sandbox.delete(deleted)
    posted = await sandbox.write("allhands", "and this is new")
    async with plugged_in(sandbox, inbox) as rig:
        assert plain((await rig.heard(Edited, edited)).post.text) == "while away"
        await rig.heard(Deleted, deleted)
        await rig.heard(Created, posted)
        assert inbox.order.index(f"status:{posted}") < inbox.order.index(f"status:{deleted}:delete")


@pytest.mark.scenario("C16")
async def test_an_edit_that_both_tell_is_one_raw(rig: Rig) -> None:
    await streaming(rig)
    native = await rig.sandbox.write("allhands", "before")
    await rig.heard(Created, native)
    await rig.sandbox.edit(native, "after")
    await rig.heard(Edited, native)
    await rig.sandbox.unplug()
    await rig.sandbox.plug()
    await rig.heard(Created, await rig.sandbox.write("allhands", "caught up"))
    assert len([key for key in rig.inbox.offered if key.startswith(f"status:{native}:edit")]) == 1


@pytest.mark.scenario("D02")
async def test_a_silent_stream_and_more_than_a_page_lose_nothing(sandbox: MastodonSandbox) -> None:
    async with plugged_in(sandbox, MemoryInbox(), scan=1) as rig:
        await streaming(rig)
        sandbox.fault(Fault.SILENT, times=1_000_000)
        posted = [await sandbox.write("allhands", f"unheard {n}") for n in range(60)]
        for native in posted:
            await rig.heard(Created, native)
        sandbox.fault(Fault.SILENT, times=0)  # not before: what is on its way to the stream would be told
        mine: Mapping[str, int] = {key: rig.inbox.order.count(key) for key in (f"status:{native}" for native in posted)}
        assert set(mine.values()) == {1}
        assert [key for key in rig.inbox.order if key in mine] == list(mine)
