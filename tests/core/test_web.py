"""The HTTP side: whom it shows the page, how much it asks the database, what it says without one, and where it listens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter, Request, Response
from sqlalchemy import Select, text, update
from sqlalchemy.dialects import sqlite

from bridge import main, web
from bridge.engine import Engine
from bridge.errors import ConfigError, Retryable
from bridge.places import unpinned
from bridge.store import Store, sql
from bridge.store import status as asked
from bridge.store.status import WINDOW_S, PlaceStatus, Status, status
from bridge.web.app import SECURITY_HEADERS, changes, make_app, view
from bridge.web.guard import SENTENCE
from bridge.web.snapshot import Seen, Snapshot
from tests.core.desk import Desk
from tests.core.worlds import MAILS, NOW, TIMELINE, created, world

PAGES = ("/", "/api/status", "/events")
HERE = "127.0.0.1:8080"


@dataclass
class Database:
    """What the pages ask; each `look` is counted."""

    answer: Status = field(default_factory=lambda: Status(1, 0, ()))
    trouble: Exception | None = None
    looks: int = 0

    async def look(self) -> Status:
        self.looks += 1
        await asyncio.sleep(0)
        if self.trouble:
            raise self.trouble
        return self.answer

    async def read(self, _query: Callable[..., object]) -> Status:
        return await self.look()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def service(database: Database) -> Any:
    return SimpleNamespace(store=database, engine=Engine({}), world=world())


def closed() -> asyncio.Event:
    """A server that ends: its streams end at once."""
    closing = asyncio.Event()
    closing.set()
    return closing


async def answer(service: Any, path: str, client: str = "127.0.0.1", host: str = HERE, **headers: str) -> httpx2.Response:
    transport = httpx2.ASGITransport(make_app(service, [], closed()), client=(client, 50000))
    async with httpx2.AsyncClient(transport=transport, base_url=f"http://{HERE}") as session:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await session.get(path, headers={"Host": host} | named)


# ---------------------------------------------------------------- who may see the page


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
async def test_a_browser_on_this_machine_sees_the_page(service: Any, path: str, client: str) -> None:
    assert (await answer(service, path, client)).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080"])
async def test_it_may_call_this_machine_by_each_of_its_own_names(service: Any, host: str) -> None:
    assert (await answer(service, "/", host=host)).status_code == 200


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("client", ["192.0.2.7", "172.17.0.1", "::ffff:192.0.2.7", "2001:db8::1", "localhost.example", ""])
async def test_nobody_elsewhere_sees_it(service: Any, database: Database, path: str, client: str) -> None:
    refused = await answer(service, path, client)
    assert (refused.status_code, refused.text) == (404, SENTENCE)
    assert database.looks == 0


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("header", ["X_Forwarded_For", "Forwarded", "X_Forwarded_Host", "X_Real_IP", "Via"])
async def test_nobody_behind_a_proxy_sees_it_whatever_the_proxy_says(service: Any, path: str, header: str) -> None:
    assert (await answer(service, path, **{header: "127.0.0.1"})).status_code == 404


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    "host", ["rebound.example", "localhost.rebound.example", "127.0.0.1.rebound.example:8080", "127.0.0.1:x", ""]
)
async def test_no_other_name_that_leads_here_does(service: Any, path: str, host: str) -> None:
    assert (await answer(service, path, host=host)).status_code == 404


async def test_health_is_for_every_supervisor(service: Any) -> None:
    assert (await answer(service, "/livez", "192.0.2.7", "bridge.example", X_Forwarded_For="192.0.2.7")).status_code == 200


async def test_no_word_is_taken_for_where_a_client_is() -> None:
    closing = asyncio.Event()
    assert not main.Server(make_app(SimpleNamespace(), [], closing), "127.0.0.1", 0, closing).config.proxy_headers  # type: ignore[arg-type]


async def test_a_body_larger_than_any_event_is_refused(service: Any) -> None:
    read = APIRouter()

    @read.post("/read")
    async def whole(request: Request) -> int:
        return len(await request.body())

    app = make_app(service, [read], closed())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://bridge.example") as session:
        assert (await session.post("/read", content=b"x" * 2_000_000)).text == "2000000"
        assert (await session.post("/read", content=b"x" * 3_000_000)).status_code == 413


async def test_a_plain_route_is_answered_straight_and_its_neighbours_as_ever(service: Any) -> None:
    told: list[str] = []
    plain = APIRouter()

    async def hear(request: Request) -> Response:
        told.append((await request.body()).decode())
        return Response(status_code=202)

    plain.add_route("/tell/events", hear, methods=["POST"])
    app = make_app(service, [plain], closed())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://bridge.example") as session:
        answer = await session.post("/tell/events?a=b", content=b"hello")
        assert (answer.status_code, told) == (202, ["hello"])
        assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
        assert (await session.get("/tell/events")).status_code == 405
        assert (await session.post("/tell/events/", content=b"")).status_code in {307, 404}
        assert (await session.post("/tell", content=b"")).status_code == 404


# ---------------------------------------------------------------- how much it asks


async def test_all_who_watch_share_one_look_a_second(database: Database) -> None:
    now = 0.0
    snapshot = Snapshot(database.look, lambda: now)
    for second in range(1, 4):
        seen = await asyncio.gather(*(snapshot.now() for _ in range(50)))
        assert {each.status.raws_waiting for each in seen} == {second}
        assert database.looks == second
        database.answer = Status(second + 1, 0, ())
        now += 0.9
        assert (await snapshot.now()).status.raws_waiting == second
        now += 0.2


async def test_a_look_that_took_long_is_good_for_longer() -> None:
    now, looks = 0.0, 0

    async def look_slowly() -> Status:
        nonlocal now, looks
        now, looks = now + 0.5, looks + 1
        return Status(0, 0, ())

    snapshot = Snapshot(look_slowly, lambda: now)
    await snapshot.now()
    for now, expected in ((10.4, 1), (10.6, 2)):  # noqa: B007 - the clock reads it
        await snapshot.now()
        assert looks == expected


async def test_nothing_is_asked_while_nobody_watches(service: Any, database: Database) -> None:
    make_app(service, [], closed())
    assert database.looks == 0


async def test_an_asker_who_leaves_takes_the_look_from_nobody(database: Database) -> None:
    snapshot = Snapshot(database.look)
    leaves, stays = asyncio.create_task(snapshot.now()), asyncio.create_task(snapshot.now())
    await asyncio.sleep(0)
    leaves.cancel()
    assert (await stays).status == database.answer
    assert database.looks == 1


async def test_what_was_seen_for_an_asker_who_left_is_not_news_later(database: Database) -> None:
    now = 0.0
    snapshot = Snapshot(database.look, lambda: now)
    leaves = asyncio.create_task(snapshot.now())
    while not database.looks:
        await asyncio.sleep(0)
    leaves.cancel()
    await asyncio.wait({leaves})
    while snapshot._looking:
        await asyncio.sleep(0)
    now, database.answer = 3600.0, Status(5, 0, ())
    assert (await snapshot.now()).status.raws_waiting == 5


async def test_a_database_that_hangs_is_told_and_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web.snapshot, "PATIENCE_S", 0.01)
    release, looks = asyncio.Event(), 0

    async def hang() -> Status:
        nonlocal looks
        looks += 1
        await release.wait()
        return Status(7, 0, ())

    snapshot = Snapshot(hang)
    assert [(await snapshot.now()).trouble for _ in range(3)] == ["The database does not answer."] * 3
    assert looks == 1
    release.set()
    assert await snapshot.now() == Seen(Status(7, 0, ()))


def plan(tx: Any, query: Select[Any], **values: object) -> str:
    """How SQLite would run it."""
    words = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    return " ".join(row[3] for row in tx.execute(text(f"EXPLAIN QUERY PLAN {words}"), values))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (asked.RAWS, "raw_open"),
        (asked.WAITING.params(now=1), "delivery_open"),
        (asked.OLDEST.params(lane=1, now=1), "delivery_open"),
        (asked.OUTCOMES.params(after=1), "INTEGER PRIMARY KEY (rowid>?)"),
    ],
    ids=["raws", "waiting", "oldest", "outcomes"],
)
async def test_no_question_goes_through_a_whole_table(sqlite: str, query: Select[Any], index: str) -> None:
    with contextlib.closing(Store(sqlite)) as store:
        assert index in await store.read(lambda tx: plan(tx, query))


async def test_outcomes_are_of_the_last_day_and_what_waits_is_counted_however_old(desk: Desk) -> None:
    await desk.hear(created())
    await desk.deliver(TIMELINE, "100")
    later = await desk.read(lambda tx: status(tx, NOW + WINDOW_S + 1))
    by_place = {each.place: each for each in later.places}
    assert (by_place[TIMELINE.id].delivered, by_place[TIMELINE.id].waiting, by_place[TIMELINE.id].oldest_s) == (0, 0, 0.0)
    assert (by_place[MAILS.id].waiting, by_place[MAILS.id].oldest_s) == (2, WINDOW_S + 1)
    await desk.write(lambda tx: tx.execute(update(sql.delivery).values(accepted_at=NOW + 1)).rowcount)
    later = await desk.read(lambda tx: status(tx, NOW + WINDOW_S + 1))
    assert {each.place: each.delivered for each in later.places}[TIMELINE.id] == 1


# ---------------------------------------------------------------- what it says


async def test_a_stream_goes_on_through_an_outage_of_the_database(service: Any, database: Database) -> None:
    now = 0.0
    snapshot, closing = Snapshot(database.look, lambda: now), asyncio.Event()
    async with contextlib.aclosing(changes(service, snapshot, closing)) as events:
        assert said(await anext(events))["trouble"] == ""
        now, database.trouble = 2.0, Retryable("The database cannot be read: OperationalError")
        during = said(await anext(events))
        assert during["trouble"] == "The database cannot be read: OperationalError"
        assert during["raws_waiting"] == 1, "as last seen"
        now, database.trouble = 4.0, None
        assert said(await anext(events))["trouble"] == ""


def said(event: str) -> dict[str, Any]:
    assert event.startswith("data: "), event
    found: dict[str, Any] = json.loads(event.removeprefix("data: "))
    return found


async def test_the_page_says_that_the_database_is_gone(service: Any, database: Database) -> None:
    database.trouble = Retryable("The database cannot be read: OperationalError")
    page = await answer(service, "/")
    assert page.status_code == 200
    assert "The database cannot be read: OperationalError" in page.text
    assert "all well" not in page.text
    assert "Nothing was sent yet" not in page.text


def test_a_stand_in_is_shown_by_its_name_and_only_while_something_is_there(service: Any) -> None:
    def place(name: str, waiting: int) -> PlaceStatus:
        return PlaceStatus("team", unpinned(name), waiting, 0, 0, 0.0, "")

    shown: Any = view(service, Seen(Status(0, 0, (place("dev", 1), place("left", 0)))))
    assert [each["place"] for each in shown["places"]] == ["dev"]


# ---------------------------------------------------------------- where it listens


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield int(other.getsockname()[1])


def test_a_taken_port_is_a_sentence_with_the_cure(taken: int) -> None:
    with pytest.raises(ConfigError, match=f"Port {taken} on 127.0.0.1 is in use") as caught:
        main.listen("127.0.0.1", taken)
    assert "--port" in str(caught.value)


@pytest.mark.parametrize("host", ["192.0.2.7", "2001:db8::1", "nowhere.invalid"])
def test_somebody_elses_address_is_a_sentence_with_the_cure(host: str) -> None:
    with pytest.raises(ConfigError, match=f"{host} is not an address of this machine") as caught:
        main.listen(host, 0)
    assert "--host" in str(caught.value)


def test_nothing_is_started_where_the_port_is_taken(tmp_path: Path, taken: int) -> None:
    with pytest.raises(ConfigError, match="in use"):
        asyncio.run(main.serve(world().mappings, f"sqlite:///{tmp_path / 'bridge.db'}", "127.0.0.1", taken))
    assert not any(tmp_path.iterdir())
