"""Everything that Slack can do, mixed, by both transports and over a restart: copies stand once, in order; nothing else does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Connection, event

from adapters.slack.sandbox import SlackSandbox
from bridge import main
from bridge.contract import Fault, Standing
from bridge.demo import law
from bridge.demo.town import Town
from bridge.post import AccountId, Destination, NativeId
from bridge.web.app import make_app
from tests.flow.house import PATIENCE, QUICK, House, Said, unique, until, write_mappings

pytestmark = pytest.mark.asyncio(loop_scope="session")

SLACK = AccountId("slack")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PLACES = [{"at": "slack/all-hands"}, {"at": "slack/dev-chatter"}, {"at": "mastodon/timeline"}]


@dataclass
class Reached(House):
    """A house with a door, at the same port after each restart; `by_http`: Slack calls it there."""

    port: int = 0
    by_http: bool = False

    async def start(self) -> None:
        self._service, routers = await self._open.enter_async_context(main.bridge(main.load(self.mappings), self.database))
        await self._open.enter_async_context(door(make_app(self._service, routers, asyncio.Event()), self.port))
        for account in self._service.engine.accounts.values():
            await asyncio.wait_for(account.opened.wait(), PATIENCE)


@asynccontextmanager
async def door(app: FastAPI, port: int) -> AsyncIterator[None]:
    """The application at the port, for as long as the block lasts."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve([bound(port)]))
    yield
    server.should_exit = True
    await serving


def bound(port: int = 0) -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", port))
    return found


@pytest_asyncio.fixture(params=["socket", "http"], loop_scope="session")
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Reached]:
    """Two channels and the account."""
    with bound() as probe:
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/slack/events" if request.param == "http" else ""
    town = Town(tmp_path, ("slack", "mastodon"))
    town.sandboxes = {**town.sandboxes, SLACK: SlackSandbox(url, ack_timeout=1.0, retry_delays=(0.2,) * 1000)}
    async with town:
        database = f"sqlite:///{tmp_path / 'bridge.db'}"
        found = Reached(town, write_mappings(town, QUICK, places=PLACES), database, port=port, by_http=bool(url))
        await found.start()
        await found.warm_up()
        await found.settle()
        yield found
        await found.stop()


@dataclass
class Mix:
    """What is said in a mixed conversation, and what must stand of it. `stands` are the marks, in the order of their posts."""

    house: House
    slack: SlackSandbox

    def __post_init__(self) -> None:
        self.chatter, self.timeline = Destination(self.house.place("slack", "dev-chatter")), self.house.at("mastodon")[0]
        self.here = Destination(self.house.place("slack", "all-hands"))
        self.before = {to: len(self.copies(to)) for to in self.house.destinations}
        self.stands: list[str] = []

    def copies(self, to: Destination) -> list[Standing]:
        """All that the bridge has said at the destination."""
        found = self.house.sandbox(to.account).standing()
        return [each for each in found if each.by_bridge and each.place == to.place.id]

    async def write(self, person: str, words: str, reply_to: NativeId | None = None, *, broadcast: bool = False) -> NativeId:
        """In #all-hands; it is to stand elsewhere."""
        said = unique(words)
        self.stands.append(mark(said))
        return await self.slack.write(person, said, "all-hands", reply_to, broadcast=broadcast)

    async def arrives(self, which: str) -> dict[Destination, Standing]:
        said = Said(SLACK, which, NativeId(""), (self.chatter, self.timeline))
        return await self.house.arrives(said)


def mark(words: str) -> str:
    return words.rsplit(" ", 1)[-1]


