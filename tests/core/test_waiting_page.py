"""The page on which an admin decides by a press: what it shows, to whom, and what its buttons ask for."""

from __future__ import annotations

import json
import re
from html import unescape
from types import SimpleNamespace
from typing import Any

import pytest

from bridge.post import Author, Destination, UserId
from bridge.store import held, joining
from bridge.store.joining import Joining, Step
from tests.core.desk import Desk
from tests.core.test_api import MEANT, ask
from tests.core.worlds import MAILS, NOW, created

STRANGER = Author(UserId("eve@elsewhere.example"), "<Eve>", ("eve@elsewhere.example",))
NINA = "nina@elsewhere.example"


@pytest.fixture
def service(desk: Desk) -> Any:
    async def decide(change: Any) -> None:
        await desk.write(lambda tx: change(tx, desk.world, desk.now))

    return SimpleNamespace(store=desk.store, world=desk.world, decide=decide, engine=None, doorkeeper=None)


async def deeds(service: Any) -> list[tuple[str, dict[str, str]]]:
    """What each button asks for: where, and what."""
    page = (await ask(service, "GET", "/waiting", {})).text
    assert "<Eve>" not in page
    cards = re.findall(r'<article class="decision" data-url="([^"]+)">(.*?)</article>', page, re.DOTALL)
    return [(url, json.loads(unescape(deed))) for url, card in cards for deed in re.findall(r'data-deed="([^"]+)"', card)]


async def test_a_press_lets_a_held_post_go_out_and_a_reader_in(desk: Desk, service: Any) -> None:
    await desk.hear(created("may <b>I</b>?", place=MAILS, author=STRANGER))
    await desk.write(lambda tx: joining.put(tx, Joining(Destination(MAILS, NINA), "Nina", Step.CONFIRMED, NOW)))
    out, away, let_in, turn_down = await deeds(service)
    assert [each[1]["deed"] for each in (out, away, let_in, turn_down)] == ["approve", "discard", "approve", "reject"]
    url, deed = out
    answer = await ask(service, "POST", url, MEANT, content=json.dumps(deed | {"by": "an admin, on the page"}))
    assert (answer.status_code, await desk.read(held.posts)) == (200, ())
    [(url, deed), _] = await deeds(service)
    assert deed["address"] == NINA


async def test_only_a_browser_on_this_machine_sees_it(service: Any) -> None:
    assert (await ask(service, "GET", "/waiting", {}, client="192.0.2.1")).status_code == 404
    assert "Nothing: " in (await ask(service, "GET", "/waiting", {})).text
