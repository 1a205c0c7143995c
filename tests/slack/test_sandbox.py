"""The sandbox is as strict as Slack: what it refuses, what it repeats, what its events look like; by plain SDK clients."""

from __future__ import annotations

import asyncio
import gc
import json
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import uvicorn
from fastapi import FastAPI
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

import adapters
from adapters.slack.adapter import SlackAdapter
from adapters.slack.sandbox import SIGNING_SECRET, SlackSandbox
from adapters.slack.settings import SlackSettings
from bridge.contract import Fault
from bridge.post import Created
from tests.slack.desk import TEAM, Box, Desk


def client(sandbox: SlackSandbox, token: str) -> AsyncWebClient:
    return AsyncWebClient(token=token, base_url=sandbox.api_url, retry_handlers=[])


async def refusal(call: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await call
    return str(refused.value.response["error"])


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"channel": "C0NOWHERE01", "text": "x"}, "channel_not_found"),
        ({"channel": "#random", "text": "x"}, "not_in_channel"),
        ({"channel": "#old-news", "text": "x"}, "is_archived"),
        ({"channel": "#all-hands"}, "no_text"),
        ({"channel": "#all-hands", "text": "x", "thread_ts": "1.000000"}, "thread_not_found"),
        ({"channel": "#all-hands", "text": "x", "blocks": [{"type": "poem"}]}, "invalid_blocks"),
        ({"channel": "#all-hands", "text": "x", "blocks": [{"type": "rich_text", "elements": []}]}, "invalid_blocks"),
        ({"channel": "#all-hands", "text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"channel": "#all-hands", "text": "x", "blocks": "not json"}, "invalid_blocks_format"),
        ({"channel": "#all-hands", "text": "x", "metadata": {"event_type": "x"}}, "invalid_metadata_format"),
    ],
)
async def test_posting_is_refused_as_slack_refuses_it(sandbox: SlackSandbox, args: dict[str, Any], code: str) -> None:
    bot = client(sandbox, sandbox.joining["bot token"])
    assert await refusal(bot.api_call("chat.postMessage", json=args)) == code


@pytest.mark.parametrize(
    ("token", "method", "code"),
    [
        ("", "auth.test", "not_authed"),
        ("xoxb-unknown", "auth.test", "invalid_auth"),
        ("xapp-sandbox-viabridge", "chat.postMessage", "not_allowed_token_type"),
        ("xoxb-sandbox-viabridge", "apps.connections.open", "not_allowed_token_type"),
        ("xoxp-lynn", "chat.everything", "unknown_method"),
        ("xoxp-lynn", "users.info", "invalid_arguments"),
    ],
)
async def test_tokens_and_methods_are_checked(sandbox: SlackSandbox, token: str, method: str, code: str) -> None:
    assert await refusal(client(sandbox, token).api_call(method)) == code


def test_a_sandbox_that_is_never_entered_leaves_nothing_open() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        SlackSandbox()
        gc.collect()
    assert [str(one.message) for one in said if "event loop" in str(one.message)] == []


async def test_only_ones_own_messages_are_changed(sandbox: SlackSandbox) -> None:
    native = await sandbox.write("lynn", "mine")
    karl = client(sandbox, sandbox.joining["karl's token"])
    assert await refusal(karl.chat_update(channel="C0ALLHANDS1", ts=native, text="ours")) == "cant_update_message"
    assert await refusal(karl.chat_delete(channel="C0ALLHANDS1", ts=native)) == "cant_delete_message"
    lynn = client(sandbox, sandbox.joining["lynn's token"])
    assert await refusal(lynn.chat_update(channel="C0ALLHANDS1", ts=native, text="x" * 4_001)) == "msg_too_long"
    await lynn.chat_update(channel="C0ALLHANDS1", ts=native, text="changed")
    assert [(found.text, found.edited) for found in sandbox.standing()] == [("changed", True)]


async def test_an_ordinary_blocking_client_may_post_from_a_thread(sandbox: SlackSandbox) -> None:
    lynn = WebClient(token=sandbox.joining["lynn's token"], base_url=sandbox.api_url)
    said = await asyncio.to_thread(lynn.chat_postMessage, channel="#all-hands", text="a < b & <https://example.org|c>")
    assert said["message"]["text"] == "a &lt; b &amp; <https://example.org|c>"


async def test_metadata_is_shown_only_to_those_who_ask(sandbox: SlackSandbox) -> None:
    bot = client(sandbox, sandbox.joining["bot token"])
    await bot.chat_postMessage(channel="C0ALLHANDS1", text="x", metadata={"event_type": "e", "event_payload": {"a": 1}})
    assert "metadata" not in (await bot.conversations_history(channel="C0ALLHANDS1"))["messages"][0]
    asked = await bot.conversations_history(channel="C0ALLHANDS1", include_all_metadata=True)
    assert asked["messages"][0]["metadata"] == {"event_type": "e", "event_payload": {"a": 1}}


