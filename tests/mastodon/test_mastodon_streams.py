"""Both transports, and what is made of their ends: found, refused, dead, revoked. Against the sandbox and small servers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import WSMessage, WSMsgType, web

from adapters.mastodon import sse, websocket
from adapters.mastodon.adapter import MastodonAdapter
from adapters.mastodon.sandbox import MastodonSandbox
from adapters.mastodon.settings import MastodonSettings
from adapters.mastodon.stream import Connected, Ended, News, Stream, Told
from adapters.mastodon.streaming import Streaming, Transport, Way, probe, ways
from bridge.errors import NeedsOperator
from bridge.post import Created
from tests.mastodon.conftest import ACCOUNT, MemoryInbox, Rig, eventually, plugged_in, streaming

HOME, ELSEWHERE = "https://social.example", "https://streaming.example"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    """A server that answers everything with `handler`; its address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def all_news(stream: Stream) -> list[News]:
    """Everything that the stream tells, to its end."""
    told: list[News] = []
    async with asyncio.timeout(15):
        while not told or not isinstance(told[-1], Ended):
            told.append(await stream.news.get())
    return told


# ---------------------------------------------------------------- which way


def test_the_transport_a_server_is_known_for_is_tried_first_at_the_advertised_address() -> None:
    assert ways(HOME, ELSEWHERE, None, websocket_first=False)[0] == Way(ELSEWHERE, Transport.SSE)
    assert ways(HOME, ELSEWHERE, None, websocket_first=True)[0] == Way(ELSEWHERE, Transport.WEBSOCKET)
    assert set(ways(HOME, ELSEWHERE, None, websocket_first=True)) == {Way(b, t) for b in (HOME, ELSEWHERE) for t in Transport}


def test_without_an_advertised_address_it_is_the_servers_own_once() -> None:
    assert ways(HOME, None, None, websocket_first=False) == ways(HOME, HOME, None, websocket_first=False)
    assert {way.base for way in ways(HOME, None, None, websocket_first=False)} == {HOME}


def test_the_address_an_admin_names_is_the_only_one() -> None:
    assert {way.base for way in ways(HOME, ELSEWHERE, "https://named.example", websocket_first=False)} == {
        "https://named.example"
    }


@pytest.mark.parametrize("status", [None, 404, 400, 405, 401])
def test_a_way_that_never_stood_is_left_for_the_next(status: int | None) -> None:
    found = Streaming(ways(HOME, None, None, websocket_first=False), "t")
    assert found.note(Ended("no", status), stood=False)
    assert found.way.transport is Transport.WEBSOCKET


def test_when_every_way_has_failed_the_next_round_is_in_no_hurry() -> None:
    found = Streaming(ways(HOME, ELSEWHERE, None, websocket_first=False), "t")
    assert [found.note(Ended("no", 404), stood=False) for _ in range(6)] == [True, True, True, False, False, False]


@pytest.mark.parametrize("status", [None, 500, 503, 401, 429])
def test_a_way_that_has_worked_is_kept_through_an_outage(status: int | None) -> None:
    found = Streaming(ways(HOME, None, None, websocket_first=True), "t")
    found.note(Ended("closed"), stood=True)
    proven = found.way
    assert not any(found.note(Ended("down", status), stood=False) for _ in range(5))
    assert found.way == proven


def test_a_way_that_has_worked_and_is_now_refused_is_left() -> None:
    found = Streaming(ways(HOME, None, None, websocket_first=True), "t")
    found.note(Ended("closed"), stood=True)
    assert found.note(Ended("refused", 404), stood=False)
    assert found.way.transport is Transport.SSE


@pytest.mark.parametrize("address", ["http://streaming.example", "", "ftp://streaming.example", HOME])
def test_the_token_is_not_sent_where_it_would_not_be_safe(address: str) -> None:
    found = Streaming(ways(HOME, None, None, websocket_first=False), "t")
    found.note(Ended("sent away", 301, address), stood=False)
    assert found.way.base == HOME


def test_no_token_is_shown() -> None:
    assert "secret" not in repr(Streaming(ways(HOME, None, None, websocket_first=False), "secret"))


async def test_a_server_that_sends_streams_elsewhere_is_followed() -> None:
    tokens: list[str] = []

    async def real(request: web.Request) -> web.StreamResponse:
        tokens.append(request.headers["Authorization"])
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    async with serving(real) as elsewhere:

        async def front(request: web.Request) -> web.StreamResponse:
            raise web.HTTPMovedPermanently(f"{elsewhere}{request.path}")

        async with serving(front) as home:
            assert not await probe(Streaming(ways(home, None, None, websocket_first=False), "t"), 10)
    assert tokens == ["Bearer t"]


async def test_a_probe_says_what_each_way_said() -> None:
    async def nothing(request: web.Request) -> web.StreamResponse:
        raise web.HTTPNotFound

    async with serving(nothing) as home:
        said = await probe(Streaming(ways(home, None, None, websocket_first=False), "t"), 10)
    assert said == "server-sent events: refused with 404; WebSocket: refused with 404"


# ---------------------------------------------------------------- what is on the wire


async def lines(*words: str) -> AsyncIterator[bytes]:
    for each in words:
        yield f"{each}\n".encode()


