"""A call is over in time, whatever the server does, and nothing is sent after its time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import pytest_asyncio
import requests
from urllib3.util import connection as connecting

from adapters.mastodon.punctual import Session
from adapters.mastodon.refusals import translate
from adapters.mastodon.workers import Access, CallFailed, NotBegun, Overdue, Workers
from bridge.errors import Retryable

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"


class Dripper:
    """A server that is always about to answer. `heard` is what it was sent."""

    def __init__(self, first: bytes) -> None:
        self.heard = b""
        self._first = first
        self._ended = threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._ended.set()
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            client, _ = self._server.accept()
            with client:
                self.heard = client.recv(65536)
                client.sendall(self._first)
                while not self._ended.wait(0.05):
                    client.sendall(b"x")


@pytest.fixture(params=[HEAD, b"HTTP/1.1 200 OK\r\nX-Long: "], ids=["body", "head"])
def dripper(request: pytest.FixtureRequest) -> Iterator[Dripper]:
    server = Dripper(request.param)
    yield server
    server.close()


@pytest_asyncio.fixture(loop_scope="session")
async def one(dripper: Dripper) -> AsyncIterator[Workers]:
    workers = Workers(Access(dripper.url, "token", 1.0), count=1)
    yield workers
    workers.close()


async def failure(workers: Workers, call: Callable[..., object], seconds: float) -> CallFailed:
    with pytest.raises(CallFailed) as caught:
        await workers.run(call, time.monotonic() + seconds)
    return caught.value


async def test_an_answer_that_never_ends_is_given_up_and_its_thread_is_free(dripper: Dripper, one: Workers) -> None:
    failed = await failure(one, lambda client: client.instance_v2(), 0.5)
    assert isinstance(failed.error, Overdue)
    assert not failed.never_sent
    async with asyncio.timeout(1):
        assert await one.run(lambda _: "free") == "free"


async def test_an_answer_that_the_sdk_trips_over_may_have_been_a_good_one(one: Workers) -> None:
    def trip(_: object) -> None:
        raise ValueError("Unknown type None")

    failed = await failure(one, trip, 5)
    assert not failed.never_sent
    assert isinstance(translate(failed), Retryable)
    assert await one.run(lambda _: "its thread lives on") == "its thread lives on"


async def test_a_call_that_finds_no_thread_in_time_is_never_begun(one: Workers) -> None:
    released, begun = threading.Event(), []
    hung = asyncio.create_task(one.run(lambda _: released.wait(20)))
    await asyncio.sleep(0)
    failed = await failure(one, lambda _: begun.append("late"), 0.1)
    assert isinstance(failed.error, NotBegun)
    assert failed.never_sent
    released.set()
    await hung
    await one.run(lambda _: None)
    assert not begun


async def test_a_thread_itself_does_not_begin_what_is_too_late(one: Workers) -> None:
    released, begun = threading.Event(), []
    hung = asyncio.create_task(one.run(lambda _: released.wait(20)))
    end = time.monotonic() + 0.1
    late = asyncio.create_task(one.run(lambda _: begun.append("late"), end))
    await asyncio.sleep(0)  # both are in the queue, and the loop has no time for them from here on
    while time.monotonic() < end:
        time.sleep(0.01)  # noqa: ASYNC251
    released.set()
    while not one._jobs.empty():
        time.sleep(0.001)  # noqa: ASYNC251
    await asyncio.wait({hung, late})
    assert isinstance(late.exception(), CallFailed)
    await one.run(lambda _: None)
    assert not begun


async def test_nothing_is_sent_over_a_connection_that_came_too_late(dripper: Dripper, monkeypatch: pytest.MonkeyPatch) -> None:
    create = connecting.create_connection
    session, end = Session(), time.monotonic() + 0.2

    def slow(*args: object, **kwargs: object) -> socket.socket:
        while time.monotonic() < end:
            time.sleep(0.01)
        return create(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(connecting, "create_connection", slow)
    session.begin(end)
    with session, pytest.raises(requests.ConnectTimeout):
        await asyncio.to_thread(session.post, dripper.url, timeout=5)
    assert not dripper.heard


async def test_nothing_is_requested_after_the_end(dripper: Dripper) -> None:
    with Session() as session:
        session.begin(time.monotonic())
        with pytest.raises(requests.ConnectTimeout):
            session.post(dripper.url, timeout=5)
