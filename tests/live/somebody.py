"""Whoever has a token at a server, with an ordinary client, and as patient as the server asks them to be. No tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from adapters.mastodon.pace import seconds_of
from adapters.mastodon.stream import headers, session
from bridge.errors import Retryable
from bridge.post import NativeId

T = TypeVar("T")

_BUSY = (429, 503)
_LONGEST_S = 330.0
"""A server that counts calls over five minutes asks for no more."""
_GONE_WITHIN_S = 30.0
"""Some servers delete a moment after they say so."""


async def patiently(deed: Callable[[], Awaitable[T]]) -> T:
    """Do it, again where the server asks for a pause."""
    deadline = time.monotonic() + _LONGEST_S
    while True:
        try:
            return await deed()
        except Retryable as error:
            if error.after is None or time.monotonic() + error.after > deadline:
                raise
            await asyncio.sleep(error.after)


class Somebody:
    """Whoever has the token; nobody in particular without one."""

    def __init__(self, url: str, token: str = "") -> None:
        self._url = url
        self._token = token
        self._written: list[str] = []

    async def _ask(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> tuple[int, Any]:
        """The answer, once the server has time for us."""
        deadline = time.monotonic() + _LONGEST_S
        while True:
            status, answer, told = await self._once(method, path, fields)
            pause = _pause(told) if status in _BUSY else None
            if pause is None or time.monotonic() + pause > deadline:
                return status, answer
            await asyncio.sleep(pause)

    async def _once(self, method: str, path: str, fields: Mapping[str, str] | None) -> tuple[int, Any, Mapping[str, str]]:
        signed = dict(headers(self._token)) if self._token else {}
        async with (
            asyncio.timeout(30),
            await session(self._url, 30) as client,
            client.request(method, f"{self._url}{path}", data=fields, headers=signed) as reply,
        ):
            told = reply.headers.copy()
            return reply.status, await reply.json(content_type=None), told

    async def _done(self, method: str, path: str, fields: Mapping[str, str] | None = None) -> Any:
        status, answer = await self._ask(method, path, fields)
        assert status == 200, f"{method} {path}: {status} {answer}"
        return answer

    # ------------------------------------------------ who they are

    async def instance(self) -> Mapping[str, Any]:
        return await self._done("GET", "/api/v2/instance")  # type: ignore[no-any-return]

    async def me(self) -> Mapping[str, Any]:
        status, account = await self._ask("GET", "/api/v1/accounts/verify_credentials")
        assert status == 200, f"a token is not accepted: {status}"
        return account  # type: ignore[no-any-return]

    async def follows(self, account: str) -> bool:
        [relation] = await self._done("GET", f"/api/v1/accounts/relationships?id[]={account}")
        return bool(relation["following"])

    async def ask_to_follow(self, account: str) -> None:
        await self._done("POST", f"/api/v1/accounts/{account}/follow")

    async def stop_following(self, account: str) -> None:
        """Also takes a request back."""
        await self._done("POST", f"/api/v1/accounts/{account}/unfollow")

    async def let_in(self, account: str) -> None:
        await self._done("POST", f"/api/v1/follow_requests/{account}/authorize")

    # ------------------------------------------------ what they write

    async def write(self, words: str, visibility: str, reply_to: str = "") -> NativeId:
        fields = {"status": words, "visibility": visibility} | ({"in_reply_to_id": reply_to} if reply_to else {})
        made = await self._done("POST", "/api/v1/statuses", fields)
        self._written.append(str(made["id"]))
        return NativeId(self._written[-1])

    async def edit(self, native: NativeId, words: str) -> None:
        await self._done("PUT", f"/api/v1/statuses/{native}", {"status": words})

    async def delete(self, native: str) -> None:
        status, made = await self._ask("DELETE", f"/api/v1/statuses/{native}")
        assert status in (200, 404), made

    async def tidy(self) -> None:
        while self._written:
            await self.delete(self._written.pop())

    # ------------------------------------------------ what they see

    async def reads(self, native: str) -> Mapping[str, Any] | None:
        """The status as they see it; None where they are told that there is none."""
        status, seen = await self._ask("GET", f"/api/v1/statuses/{native}")
        assert status in (200, 401, 403, 404), seen
        return seen if status == 200 else None

    async def finds_gone(self, native: str) -> bool:
        deadline = time.monotonic() + _GONE_WITHIN_S
        while await self.reads(native) is not None:
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.5)
        return True


def _pause(told: Mapping[str, str]) -> float:
    """How long a busy server asks us to wait."""
    date, now = told.get("Date", ""), time.time()
    asked = [seconds_of(told.get(name, ""), date, now) for name in ("Retry-After", "X-RateLimit-Reset")]
    return max(1.0, next((each for each in asked if each is not None), 5.0))