async def test_server_sent_events_are_decoded() -> None:
    wire = lines(
        ":thump", "", "event: update", 'data: {"id":', 'data: "1"}', "", "event:delete", "data:0012", "", "data: lost", "",
        "event: update", "data: {broken", "", "event: unheard.of", 'data: {"a": 1}', "",
    )  # fmt: skip
    assert [told async for told in sse.events(wire)] == [
        Told("update", {"id": "1"}),
        Told("delete", "0012"),
        Told("update", "{broken"),
        Told("unheard.of", {"a": 1}),
    ]


def said(event: str, payload: object) -> WSMessage:
    return WSMessage(WSMsgType.TEXT, json.dumps({"stream": ["user"], "event": event, "payload": payload}), None)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (said("update", '{"id": "1"}'), Told("update", {"id": "1"})),
        (said("update", {"id": "1"}), Told("update", {"id": "1"})),
        (said("delete", "01J9ZQ5W0000000000000000AB"), Told("delete", "01J9ZQ5W0000000000000000AB")),
        (said("delete", '"01J9ZQ5W0000000000000000AB"'), Told("delete", "01J9ZQ5W0000000000000000AB")),
        (said("delete", "00123"), Told("delete", "00123")),
        (said("update", "{broken"), Told("update", "{broken")),
        (WSMessage(WSMsgType.TEXT, "no json", None), Told("", "no json")),
        (WSMessage(WSMsgType.TEXT, "[]", None), Told("", [])),
        (WSMessage(WSMsgType.TEXT, "[" * 100_000, None), Told("", "[" * 100_000)),
        (WSMessage(WSMsgType.BINARY, b"\x00", None), Told("", None)),
        (WSMessage(WSMsgType.TEXT, '{"error": "no", "status": 401}', None), Ended("refused in the stream", 401)),
    ],
)
def test_messages_of_a_websocket_are_decoded(message: WSMessage, told: News) -> None:
    assert websocket._read(message) == told


@pytest.mark.parametrize("transport", [sse, websocket])
async def test_a_connection_that_is_silent_is_over(transport: object) -> None:
    """The server accepts, and then is dead: it sends no heartbeat and answers no ping."""

    async def dead(request: web.Request) -> web.StreamResponse:
        response = (
            web.WebSocketResponse(autoping=False)
            if transport is websocket
            else web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        )
        await response.prepare(request)
        await asyncio.Event().wait()
        return response

    async with serving(dead) as home:
        stream = Stream(transport.following(home, "t", silence=0.2))  # type: ignore[attr-defined]
        assert [type(each) for each in await all_news(stream)] == [Connected, Ended]


@pytest.mark.parametrize("transport", [sse, websocket])
@pytest.mark.parametrize("status", [401, 404, 503])
async def test_a_refusal_tells_the_servers_answer(transport: object, status: int) -> None:
    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": "no"}, status=status)

    async with serving(refuse) as home:
        assert await all_news(Stream(transport.following(home, "t"))) == [Ended(f"refused with {status}", status)]  # type: ignore[attr-defined]


async def test_nobody_there_is_an_end_like_any_other() -> None:
    async def nobody(request: web.Request) -> web.StreamResponse:
        raise AssertionError

    async with serving(nobody) as home:
        pass
    for transport in (sse, websocket):
        assert [type(each) for each in await all_news(Stream(transport.following(home, "t")))] == [Ended]


# ---------------------------------------------------------------- refused, revoked


async def test_posts_are_heard_by_looking_while_streams_are_refused(sandbox: MastodonSandbox) -> None:
    sandbox.refuse_streams(404)
    asked, begun = len(sandbox.connects()), time.monotonic()
    try:
        async with plugged_in(sandbox, MemoryInbox(), scan=1) as rig:
            await rig.heard(Created, await sandbox.write("allhands", "without a stream"))
            await eventually(lambda: len(sandbox.connects()) >= asked + 3, "more tries")
            sandbox.refuse_streams(0)
            await streaming(rig)
    finally:
        sandbox.refuse_streams(0)
    # however often: never more than one connect in a second (counted, as below)
    assert len(sandbox.connects()) - asked <= time.monotonic() - begun + 2


async def test_a_revoked_token_ends_the_listening_with_its_cure(sandbox: MastodonSandbox) -> None:
    """Its stream stands on and says nothing of it."""
    inbox = MemoryInbox()
    adapter = MastodonAdapter(ACCOUNT, MastodonSettings.model_validate({**sandbox.account, "scan": 1}))
    async with adapter.open():
        listening = asyncio.create_task(adapter.listen(inbox))
        await streaming(Rig(sandbox, adapter, inbox))
        sandbox.revoke()
        try:
            async with asyncio.timeout(15):
                with pytest.raises(NeedsOperator, match="access token"):
                    await listening
        finally:
            sandbox.revoke(revoked=False)


async def test_a_flood_of_ends_is_no_flood_of_connects(rig: Rig) -> None:
    """Streams that die at once: the server takes them, and drops them."""
    asked, begun = len(rig.sandbox.connects()), time.monotonic()
    while time.monotonic() < begun + 4:
        await rig.sandbox.unplug()
        await rig.sandbox.plug()
        await asyncio.sleep(0.05)
    new = rig.sandbox.connects()[asked:]
    # counted, as a busy machine may see two of them close together: one a second, and one that was under way before
    assert 1 <= len(new) <= time.monotonic() - begun + 2
    await streaming(rig)
