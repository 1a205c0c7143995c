"""Commands by this machine's own terminal: who may call, what comes back, what people read of it."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from bridge import calling, listings
from bridge.cli import app
from bridge.orders import Outcome, Verb
from bridge.store import halts
from bridge.web.app import make_app
from tests.core.office import Office
from tests.core.worlds import created

HERE = "127.0.0.1:8080"
MEANT = {"Content-Type": "application/json", "X-Viabridge": "1"}


async def ask(office: Office, method: str, path: str, headers: dict[str, str], client: str = "127.0.0.1", **body: Any) -> Any:
    desk = office.desk
    service = SimpleNamespace(store=desk.store, engine=office.commander.engine, world=desk.world, commander=office.commander)
    transport = httpx2.ASGITransport(make_app(service, [], asyncio.Event()), client=(client, 50000))  # type: ignore[arg-type]
    async with httpx2.AsyncClient(transport=transport, base_url=f"http://{HERE}") as session:
        return await session.request(method, path, headers={"Host": HERE} | headers, **body)


async def command(office: Office, words: str, headers: dict[str, str], client: str = "127.0.0.1") -> Any:
    return await ask(office, "POST", "/api/commands", headers, client, content=json.dumps({"words": words, "by": "root"}))


@pytest.mark.scenario("L20")
async def test_who_means_it_pauses(office: Office) -> None:
    answer = await command(office, "pause all-hands", MEANT)
    assert answer.status_code == 200
    assert answer.json()["outcome"] == "done"
    assert [halt.group for halt in await office.desk.read(halts.current)] == ["all-hands"]
    [logged] = (await ask(office, "GET", "/api/commands", {})).json()["commands"]
    assert (logged["by"], logged["words"], logged["outcome"], logged["account"]) == ("root", "pause all-hands", "done", "")
    status = (await ask(office, "GET", "/api/status", {})).json()
    assert status["halts"] == [{"what": "The group all-hands", "by": "root", "since": office.desk.now}]
    assert "The group all-hands, by root" in (await ask(office, "GET", "/", {})).text


@pytest.mark.scenario("K09")
@pytest.mark.parametrize(
    ("headers", "client", "status"),
    [
        ({"Content-Type": "application/json"}, "127.0.0.1", 403),
        ({**MEANT, "Origin": "https://evil.example"}, "127.0.0.1", 403),
        (MEANT, "203.0.113.9", 404),
        ({**MEANT, "X-Forwarded-For": "203.0.113.9"}, "127.0.0.1", 404),
    ],
)
async def test_nobody_else_commands_anything(office: Office, headers: dict[str, str], client: str, status: int) -> None:
    assert (await command(office, "pause all-hands", headers, client)).status_code == status
    assert await office.log() == []


@pytest.mark.scenario("L11")
async def test_why_comes_as_json_and_as_lines(office: Office) -> None:
    post = created("a secret plan")
    await office.desk.hear(post)
    answer = await ask(office, "GET", "/api/why", {}, params={"ref": str(post.ref)})
    told = answer.json()
    assert told["found"]
    assert "secret" not in answer.text
    assert {"kind", "state", "reason", "attempts", "accepted_at", "done_at"} <= set(told["story"]["ways"][0])
    lines = list(listings.why(told))
    assert lines[0].startswith("lynn.example wrote this")
    assert (await ask(office, "GET", "/api/why", {}, params={"ref": "x" * 5000})).status_code == 422


def test_the_command_line_asks_in_the_words_that_people_use(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any]] = []

    def note(_url: str, path: str, body: Any = None) -> Any:
        asked.append((path, body and body["words"]))
        done = {"outcome": Outcome.DONE, "said": ["well"], "words": ["well"], "commands": []}
        return {**done, "outcome": "refused"} if "nobody" in str(body) else done

    monkeypatch.setattr(calling, "ask", note)
    runs = [
        ["why", "https://a.example/@b/1?c=d&e=f"], ["who"], ["recall", "LINK", "--note"], ["ping"],
        ["pause", "all-hands"], ["resume", "team/dev"], ["audit"],
    ]  # fmt: skip
    for words in runs:
        assert CliRunner().invoke(app, words).exit_code == 0
    assert CliRunner().invoke(app, ["pause", "nobody"]).exit_code == 1
    assert asked[0] == ("/api/why?ref=https%3A%2F%2Fa.example%2F%40b%2F1%3Fc%3Dd%26e%3Df", None)
    assert [words for path, words in asked if path == "/api/commands" and words] == [
        "who", "recall LINK note", "ping all", "pause all-hands", "resume team/dev", "pause nobody",
    ]  # fmt: skip
    assert {words.split()[0] for _, words in asked if words} <= set(Verb)
