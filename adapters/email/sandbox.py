"""The world's mail as a small server on loopback: readers' inboxes, people who write and answer, and what goes wrong."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Self
from uuid import uuid4

import aiosmtplib

from adapters.email.addresses import Home, addresses_in
from adapters.email.clients import Correspondent, answer, letterhead, new_mail
from adapters.email.counter import Conversation, Deaf, reserve
from adapters.email.identity import author_of
from adapters.email.journal import Arrival, Outgoing, copies_of
from adapters.email.mime import Mail, ids_in, read_mail
from adapters.email.parse import Envelope, raws
from adapters.email.tokens import Signer
from bridge.contract import Act, Emitted, Fault, Standing
from bridge.errors import Unparsable
from bridge.post import AccountId, Audience, NativeId, PlaceId

DOMAIN: Final = "bridge.example"
PEOPLE: Final[Mapping[str, Correspondent]] = MappingProxyType(
    {
        "lynn": Correspondent("Lynn", "lynn@example.org"),
        "karl": Correspondent("Karl", "karl@example.net"),
        "chair": Correspondent("The chair", "chair@board.example"),
        "lee": Correspondent("Lee", "lee@gmail.example"),
    }
)
GROUPS: Final = ("all-hands", "leaders")
SERVER: Final = "mail.example"
"""The authserv-id of this server, which stands in front of the bridge and checks who wrote."""
_FAULTS: Final = frozenset({Fault.BUSY, Fault.BROKEN, Fault.REFUSED, Fault.REPLY_LOST, Fault.TWICE})
_PATIENCE: Final = 5.0  # seconds for one SMTP conversation with the bridge
_WAITS: Final = (0.02, 0.05, 0.1, 0.2)  # seconds before the next try, the last repeated; real servers wait minutes


class EmailSandbox:
    """Takes what the bridge sends into inboxes, and hands people's mails to the bridge until it says 250."""

    def __init__(self, secret: str = "") -> None:
        """With a `secret` each reader gets addresses of their own, and ways to leave."""
        self.secret = secret
        self.arrivals: list[Arrival] = []
        self.bounced: list[Outgoing] = []
        self._standing: dict[tuple[str | None, NativeId], Standing] = {}
        self._mails: dict[NativeId, Mail] = {}
        self._emitted: dict[str, Emitted] = {}
        self._queue: deque[Outgoing] = deque()
        self._queued = asyncio.Event()
        self._faults: Counter[Fault] = Counter()
        self._connections: set[Conversation] = set()
        self._plugged = True
        self._closed = False
        self._names = itertools.count(1)
        self._run = uuid4().hex[:8]

    # ---------------------------------------------------------------- life

    async def __aenter__(self) -> Self:
        self._reserved = reserve()
        self._server = await asyncio.get_running_loop().create_server(self._connection, "127.0.0.1", 0)
        self._deliveries = asyncio.create_task(self._deliver_all())
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._closed = True  # beside the cancellation, which asyncio.wait_for may swallow before Python 3.12
        self._deliveries.cancel()
        await asyncio.wait([self._deliveries])
        self._server.close()
        self._hang_up()
        self._reserved.close()

    async def unplug(self) -> None:
        """Hang up on everybody, and deliver nothing; what people write waits."""
        self._plugged = False
        self._hang_up()

    async def plug(self) -> None:
        self._plugged = True
        self._queued.set()

    def _hang_up(self) -> None:
        for connection in list(self._connections):
            if isinstance(connection.transport, asyncio.Transport):
                connection.transport.abort()

    def _connection(self) -> asyncio.Protocol:
        if not self._plugged:
            return Deaf()
        connection = Conversation(self._connections, self)
        self._connections.add(connection)
        return connection

    # ---------------------------------------------------------------- what it is

    @property
    def account(self) -> Mapping[str, object]:
        host, port = self._reserved.getsockname()
        return {
            "platform": "email",
            "domain": DOMAIN,
            "smtp": f"127.0.0.1:{self.port}",
            "listen": f"smtp:{host}:{port}",
            "trusted_authserv": SERVER,
            **({"secret": self.secret} if self.secret else {}),
        }

    @property
    def port(self) -> int:
        """Where this server takes mail for everybody."""
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def places(self) -> Sequence[str]:
        return GROUPS

    @property
    def people(self) -> Mapping[str, str]:
        return {name: person.address for name, person in PEOPLE.items()}

    @property
    def native_writer(self) -> str:
        return ""

    @property
    def joining(self) -> Mapping[str, str]:
        return {"SMTP server": f"127.0.0.1:{self.port}", "group address": f"{GROUPS[0]}@{DOMAIN}"}

    @property
    def can(self) -> frozenset[Act]:
        return frozenset()

    def fault(self, fault: Fault, times: int = 1, seconds: float = 0.0) -> None:  # noqa: ARG002 - the contract's
        """SMTP has no Retry-After, so `seconds` has no effect. Raises `ValueError` for what mail cannot suffer."""
        if fault not in _FAULTS:
            raise ValueError(f"mail has no fault called {fault.value!r}")
        self._faults[fault] += times

    def suffers(self, fault: Fault) -> bool:
        """Whether this sending suffers the fault; each time is used up."""
        if self._faults[fault] <= 0:
            return False
        self._faults[fault] -= 1
        return True

    # ---------------------------------------------------------------- people write

    async def write(self, person: str, text: str, place: str | None = None, reply_to: NativeId | None = None) -> NativeId:
        """A mail from that person to the group; with `reply_to` a press on Reply, where they have that mail."""
        if reply_to is not None and (PEOPLE[person].address, reply_to) in self._standing:
            return await self.reply(person, reply_to, text)
        native = self._new_id(person)
        recipient = f"{place or GROUPS[0]}@{DOMAIN}"
        self._post(
            Outgoing(PEOPLE[person].address, recipient, new_mail(PEOPLE[person], recipient, text, native, reply_to), native)
        )
        return native

    async def reply(self, person: str, standing_id: NativeId, text: str) -> NativeId:
        """Answer a mail in the person's inbox as mail programs do: quote below, In-Reply-To, References."""
        received = letterhead(self._mails[standing_id])
        native = self._new_id(person)
        recipient = next(iter(addresses_in(received.reply_to)))
        self._post(Outgoing(PEOPLE[person].address, recipient, answer(PEOPLE[person], received, text, native), native))
        return native

    def submit(self, sender_address: str, recipient: str, body: bytes, *, vouched: bool = True) -> None:
        """Hand a ready mail to the bridge: what other mail programs send through this server.

        As a receiving server does it writes on top whether the From line is true; with `vouched` false it found nothing.
        """
        marks = raws(body, _home(self.secret), datetime.now(UTC))
        native = read_mail(body).message_id or f"{marks[0].key.partition('/')[0]}@{DOMAIN}"
        self._post(Outgoing(sender_address, recipient, body, NativeId(native), vouched))

    async def write_direct(self, person: str, text: str, reply_to: NativeId | None = None) -> NativeId:
        raise NotImplementedError("a mail goes to a group; `can` says so")

    async def edit(self, id: NativeId, text: str) -> None:  # noqa: A002 - the contract's name
        raise NotImplementedError("a mail cannot be changed; `can` says so")

    async def delete(self, id: NativeId) -> None:  # noqa: A002 - the contract's name
        raise NotImplementedError("a mail cannot be taken back; `can` says so")

    def _new_id(self, person: str) -> NativeId:
        return NativeId(f"{self._run}.{next(self._names)}@{PEOPLE[person].address.partition('@')[2]}")

    def _post(self, mail: Outgoing) -> None:
        read = read_mail(mail.body)
        text = next((section.plain for section in read.sections if section.plain), "")
        place = PlaceId(_home(self.secret).group_of(mail.recipient) or mail.recipient.partition("@")[0].lower())
        answered = next(iter(ids_in(read.first("in-reply-to"))), None)
        user = (author_of(read) or ("", mail.sender))[1]
        self._mails[mail.id] = read
        self._standing.setdefault(
            (None, mail.id),
            Standing(
                place, mail.id, user, text.strip(), text, Audience.GROUP, time.time(), NativeId(answered) if answered else None
            ),
        )
        self._queue.append(mail)
        self._queued.set()

    # ---------------------------------------------------------------- towards the bridge

    async def _deliver_all(self) -> None:
        """One mail after the other, each until it is accepted or refused for good."""
        failures = 0
        while not self._closed:
            await self._queued.wait()
            if not self._queue or not self._plugged:
                self._queued.clear()
                continue
            mail = self._queue[0]
            try:
                await self._hand_over(mail)
            except aiosmtplib.SMTPResponseException as refusal:
                if refusal.code >= 500:
                    self.bounced.append(self._queue.popleft())
                    continue
            except (aiosmtplib.SMTPException, OSError):
                pass
            else:
                self._queue.popleft()
                failures = 0
                continue
            await asyncio.sleep(_WAITS[min(failures, len(_WAITS) - 1)])
            failures += 1

    async def _hand_over(self, mail: Outgoing) -> None:
        for _ in range(2 if self._faults[Fault.TWICE] > 0 else 1):
            async with aiosmtplib.SMTP(hostname="127.0.0.1", port=self._reserved.getsockname()[1], timeout=_PATIENCE) as client:
                await client.mail(mail.sender)
                await client.rcpt(mail.recipient)
                await client.data(_vouched(mail.body) if mail.vouched else mail.body)
            self._note(mail)
        self.suffers(Fault.TWICE)

    def _note(self, mail: Outgoing) -> None:
        for raw in raws(mail.body, _home(self.secret), datetime.now(UTC), Envelope(mail.sender, mail.recipient)):
            self._emitted.setdefault(raw.key, Emitted("created", PlaceId(raw.hints.get("group", "")), mail.id, raw.key))

    # ---------------------------------------------------------------- from the bridge

    def is_ours(self, address: str) -> bool:
        """Whether the bridge, not a reader, gets what is sent there."""
        return address.lower().endswith(f"@{DOMAIN}")

    def receive(self, sender_address: str, recipient: str, body: bytes) -> None:
        """Put a mail into its inbox, or, where it is for a group, on its way to the bridge."""
        if self.is_ours(recipient):
            self.submit(sender_address, recipient, body)
            return
        self.arrivals.append(Arrival(sender_address, recipient, body, time.time()))
        try:
            mail = read_mail(body)
        except Unparsable:
            return
        reader = recipient.lower()
        native = NativeId(mail.message_id or f"{len(self.arrivals)}@{DOMAIN}")
        self._mails[native] = mail
        for copy in copies_of(mail, native, reader):
            self._mails[copy.id] = mail
            self._standing.setdefault((reader, copy.id), copy)  # inboxes show equal ids once

    # ---------------------------------------------------------------- journal

    def standing(self, place: str | None = None) -> Sequence[Standing]:
        found = sorted(self._standing.values(), key=lambda one: one.at)
        return [one for one in found if place is None or one.place == place]

    def emitted(self) -> Sequence[Emitted]:
        return list(self._emitted.values())

    def mail(self, native: NativeId) -> Mail:
        """A mail that stands, with all its fields."""
        return self._mails[native]


def _home(secret: str) -> Home:
    return Home(AccountId("sandbox"), domain=DOMAIN, groups=frozenset(GROUPS), signer=Signer(secret) if secret else None)


def _vouched(body: bytes) -> bytes:
    return f"Authentication-Results: {SERVER}; dmarc=pass\r\n".encode() + body
