"""Posting a status: one request over a lasting connection, as most of what we do is this. All other calls go through the SDK."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import aiohttp

from adapters.mastodon.pace import Kind, Pace
from adapters.mastodon.punctual import CONNECT_TIMEOUT
from adapters.mastodon.refusals import meaning
from adapters.mastodon.render import Draft
from adapters.mastodon.stream import headers, trust, way_out
from adapters.mastodon.workers import QUEUE_TIMEOUT, Access

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATH: Final = "/api/v1/statuses"
CONNECTIONS: Final = 4
"""How many posts of one account may be under way at once: its timeline's, and direct messages."""

_MOVED: Final = frozenset({301, 302, 307, 308})
"""Answers that say to ask elsewhere. 303 is none of them: it says where to see what came of the request."""


class Posts:
    """Posts statuses to one account, while its server lets it (`pace`)."""

    def __init__(self, access: Access, pace: Pace, client: aiohttp.ClientSession) -> None:
        self._access = access
        self._pace = pace
        self._client = client
        self._url = access.server.rstrip("/") + PATH
        self._headers = {**headers(access.token), "Content-Type": "application/x-www-form-urlencoded"}

    @classmethod
    @asynccontextmanager
    async def opened(cls, access: Access, pace: Pace) -> AsyncIterator[Posts]:
        """With a pool of connections that ends with it."""
        connector = aiohttp.TCPConnector(ssl=await trust(), limit=CONNECTIONS)
        no_cookies, proxy = aiohttp.DummyCookieJar(), way_out(access.server)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=no_cookies, **proxy) as client:
            yield cls(access, pace, client)

    async def __call__(self, draft: Draft, answered: str | None, media: Sequence[str], key: str, end: float) -> Mapping[str, Any]:
        """The status as the server made it. Over by `end` (`time.monotonic()`); nothing is sent after it. Raises `SendError`."""
        if wait := self._pace.wait(Kind.POSTS):
            raise meaning(None, "", wait, never_sent=True, posting=True)
        if self._client.closed:  # the account is being signed out
            raise meaning(None, "", None, never_sent=True, posting=True)
        left = end - time.monotonic()
        if left <= 0:
            raise meaning(None, "", None, never_sent=True, posting=True)
        try:
            async with asyncio.timeout(left):
                return await self._post(urlencode(_fields(draft, answered, media)), key, left)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise meaning(None, "", None, never_sent=True, posting=True) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise meaning(None, "", None, never_sent=False, posting=True) from error

    async def _post(self, form: str, key: str, left: float) -> Mapping[str, Any]:
        connecting = min(QUEUE_TIMEOUT + CONNECT_TIMEOUT, left)
        timeout = aiohttp.ClientTimeout(
            total=None, connect=connecting, sock_connect=min(CONNECT_TIMEOUT, left), sock_read=self._access.timeout
        )
        async with self._client.post(
            self._url,
            data=form.encode(),
            headers={**self._headers, "Idempotency-Key": key},
            timeout=timeout,
            allow_redirects=False,
        ) as answer:
            after = self._pace.heard(Kind.POSTS, answer.status, answer.headers)
            body = await answer.read()
        found = _object(body)
        if answer.status >= 300:
            moved = answer.status in _MOVED  # a form that is sent elsewhere arrives as a question there
            said = str(found.get("error") or "it gives no reason")
            raise meaning(None if moved else answer.status, said, after, never_sent=moved, posting=True)
        if "id" not in found or not isinstance(found.get("account"), dict):
            raise meaning(None, "", after, never_sent=False, posting=True)  # it may well have made it
        return found


def _fields(draft: Draft, answered: str | None, media: Sequence[str]) -> list[tuple[str, str]]:
    wanted = {
        "status": draft.status,
        "in_reply_to_id": answered or "",
        "visibility": draft.visibility,
        "spoiler_text": draft.spoiler_text,
        "language": draft.language,
        "sensitive": "1" if draft.sensitive else "",
    }
    said = [(name, value) for name, value in wanted.items() if value]
    return [*said, *(("media_ids[]", each) for each in media)]


def _object(body: bytes) -> Mapping[str, Any]:
    """The JSON object in an answer; empty where there is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
