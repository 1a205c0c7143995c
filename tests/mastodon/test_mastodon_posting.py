"""A post is one request: as a form that every server reads, sent in time or not at all, and in doubt only where it may be."""

from __future__ import annotations

import asyncio
import socket
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from adapters.mastodon.pace import Pace
from adapters.mastodon.posting import Posts
from adapters.mastodon.render import Draft
from adapters.mastodon.stream import way_out
from adapters.mastodon.workers import Access
from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain

DRAFT = Draft("via Lynn: tea & cake?\n☕", "", "private", "en", sensitive=False)
MADE = {"id": "110", "visibility": "private", "account": {"id": "1", "locked": True}, "mentions": []}


@dataclass
class Server:
    """Answers as it is told, and remembers what it was asked."""

    url: str = ""
    status: int = 200
    body: Any = field(default_factory=lambda: MADE)
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    hangs_up: bool = False
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        form = await request.post()
        self.forms.append({name: [str(value) for value in form.getall(name)] for name in form})
        self.asked.append(dict(request.headers))
        if self.hangs:
            await asyncio.sleep(3600)
        if self.hangs_up and request.transport:
            request.transport.close()
        if isinstance(self.body, bytes):
            return web.Response(status=self.status, body=self.body, headers=self.headers)
        return web.json_response(self.body, status=self.status, headers=self.headers)


@pytest_asyncio.fixture(loop_scope="session")
async def server() -> AsyncIterator[Server]:
    told = Server()
    app = web.Application()
    app.router.add_post("/api/v1/statuses", told.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    told.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield told
    await runner.cleanup()


async def post(server: Server, pace: Pace | None = None, seconds: float = 5.0, answer: float = 2.0) -> Any:
    async with Posts.opened(Access(server.url, "secret", answer), pace or Pace()) as posts:
        return await posts(DRAFT, "109", ["7", "8"], "key-1", time.monotonic() + seconds)


async def failure(server: Server, **options: Any) -> SendError:
    with pytest.raises(SendError) as caught:
        await post(server, **options)
    return caught.value


async def test_a_post_is_a_form_with_its_key(server: Server) -> None:
    assert await post(server) == MADE
    assert server.forms == [
        {
            "status": [DRAFT.status],
            "in_reply_to_id": ["109"],
            "visibility": ["private"],
            "language": ["en"],
            "media_ids[]": ["7", "8"],
        }
    ]
    assert (server.asked[0]["Idempotency-Key"], server.asked[0]["Authorization"]) == ("key-1", "Bearer secret")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Rejected),
        (401, NeedsOperator),
        (403, Rejected),
        (404, Rejected),
        (413, Rejected),
        (418, Rejected),
        (422, Rejected),
        (429, Retryable),
        (503, Retryable),
        (301, Retryable),
        (303, Uncertain),
        (500, Uncertain),
        (502, Uncertain),
    ],
)
async def test_each_answer_has_its_meaning(server: Server, status: int, error: type[SendError]) -> None:
    server.status, server.body, server.headers = status, {"error": "Text is too long"}, {"Retry-After": "17"}
    if status in (301, 303):
        server.headers["Location"] = f"{server.url}/api/v1/statuses"
    told = await failure(server)
    assert isinstance(told, error)
    assert len(server.forms) == 1
    if isinstance(told, Retryable):
        assert told.after == 17
    if type(told) is Rejected:
        assert "Text is too long" in told.sentence


async def test_a_token_that_may_not_post_needs_an_operator(server: Server) -> None:
    server.status, server.body = 403, {"error": "This action is outside the authorized scopes"}
    assert isinstance(await failure(server), NeedsOperator)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"id": "110"}', b"\xff" * 2000])
async def test_a_good_answer_that_says_nothing_leaves_it_open(server: Server, body: bytes) -> None:
    server.body = body
    assert isinstance(await failure(server), Uncertain)


async def test_a_lost_answer_leaves_it_open(server: Server) -> None:
    server.hangs_up = True
    assert isinstance(await failure(server), Uncertain)


@pytest.mark.parametrize("limit", [{"seconds": 0.3}, {"answer": 0.3}])
async def test_an_answer_that_does_not_come_is_given_up(server: Server, limit: dict[str, float]) -> None:
    server.hangs = True
    assert isinstance(await failure(server, **limit), Uncertain)
    assert len(server.forms) == 1


async def test_what_reaches_nobody_was_surely_not_sent(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server.url = f"http://127.0.0.1:{port}"
    assert type(await failure(server)) is Retryable


async def test_nothing_is_sent_after_the_end(server: Server) -> None:
    assert type(await failure(server, seconds=0.0)) is Retryable
    assert not server.forms


async def test_nothing_is_sent_once_the_account_is_signed_out(server: Server) -> None:
    async with Posts.opened(Access(server.url, "secret", 2.0), Pace()) as posts:
        pass
    with pytest.raises(Retryable):
        await posts(DRAFT, None, (), "key-1", time.monotonic() + 5)
    assert not server.forms


async def test_nothing_is_sent_while_no_post_is_left(server: Server) -> None:
    pace = Pace()
    reset = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1000))
    server.headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    assert await post(server, pace) == MADE
    told = await failure(server, pace=pace)
    assert isinstance(told, Retryable)
    assert told.after is not None
    assert len(server.forms) == 1


async def test_posts_go_over_one_connection(server: Server) -> None:
    async with Posts.opened(Access(server.url, "secret", 2.0), Pace()) as posts:
        for number in range(3):
            await posts(DRAFT, None, (), f"key-{number}", time.monotonic() + 5)
        connector = posts._client.connector
        assert connector is not None
        assert sum(len(each) for each in connector._conns.values()) == 1


async def test_a_proxy_that_the_environment_names_is_asked_with_its_own_password(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url.replace("//", "//us%40er:pa%3Ass@"))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    async with Posts.opened(Access("http://social.example", "secret", 2.0), Pace()) as posts:
        assert await posts(DRAFT, None, (), "key-1", time.monotonic() + 5) == MADE
    [asked] = server.asked
    assert (asked["Host"], asked["Authorization"]) == ("social.example", "Bearer secret")
    assert asked["Proxy-Authorization"] == f"Basic {b64encode(b'us@er:pa:ss').decode()}"
    monkeypatch.setenv("no_proxy", "social.example")
    assert way_out("http://social.example") == {}
    assert way_out("https://social.example") == {}


async def test_a_password_in_a_netrc_file_does_not_come_between(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login lynn password other\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert await post(server) == MADE
    assert server.asked[0]["Authorization"] == "Bearer secret"