@pytest.mark.scenario("B01")
@pytest.mark.scenario("B04")
@pytest.mark.scenario("C01")
@pytest.mark.scenario("C02")
@pytest.mark.scenario("D01")
@pytest.mark.scenario("E01")
@pytest.mark.scenario("E08")
@pytest.mark.scenario("F01")
async def test_a_mixed_conversation_stands_once_in_order_and_nothing_else(house: Reached) -> None:
    slack = house.sandbox("slack")
    assert isinstance(slack, SlackSandbox)
    mix = Mix(house, slack)

    # under eleven event ids, with our own events before the answers
    slack.fault(Fault.EARLY_ECHO, 4)
    await slack.with_server(lambda server: setattr(server.delivery, "copies", 10))
    root = await mix.write("lynn", "the first")
    first = await mix.arrives(mix.stands[0])
    answer = await mix.write("karl", "an answer", root)
    await mix.write("karl", "an answer for all", root, broadcast=True)
    gone = await mix.write("lynn", "soon gone")
    copies = await mix.arrives(mix.stands[-1])
    assert {to.account for to in copies} == {"slack", "mastodon"}

    # changed, removed, reacted to, unfurled, each told twice
    slack.fault(Fault.TWICE, 4)
    edited = unique("an answer, corrected")
    await slack.edit(answer, edited)
    mix.stands[1] = mark(edited)
    await slack.delete(gone)
    mix.stands.remove(mix.stands[-1])
    await slack.react("karl", root, "tada")
    await slack.unfurl(root)

    # the app is asked to connect anew, then restarted while people go on
    if not house.by_http:
        await slack.refresh()
    await mix.write("lynn", "after the new connection")
    await mix.arrives(mix.stands[-1])
    await house.stop()
    for number in range(3):
        await mix.write("karl", f"missed {number}", root if number == 1 else None)
    await house.start()

    # a file; a copy of which the answer is lost, one that is refused for now, two events in the wrong order
    slack.fault(Fault.REPLY_LOST)
    words = unique("with a picture")
    await slack.write_with_file("lynn", words, "lake.png", PNG, "The lake")
    mix.stands.append(mark(words))
    await mix.arrives(mix.stands[-1])
    slack.fault(Fault.BUSY, 1, 0.2)
    await slack.with_server(lambda server: setattr(server.delivery, "reversed", 1))
    draft = unique("a draft")
    native = await slack.write("lynn", draft)
    final = unique("not a draft any more")
    await slack.edit(native, final)
    mix.stands.append(mark(final))
    await mix.arrives(mix.stands[-1])
    back, _ = await house.says("mastodon", "and back")
    await house.settle()

    await _stands(mix, back, first)
    await house.check()


async def _stands(mix: Mix, back: Said, first: dict[Destination, Standing]) -> None:
    """Exactly what should, in order, and in its thread."""
    house = mix.house
    summary = ["🎉 Karl"]
    for to in (mix.chatter, mix.timeline):
        new = mix.copies(to)[mix.before[to] :]
        relayed = [each for each in new if each.text not in summary]
        expected = [*mix.stands, back.mark] if to is mix.chatter else mix.stands
        assert [mark(each.text.splitlines()[0]) for each in relayed] == expected, str(to)
        assert len(new) - len(relayed) == (1 if to is mix.chatter else 0), "the reactions in one line, where that fits"
        threaded = {mix.stands[1], mix.stands[2], mix.stands[5]}
        assert {mark(each.text.splitlines()[0]) for each in relayed if each.reply_to == first[to].id} == threaded, str(to)
    await until(lambda: len(mix.copies(mix.here)) == mix.before[mix.here] + 1, "only what was said elsewhere came back here")
    assert house.copies(back.mark, mix.here)


@contextmanager
def full(house: House) -> Iterator[None]:
    """The disk is full for as long as the block lasts: what is there can be read, and nothing is written."""
    is_full = True

    def begins(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA query_only={'ON' if is_full else 'OFF'}")

    def ends(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA query_only=OFF")

    event.listen(house.store._engine, "begin", begins)
    event.listen(house.store._engine, "commit", ends)
    event.listen(house.store._engine, "rollback", ends)
    yield
    is_full = False


@pytest.mark.scenario("D14")
async def test_what_a_full_disk_cannot_keep_is_not_acknowledged_and_health_is_red(house: Reached) -> None:
    async def health() -> int:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{house.port}/readyz") as answer:
            return answer.status

    assert await health() == 200
    with full(house):
        said = await house.say("slack", "not to be lost")
        assert await health() == 503
        assert not [key for key in (await house.store.read(law.claims)).raws if said.native in key[1]], "nothing was kept"
    await house.arrives(said)
    assert await health() == 200
    await house.check()
