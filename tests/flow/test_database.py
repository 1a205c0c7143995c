"""The database is full, read-only, or away: nothing is acknowledged, health is red, nothing is kept in memory alone."""

from __future__ import annotations

import asyncio
import resource
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import aiohttp
import pytest
from sqlalchemy import create_engine, func, make_url, select, text

from adapters.slack.sandbox import SIGNING_SECRET
from adapters.slack.signature import sign
from bridge.store import sql
from bridge.store.database import connect
from tests.flow.house import unique, until
from tests.flow.test_service import END_WITHIN_S, Served, ready, said, served

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


async def status(service: Served, path: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{service.url}{path}") as answer:
        return answer.status


async def handed_over(service: Served) -> int:
    """What Slack is answered when it hands an event over."""
    body, now = b'{"type": "event_callback", "event_id": "Ev1", "event": {"type": "app_home_opened"}}', str(int(time.time()))
    headers = {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": sign(SIGNING_SECRET, now, body)}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{service.url}/slack/events", data=body, headers=headers) as answer,
    ):
        return answer.status


async def is_refused(service: Served) -> None:
    """Nothing is taken, and everybody who asks is told so."""
    async with asyncio.timeout(30):
        while (await status(service, "/readyz"), await handed_over(service)) != (503, 503):
            await asyncio.sleep(0.05)
    assert await status(service, "/livez") == 200
    assert service.process.returncode is None, said(service.log)


async def arrives_once(service: Served, *words: str) -> None:
    for each in words:
        await until(lambda each=each: len(service.copies(each.split()[-1])) == 2, f"{each}: a mail for each reader", 40)  # type: ignore[misc]


async def goes_through_trouble(service: Served, begin: Callable[[], object], end: Callable[[], object]) -> None:
    """A post before, one during the trouble, one after it: each arrives, and once."""
    before, during, after = unique("before"), unique("during"), unique("after")
    slack = service.sandbox("slack")
    await slack.write("lynn", before)
    await arrives_once(service, before)
    begin()
    await is_refused(service)
    await slack.write("lynn", during)
    await is_refused(service)
    assert service.copies(during.split()[-1]) == []
    end()
    await ready(service.url, service.process, service.log)
    await arrives_once(service, during)  # Slack hands it over again
    await slack.write("lynn", after)
    await arrives_once(service, before, during, after)


@pytest.mark.scenario("D14")
async def test_on_a_full_disk_nothing_is_acknowledged_and_all_is_there_once_there_is_room(tmp_path: Path) -> None:
    async with served(tmp_path) as service:
        pid = service.process.pid

        def fill() -> None:  # the log's disk too
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))

        await goes_through_trouble(service, fill, lambda: resource.prlimit(pid, resource.RLIMIT_FSIZE, UNLIMITED))
        engine = connect(service.database)
        with engine.connect().execution_options(reads_only=True) as reading:
            keys = reading.execute(select(sql.raw.c.key, func.count()).group_by(sql.raw.c.key)).all()
        engine.dispose()
        assert all(times == 1 for _, times in keys)


@pytest.mark.scenario("D14")
async def test_in_a_read_only_database_nothing_is_acknowledged(tmp_path: Path, make_postgresql: Callable[[], str]) -> None:
    url = make_postgresql()
    name = make_url(url).database

    def read_only(how: str) -> None:
        engine = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as admin:
            admin.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = {how}"))
            ending = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"
            admin.execute(text(ending), {"name": name})
        engine.dispose()

    async with served(tmp_path, url) as service:
        await goes_through_trouble(service, lambda: read_only("on"), lambda: read_only("off"))


class Line:
    """The network between the service and PostgreSQL, which can be cut."""

    def __init__(self, url: str, port: int) -> None:
        parsed = urlsplit(url)
        folder = unquote(parse_qs(parsed.query)["host"][0])
        self._socket = f"{folder}/.s.PGSQL.5432"
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = f"postgresql+psycopg://postgres@127.0.0.1:{port}{parsed.path}"

    async def connect(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)

    def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._socket)
        self._open |= {writer, back}
        try:
            await asyncio.wait(
                [asyncio.create_task(_pass(reader, back)), asyncio.create_task(_pass(there, writer))],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            for end in (writer, back):
                self._open.discard(end)
                end.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while read := await reader.read(65536):
            writer.write(read)
            await writer.drain()
    except ConnectionError:
        return


@asynccontextmanager
async def line(url: str) -> AsyncIterator[Line]:
    from tests.flow.test_service import free_port

    made = Line(url, free_port())
    try:
        yield made
    finally:
        if made._server is not None:
            made.cut()


@pytest.mark.scenario("D14")
@pytest.mark.scenario("L15")
async def test_a_database_that_is_away_is_waited_for_at_the_start_and_later(
    tmp_path: Path, make_postgresql: Callable[[], str]
) -> None:
    async with line(make_postgresql()) as network, served(tmp_path, network.url, ready_as=503) as service:
        await is_refused(service)
        assert "database.away" in said(service.log)
        await network.connect()
        await ready(service.url, service.process, service.log)
        loop = asyncio.get_running_loop()
        again: list[asyncio.Task[None]] = []
        await goes_through_trouble(service, network.cut, lambda: again.append(loop.create_task(network.connect())))
        await again[0]
        service.process.terminate()
        assert await asyncio.wait_for(service.process.wait(), END_WITHIN_S) == 0, said(service.log)
        assert "Traceback" not in said(service.log)


@pytest.mark.drill
async def test_a_service_that_waits_for_its_database_ends_when_it_is_told_to(tmp_path: Path) -> None:
    nowhere = "postgresql+psycopg://postgres@127.0.0.1:1/none"
    async with served(tmp_path, nowhere, ready_as=503) as service:
        service.process.terminate()
        assert await asyncio.wait_for(service.process.wait(), END_WITHIN_S) == 0, said(service.log)
