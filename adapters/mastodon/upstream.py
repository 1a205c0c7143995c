"""Calls to mastodon-mock, made to behave as a real server's: access, lengths, mentions; and each write in the journal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, urlencode

import aiohttp

from adapters.mastodon import gatekeeping
from adapters.mastodon.darkroom import Darkroom
from adapters.mastodon.journal import Journal
from adapters.mastodon.mockserver import BRIDGE_TOKEN, DOMAIN
from adapters.mastodon.writing import length
from bridge.contract import Limits

LIMITS: Final = Limits(500, 23)
STATUSES: Final = "/api/v1/statuses"
_KEPT: Final = ("Content-Type", "Link", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Retry-After")
_TOO_LONG: Final = "Validation failed: Text character limit of 500 exceeded"
_PATIENCE: Final = aiohttp.ClientTimeout(total=30)

Tell = Callable[[str, Any], None]


@dataclass(frozen=True, slots=True)
class Call:
    """A request, as a client or the sandbox itself makes it. `path` is without the query.

    `unbounded` spares it the limit on a post's length: posts from other servers may be longer than this one's.
    """

    method: str
    path: str
    query: str = ""
    token: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    unbounded: bool = False

    @property
    def posts(self) -> bool:
        return self.method == "POST" and self.path == STATUSES

    @property
    def edits(self) -> bool:
        return self.method == "PUT" and self._names_one_status

    @property
    def deletes(self) -> bool:
        return self.method == "DELETE" and self._names_one_status

    @property
    def writes(self) -> bool:
        return self.posts or self.edits or self.deletes

    @property
    def by_bridge(self) -> bool:
        return self.token == BRIDGE_TOKEN

    @property
    def _names_one_status(self) -> bool:
        return self.path.startswith(f"{STATUSES}/") and self.path.count("/") == STATUSES.count("/") + 1


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its HTTP status, its body, and what of its headers matters."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def refusal(status: int, error: str, **headers: str) -> Reply:
    """An answer as Mastodon words its errors."""
    return Reply(status, json.dumps({"error": error}).encode(), {"Content-Type": "application/json", **headers})


class Upstream:
    """The mock at `url`. `journal` is set once the account's id is known; `tell` adds events that the mock forgets."""

    def __init__(self, session: aiohttp.ClientSession, url: str, base_url: str, tell: Tell) -> None:
        self._session = session
        self.url = url
        self._base_url = base_url
        self._tell = tell
        self._writing = asyncio.Lock()
        self._writes: set[asyncio.Task[Reply]] = set()
        self._viewers: dict[str, str] = {"": ""}
        self.journal = Journal("")
        self.darkroom = Darkroom()
        self.account = ""

    async def learn_account(self) -> None:
        """Find out the group account's id; the journal starts here."""
        self.account = await self.viewer(BRIDGE_TOKEN)
        self.journal = Journal(self.account)

    async def settled(self) -> None:
        """Wait until no write is under way: the mock tells its streams before it replies, the journal comes between."""
        async with self._writing:
            return

    async def finished(self) -> None:
        """Wait for the writes whose clients are gone."""
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def viewer(self, token: str) -> str:
        """The account id behind a token; empty for somebody who is not signed in."""
        if token not in self._viewers:
            reply = await self._forward(Call("GET", "/api/v1/accounts/verify_credentials", token=token))
            self._viewers[token] = str(reply.json["id"]) if reply.status == 200 else ""
        return self._viewers[token]

    async def exchange(self, call: Call) -> Reply:
        """The call, answered as a real server would answer it."""
        if self.darkroom.is_gone(call):
            return refusal(404, "Record not found")
        problem = self.darkroom.problem(call)
        if not problem and (call.posts or call.edits):
            call, problem = _tidy(self.darkroom.whole(call))
        if problem:
            return refusal(422, problem)
        reply = self.darkroom.developed(call, await (self._write(call) if call.writes else self._forward(call)))
        return await self._as_seen(call, reply)

    async def _write(self, call: Call) -> Reply:
        """To its end, even where the client is gone before: what the mock accepts is always in the journal."""
        writing = asyncio.create_task(self._forward_and_record(call))
        self._writes.add(writing)  # the loop itself keeps tasks only weakly
        writing.add_done_callback(self._writes.discard)
        return await asyncio.shield(writing)

    async def _forward_and_record(self, call: Call) -> Reply:
        async with self._writing:
            reply = await self._forward(call)
            if reply.status == 200:
                self._record(call, reply)
            return reply

    async def _forward(self, call: Call) -> Reply:
        url = f"{self.url}{call.path}" + (f"?{call.query}" if call.query else "")
        headers = dict(call.headers)
        if call.token:
            headers["Authorization"] = f"Bearer {call.token}"
        async with self._session.request(
            call.method, url, data=call.body or None, headers=headers, timeout=_PATIENCE, allow_redirects=False
        ) as response:
            kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
            return Reply(response.status, await response.read(), kept)

    def _record(self, call: Call, reply: Reply) -> None:
        status = reply.json
        if not gatekeeping.is_status(status):
            return  # a scheduled status: nothing stands yet
        gatekeeping.link_mentions(status)
        if call.posts:
            self.journal.wrote(status, by_bridge=call.by_bridge)
            self._add_event("update", status, mine=True)
        elif call.edits:
            self.journal.edited(status)
            self._add_event("status.update", status, mine=False)
        else:
            self._add_event("delete", status, mine=False)
            self.journal.deleted(str(status["id"]))

    def _add_event(self, event: str, status: Any, *, mine: bool) -> None:
        """Tell what a real server would and the mock does not: direct messages of one's own, their edits and deletions."""
        about_me = self.journal.concerns_account(str(status["id"]))
        by_me = str(status["account"]["id"]) == self.account
        if about_me and status["visibility"] == "direct" and (by_me or not mine):
            self._tell(event, str(status["id"]) if event == "delete" else status)

    async def _as_seen(self, call: Call, reply: Reply) -> Reply:
        """The answer as this viewer may see it."""
        if "json" not in reply.headers.get("Content-Type", "") or not reply.body:
            return reply
        answer, viewer = reply.json, await self.viewer(call.token)
        authors = gatekeeping.hidden_authors(answer, viewer)
        follows = await self._follows(call.token, authors) if authors and viewer else frozenset[str]()
        seen = gatekeeping.withhold(answer, lambda status: gatekeeping.may_read(status, viewer, follows))
        if seen is None and answer is not None:
            return refusal(404, "Record not found")
        for status in gatekeeping.statuses_in(seen):
            gatekeeping.link_mentions(status)
            self.darkroom.show(status)
        gatekeeping.point_streaming_here(seen, self._base_url)
        if call.by_bridge:
            self._note_page(call, seen)
        return replace(reply, body=json.dumps(seen, ensure_ascii=False).encode())

    async def _follows(self, token: str, authors: frozenset[str]) -> frozenset[str]:
        query = urlencode([("id[]", author) for author in authors])
        reply = await self._forward(Call("GET", "/api/v1/accounts/relationships", query, token))
        return frozenset(str(one["id"]) for one in reply.json if one["following"]) if reply.status == 200 else frozenset()

    def _note_page(self, call: Call, page: Any) -> None:
        """A page after a cursor hands out what is on it; other looks at the timeline (is it there?) do not."""
        if call.method != "GET" or "min_id" not in parse_qs(call.query) or not isinstance(page, list):
            return
        if call.path == f"/api/v1/accounts/{self.account}/statuses":
            for status in page:
                self.journal.emitted_status(status, "update")
        elif call.path == "/api/v1/notifications":
            for notification in page:
                if notification["type"] == "mention" and notification.get("status"):
                    self.journal.emitted_status(notification["status"], "update")


def _tidy(call: Call) -> tuple[Call, str]:
    """The call with its people's handles as the mock knows them, and what a real server would refuse it for."""
    kind = call.headers.get("Content-Type", "")
    if kind.startswith("application/json"):
        fields = json.loads(call.body or b"{}")
    elif kind.startswith("application/x-www-form-urlencoded"):
        fields = dict(parse_qsl(call.body.decode(), keep_blank_values=True))
    else:
        return call, ""
    text = gatekeeping.short_handles(str(fields.get("status") or ""), DOMAIN)
    if not call.unbounded and length(text, LIMITS) + length(str(fields.get("spoiler_text") or ""), LIMITS) > LIMITS.characters:
        return call, _TOO_LONG
    if text == fields.get("status"):
        return call, ""
    if kind.startswith("application/json"):
        return replace(call, body=json.dumps({**fields, "status": text}).encode()), ""
    pairs = parse_qsl(call.body.decode(), keep_blank_values=True)
    return replace(call, body=urlencode([(k, text if k == "status" else v) for k, v in pairs]).encode()), ""
