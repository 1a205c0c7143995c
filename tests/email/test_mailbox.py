"""The mailbox reader against a real Dovecot, started here in a folder of its own on a free port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest

from adapters.email.adapter import EmailAdapter
from adapters.email.mailbox import PAGE, Cursor, pages
from adapters.email.settings import LARGEST, Settings
from bridge.contract import Level
from bridge.post import AccountId, Created, Raw
from bridge.text import plain
from tests.email.dovecot import ADDRESS, Dovecot, binary, configured, short_folder
from tests.email.support import ACCOUNT, MemoryInbox, mail, running


@pytest.fixture
def server() -> Iterator[Dovecot]:
    binary()
    with short_folder() as folder:
        started = configured(folder)
        started.start()
        try:
            yield started
        finally:
            started.stop()


async def adapter_for(server: Dovecot, *groups: str) -> EmailAdapter:
    login = f"{ADDRESS}:secret"
    settings = Settings.model_validate(
        {
            "platform": "email",
            "address": ADDRESS,
            "imap": f"127.0.0.1:{server.port}",
            "smtp": "127.0.0.1:1",
            "login": login,
            "timeout": 5,
        }
    )
    adapter = EmailAdapter(ACCOUNT, settings)
    for group in groups or ("all-hands",):
        await adapter.pin(group)
    return adapter


def letter(text: str, name: str, to: str = ADDRESS) -> bytes:
    return mail(text, f"Message-ID: <{name}@example.org>", to=to)


def texts(adapter: EmailAdapter, inbox: MemoryInbox) -> list[str]:
    events = [event for raw in inbox.raws.values() for event in adapter.parse(raw)]
    return [plain(event.post.text) for event in events if isinstance(event, Created)]


async def first_contact(inbox: MemoryInbox) -> None:
    await inbox.until(lambda: "imap" in inbox.cursors, within=20)


async def test_first_contact_starts_at_the_newest_and_idle_wakes_at_once(server: Dovecot) -> None:
    await asyncio.to_thread(server.put, letter("old", "0"))
    inbox = MemoryInbox()
    async with running(await adapter_for(server), inbox) as adapter:
        await first_contact(inbox)
        await asyncio.to_thread(server.put, letter("new", "1"))
        await inbox.until(lambda: len(inbox.raws) == 1, within=20)  # far less than a renewal of IDLE
        assert texts(adapter, inbox) == ["new"]
        assert await asyncio.to_thread(server.unread) == 2
        assert [found.level for found in (await adapter.check())[1:]] == [Level.OK]


@pytest.mark.scenario("C07")
async def test_one_mail_that_comes_twice_is_one_raw(server: Dovecot) -> None:
    inbox = MemoryInbox()
    async with running(await adapter_for(server), inbox):
        await first_contact(inbox)
        for body in (letter("once", "1"), b"Received: from elsewhere\r\n" + letter("once", "1"), letter("other", "2")):
            await asyncio.to_thread(server.put, body)
        await inbox.until(lambda: inbox.taken == 3, within=20)
        assert len(inbox.raws) == 2


async def test_what_came_while_we_were_away_is_caught_up_in_order(server: Dovecot) -> None:
    inbox = MemoryInbox()
    adapter = await adapter_for(server)
    async with running(adapter, inbox):
        await first_contact(inbox)
    for number in range(13):
        await asyncio.to_thread(server.put, letter(f"mail {number}", str(number)))
    async with running(adapter, inbox):
        await inbox.until(lambda: len(inbox.raws) == 13, within=20)
    assert texts(adapter, inbox) == [f"mail {number}" for number in range(13)]
    assert Cursor.of(inbox.cursors["imap"]).uid == 13


async def test_what_comes_during_the_catching_up_is_taken_at_once(server: Dovecot) -> None:
    class PutsOneMore(MemoryInbox):
        async def take_page(self, account: AccountId, raws: Sequence[Raw], cursor: str, value: str) -> None:
            await super().take_page(account, raws, cursor, value)
            if len(self.raws) == PAGE:  # the answer to the second page's FETCH then tells of it, and IDLE never will
                await asyncio.to_thread(server.put, letter("late", "late"))

    inbox = PutsOneMore()
    adapter = await adapter_for(server)
    async with running(adapter, inbox):
        await first_contact(inbox)
    for number in range(PAGE + 1):
        await asyncio.to_thread(server.put, letter(f"mail {number}", str(number)))
    async with running(adapter, inbox):
        await inbox.until(lambda: len(inbox.raws) == PAGE + 2, within=20)  # less than a renewal of IDLE
    assert texts(adapter, inbox)[-1] == "late"


@asynccontextmanager
async def overheard(server: Dovecot, before: Callable[[bytes], Awaitable[bool]]) -> AsyncIterator[Dovecot]:
    """The same server behind another port. `before` hears each line before the server gets it, and says whether mail came."""
    ways: list[asyncio.StreamWriter] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", server.port)
        ways.extend([writer, to_server])
        mail_came = False

        async def ask() -> None:
            nonlocal mail_came
            while line := await reader.readline():
                mail_came = await before(line)
                to_server.write(line)
            to_server.close()

        async def answer() -> None:
            while line := await from_server.readline():
                if line.startswith(b"+ idling") and mail_came:
                    line += await from_server.readline()  # in one breath
                writer.write(line)
            writer.close()

        with suppress(OSError):
            await asyncio.gather(ask(), answer())

    async with await asyncio.start_server(connected, "127.0.0.1", 0) as listening:
        yield replace(server, port=listening.sockets[0].getsockname()[1])
        for way in ways:
            way.close()


@pytest.mark.parametrize("command", ["EXAMINE", "SEARCH", "FETCH", "IDLE"])
async def test_mail_that_comes_at_any_moment_is_taken_at_once(server: Dovecot, command: str) -> None:
    inbox = MemoryInbox()
    async with running(await adapter_for(server), inbox):
        await first_contact(inbox)
    await asyncio.to_thread(server.put, letter("waits", "0"))
    late = 0

    async def one_more(line: bytes) -> bool:
        nonlocal late
        if command.encode() not in line.split() or late == 2:
            return False
        late += 1
        await asyncio.to_thread(server.put, letter(f"late {late}", str(late)))
        return True

    async with overheard(server, one_more) as behind, running(await adapter_for(behind), inbox) as adapter:
        await inbox.until(lambda: late == 2 and len(inbox.raws) == 3, within=20)  # less than a renewal of IDLE
        assert sorted(texts(adapter, inbox)) == ["late 1", "late 2", "waits"]


def test_a_page_holds_few_mails_and_few_bytes() -> None:
    mebibyte = 1024 * 1024
    assert list(pages([])) == []
    assert list(pages((uid, 1) for uid in range(1, 13))) == [list(range(1, 11)), [11, 12]]
    assert list(pages([(1, 20 * mebibyte), (2, 12 * mebibyte), (3, 1), (4, 40 * mebibyte), (5, 0)])) == [[1, 2], [3], [4], [5]]


async def test_large_mails_are_fetched_one_by_one_and_only_to_the_limit(server: Dovecot) -> None:
    taken: list[int] = []

    class Counting(MemoryInbox):
        async def take_page(self, account: AccountId, raws: Sequence[Raw], cursor: str, value: str) -> None:
            taken.extend([len(raws)] if raws else [])
            await super().take_page(account, raws, cursor, value)

    inbox = Counting()
    adapter = await adapter_for(server)
    async with running(adapter, inbox):
        await first_contact(inbox)
    line = "x" * 998 + "\n"
    for number, size in enumerate((LARGEST + 5_000_000, 10_000_000, 10)):
        await asyncio.to_thread(server.put, letter(line * (size // len(line)) + "end", str(number)))
    async with running(adapter, inbox):
        await inbox.until(lambda: len(inbox.raws) == 3, within=20)
    assert taken == [1, 2]
    assert [len(raw.body) == LARGEST for raw in inbox.raws.values()] == [True, False, False]


async def test_it_connects_again_after_the_server_was_gone(server: Dovecot) -> None:
    inbox = MemoryInbox()
    async with running(await adapter_for(server), inbox):
        await first_contact(inbox)
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        await asyncio.to_thread(server.put, letter("back", "1"))
        await inbox.until(lambda: len(inbox.raws) == 1, within=30)


async def test_mail_that_cannot_be_stored_is_fetched_again(server: Dovecot) -> None:
    inbox = MemoryInbox()
    async with running(await adapter_for(server), inbox):
        await first_contact(inbox)
        inbox.broken = True
        inbox._changed.clear()
        await asyncio.to_thread(server.put, letter("kept", "1"))
        await inbox._changed.wait()
        assert not inbox.raws
        inbox.broken = False
        await inbox.until(lambda: len(inbox.raws) == 1, within=30)


async def test_when_the_server_numbers_anew_nothing_is_lost_or_doubled(server: Dovecot) -> None:
    inbox = MemoryInbox()
    adapter = await adapter_for(server)
    async with running(adapter, inbox):
        await first_contact(inbox)
        await asyncio.to_thread(server.put, letter("one", "1"))
        await inbox.until(lambda: len(inbox.raws) == 1, within=20)
    known = Cursor.of(inbox.cursors["imap"])
    inbox.cursors["imap"] = str(Cursor(known.validity + 1, known.uid + 50))
    await asyncio.to_thread(server.put, letter("two", "2"))
    async with running(adapter, inbox):
        await inbox.until(lambda: len(inbox.raws) == 2, within=20)
    assert Cursor.of(inbox.cursors["imap"]) == Cursor(known.validity, 2)


async def test_plus_addresses_name_the_group_and_foreign_mail_is_counted(server: Dovecot) -> None:
    inbox = MemoryInbox()
    async with running(await adapter_for(server, "all-hands", "board"), inbox) as adapter:
        await first_contact(inbox)
        await asyncio.to_thread(server.put, letter("hi", "1", to="allhands+board@mailhost.example"))
        await asyncio.to_thread(server.put, letter("news", "2", to="somebody@else.example"))
        await inbox.until(lambda: len(inbox.raws) == 2, within=20)
        found = [event for raw in inbox.raws.values() for event in adapter.parse(raw)]
        assert [event.post.ref.place.id if isinstance(event, Created) else getattr(event, "reason", "") for event in found] == [
            "board", "not-addressed",
        ]  # fmt: skip


async def test_an_unreachable_mailbox_is_told_with_its_cure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    settings = {
        "platform": "email",
        "address": ADDRESS,
        "imap": f"127.0.0.1:{port}",
        "smtp": "127.0.0.1:1",
        "login": "a:b",
        "timeout": 2,
    }
    found = (await EmailAdapter(ACCOUNT, Settings.model_validate(settings)).check())[1]
    assert found.level is Level.ERROR
    assert "login" in found.cure
