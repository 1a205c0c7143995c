"""The email adapter: joins parsing, rendering, the ways in and the way out; the one place where mail errors get their meaning."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote

import aiosmtplib
import structlog

from adapters.email import bundles
from adapters.email.addresses import Home, group_name
from adapters.email.checking import check_mailbox, check_port, round_trip
from adapters.email.commands import ways
from adapters.email.encryption import NoEncryption
from adapters.email.filelinks import LARGEST, linker
from adapters.email.headers import compose, digest_id, leaving, message_id, return_path
from adapters.email.hints import hints
from adapters.email.listening import Listener
from adapters.email.mailbox import Mailbox, in_thread
from adapters.email.mime import file_bytes
from adapters.email.oauth import NoToken
from adapters.email.parse import parse
from adapters.email.proving import prove, sign
from adapters.email.render import letter_of, render
from adapters.email.sending import Crowded, NoLogin, Outbox, TooMany, Unaccepted, Unanswered
from adapters.email.settings import Settings
from adapters.email.tokens import Signer
from adapters.email.workshop import Workshop
from bridge.contract import (
    Attempt,
    Bundler,
    Capabilities,
    Checked,
    Commands,
    Context,
    Directory,
    FileLimits,
    Finding,
    History,
    Inbox,
    Level,
    Limits,
    Part,
    People,
    Thread,
    Unknown,
)
from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain, Unparsable
from bridge.post import AccountId, Destination, Event, Heard, Media, NativeId, Place, PlaceId, Post, Raw, Ref, UserId

log = structlog.get_logger("viabridge.email")

_MOST_FILES = 20
_REBIND_SECONDS = 1.0  # a process that is just ending may still hold the port
_ADDRESS = re.compile(r"<?[^\s<>@]{1,64}@[^\s<>@]{1,255}>?")
_SIGN_IN = (530, 534, 535, 538)

_CURES: tuple[tuple[type[BaseException], type[SendError], str], ...] = (
    (NoEncryption, NeedsOperator, "The mail server offers no encryption, so the password was not sent. Use port 465 or 587."),
    (NoLogin, NeedsOperator, "The mail server takes no login on this port. Use its port for sending: 587 or 465."),
    (NoToken, NeedsOperator, "The program under `token_command` gave no access token, so nobody was signed in. Run it by hand."),
    (ssl.SSLCertVerificationError, NeedsOperator, "The mail server's certificate does not fit. Correct the name under `smtp`."),
    (Crowded, Retryable, "All connections to the mail server were in use for too long; this mail was not attempted yet."),
    (UnicodeError, Rejected, "The reader's address has characters that the mail server cannot take."),
    (TimeoutError, Retryable, "The mail server did not answer in time."),
    (aiosmtplib.SMTPException, Retryable, "The mail server could not be reached."),
    (OSError, Retryable, "The mail server could not be reached."),
)  # fmt: skip
"""What each failure before the hand-over means; the first that fits counts. Replies with a code have `_answered`."""


def _answered(problem: aiosmtplib.SMTPResponseException) -> SendError:
    said = _ADDRESS.sub("the reader", " ".join(f"{problem.code} {problem.message}".split())[:300])  # authors read this
    if problem.code in _SIGN_IN:
        return NeedsOperator(f"The mail server refused the login ({problem.code}). Correct `login` in the mapping file.")
    if 500 <= problem.code < 600:
        return Rejected(f"The mail server refused the mail: {said}")
    return Retryable(f"The mail server asks to wait: {said}")


def _translated(failure: Unaccepted | Unanswered) -> SendError:
    """The failure in the bridge's words."""
    cause = failure.__cause__
    if isinstance(failure, Unanswered):
        return Uncertain("The mail was handed over and the mail server's answer was lost; it may have been sent.")
    if isinstance(cause, TooMany):
        return Retryable("The reader's domain gets no more mails this minute (`domain_a_minute`).", cause.wait)
    if isinstance(cause, aiosmtplib.SMTPResponseException):
        return _answered(cause)
    causes = (cause, cause.__cause__ if cause else None, cause.__context__ if cause else None)
    for kind, error, sentence in _CURES:
        if any(isinstance(found, kind) for found in causes):
            return error(sentence)
    return Retryable("The mail server could not be reached.")


