"""The door at which a mail server hands us mail, over LMTP or SMTP: durable before it is accepted."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Handed

from adapters.email.addresses import Home
from adapters.email.parse import Envelope, raws
from adapters.email.settings import LARGEST, Listen
from bridge.contract import Inbox
from bridge.errors import Retryable

log = structlog.get_logger("viabridge.email")

_ACCEPTED: Final = "250 2.0.0 accepted"
_LATER: Final = "451 4.3.0 it could not be stored, please try again later"


@dataclass
class Door:
    """Answers the mail server's questions; aiosmtpd calls the `handle_` methods."""

    home: Callable[[], Home]
    inbox: Inbox
    protocol: str

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Handed, address: str, options: list[str]) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        if self.home().group_of(address) is None:
            return "550 5.1.1 no such group here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Handed) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        body = (
            envelope.content
            if isinstance(envelope.content, bytes)
            else (envelope.content or "").encode("utf-8", "surrogateescape")
        )
        answers = [await self._take(body, envelope.mail_from or "", address) for address in envelope.rcpt_tos]
        if self.protocol == "lmtp":
            return "\r\n".join(answers)  # one per recipient: aiosmtpd sends only what it is given (its issue 517)
        return next((answer for answer in answers if answer != _ACCEPTED), _ACCEPTED)

    async def _take(self, body: bytes, sender: str, address: str) -> str:
        try:
            for raw in raws(body, self.home(), datetime.now(UTC), Envelope(sender.strip("<> "), address)):
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
    bound: bool = False
    problem: str = ""
    _open: weakref.WeakSet[SMTP] = field(default_factory=weakref.WeakSet)

    async def serve(self, inbox: Inbox) -> None:
        """Accept mail until cancelled. Raises `OSError` where the port can't be bound."""
        door = Door(self.home, inbox, self.listen.protocol)
        server = await asyncio.get_running_loop().create_server(
            lambda: self._connection(door), self.listen.at.host, self.listen.at.port
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
            door, data_size_limit=LARGEST, enable_SMTPUTF8=True, hostname=self.home().host, ident="viabridge", loop=loop
        )
        self._open.add(connection)
        return connection
