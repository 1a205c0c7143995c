"""Handing mails to the sending server: connections kept for a while, and how far a failed sending had come."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import aiosmtplib

from adapters.email.encryption import NoEncryption, allow_clear, tls_context
from adapters.email.oauth import NoToken, access_token, xoauth2
from adapters.email.settings import SMTP_TLS, Settings

_CONNECTIONS: Final = 4  # servers count connections per client; more would be refused by common defaults
_MINUTE: Final = 60.0
_DOMAINS: Final = 1_000  # that are remembered
_KEPT: Final = 20.0  # seconds an unused connection is kept; servers hang up after minutes


class Unaccepted(Exception):
    """A sending failed before the server could have taken the mail; the cause says why."""


class Unanswered(Exception):
    """The mail was handed over and no answer came; the cause says why."""


class NoLogin(Exception):
    """The server takes no login on this connection."""


class Crowded(Exception):
    """No connection became free in time."""


def _heed_cancellation() -> None:
    """End the task if it was cancelled: before Python 3.12 `asyncio.wait_for` loses that when an answer comes at once."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class TooMany(Exception):
    """The domain got as many mails within a minute as it is to get; `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.wait = wait


@dataclass
class DomainPace:
    """When each domain got its last mails; `most` a minute, 0 for any number."""

    most: int
    clock: Callable[[], float] = time.monotonic
    _sent: dict[str, deque[float]] = field(default_factory=dict)

    def wait(self, domain: str) -> float:
        """Seconds until it may get one more; where it is none, this one counts."""
        if not self.most:
            return 0.0
        now = self.clock()
        if domain not in self._sent and len(self._sent) >= _DOMAINS:
            self._sent = {name: times for name, times in self._sent.items() if times and now - times[-1] < _MINUTE}
        times = self._sent.setdefault(domain, deque(maxlen=self.most))
        while times and now - times[0] >= _MINUTE:
            times.popleft()
        if len(times) == self.most:
            return times[0] + _MINUTE - now
        times.append(now)
        return 0.0


@dataclass
class Outbox:
    """The sending server, for one account."""

    settings: Settings
    pace: DomainPace = field(init=False)
    _idle: list[tuple[float, aiosmtplib.SMTP]] = field(default_factory=list)
    _free: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CONNECTIONS))

    def __post_init__(self) -> None:
        self.pace = DomainPace(self.settings.most_a_minute)

    @property
    def longest(self) -> float:
        """Seconds within which `deliver` has surely ended: its turn has come or not, and its own sending is over."""
        return 2 * self._one_sending

    @property
    def _one_sending(self) -> float:
        return self.settings.timeout + self.settings.data_timeout

    async def deliver(self, sender: str, recipient: str, mail: bytes) -> None:
        """Hand over one mail within `longest`. Raises `Unaccepted` or `Unanswered`."""
        if wait := self.pace.wait(recipient.rpartition("@")[2].lower()):
            raise Unaccepted from TooMany(wait)
        try:
            async with asyncio.timeout(self._one_sending):  # waiting for others takes nothing of the mail's own time
                await self._free.acquire()
        except TimeoutError:
            raise Unaccepted from Crowded()
        try:
            await self._hand_over(sender, recipient, mail)
        finally:
            self._free.release()

    async def _hand_over(self, sender: str, recipient: str, mail: bytes) -> None:
        """The sending itself: `timeout` for everything up to RCPT, `data_timeout` for DATA, after which servers scan."""
        handed_over = False
        try:
            async with asyncio.timeout(self.settings.timeout):
                client = await self._addressed(sender, recipient)
            handed_over = True
            try:
                async with asyncio.timeout(self.settings.data_timeout):
                    await client.data(mail, timeout=self.settings.data_timeout)
            except BaseException:
                client.close()
                raise
            self._idle.append((time.monotonic(), client))
        except aiosmtplib.SMTPResponseException as problem:
            _heed_cancellation()
            clear = problem.code >= 400 or not handed_over  # a reply that is none comes as a code below
            raise (Unaccepted if clear else Unanswered) from problem
        except (aiosmtplib.SMTPException, OSError, TimeoutError, NoEncryption, NoToken, NoLogin, UnicodeError) as problem:
            _heed_cancellation()
            raise (Unanswered if handed_over else Unaccepted) from problem

    async def _addressed(self, sender: str, recipient: str) -> aiosmtplib.SMTP:
        """A connection that waits for a mail from `sender` to `recipient`."""
        client = await self._ready(sender)
        try:
            await client.rcpt(recipient)
        except BaseException:
            client.close()
            raise
        return client

    async def _ready(self, sender: str) -> aiosmtplib.SMTP:
        """A connection on which the sender has been named; a kept one if it still lives, else a new one."""
        while self._idle:
            since, client = self._idle.pop()
            if time.monotonic() - since < _KEPT and client.is_connected:
                try:
                    await client.mail(sender)
                except aiosmtplib.SMTPResponseException as problem:
                    client.close()
                    if problem.code != 421:
                        raise
                except (aiosmtplib.SMTPException, OSError):
                    client.close()
                else:
                    return client
            else:
                client.close()
        client = await self.connect()
        try:
            await client.mail(sender)
        except BaseException:
            client.close()
            raise
        return client

    async def connect(self) -> aiosmtplib.SMTP:
        """A new connection, encrypted where offered, signed in. Raises what aiosmtplib raises, and `NoEncryption`."""
        at, login = self.settings.sender, self.settings.credentials
        client = aiosmtplib.SMTP(
            hostname=at.host,
            port=at.port,
            timeout=self.settings.timeout,
            use_tls=at.port == SMTP_TLS,
            start_tls=False,
            tls_context=tls_context(loopback=at.loopback),
        )
        try:
            await client.connect()
            await client.ehlo()
            if at.port != SMTP_TLS and client.supports_extension("starttls"):
                await client.starttls()
                await client.ehlo()
            elif at.port != SMTP_TLS and login:
                allow_clear(loopback=at.loopback)
            if login:
                await self._sign_in(client, *login)
        except BaseException:
            client.close()
            raise
        return client

    async def _sign_in(self, client: aiosmtplib.SMTP, user: str, password: str) -> None:
        """With the password, or a token instead of it."""
        if not client.supports_extension("auth"):
            raise NoLogin
        if self.settings.token_command is None:
            await client.login(user, password)
            return
        token = await asyncio.to_thread(access_token, self.settings.token_command)
        answer = await client.execute_command(b"AUTH", b"XOAUTH2", xoauth2(user, token).encode())
        if answer.code == 334:  # what is wrong comes as a challenge, to be answered with nothing
            answer = await client.execute_command(b"")
        if answer.code != 235:
            raise aiosmtplib.SMTPAuthenticationError(answer.code, answer.message)

    def close(self) -> None:
        """Hang up."""
        while self._idle:
            self._idle.pop()[1].close()