class EmailAdapter:
    """One mailbox or mail domain."""

    def __init__(self, account: AccountId, settings: Settings) -> None:
        self._settings = settings
        secret = settings.signing_secret
        self._home = Home(
            account,
            settings.address,
            settings.domain,
            authserv=settings.trusted_authserv,
            check_senders=settings.check_senders,
            signer=Signer(secret) if secret else None,
            plus=settings.plus_addresses,
        )
        self._outbox = Outbox(settings)
        self._workshop = Workshop()
        self._prover = Workshop()  # beside the other: asking DNS takes its time
        self._opened = False
        self._inbox: Inbox | None = None
        self._listener = (
            Listener(settings.listener, lambda: self._home, self._checked, settings.tls) if settings.listener else None
        )
        self._mailbox = Mailbox(settings, settings.mailbox, lambda: self._home, self._checked) if settings.mailbox else None

    @property
    def signer(self) -> Signer | None:
        """What signs this account's addresses and links; None where it has no secret."""
        return self._home.signer

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            edit=False,
            delete=False,
            webhooks=True,
            repeatable=True,
            deadline=self._outbox.longest + 2,
            catch_up=self._mailbox is not None,
            hostile=True,
        )

    @property
    def limits(self) -> Limits:
        most = self._settings.largest_attachment
        return Limits(characters=100_000, files=FileLimits(_MOST_FILES, most, most, linked=LARGEST if self._home.signer else 0))

    @property
    def people(self) -> People | None:
        return None

    @property
    def history(self) -> History | None:
        return None

    @property
    def directory(self) -> Directory | None:
        return None

    @property
    def bundler(self) -> Bundler | None:
        return bundles.Bundler(self._home)

    async def members(self, place: PlaceId) -> int | None:  # noqa: ARG002 - the contract's
        return None

    @property
    def commands(self) -> Commands | None:
        return None

    async def ping(self, place: PlaceId) -> None:  # noqa: ARG002 - the contract's
        """Sign in to the sending server."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                client = await self._outbox.connect()
        except (aiosmtplib.SMTPException, OSError, NoEncryption, NoLogin, NoToken) as problem:
            failure = Unaccepted()
            failure.__cause__ = problem
            raise _translated(failure) from problem
        client.close()

    def locate(self, words: str) -> Ref | None:
        """By a mail's Message-ID, as a `mid:` link has it (RFC 2392); which group it went to, the ledger knows."""
        name = unquote(words.removeprefix("mid:")).strip("<>")
        return Ref(Place(self._home.account, PlaceId("")), NativeId(name)) if words.startswith("mid:") and name else None

    async def look_up(self, handle: str) -> UserId | None:
        """An address is its own id."""
        return UserId(handle) if _ADDRESS.fullmatch(handle) else None

    async def fetch(self, media: Media, most: int) -> bytes:
        """A file that came within a mail: from the mail itself, which we keep."""
        key, _, number = media.source.rpartition("#")
        if self._inbox is None:
            raise Retryable("The account is not open yet.")
        raw = await self._inbox.raw(self._home.account, key)
        if raw is None or not number.isdecimal():
            raise Rejected("The mail that it came in is no longer kept.")
        try:
            body = await asyncio.to_thread(self._workshop.do, file_bytes, raw.body, int(number))
        except Unparsable as error:
            raise Rejected(error.sentence) from error
        if body is None or len(body) > most:
            raise Rejected(f"larger than {most // 1_000_000} MB" if body else "It could not be taken out of its mail.")
        return body

    async def _checked(self, body: bytes) -> str | None:
        """Whether a mail is signed by its author's domain, where we are to look; None where somebody else does, or nobody."""
        if self._home.authserv or not self._settings.check_senders:
            return None
        try:
            return await asyncio.to_thread(self._prover.do, prove, body)
        except Unparsable:
            return "none"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Nothing to learn: who we are stands in the settings. A server that is down must not keep mail from coming in."""
        self._workshop.open()
        self._prover.open()
        self._opened = True
        try:
            yield
        finally:
            self._opened = False
            self._outbox.close()
            await asyncio.to_thread(self._workshop.close)
            await asyncio.to_thread(self._prover.close)

    async def listen(self, inbox: Inbox) -> None:
        """Take mail by every way the settings name."""
        async with asyncio.TaskGroup() as ways:
            ways.create_task(in_thread(self._workshop.start))  # so that the first mail need not wait for it
            if self._listener:
                ways.create_task(self._keep_listening(self._listener, inbox))
            if self._mailbox:
                ways.create_task(self._mailbox.serve(inbox))

    async def stand_by(self, inbox: Inbox) -> None:
        """Know where the mails are kept, for the files in them."""
        self._inbox = inbox
        await asyncio.Event().wait()

    async def _keep_listening(self, listener: Listener, inbox: Inbox) -> None:
        while True:
            try:
                await listener.serve(inbox)
            except OSError as problem:
                if not listener.problem:
                    log.warning("mail port not bound", port=listener.listen.at.port, error=problem.strerror)
                listener.problem = problem.strerror or type(problem).__name__
            await asyncio.sleep(_REBIND_SECONDS)

    def doubt(self, place: PlaceId) -> None:
        """Nothing to forget: readers stand in the mapping file and the database."""

    async def pin(self, name: str) -> PlaceId:
        """The group's local part, from now on a known recipient."""
        group = group_name(name)
        if group is None:
            raise NeedsOperator(
                f"`{name}` cannot be a mail address. Use up to 40 letters a-z, digits, dots, dashes, such as all-hands."
            )
        self._home = self._home.with_group(group)
        return PlaceId(group)

    def parse(self, raw: Raw) -> tuple[Heard, ...]:
        """In a child process while the account is open: a mail made to hang its reader costs that process, not us."""
        return self._workshop.do(parse, raw, self._home) if self._opened else parse(raw, self._home)

    async def complete(self, event: Event) -> Event:
        """A mail carries all that is known of its writer."""
        return event

    def render(self, post: Post, destination: Destination, context: Context) -> tuple[Part, ...]:
        leave = leaving(destination, self._home, context.public_url)
        offered = ways(destination, self._home, post.at, leave[0] if leave else "")
        return render(post, destination, context, offered, linker(self._home, context.public_url, post.at))

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        """One mail to one person. Its Message-ID follows from `key`, so that a repeat is recognised as one."""
        recipient = destination.place.person or destination.reader
        if not recipient:
            raise Rejected("The group has no reader to send this to.")
        letter = letter_of(part)
        mail = await self._signed(compose(letter, destination, self._home, thread, key, part.files))
        try:
            await self._outbox.deliver(return_path(letter, destination, self._home, key), recipient, mail)
        except (Unaccepted, Unanswered) as failure:
            raise _translated(failure) from failure
        name = message_id(key, self._home)
        return Ref(destination.place, digest_id(name) if letter.digest else name)

    async def _signed(self, mail: bytes) -> bytes:
        key = self._settings.dkim_key
        if key is None:
            return mail
        try:
            return await asyncio.to_thread(sign, mail, self._settings.dkim_selector, self._home.host, key.get_secret_value())
        except ValueError as error:
            raise NeedsOperator("The mail could not be signed: `dkim_key` must hold a private RSA key as PEM.") from error

    async def edit(self, ref: Ref, part: Part) -> None:  # noqa: ARG002 - the contract's
        raise Rejected("A mail that was sent cannot be changed.")

    async def delete(self, ref: Ref) -> None:  # noqa: ARG002 - the contract's
        raise Rejected("A mail that was sent cannot be taken back.")

    async def find(self, attempt: Attempt) -> Finding:  # noqa: ARG002 - the contract's
        """Nobody can look into a reader's inbox."""
        return Unknown()

    async def check(self) -> tuple[Checked, ...]:
        """The sending server, the ways in, a mail to ourselves, the clock and the domain's records, each with its cure."""
        sending = await self._check_sending()
        found = [sending, *([await check_mailbox(self._mailbox)] if self._mailbox else [])]
        if self._listener:
            found.append(await check_port(self._listener, self._settings.timeout))
        if sending.level is Level.OK and self._inbox is None:  # a service that runs takes what comes
            found += await round_trip(self._settings, self._home, self._mailbox, self._listener, self._send_probe)
        return (*found, *await asyncio.to_thread(hints, self._home.host, self._settings))

    async def _send_probe(self, mail: bytes) -> None:
        await self._outbox.deliver(self._home.own_address, self._home.own_address, await self._signed(mail))

    async def _check_sending(self) -> Checked:
        what = f"sending through {self._settings.smtp}"
        try:
            async with asyncio.timeout(self._settings.timeout):
                client = await self._outbox.connect()
        except (aiosmtplib.SMTPException, OSError, NoEncryption, NoLogin, NoToken) as problem:
            failure = Unaccepted()
            failure.__cause__ = problem
            return Checked(Level.ERROR, what, f"{_translated(failure).sentence} Look at `smtp` and `login`.")
        client.close()
        return Checked(Level.OK, what)