async def test_our_own_event_has_slacks_shape(desk: Desk) -> None:
    await desk.say("hello")
    (raw,) = await desk.box.heard(1)
    event = json.loads(raw.body)["event"]
    assert (event["bot_id"], event["app_id"], event["bot_profile"]["app_id"]) == ("B0VIABRIDGE", "A0VIABRIDGE", "A0VIABRIDGE")
    assert event["user"] == "U0VIABRIDGE"
    assert "metadata" not in event


async def test_what_stands_outlives_the_bridge(sandbox: SlackSandbox) -> None:
    settings = SlackSettings.model_validate(dict(sandbox.account))
    heard: list[str] = []
    for number in range(2):
        adapter, box = SlackAdapter(TEAM, settings), Box()
        await sandbox.write("lynn", f"word {number}")
        async with adapter.open():
            listening = asyncio.create_task(adapter.listen(box))
            heard += [raw.key for raw in await box.heard(1)]
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
    assert heard == [found.key for found in sandbox.emitted()]
    assert [found.text for found in sandbox.standing()] == ["word 0", "word 1"]


@pytest.mark.scenario("D05")
async def test_what_nobody_acknowledged_comes_again_before_what_is_newer(sandbox: SlackSandbox) -> None:
    written = [await sandbox.write("lynn", f"word {number}") for number in range(3)]
    async with hearing(sandbox) as socket:
        assert [await told(socket, acknowledge=False) for _ in written] == written
    written += [await sandbox.write("lynn", f"word {number}") for number in range(3, 6)]
    async with hearing(sandbox) as socket:
        assert [await told(socket, acknowledge=True) for _ in written] == written


@asynccontextmanager
async def hearing(sandbox: SlackSandbox) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A socket that was greeted."""
    app = client(sandbox, sandbox.joining["app token"])
    url = (await app.apps_connections_open(app_token=sandbox.joining["app token"]))["url"]
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        assert (await socket.receive_json(timeout=5))["type"] == "hello"
        yield socket


async def told(socket: aiohttp.ClientWebSocketResponse, *, acknowledge: bool) -> str:
    """The ts of the next message."""
    envelope = await socket.receive_json(timeout=5)
    if acknowledge:
        await socket.send_json({"envelope_id": envelope["envelope_id"]})
    return str(envelope["payload"]["event"]["ts"])


# ---------------------------------------------------------------- events by HTTP


@dataclass
class House:
    """A bridge reached by HTTP: its address for events, and what it heard."""

    box: Box
    adapters: dict[Any, Any] = field(default_factory=dict)
    url: str = ""


@pytest.fixture
async def house() -> AsyncIterator[House]:
    made = House(Box())
    settings = SlackSettings.model_validate({"platform": "slack", "bot_token": "x", "signing_secret": SIGNING_SECRET})
    made.adapters[TEAM] = SlackAdapter(TEAM, settings)
    webhooks = adapters.available()["slack"].webhooks
    assert webhooks is not None
    app = FastAPI()
    app.include_router(webhooks(made.adapters, made.box))
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:
            await asyncio.sleep(0.01)
    made.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/slack/events"
    yield made
    server.should_exit = True
    await serving


async def test_events_come_signed_by_http_before_we_have_signed_in(house: House) -> None:
    async with SlackSandbox(house.url) as sandbox:
        await sandbox.write("lynn", "hi")
        (raw,) = await house.box.heard(1)
        (event,) = house.adapters[TEAM].parse(raw)
        assert isinstance(event, Created)
        assert [found.key for found in sandbox.emitted()] == [raw.key]


@pytest.mark.scenario("C02")
async def test_by_http_a_refused_event_is_retried_with_its_number(house: House) -> None:
    house.box.failures = 2
    async with SlackSandbox(house.url, retry_delays=(0.0, 0.1, 0.1)) as sandbox:
        await sandbox.write("lynn", "hi")
        (raw,) = await house.box.heard(1)
        assert raw.hints == {"transport": "http", "retry": "2"}
        assert sandbox.dropped() == ()


@pytest.mark.scenario("C01")
async def test_by_http_an_event_handed_out_twice_has_one_key(house: House) -> None:
    async with SlackSandbox(house.url) as sandbox:
        sandbox.fault(Fault.TWICE)
        await sandbox.write("lynn", "hi")
        await house.box.until(lambda: len(house.box.takes) == 2)
        assert len(house.box.raws) == 1


async def test_a_sandbox_that_signs_with_another_secret_is_not_heard(house: House) -> None:
    async with SlackSandbox(house.url, signing_secret="wrong", retry_delays=()) as sandbox:
        await sandbox.write("lynn", "hi")
        async with asyncio.timeout(10):
            while not sandbox.dropped():
                await asyncio.sleep(0.01)
    assert house.box.takes == []
