"""A server with the accounts of a group, a follower and a stranger, the sandbox's or a real one, and the adapter. No tests."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from adapters.mastodon.adapter import MastodonAdapter
from adapters.mastodon.listening import together
from adapters.mastodon.mockserver import BRIDGE_TOKEN, TOKENS
from adapters.mastodon.sandbox import MastodonSandbox
from adapters.mastodon.settings import MastodonSettings
from bridge.contract import File, Part, Thread
from bridge.post import Destination, Event, Ignored, NativeId, Ref
from tests.live.somebody import Somebody, patiently
from tests.mastodon.conftest import ACCOUNT, TIMELINE, MemoryInbox, a_context, a_post, eventually

T = TypeVar("T")

URL = "VIABRIDGE_LIVE_MASTODON_URL"
TOKEN = ("VIABRIDGE_LIVE_MASTODON_TOKEN", "VIABRIDGE_LIVE_MASTODON_ACCOUNT_TOKEN")
MEMBER, STRANGER = ("VIABRIDGE_LIVE_MASTODON_MEMBER_TOKEN",), ("VIABRIDGE_LIVE_MASTODON_STRANGER_TOKEN",)
AUTHORITY = "VIABRIDGE_LIVE_CA"
PATIENCE = 90.0
"""Seconds: longer than anything takes to be heard that the stream does not tell."""
_MOCK = "mastodon_mock"

_RUN = uuid4().hex[:8]
_numbers = itertools.count(1)


def unique(words: str) -> str:
    """The words with something that nobody else says, in this run or another."""
    return f"{words} {_RUN}n{next(_numbers)}"


@dataclass
class Scene:
    """Who is there. `token` is the bridge's; people who post as the account may have one of their own.

    `scan` is in seconds, `patience` too. `keeps_secrets`: False for mastodon-mock without anything in front, which shows
    everything to everybody; what is asked of it instead is whether a copy says for whom it is.
    """

    url: str
    token: str
    account: Somebody
    member: Somebody
    stranger: Somebody
    nobody: Somebody
    handle: str
    stranger_handle: str
    scan: float = 5.0
    patience: float = PATIENCE
    keeps_secrets: bool = True

    @asynccontextmanager
    async def listening(self, inbox: MemoryInbox, scan: float | None = None) -> AsyncIterator[Guest]:
        """The adapter, signed in and listening."""
        settings = {"platform": "mastodon", "server": self.url, "access_token": self.token, "scan": scan or self.scan}
        adapter = MastodonAdapter(ACCOUNT, MastodonSettings.model_validate(settings))
        async with AsyncExitStack() as opened:
            await patiently(lambda: opened.enter_async_context(adapter.open()))
            task = asyncio.create_task(together(adapter.listen(inbox), adapter.stand_by(inbox)))
            guest = Guest(adapter, inbox, self.patience)
            try:
                await eventually(lambda: len(inbox.cursors) >= 2, "the first look", self.patience)
                yield guest
            finally:
                for ref in guest.sent:
                    await patiently(lambda ref=ref: adapter.delete(ref))  # type: ignore[misc]
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    async def write_directly(self, words: str) -> NativeId:
        return await self.member.write(f"@{self.handle} {words}", "direct")


@dataclass
class Guest:
    """The adapter at work."""

    adapter: MastodonAdapter
    inbox: MemoryInbox
    patience: float
    sent: list[Ref] = field(default_factory=list)

    def events(self) -> list[Event | Ignored]:
        return [event for key in self.inbox.order for event in self.adapter.parse(self.inbox.raws[key])]

    async def heard(self, kind: type[T], native: NativeId) -> T:
        def look() -> T | None:
            return next((e for e in self.events() if isinstance(e, kind) and getattr(e, "ref").id == native), None)  # noqa: B009

        found = await eventually(look, f"{kind.__name__} of {native}", self.patience)
        assert found is not None
        return found

    def part(self, words: str, *files: File, to: Destination = TIMELINE, **changes: object) -> Part:
        """The first part of a post with these words."""
        part = self.adapter.render(a_post(words, **changes), to, a_context(self.adapter.limits))[0]
        return replace(part, files=files)

    async def send(self, words: str, thread: Thread | None = None) -> Ref:
        return await self.bring(self.part(words), thread=thread)

    async def bring(self, part: Part, to: Destination = TIMELINE, thread: Thread | None = None) -> Ref:
        key = unique("key")
        self.sent.append(await patiently(lambda: self.adapter.send(part, to, thread or Thread(), key)))
        return self.sent[-1]

    async def edit(self, ref: Ref, part: Part) -> None:
        await patiently(lambda: self.adapter.edit(ref, part))

    async def delete(self, ref: Ref) -> None:
        await patiently(lambda: self.adapter.delete(ref))


async def set_up(url: str, token: str, own: str, member: str, stranger: str, **facts: Any) -> Scene:
    """Everybody signed in, the member let in where they do not follow yet, and the stranger no follower."""
    account, follower, other = Somebody(url, own), Somebody(url, member), Somebody(url, stranger)
    me, theirs, them = await account.me(), await follower.me(), await other.me()
    assert me["locked"], "the group's account must approve its followers"
    if not await follower.follows(str(me["id"])):
        await follower.ask_to_follow(str(me["id"]))
        await account.let_in(str(theirs["id"]))
    assert await follower.follows(str(me["id"])), "the member must follow the group's account"
    assert not await other.follows(str(me["id"])), "the stranger must not follow the group's account"
    return Scene(url, token, account, follower, other, Somebody(url), str(me["username"]), str(them["username"]), **facts)


@asynccontextmanager
async def in_sandbox(dialect: str) -> AsyncIterator[Scene]:
    async with MastodonSandbox(dialect) as sandbox:
        url = str(sandbox.account["server"])
        yield await set_up(url, BRIDGE_TOKEN, TOKENS["allhands"], TOKENS["lynn"], TOKENS["stranger"])


@asynccontextmanager
async def in_environment() -> AsyncIterator[Scene]:
    """The server that the environment names; skipped where it names none."""
    if not (url := os.environ.get(URL, "").rstrip("/")):
        pytest.skip(f"set {URL}: see tests/live/README.md")
    token, member, stranger = (_named(names) for names in (TOKEN, MEMBER, STRANGER))
    with pytest.MonkeyPatch.context() as patch:
        if authority := os.environ.get(AUTHORITY):
            patch.setenv("REQUESTS_CA_BUNDLE", authority)
        secrets = _MOCK not in str((await Somebody(url).instance()).get("source_url"))
        # looked over REST more seldom: some servers count the calls of everybody together
        scene = await set_up(url, token, token, member, stranger, scan=15.0, patience=4 * PATIENCE, keeps_secrets=secrets)
        try:
            yield scene
        finally:
            for each in (scene.account, scene.member, scene.stranger):
                await each.tidy()


def _named(names: tuple[str, ...]) -> str:
    """What the environment says under one of these names. Without it the tests would prove nothing: so they fail."""
    found = next((os.environ[name] for name in names if os.environ.get(name)), "")
    return found or pytest.fail(f"{URL} is set, but not {' or '.join(names)}: see tests/live/README.md", pytrace=False)
