"""Mastodon on the bench: accounts, statuses and streams, as far as the bridge asks for them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from tests.bench.journal import Journal, words

DOMAIN: Final = "social.bench"


@dataclass
class Account:
    """One protected account, known by its token."""

    name: str
    statuses: list[dict[str, Any]] = field(default_factory=list)
    by_key: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What was posted with an idempotency key: posted again, it is only answered again."""
    streams: list[asyncio.Queue[bytes]] = field(default_factory=list)


class Mastodon:
    """A server with an account for every token that is shown to it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._next = int(time.time() * 1000) << 16
        self.accounts: dict[str, Account] = {}
        self.down = False

    def account(self, request: web.Request) -> Account:
        name = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return self.accounts.setdefault(name, Account(name))

    async def call(self, request: web.Request) -> web.StreamResponse:
        me, path = self.account(request), request.match_info["path"].rstrip("/")
        if self.down:
            return web.json_response({"error": "over capacity"}, status=503)
        match request.method, path.split("/"):
            case "POST", ["v1", "statuses"]:
                text, key = str((await request.post()).get("status")), request.headers.get("Idempotency-Key")
                if key is None or (made := me.by_key.get(key)) is None:
                    self._journal.copy(f"mastodon/{me.name}", text)
                    made = self._posted(me, text)
                    me.by_key[key or made["id"]] = made
                return web.json_response(made)
            case "GET", ["v1", "statuses", wanted] if found := [each for each in me.statuses if each["id"] == wanted]:
                return web.json_response(found[0])
            case "GET", ["v1", "accounts", "verify_credentials"]:
                return web.json_response(_account(me.name) | {"source": {"privacy": "private"}})
            case "GET", ["v2", "instance"]:
                return web.json_response(_instance(f"{request.scheme}://{request.host}"))
            case "GET", ["v1", "accounts", _, "statuses"]:
                return web.json_response(_page(me.statuses, request.query))
            case "GET", ["v1", "streaming", "user"]:
                return await self._stream(request, me)
            case "GET", ["v1", "notifications" | "follow_requests"] | ["v1", "accounts", _, "followers"]:
                return web.json_response([])
            case _:
                return web.json_response({"error": "Record not found"}, status=404)

    def say(self, number: int, name: str) -> None:
        """A human posts as the account."""
        self._journal.said[number] = time.perf_counter()
        self._posted(self.accounts[name], f"<p>{words(number)}</p>")

    def _posted(self, me: Account, content: str) -> dict[str, Any]:
        self._next += 1
        status = _status(str(self._next), me.name, content)
        me.statuses.append(status)
        del me.statuses[:-4000]
        event = f"event: update\ndata: {json.dumps(status)}\n\n".encode()
        for stream in me.streams:
            stream.put_nowait(event)
        return status

    async def _stream(self, request: web.Request, me: Account) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        events: asyncio.Queue[bytes] = asyncio.Queue()
        me.streams.append(events)
        try:
            await response.write(b":)\n")
            while True:
                try:
                    async with asyncio.timeout(15):
                        event = await events.get()
                except TimeoutError:
                    event = b":thump\n"
                await response.write(event)
        finally:
            me.streams.remove(events)


def _account(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "username": name,
        "acct": name,
        "display_name": name,
        "locked": True,
        "bot": False,
        "followers_count": 3,
        "created_at": "2026-01-01T00:00:00.000Z",
        "url": f"https://{DOMAIN}/@{name}",
    }


def _status(status_id: str, name: str, content: str) -> dict[str, Any]:
    return {
        "id": status_id,
        "created_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "edited_at": None,
        "account": _account(name),
        "content": content,
        "visibility": "private",
        "spoiler_text": "",
        "sensitive": False,
        "language": "en",
        "in_reply_to_id": None,
        "in_reply_to_account_id": None,
        "reblog": None,
        "mentions": [],
        "tags": [],
        "emojis": [],
        "media_attachments": [],
        "url": f"https://{DOMAIN}/@{name}/{status_id}",
        "uri": f"https://{DOMAIN}/users/{name}/statuses/{status_id}",
    }


def _instance(base: str) -> dict[str, Any]:
    return {
        "domain": DOMAIN,
        "title": "Bench",
        "version": "4.7.3",
        "configuration": {
            "urls": {"streaming": base.replace("http", "ws", 1)},
            "statuses": {"max_characters": 500, "max_media_attachments": 4, "characters_reserved_per_url": 23},
        },
    }


def _page(statuses: list[dict[str, Any]], query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Newest first. Ids grow and are equally long, so here they may be compared."""
    limit = int(query.get("limit", "20"))
    if after := query.get("min_id"):
        return [each for each in statuses if each["id"] > after][:limit][::-1]
    before = query.get("max_id") or "~"
    return [each for each in statuses if each["id"] < before][-limit:][::-1]
