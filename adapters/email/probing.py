"""A mail to ourselves: that it comes back by the way in, how soon, and what those who carried it wrote on it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import format_datetime, parsedate_to_datetime
from typing import Final

from imapclient import IMAPClient

from adapters.email.addresses import Home
from adapters.email.headers import MARK
from adapters.email.listening import Listener
from adapters.email.mailbox import FAILURES, Mailbox, close, in_thread
from adapters.email.mime import Mail, read_fields
from adapters.email.settings import Listen, Settings
from bridge.contract import Checked, Level
from bridge.errors import Retryable, Unparsable
from bridge.post import Raw

ROUND_TRIP_S: Final = 30.0
APART_S: Final = 60.0
"""By how much clocks may differ: digests go at their hour, and signatures of the future are refused."""
_LOOK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Probe:
    """The mail, and by what it is known."""

    id: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Back:
    """It came back: its fields, after how many seconds, and what the time was where it was received, if that is told."""

    fields: Mail
    seconds: float
    stamped: datetime | None


def probe(home: Home, now: datetime) -> Probe:
    """A mail from our own address to itself. Whoever reads the mailbox knows it for ours, so that it is no post."""
    name = f"check-{secrets.token_hex(12)}@{home.host}"
    mail: Message[str, str] = Message()
    mail["From"] = mail["To"] = home.own_address
    mail["Subject"] = "viabridge check"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{name}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail[MARK] = home.host
    mail.set_payload("viabridge wrote this to itself, to see whether mail comes back. You can delete it.\r\n")
    return Probe(name, mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


# ---------------------------------------------------------------- by the mailbox


async def by_mailbox(mailbox: Mailbox, send: Callable[[], Awaitable[None]], name: str) -> Back | None:
    """Send it, and look into the mailbox until it is there; None where it does not come in time. Raises one of `FAILURES`."""
    client = await in_thread(mailbox.connect, unwanted=close)
    began = time.monotonic()
    try:
        await send()
        while time.monotonic() - began < ROUND_TRIP_S:
            found = await in_thread(lambda: _look(client, name))
            if found is not None:
                head, stamped = found
                return Back(read_fields(head + b"\r\n\r\n"), time.monotonic() - began, stamped)
            await asyncio.sleep(_LOOK_S)
    finally:
        await in_thread(lambda: close(client))
    return None


def _look(client: IMAPClient, name: str) -> tuple[bytes, datetime] | None:
    client.noop()
    uids = client.search(["HEADER", "Message-ID", name])
    if not uids:
        return None
    got = client.fetch(uids[-1:], ["BODY.PEEK[HEADER]", "INTERNALDATE"])[uids[-1]]
    return bytes(got[b"BODY[HEADER]"]), got[b"INTERNALDATE"].astimezone(UTC)


# ---------------------------------------------------------------- by the port


@dataclass
class _Waiting:
    """Takes the one mail, and lets every other one wait at its server."""

    name: str
    came: asyncio.Future[bytes] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def take(self, raw: Raw) -> None:
        if self.name.encode() not in raw.body[:20_000]:
            raise Retryable("Only looking around: the service takes it.")
        if not self.came.done():
            self.came.set_result(raw.body)


async def by_port(listener: Listener, send: Callable[[], Awaitable[None]], name: str) -> Back | None:
    """Listen for as long as it takes, and send it; None where it does not come in time. Raises `OSError` for a taken port."""
    waiting = _Waiting(name)
    serving = asyncio.create_task(listener.serve(waiting))
    try:
        while not listener.bound:
            if serving.done():
                await serving
            await asyncio.sleep(0.01)
        began = time.monotonic()
        await send()
        async with asyncio.timeout(ROUND_TRIP_S):
            body = await waiting.came
        fields = read_fields(body)
        return Back(fields, time.monotonic() - began, _received(fields))
    except TimeoutError:
        return None
    finally:
        serving.cancel()
        await asyncio.wait([serving])


def _received(fields: Mail) -> datetime | None:
    with suppress(ValueError, TypeError, IndexError):
        return parsedate_to_datetime(fields.first("received").rpartition(";")[2].strip()).astimezone(UTC)
    return None


async def greets(listen: Listen, seconds: float) -> bool:
    """Whether a viabridge answers at the port."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(listen.at.host, listen.at.port)
            with closing(writer):
                words = await reader.readline()
    except (OSError, TimeoutError):
        return False
    return b"viabridge" in words


# ---------------------------------------------------------------- what it tells


def told_by(back: Back | None, what: str, settings: Settings, now: datetime) -> Iterator[Checked]:
    """What the round trip says."""
    if back is None:
        cure = "Look into the mailbox's spam folder and the mail server's log: answers of readers may go the same way."
        yield Checked(Level.ERROR, f"{what}: a mail to ourselves did not come back within {ROUND_TRIP_S:.0f} s", cure)
        return
    yield Checked(Level.OK, f"{what}: a mail to ourselves came back after {back.seconds:.1f} s")
    yield from _clock(back, now)
    yield from _vouched(back.fields, settings)
    if settings.domain and settings.dkim_key is None and not back.fields.first("dkim-signature"):
        cure = "Set `dkim_key` (a private RSA key), or let the sending server sign: else many providers take it for spam."
        yield Checked(Level.WARNING, "nobody signs what we send (DKIM)", cure)


def _clock(back: Back, now: datetime) -> Iterator[Checked]:
    if back.stamped is None:
        return
    apart = abs((back.stamped - now).total_seconds())
    if apart <= APART_S:
        yield Checked(Level.OK, "the clock, beside the mail server's")
    else:
        cure = "Let this machine set its clock from the network (`timedatectl set-ntp true`): digests go by it, and signatures."
        yield Checked(Level.WARNING, f"the clock is {apart:.0f} s off the mail server's", cure)


def _vouched(fields: Mail, settings: Settings) -> Iterator[Checked]:
    """Whether who receives our mail says who wrote it, and whether the settings name it."""
    said = fields.first("authentication-results").split(";")[0].split()
    if not said or settings.trusted_authserv == said[0].lower():
        return
    if settings.trusted_authserv:
        what = f"`trusted_authserv` is {settings.trusted_authserv}, and what comes in is vouched for by {said[0]}"
        yield Checked(Level.ERROR, what, f"Write {said[0]} there; else every mail is held, as nothing proves who wrote it.")
    else:
        cure = f"If that is your own server or provider, set `trusted_authserv: {said[0]}`: then its word on who wrote counts."
        yield Checked(Level.WARNING, f"{said[0]} says who wrote what comes in, and nobody heeds it", cure)


PROBLEMS: Final = (*FAILURES, Unparsable)
