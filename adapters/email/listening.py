"""The door at which a mail server hands us mail, over LMTP or SMTP: durable before it is accepted."""

from __future__ import annotations

import asyncio
import ssl
import time
import weakref
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Handed

from adapters.email.addresses import Home
from adapters.email.parse import Envelope, raws
from adapters.email.settings import LARGEST, Listen
from bridge.errors import Retryable
from bridge.post import Raw

log = structlog.get_logger("viabridge.email")

_ACCEPTED: Final = "250 2.0.0 accepted"
_SLOWER: Final = "451 4.7.1 too many mails a minute, please try again later"
SENDER_A_MINUTE: Final = 120
DOMAIN_A_MINUTE: Final = 600
MOST_CONNECTIONS: Final = 100
_REMEMBERED: Final = 10_000
_LATER: Final = "451 4.3.0 it could not be stored, please try again later"


@dataclass
class Pace:
    """How many mails one sender may hand over, and one domain, a minute: who sends more waits, and nothing is lost.

    A domain may send several times as much; a robot that changes its address each time changes its domain more seldom.
    """

    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, deque[float]] = field(default_factory=dict)

    def lets(self, sender: str) -> bool:
        """Whether the sender may hand over one more now; then it counts. Bounces are not counted."""
        if not sender:
            return True
        now, domain = self.clock(), sender.rpartition("@")[2]
        limits = ((sender, SENDER_A_MINUTE), (f"@{domain}", DOMAIN_A_MINUTE))
        for name, most in limits:
            times = self._seen.setdefault(name, deque(maxlen=most))
            while times and now - times[0] > 60:
                times.popleft()
            if len(times) == most:
                return False
        for name, _ in limits:
            self._seen[name].append(now)
        if len(self._seen) > _REMEMBERED:
            self._seen = {name: times for name, times in self._seen.items() if times and now - times[-1] <= 60}
        return True


class Crowded(asyncio.Protocol):
    """What a connection gets that is one too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.write(b"421 4.3.2 too many connections, please try again later\r\n")
        transport.close()


class Taker(Protocol):
    """Where what comes is stored; as `bridge.contract.Inbox`."""

    async def take(self, raw: Raw) -> None: ...


@dataclass
class Door:
    """Answers the mail server's questions; aiosmtpd calls the `handle_` methods."""

    home: Callable[[], Home]
    inbox: Taker
    protocol: str
    check: Callable[[bytes], Awaitable[str | None]]
    pace: Pace

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Handed, address: str, options: list[str]) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        home = self.home()
        if home.group_of(address) is None and address.strip().lower() != home.own_address:
            return "550 5.1.1 no such group here"
        if not self.pace.lets((envelope.mail_from or "").strip("<> ").lower()):
            return _SLOWER
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Handed) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        body = (
            envelope.content
            if isinstance(envelope.content, bytes)
            else (envelope.content or "").encode("utf-8", "surrogateescape")
        )
        checked = await self.check(body)
        answers = [await self._take(body, envelope.mail_from or "", address, checked) for address in envelope.rcpt_tos]
        if self.protocol == "lmtp":
            return "\r\n".join(answers)  # one per recipient: aiosmtpd sends only what it is given (its issue 517)
        return next((answer for answer in answers if answer != _ACCEPTED), _ACCEPTED)

    async def _take(self, body: bytes, sender: str, address: str, checked: str | None) -> str:
        try:
            for raw in raws(body, self.home(), datetime.now(UTC), Envelope(sender.strip("<> "), address), checked):
                await self.inbox.take(raw)
        except Retryable:
            return _LATER
        except Exception as error:  # noqa: BLE001 - an answer is due for each recipient, and aiosmtpd would give one for all
            return await self.handle_exception(error)
        return _ACCEPTED

    async def handle_exception(self, error: Exception) -> str:
        """Whatever went wrong with us, the mail server keeps the mail; aiosmtpd would have refused it for good."""
        log.error("mail not taken", error=type(error).__name__)
        return _LATER


@dataclass
class Listener:
    """A bound port, for as long as `serve` runs."""

    listen: Listen
    home: Callable[[], Home]
    check: Callable[[bytes], Awaitable[str | None]]
    tls: ssl.SSLContext | None = None
    pace: Pace = field(default_factory=Pace)
    most: int = MOST_CONNECTIONS
    bound: bool = False
    problem: str = ""
    _open: weakref.WeakSet[SMTP] = field(default_factory=weakref.WeakSet)

    async def serve(self, inbox: Taker) -> None:
        """Accept mail until cancelled. Raises `OSError` where the port can't be bound."""
        door = Door(self.home, inbox, self.listen.protocol, self.check, self.pace)
        server = await asyncio.get_running_loop().create_server(
            lambda: self._connection(door) if len(self._open) < self.most else Crowded(),
            self.listen.at.host,
            self.listen.at.port,
        )
        self.bound, self.problem = True, ""
        try:
            await asyncio.Event().wait()  # `serve_forever` would wait for open conversations when cancelled
        finally:
            self.bound = False
            server.close()
            for connection in list(self._open):
                if isinstance(connection.transport, asyncio.Transport):
                    connection.transport.abort()  # what was not answered with 250 comes again

    def _connection(self, door: Door) -> SMTP:
        kind = LMTP if self.listen.protocol == "lmtp" else SMTP
        loop = asyncio.get_running_loop()
        connection = kind(
            door,
            data_size_limit=LARGEST,
            enable_SMTPUTF8=True,
            hostname=self.home().host,
            ident="viabridge",
            loop=loop,
            tls_context=self.tls,
        )
        self._open.add(connection)
        return connection
