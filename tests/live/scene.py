"""A server with the accounts of a group, a follower and a stranger, the sandbox's or a real one, and the adapter. No tests."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from adapters.mastodon.adapter import MastodonAdapter
from adapters.mastodon.mockserver import BRIDGE_TOKEN, TOKENS
from adapters.mastodon.sandbox import MastodonSandbox
from adapters.mastodon.settings import MastodonSettings
from adapters.mastodon.stream import headers, session
from bridge.contract import Thread
from bridge.post import Event, Ignored, NativeId, Ref
from tests.mastodon.conftest import ACCOUNT, TIMELINE, MemoryInbox, a_context, a_post, eventually

T = TypeVar("T")

URL, TOKEN = "VIABRIDGE_LIVE_MASTODON_URL", "VIABRIDGE_LIVE_MASTODON_TOKEN"
MEMBER, STRANGER = "VIABRIDGE_LIVE_MASTODON_MEMBER_TOKEN", "VIABRIDGE_LIVE_MASTODON_STRANGER_TOKEN"
AUTHORITY = "VIABRIDGE_LIVE_CA"
PATIENCE = 90.0
"""Seconds: longer than anything takes to be heard that the stream does not tell."""

_RUN = uuid4().hex[:8]
_numbers = itertools.count(1)


def unique(words: str) -> str:
    """The words with something that nobody else says, in this run or another."""
    return f"{words} {_RUN}n{next(_numbers)}"


class Somebody:
    """Whoever has the token, with an ordinary client; nobody in particular without one."""

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url
        self._token = token
        self._written: list[str] = []

    async def _ask(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> tuple[int, Any]:
        signed = dict(headers(self._token)) if self._token else {}
        async with (
            asyncio.timeout(30),
            await session(30) as client,
            client.request(method, f"{self._url}{path}", data=fields, headers=signed) as reply,
        ):
            return reply.status, await reply.json(content_type=None)

    async def me(self) -> Mapping[str, Any]:
        status, account = await self._ask("GET", "/api/v1/accounts/verify_credentials")
        assert status == 200, f"a token is not accepted: {status}"
        return account  # type: ignore[no-any-return]

    async def write(self, words: str, visibility: str) -> NativeId:
        status, made = await self._ask("POST", "/api/v1/statuses", {"status": words, "visibility": visibility})
        assert status == 200, made
        self._written.append(str(made["id"]))
        return NativeId(self._written[-1])

    async def edit(self, native: NativeId, words: str) -> None:
        status, made = await self._ask("PUT", f"/api/v1/statuses/{native}", {"status": words})
        assert status == 200, made

    async def delete(self, native: str) -> None:
        status, made = await self._ask("DELETE", f"/api/v1/statuses/{native}")
        assert status in (200, 404), made

    async def reads(self, native: str) -> Mapping[str, Any] | None:
        """The status as they see it; None where they are told that there is none."""
        status, seen = await self._ask("GET", f"/api/v1/statuses/{native}")
        assert status in (200, 401, 403, 404), seen
        return seen if status == 200 else None

    async def tidy(self) -> None:
        while self._written:
            await self.delete(self._written.pop())


@dataclass
class Scene:
    """Who is there. `token` is the bridge's; people who post as the account may have one of their own."""

    url: str
    token: str
    account: Somebody
    member: Somebody
    stranger: Somebody
    nobody: Somebody
    handle: str
    stranger_handle: str

    @asynccontextmanager
    async def listening(self, inbox: MemoryInbox, scan: float = 5) -> AsyncIterator[Guest]:
        """The adapter, signed in and listening."""
        settings = {"platform": "mastodon", "server": self.url, "access_token": self.token, "scan": scan}
        adapter = MastodonAdapter(ACCOUNT, MastodonSettings.model_validate(settings))
        async with adapter.open():
            task = asyncio.create_task(adapter.listen(inbox))
            guest = Guest(adapter, inbox)
            try:
                await eventually(lambda: len(inbox.cursors) >= 2, "the first look", PATIENCE)
                yield guest
            finally:
                for ref in guest.sent:
                    await adapter.delete(ref)
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
    sent: list[Ref] = field(default_factory=list)

    def events(self) -> list[Event | Ignored]:
        return [event for key in self.inbox.order for event in self.adapter.parse(self.inbox.raws[key])]

    async def heard(self, kind: type[T], native: NativeId) -> T:
        def look() -> T | None:
            return next((e for e in self.events() if isinstance(e, kind) and getattr(e, "ref").id == native), None)  # noqa: B009

        found = await eventually(look, f"{kind.__name__} of {native}", PATIENCE)
        assert found is not None
        return found

    async def send(self, words: str, thread: Thread | None = None) -> Ref:
        part = self.adapter.render(a_post(words), TIMELINE, a_context(self.adapter.limits))[0]
        self.sent.append(await self.adapter.send(part, TIMELINE, thread or Thread(), unique("key")))
        return self.sent[-1]


async def set_up(url: str, token: str, own: str, member: str, stranger: str) -> Scene:
    account, other = Somebody(url, own), Somebody(url, stranger)
    me, them = await account.me(), await other.me()
    assert me["locked"], "the group's account must approve its followers"
    return Scene(url, token, account, Somebody(url, member), other, Somebody(url), str(me["username"]), str(them["username"]))


@asynccontextmanager
async def in_sandbox(dialect: str) -> AsyncIterator[Scene]:
    async with MastodonSandbox(dialect) as sandbox:
        url = str(sandbox.account["server"])
        yield await set_up(url, BRIDGE_TOKEN, TOKENS["allhands"], TOKENS["lynn"], TOKENS["stranger"])


@asynccontextmanager
async def in_environment() -> AsyncIterator[Scene]:
    """The server that the environment names; skipped where it names none."""
    if missing := [name for name in (URL, TOKEN, MEMBER, STRANGER) if not os.environ.get(name)]:
        pytest.skip(f"set {', '.join(missing)}: see tests/live/README.md")
    with pytest.MonkeyPatch.context() as patch:
        if authority := os.environ.get(AUTHORITY):
            patch.setenv("REQUESTS_CA_BUNDLE", authority)
        url, token, member, stranger = (os.environ[name] for name in (URL, TOKEN, MEMBER, STRANGER))
        scene = await set_up(url.rstrip("/"), token, token, member, stranger)
        try:
            yield scene
        finally:
            for each in (scene.account, scene.member):
                await each.tidy()
