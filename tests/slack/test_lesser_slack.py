"""The whole bridge against something less than Slack: no scopes, no bot id, no metadata, no threads, no files."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import uvicorn
from aiohttp import web
from fastapi import FastAPI
from sqlalchemy import func, select

from adapters.slack.signature import sign
from bridge import main
from bridge.service import Service
from bridge.store import Tx, audit, sql
from bridge.store.tables import DeliveryState

MAPPINGS = """
accounts:
  team: {{platform: slack, bot_token: {{file: token}}, signing_secret: {{file: secret}}, api_url: "{url}", timeout: 2, pace: 0}}
groups:
  talk:
    places: [{{at: team/general}}, {{at: team/C2}}]
"""


@dataclass
class Lesser:
    """It knows six methods. A post's own event is delivered, signed, before the call is answered."""

    url: str = ""
    events_url: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    dropped: int = 0
    busy: int = 0
    ids: int = 1
    refused: list[int] = field(default_factory=list)
    _ticks: Any = field(default_factory=lambda: itertools.count(int(time.time()) * 10))

    async def answer(self, request: web.Request) -> web.StreamResponse:
        args: dict[str, Any] = {**request.query}
        args |= await request.json() if request.content_type == "application/json" else dict(await request.post())
        method = request.match_info["method"]
        if method == "chat.postMessage" and self.busy:
            self.busy -= 1
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "0.25"})
        found = getattr(self, method.replace(".", "_"), None)
        if found is None:
            return web.json_response({"ok": False, "error": "method_not_found"})
        said = {"ok": True, **(await found(args))}
        if method == "chat.postMessage" and self.dropped and request.transport is not None:
            self.dropped -= 1
            request.transport.abort()
        return web.json_response(said)

    async def auth_test(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"user_id": "UBOT", "team_id": "T9"}

    async def conversations_list(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"channels": [{"id": "C1", "name": "general"}, {"id": "C2", "name": "random"}]}

    async def conversations_history(self, args: dict[str, Any]) -> dict[str, Any]:
        return {"messages": [one for one in reversed(self.messages) if one["channel"] == args["channel"]]}

    async def chat_postMessage(self, args: dict[str, Any]) -> dict[str, Any]:  # noqa: N802 - Slack's own name
        said = await self.say(args["channel"], "UBOT", args["text"], thread_ts=args.get("thread_ts"))
        return {"ts": said["ts"], "channel": args["channel"]}

    async def chat_update(self, args: dict[str, Any]) -> dict[str, Any]:
        old = next(one for one in self.messages if one["ts"] == args["ts"])
        old["text"] = args["text"]
        await self.emit({**old, "subtype": "message_changed", "message": dict(old), "ts": self.now()})
        return {"ts": old["ts"]}

    def now(self) -> str:
        return f"{next(self._ticks) / 10:.6f}"

    async def say(self, channel: str, user: str, text: str, **more: Any) -> dict[str, Any]:
        message = {"type": "message", "channel": channel, "user": user, "text": text, "ts": self.now()}
        message |= {key: value for key, value in more.items() if value}
        self.messages.append(message)
        await self.emit(message)
        return message

    async def edit(self, message: dict[str, Any], text: str) -> None:
        before = dict(message)
        message["text"] = text
        change = {"type": "message", "subtype": "message_changed", "channel": message["channel"], "ts": self.now()}
        await self.emit({**change, "message": dict(message), "previous_message": before})

    async def emit(self, event: dict[str, Any]) -> None:
        async with aiohttp.ClientSession() as session:
            for number in range(self.ids):
                body = json.dumps({"type": "event_callback", "event_id": f"E{number}-{self.now()}", "event": event}).encode()
                now = str(int(time.time()))
                headers = {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": sign("secret", now, body)}
                async with session.post(self.events_url, data=body, headers=headers) as said:
                    self.refused += [said.status] if said.status != 200 else []

    def texts(self, channel: str) -> list[str]:
        return [one["text"] for one in self.messages if one["channel"] == channel]


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


async def undelivered(service: Service) -> int:
    """How much was not delivered, once nothing waits."""
    async with asyncio.timeout(20):
        while (await service.store.read(audit.claims)).deliveries_waiting:
            await asyncio.sleep(0.01)

    def count(tx: Tx) -> int:
        lost = sql.delivery.c.state == DeliveryState.NOT_DELIVERED
        return int(tx.execute(select(func.count()).select_from(sql.delivery).where(lost)).scalar_one())

    return await service.store.read(count)


def bound() -> socket.socket:
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    return held


@asynccontextmanager
async def bridged(lesser: Lesser, folder: Path) -> AsyncIterator[Service]:
    """The bridge, reached by HTTP, for as long as the block lasts."""
    loaded = main.load(folder / "mappings.yaml")
    async with main.bridge(loaded, f"sqlite:///{folder / 'bridge.db'}") as (service, routers):
        app = FastAPI()
        for each in routers:
            app.include_router(each)
        held = bound()
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
        serving = asyncio.create_task(server.serve([held]))
        lesser.events_url = f"http://127.0.0.1:{held.getsockname()[1]}/slack/events"
        for account in service.engine.accounts.values():
            await asyncio.wait_for(account.opened.wait(), 20)
        await until(lambda: server.started and not any(each.catching_up for each in service.engine.accounts.values()))
        yield service
        server.should_exit = True
        await serving


@pytest.fixture
async def lesser(tmp_path: Path) -> AsyncIterator[Lesser]:
    made = Lesser()
    app = web.Application()
    app.router.add_route("*", "/api/{method}", made.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    held = bound()
    await web.SockSite(runner, held).start()
    made.url = f"http://127.0.0.1:{held.getsockname()[1]}/api/"
    (tmp_path / "mappings.yaml").write_text(MAPPINGS.format(url=made.url))
    (tmp_path / "token").write_text("xoxb-lesser")
    (tmp_path / "secret").write_text("secret")
    yield made
    await runner.cleanup()


@pytest.mark.scenario("B01")
@pytest.mark.scenario("C01")
async def test_posts_and_edits_are_mirrored_once_and_never_back(lesser: Lesser, tmp_path: Path) -> None:
    lesser.ids = 11
    async with bridged(lesser, tmp_path) as service:
        said = await lesser.say("C1", "U1", "hello")
        await until(lambda: len(lesser.texts("C2")) == 1)
        await lesser.edit(said, "hello there")
        await until(lambda: lesser.texts("C2")[0].endswith("hello there"))
        await lesser.say("C2", "U1", "and back")
        await until(lambda: len(lesser.texts("C1")) == 2)
        last = await lesser.say("C1", "U1", "the end")
        await until(lambda: any(text.endswith("the end") for text in lesser.texts("C2")))
        assert await undelivered(service) == 0, "that nobody can be told something alone troubles nobody"
    assert [text.partition(": ")[2] or text for text in lesser.texts("C1")] == ["hello there", "and back", "the end"]
    assert [text.partition(": ")[2] or text for text in lesser.texts("C2")] == ["hello there", "and back", "the end"]
    assert last["user"] == "U1"
    assert lesser.refused == []


@pytest.mark.scenario("C05")
async def test_a_post_whose_answer_was_lost_is_found_by_its_words(lesser: Lesser, tmp_path: Path) -> None:
    async with bridged(lesser, tmp_path):
        lesser.dropped = 1
        await lesser.say("C1", "U1", "only once")
        await lesser.say("C1", "U1", "next")
        await until(lambda: len(lesser.texts("C2")) == 2)
    assert [text.partition(": ")[2] for text in lesser.texts("C2")] == ["only once", "next"]


@pytest.mark.scenario("D09")
async def test_fractions_of_a_second_are_waited_and_order_is_kept(lesser: Lesser, tmp_path: Path) -> None:
    async with bridged(lesser, tmp_path):
        lesser.busy = 2
        for number in range(5):
            await lesser.say("C1", "U1", f"word {number}")
        await until(lambda: len(lesser.texts("C2")) == 5)
    assert [text.partition(": ")[2] for text in lesser.texts("C2")] == [f"word {number}" for number in range(5)]


@pytest.mark.scenario("D01")
async def test_what_was_said_in_a_downtime_comes_in_order_and_nothing_older(lesser: Lesser, tmp_path: Path) -> None:
    lesser.events_url = "http://127.0.0.1:1/nobody"
    lesser.messages.append({"type": "message", "channel": "C1", "user": "U1", "text": "long ago", "ts": lesser.now()})
    async with bridged(lesser, tmp_path):
        await lesser.say("C1", "U1", "first")
        await until(lambda: len(lesser.texts("C2")) == 1)
    for number in range(5):
        lesser.messages.append({"type": "message", "channel": "C1", "user": "U1", "text": f"word {number}", "ts": lesser.now()})
    async with bridged(lesser, tmp_path):
        await until(lambda: len(lesser.texts("C2")) == 6)
        await lesser.say("C1", "U1", "last")
        await until(lambda: len(lesser.texts("C2")) == 7)
    assert [text.partition(": ")[2] for text in lesser.texts("C2")] == ["first", *(f"word {n}" for n in range(5)), "last"]
    assert len(lesser.texts("C1")) == 8
