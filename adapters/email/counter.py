"""The sandbox's SMTP side: conversations with the bridge and with other mail programs, and what goes wrong in them."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Final, Protocol

from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Handed

from bridge.contract import Fault

_REPLIES: Final = {
    Fault.BUSY: "451 4.7.1 try again later",
    Fault.BROKEN: "421 4.3.2 going down",
    Fault.REFUSED: "550 5.7.1 not wanted here",
}


class Office(Protocol):
    """What the conversations need of the sandbox."""

    def is_ours(self, address: str) -> bool: ...

    def suffers(self, fault: Fault) -> bool: ...

    def receive(self, sender_address: str, recipient: str, body: bytes) -> None: ...


def reserve() -> socket.socket:
    """A free port kept for the bridge's listener: bound, never listening, so that only the bridge can listen there."""
    reserved = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("127.0.0.1", 0))
    return reserved


class Deaf(asyncio.Protocol):
    """An unplugged server: it hangs up at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class Conversation(SMTP):
    """One SMTP conversation, known to the sandbox for as long as it lasts."""

    def __init__(self, open_now: set[Conversation], office: Office) -> None:
        super().__init__(
            _Desk(office), enable_SMTPUTF8=True, hostname="mail.example", ident="mail.example", loop=asyncio.get_running_loop()
        )
        self._open_now = open_now

    def connection_lost(self, error: Exception | None) -> None:
        self._open_now.discard(self)
        super().connection_lost(error)


@dataclass
class _Desk:
    """Answers mail programs and the bridge; aiosmtpd calls the `handle_` methods."""

    office: Office

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Handed, address: str, options: list[str]) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        to_us = self.office.is_ours(address)
        for fault, reply in _REPLIES.items():
            if not to_us and self.office.suffers(fault):
                return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Handed) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        body = envelope.content if isinstance(envelope.content, bytes) else b""
        for recipient in envelope.rcpt_tos:
            self.office.receive((envelope.mail_from or "").strip("<>"), recipient, body)
            if (
                not self.office.is_ours(recipient)
                and self.office.suffers(Fault.REPLY_LOST)
                and isinstance(server.transport, asyncio.Transport)
            ):
                server.transport.abort()
        return "250 2.0.0 taken"
