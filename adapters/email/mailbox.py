"""An ordinary mailbox read over IMAP: catch up from the cursor, then wait for news. It changes nothing there."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import structlog
from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError

from adapters.email.addresses import Home
from adapters.email.encryption import NoEncryption, allow_clear, tls_context
from adapters.email.oauth import NoToken, access_token
from adapters.email.parse import raws
from adapters.email.settings import IMAP_TLS, LARGEST, Endpoint, Settings
from bridge.contract import Inbox
from bridge.errors import Retryable

T = TypeVar("T")
log = structlog.get_logger("viabridge.email")

CURSOR: Final = "imap"
PAGE: Final = 10  # mails fetched and stored at a time
PAGE_BYTES: Final = 33_554_432  # and at most so much of them, unless one alone is larger
SIZED: Final = 200  # mails whose sizes are asked for at a time
IDLE_SECONDS: Final = 30.0  # then it looks anyway: networks drop silent connections, and some servers forget to tell
POLL_SECONDS: Final = 20.0  # for servers without IDLE
FOREIGN_DAYS: Final = 2  # how far back to look when the server numbers its mails anew; known ones are recognised
WAITS: Final = (1.0, 2.0, 5.0, 15.0, 30.0, 60.0)  # seconds before connecting again, the last repeated

FAILURES: Final = (IMAPClientError, NoEncryption, NoToken, OSError, EOFError, ValueError)
"""What a broken connection raises; a socket closed under a waiting thread may say `ValueError`."""


async def in_thread(call: Callable[[], T], unwanted: Callable[[T], None] | None = None) -> T:
    """Run a blocking call in a thread of its own, which never keeps the process from ending.

    `unwanted` gets the result when nobody waits for it any more.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, problem: BaseException | None) -> None:
        if done.cancelled():
            if unwanted is not None and result is not None:
                unwanted(result)
        elif problem is not None:
            done.set_exception(problem)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, problem = None, None
        try:
            result = call()
        except BaseException as raised:  # noqa: BLE001 - it is raised again in the awaiting task
            problem = raised
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, result, problem)

    threading.Thread(target=run, name="imap", daemon=True).start()
    return await done


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last mail taken: `uidvalidity:uid`."""

    validity: int
    uid: int

    def __str__(self) -> str:
        return f"{self.validity}:{self.uid}"

    @classmethod
    def of(cls, value: str) -> Cursor:
        validity, _, uid = value.partition(":")
        return cls(int(validity), int(uid))


@dataclass
class Mailbox:
    """The account's INBOX, for as long as `serve` runs."""

    settings: Settings
    at: Endpoint
    home: Callable[[], Home]
    check: Callable[[bytes], Awaitable[str | None]]
    problem: str = field(default="")
    _found_nothing: Cursor | None = field(default=None, init=False)
    """How far the folder's numbers went when nothing was found up to there: what had them is removed, or not to be seen yet."""

    async def serve(self, inbox: Inbox) -> None:
        """Take every new mail until cancelled; connects again alone."""
        failures = 0
        while True:
            try:
                await self._session(inbox, self._connected)
            except (*FAILURES, Retryable) as problem:
                failures = 1 if not self.problem else failures + 1
                if not self.problem:
                    log.warning("mailbox lost", server=str(self.at), error=type(problem).__name__)
                self.problem = type(problem).__name__
            await asyncio.sleep(WAITS[min(failures, len(WAITS)) - 1])

    def _connected(self) -> None:
        if self.problem:
            log.info("mailbox back", server=str(self.at))
        self.problem = ""

    async def _session(self, inbox: Inbox, connected: Callable[[], None]) -> None:
        client = await in_thread(self.connect, unwanted=close)
        try:
            while True:
                self._found_nothing = None
                while await self._catch_up(client, inbox):
                    pass
                connected()
                await self._wait(client)
        finally:
            hang_up(client)
            with suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await in_thread(lambda: close(client))

    def connect(self) -> IMAPClient:
        """A signed-in connection with INBOX selected for reading only. Blocks; raises one of `FAILURES`."""
        limit = SocketTimeout(connect=self.settings.timeout, read=self.settings.timeout)
        context = tls_context(loopback=self.at.loopback)
        client = _Client(self.at.host, self.at.port, ssl=self.at.port == IMAP_TLS, ssl_context=context, timeout=limit)
        try:
            if self.at.port != IMAP_TLS and client.has_capability("STARTTLS"):
                client.starttls(context)
            elif self.at.port != IMAP_TLS:
                allow_clear(loopback=self.at.loopback)
            user, password = self.settings.credentials or ("", "")
            if self.settings.token_command:
                client.oauth2_login(user, access_token(self.settings.token_command))
            else:
                client.login(user, password)
            client.select_folder("INBOX", readonly=True)
        except BaseException:
            close(client)
            raise
        return client

    async def _catch_up(self, client: IMAPClient, inbox: Inbox) -> bool:
        """Take what is new, page by page; whether to look again before waiting.

        A server tells of a new mail once, in answer to whichever command comes next. So the last command before IDLE is
        the one that opens the folder anew and says how far the numbers go: all that comes after it, IDLE tells.
        """
        account = self.home().account
        opened = await in_thread(lambda: _open(client))
        stored = await inbox.cursor(account, CURSOR)
        if stored is None:
            await inbox.take_page(account, (), CURSOR, str(opened))
            return True
        last = Cursor.of(stored)
        if opened == self._found_nothing or (last.validity == opened.validity and last.uid >= opened.uid):
            return False
        uids = await in_thread(lambda: _news(client, last, opened))
        for start in range(0, len(uids), SIZED):
            some = uids[start : start + SIZED]
            sizes = await in_thread(lambda some=some: _sizes(client, some))  # type: ignore[misc]
            for page in pages(zip(some, sizes, strict=True)):
                bodies = await in_thread(lambda page=page: _bodies(client, page))  # type: ignore[misc]
                checked = [await self.check(body) for body in bodies]
                now = datetime.now(UTC)
                found = [
                    raw for body, known in zip(bodies, checked, strict=True) for raw in raws(body, self.home(), now, None, known)
                ]
                await inbox.take_page(account, found, CURSOR, str(Cursor(opened.validity, page[-1])))
        if not uids:
            self._found_nothing = opened
        if not uids and last.validity != opened.validity:
            await inbox.take_page(account, (), CURSOR, str(opened))
        return True

    async def _wait(self, client: IMAPClient) -> None:
        """Return when the server says something, or when it is time to look anyway."""
        if await in_thread(lambda: client.has_capability("IDLE")):
            await in_thread(lambda: _idle(client))
        else:
            await asyncio.sleep(POLL_SECONDS)


