"""One Mastodon sandbox for the folder, and the real adapter plugged into it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio
from mastodon import Mastodon

from adapters.mastodon.adapter import MastodonAdapter
from adapters.mastodon.listening import together
from adapters.mastodon.sandbox import MastodonSandbox
from adapters.mastodon.settings import MastodonSettings
from bridge.contract import Context, Limits, Thread
from bridge.errors import Retryable
from bridge.post import (
    AccountId,
    Audience,
    Author,
    Destination,
    Edited,
    Event,
    Ignored,
    NativeId,
    Place,
    PlaceId,
    Post,
    Raw,
    Ref,
    UserId,
)
from bridge.text import from_plain, plain

HERE = Path(__file__).parent
ACCOUNT = AccountId("allhands")
TIMELINE = Destination(Place(ACCOUNT, PlaceId("timeline")))
T = TypeVar("T")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The sandbox outlives a test, so the tests here share their loop."""
    for item in items:
        if item.path.is_relative_to(HERE) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


async def eventually(look: Callable[[], T], what: str, patience: float = 15.0) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {patience:g} s", pytrace=False)
        await asyncio.sleep(0.01)
    return found


@dataclass
class MemoryInbox:
    """An inbox that keeps what it takes; `broken` makes it refuse."""

    raws: dict[str, Raw] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    offered: list[str] = field(default_factory=list)
    cursors: dict[str, str] = field(default_factory=dict)
    broken: bool = False
    kept: int = 0

    async def take(self, raw: Raw) -> None:
        self.offered.append(raw.key)
        if self.broken:
            raise Retryable
        if raw.key not in self.raws:
            self.raws[raw.key] = raw
            self.order.append(raw.key)

    async def take_page(self, account: AccountId, raws: Sequence[Raw], cursor: str, value: str) -> None:
        for raw in raws:
            await self.take(raw)
        self.cursors[cursor] = value

    async def cursor(self, account: AccountId, cursor: str) -> str | None:
        return self.cursors.get(cursor)

    def places_changed(self, account: AccountId) -> None:
        return

    async def kept_back(self, account: AccountId, missed: int) -> None:
        self.kept += missed

    def catching_up(self, account: AccountId) -> AbstractContextManager[None]:
        return nullcontext()

    async def standing(self, place: Place, since: datetime) -> Sequence[NativeId]:
        return ()


@dataclass
class Rig:
    """The adapter at work. `at` is where the sandbox's counters stood before the test."""

    sandbox: MastodonSandbox
    adapter: MastodonAdapter
    inbox: MemoryInbox

    def events(self) -> list[Event | Ignored]:
        return [event for key in self.inbox.order for event in self.adapter.parse(self.inbox.raws[key])]

    async def heard(self, kind: type[T], native: NativeId) -> T:
        def look() -> T | None:
            return next((e for e in self.events() if isinstance(e, kind) and getattr(e, "ref").id == native), None)  # noqa: B009

        found = await eventually(look, f"{kind.__name__} of {native}")
        assert found is not None
        return found

    async def send(self, words: str, key: str, thread: Thread | None = None) -> Ref:
        part = self.adapter.render(a_post(words), TIMELINE, a_context(self.adapter.limits))[0]
        return await self.adapter.send(part, TIMELINE, thread or Thread(), key)

    def copies(self, words: str) -> list[NativeId]:
        return [one.id for one in self.sandbox.standing() if words in one.text and one.by_bridge]


async def streaming(rig: Rig) -> None:
    """Wait until the stream stands and has told everything so far: only it tells edits, and it tells them in order."""
    native = await rig.sandbox.write("allhands", "before")

    def edits(words: str) -> list[Edited]:
        found = [one for one in rig.events() if isinstance(one, Edited) and one.ref.id == native]
        return [one for one in found if plain(one.post.text) == words]

    async with asyncio.timeout(15):
        while not edits("after"):
            await rig.sandbox.edit(native, "after")
    await rig.sandbox.edit(native, "settled")
    await eventually(lambda: edits("settled"), "the last edit")


def a_post(words: str, **changes: object) -> Post:
    elsewhere = Ref(Place(AccountId("team"), PlaceId("C1")), NativeId("1"))
    post = Post(elsewhere, Author(UserId("U1"), "Lynn"), from_plain(words), Audience.GROUP, datetime.now(UTC))
    return replace(post, **changes)  # type: ignore[arg-type]


def a_context(limits: Limits, **changes: object) -> Context:
    context = Context(limits, "via {author}: {text}", "all-hands", Audience.GROUP)
    return replace(context, **changes)  # type: ignore[arg-type]


def client_of(sandbox: MastodonSandbox, handle: str) -> Mastodon:
    """An ordinary client of somebody's."""
    token = sandbox.joining[f"access token of @{handle}"]
    return Mastodon(access_token=token, api_base_url=sandbox.joining["server"], version_check_mode="none")


@asynccontextmanager
async def plugged_in(sandbox: MastodonSandbox, inbox: MemoryInbox, **settings: object) -> AsyncIterator[Rig]:
    """The adapter, open and listening with its stream up."""
    adapter = MastodonAdapter(ACCOUNT, MastodonSettings.model_validate({**sandbox.account, **settings}))
    async with adapter.open():
        listening = asyncio.create_task(together(adapter.listen(inbox), adapter.stand_by(inbox)))
        try:
            await eventually(lambda: len(inbox.cursors) >= 2, "the first look")
            yield Rig(sandbox, adapter, inbox)
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox() -> AsyncIterator[MastodonSandbox]:
    async with MastodonSandbox() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def rig(sandbox: MastodonSandbox) -> AsyncIterator[Rig]:
    async with plugged_in(sandbox, MemoryInbox()) as ready:
        yield ready
