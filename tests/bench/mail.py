"""Mail on the bench."""

from __future__ import annotations

import asyncio
from typing import cast

from tests.bench.journal import Journal


class Mail(asyncio.Protocol):
    """A mail server that takes everything."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._reading = False
        self._reader = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._say("220 mail.bench ESMTP")

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            end = b"\r\n.\r\n" if self._reading else b"\r\n"
            line, found, rest = self._buffer.partition(end)
            if not found:
                return
            self._buffer = rest
            if self._reading:
                self._reading = False
                self._journal.copy(f"mail/{self._reader}", line.decode(errors="replace"))
                self._say("250 taken")
            else:
                self._command(line.decode(errors="replace"))

    def _command(self, line: str) -> None:
        word = line[:4].upper()
        if word == "EHLO":
            self._say("250-mail.bench\r\n250-8BITMIME\r\n250 SMTPUTF8")
        elif word == "DATA":
            self._reading = True
            self._say("354 go on")
        elif word == "QUIT":
            self._say("221 bye")
        else:
            if word == "RCPT":
                self._reader = line
            self._say("250 fine")

    def _say(self, line: str) -> None:
        if self._transport is not None:
            self._transport.write(f"{line}\r\n".encode())