def _open(client: IMAPClient) -> Cursor:
    """Select INBOX for reading only; where its newest mail stands."""
    said = client.select_folder("INBOX", readonly=True)
    if not {b"UIDVALIDITY", b"UIDNEXT"} <= said.keys():  # old servers tell them only when asked
        said |= client.folder_status("INBOX", ["UIDVALIDITY", "UIDNEXT"])
    return Cursor(int(said[b"UIDVALIDITY"]), int(said[b"UIDNEXT"]) - 1)


def _news(client: IMAPClient, last: Cursor, opened: Cursor) -> list[int]:
    """The numbers of mails not taken yet, oldest first."""
    client.noop()  # else a server may answer from what it told us before
    if last.validity != opened.validity:
        since = (datetime.now(UTC) - timedelta(days=FOREIGN_DAYS)).date()
        return sorted(client.search(["SINCE", since]))
    # `n:*` names the last mail even below n
    return sorted(uid for uid in client.search(["UID", f"{last.uid + 1}:*"]) if uid > last.uid)


def _sizes(client: IMAPClient, uids: list[int]) -> list[int]:
    """How many bytes of each mail will be fetched; 0 for those removed meanwhile."""
    fetched = client.fetch(uids, ["RFC822.SIZE"])
    return [min(int(fetched.get(uid, {}).get(b"RFC822.SIZE", 0)), LARGEST) for uid in uids]


def pages(sized: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Mails, given with their sizes, in portions that fit into memory: by `PAGE` and `PAGE_BYTES`, in the same order."""
    page: list[int] = []
    held = 0
    for uid, size in sized:
        if page and (len(page) == PAGE or held + size > PAGE_BYTES):
            yield page
            page, held = [], 0
        page.append(uid)
        held += size
    if page:
        yield page


def _bodies(client: IMAPClient, uids: list[int]) -> list[bytes]:
    """The mails, oldest first, without what exceeds `LARGEST`: attachments' ends; those removed meanwhile are left out.

    Fetching marks nothing as read.
    """
    fetched = client.fetch(uids, [f"BODY.PEEK[]<0.{LARGEST}>"])
    return [bytes(fetched[uid][b"BODY[]<0>"]) for uid in uids if b"BODY[]<0>" in fetched.get(uid, {})]


class _Client(IMAPClient):  # type: ignore[misc]
    """Hears also what the server says in one breath with its answer to IDLE.

    That has left the socket for the reader's buffer, and `idle_check` reads the buffer only once the socket has more.
    """

    def _poll_socket(self, sock: socket.socket, timeout: float | None = None) -> list[tuple[int, int]]:
        if timeout == 0:
            return [(sock.fileno(), select.POLLIN)]  # so that it reads what is there, without waiting
        return super()._poll_socket(sock, timeout)  # type: ignore[no-any-return]


def _idle(client: IMAPClient) -> None:
    client.idle()
    client.idle_check(timeout=0) or client.idle_check(timeout=IDLE_SECONDS)
    client.idle_done()


def hang_up(client: IMAPClient) -> None:
    """End the connection at once, whatever thread waits on it: its call then fails. Never blocks."""
    with suppress(OSError, AttributeError, ValueError):
        client.socket().shutdown(socket.SHUT_RDWR)


def close(client: IMAPClient) -> None:
    """Give the connection back to the system; to be called when no thread waits on it."""
    with suppress(*FAILURES, AttributeError):
        client.shutdown()
