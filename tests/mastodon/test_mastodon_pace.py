"""Pace: who has no calls of a kind left waits as long as the server says, and does not ask; other kinds go on."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.mastodon.pace import LONGEST, Kind, Pace, kind_of, seconds_of
from adapters.mastodon.refusals import translate
from adapters.mastodon.workers import Access, CallFailed, Workers
from bridge.errors import NeedsOperator, Rejected, Retryable

HOUR = "2026-11-22T11:00:00.000Z"
TEN = "Sun, 22 Nov 2026 10:59:50 GMT"
TOMORROW_BY_OUR_CLOCK = 1_795_431_600.0


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("30", 30),
        ("0", 0),
        ("2.5", 2.5),
        (HOUR, 10),
        ("2026-11-22T11:00:00", 10),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 10),
        ("1795345200", 10),
        ("Sun, 22 Nov 2026 10:00:00 GMT", 0),
        ("2027-11-22T11:00:00Z", LONGEST),
        ("", None),
        ("soon", None),
        ("-5", None),
    ],
)
def test_a_wait_is_read_however_it_is_written_by_the_servers_clock(words: str, seconds: float | None) -> None:
    assert seconds_of(words, TEN, TOMORROW_BY_OUR_CLOCK) == seconds


def test_without_the_servers_clock_ours_must_do() -> None:
    assert seconds_of(HOUR, "", 1_795_345_190.0) == 10


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", "/api/v1/statuses", Kind.POSTS),
        ("PUT", "/api/v1/statuses/1", Kind.POSTS),
        ("DELETE", "/api/v1/statuses/1", Kind.DELETES),
        ("POST", "/api/v2/media", Kind.MEDIA),
        ("GET", "/api/v1/media/1", Kind.REST),
        ("GET", "/api/v1/statuses/1", Kind.REST),
        ("GET", "/system/media/1.png", None),
    ],
)
def test_each_kind_has_a_count_of_its_own(method: str, path: str, kind: Kind | None) -> None:
    assert kind_of(method, f"https://social.example{path}?x=1") is kind


def used_up(remaining: int) -> dict[str, str]:
    return {"X-RateLimit-Remaining": str(remaining), "X-RateLimit-Reset": HOUR, "Date": TEN}


def test_a_kind_that_is_used_up_waits_for_its_reset_and_no_longer() -> None:
    now = [100.0]
    pace = Pace(lambda: now[0])
    assert pace.heard(Kind.MEDIA, 200, used_up(0)) is None
    assert (pace.wait(Kind.MEDIA), pace.wait(Kind.POSTS), pace.wait(None)) == (10, 0, 0)
    now[0] += 10
    assert pace.wait(Kind.MEDIA) == 0


def test_a_refusal_waits_as_long_as_it_says_or_until_the_reset() -> None:
    assert Pace().heard(Kind.POSTS, 429, {"Retry-After": "30"}) == 30
    assert Pace().heard(Kind.POSTS, 429, used_up(0)) == 10
    assert Pace().heard(Kind.POSTS, 503, {"Retry-After": "Sun, 22 Nov 2026 11:00:00 GMT", "Date": TEN}) == 10
    assert Pace().heard(Kind.POSTS, 500, {}) is None


# ---------------------------------------------------------------- with the real client


@dataclass
class Server:
    """Answers every call the same way."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def server() -> Iterator[Server]:
    facts = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            facts.asked.append(self.path)
            body = b'{"error": "the server says why"}' if facts.status >= 400 else b"{}"
            self.send_response(facts.status)
            for name, value in {"Content-Length": str(len(body)), "Content-Type": "application/json", **facts.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        facts.url = f"http://127.0.0.1:{serving.server_address[1]}"
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield facts
        serving.shutdown()
        thread.join()


async def failure(workers: Workers, call: Any) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await workers.run(call)
    return caught.value


async def test_nothing_is_asked_while_no_call_of_the_kind_is_left(server: Server) -> None:
    """All threads keep one count; what is not asked was surely not done."""
    workers = Workers(Access(server.url, "token", 5), Pace())
    reset = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1000))
    server.headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}
    try:
        await workers.run(lambda client: client.status_delete("1"))
        for number in range(8):
            failed = await failure(workers, lambda client, number=number: client.status_delete(f"2{number}"))
            error = translate(failed)
            assert isinstance(error, Retryable)
            assert failed.never_sent
            assert error.after is not None
            assert 900 < error.after <= 1001
        assert len(server.asked) == 1
        await workers.run(lambda client: client.account_verify_credentials())
        assert len(server.asked) == 2
    finally:
        workers.close()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Rejected),
        (401, NeedsOperator),
        (403, Rejected),
        (404, Rejected),
        (408, Retryable),
        (413, Rejected),
        (422, Rejected),
        (425, Retryable),
        (429, Retryable),
        (503, Retryable),
    ],
)
async def test_each_answer_has_its_meaning(server: Server, status: int, error: type[Exception]) -> None:
    server.status, server.headers = status, {"Retry-After": "17"}
    workers = Workers(Access(server.url, "token", 5))
    try:
        told = translate(await failure(workers, lambda client: client.status_delete("1")))
        assert isinstance(told, error)
        if isinstance(told, Retryable):
            assert told.after == 17
    finally:
        workers.close()
