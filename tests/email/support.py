"""What the mail tests share: an inbox in memory, waiting on conditions, ready-made mails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

from adapters.email import MANIFEST
from adapters.email.adapter import EmailAdapter
from adapters.email.addresses import Home
from adapters.email.mime import file_bytes
from adapters.email.parse import Envelope, parse, raws
from adapters.email.sandbox import EmailSandbox
from adapters.email.settings import Settings
from bridge.contract import Context, Limits
from bridge.errors import Retryable, Unparsable
from bridge.post import (
    AccountId,
    Audience,
    Author,
    Created,
    Destination,
    Ignored,
    NativeId,
    Place,
    PlaceId,
    Post,
    Raw,
    Ref,
    UserId,
)
from bridge.text import from_plain, plain

ACCOUNT = AccountId("mail")
HOME = Home(ACCOUNT, domain="bridge.example", groups=frozenset({"all-hands", "leaders"}))
NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
CORPORA = Path(__file__).resolve().parents[3] / "shared" / "corpora"
GROUP = Place(ACCOUNT, PlaceId("all-hands"))


class MemoryInbox:
    """Keeps raws by key; refuses while `broken`."""

    def __init__(self) -> None:
        self.raws: dict[str, Raw] = {}
        self.cursors: dict[str, str] = {}
        self.files: dict[str, bytes] = {}
        self.taken = 0
        self.broken = False
        self._changed = asyncio.Event()

    kept: int = 0

    async def take(self, raw: Raw) -> None:
        if self.broken:
            self._changed.set()
            raise Retryable("no space")
        self.taken += 1
        self.raws.setdefault(raw.key, raw)
        self._changed.set()

    async def take_page(self, account: AccountId, raws: Sequence[Raw], cursor: str, value: str) -> None:
        for raw in raws:
            await self.take(raw)
        self.cursors[cursor] = value
        self._changed.set()

    async def raw(self, account: AccountId, key: str) -> Raw | None:
        return self.raws.get(key)

    async def file(self, blob: str) -> bytes | None:
        return self.files.get(blob)

    async def cursor(self, account: AccountId, cursor: str) -> str | None:
        return self.cursors.get(cursor)

    def places_changed(self, account: AccountId) -> None:
        return

    async def kept_back(self, account: AccountId, missed: int) -> None:
        self.kept += missed

    def catching_up(self, account: AccountId) -> AbstractContextManager[None]:
        return nullcontext()

    async def standing(self, place: Place, since: datetime) -> Sequence[NativeId]:
        return ()

    async def until(self, holds: Callable[[], bool], within: float = 10.0) -> None:
        """Return as soon as `holds` does; it is asked after each change."""
        async with asyncio.timeout(within):
            while not holds():
                self._changed.clear()
                await self._changed.wait()


async def until(holds: Callable[[], bool], within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while not holds():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(adapter: EmailAdapter, inbox: MemoryInbox) -> AsyncIterator[EmailAdapter]:
    """The adapter open and listening, with its port bound."""
    async with adapter.open():
        listening = asyncio.create_task(adapter.listen(inbox))
        standing_by = asyncio.create_task(adapter.stand_by(inbox))
        await until(lambda: adapter._listener is None or adapter._listener.bound)
        try:
            yield adapter
        finally:
            listening.cancel()
            standing_by.cancel()
            await asyncio.wait([listening, standing_by], timeout=2)
            assert listening.done(), "listen must end within 2 s"


async def adapter_for(sandbox: EmailSandbox, **changes: object) -> EmailAdapter:
    settings = MANIFEST.settings.model_validate({**sandbox.account, **changes})
    assert isinstance(settings, Settings)
    adapter = EmailAdapter(ACCOUNT, settings)
    for place in sandbox.places:
        await adapter.pin(place)
    return adapter


def mail(
    body: str = "Hello", *fields: str, to: str = "all-hands@bridge.example", sender: str = "Lynn <lynn@example.org>"
) -> bytes:
    head = (f"From: {sender}", f"To: {to}", *fields)
    return ("\r\n".join(head) + "\r\n\r\n" + body.replace("\n", "\r\n")).encode()


def raw(body: bytes, envelope: Envelope | None = None) -> Raw:
    return raws(body, HOME, NOW, envelope)[0]


def parsed(body: bytes, envelope: Envelope | None = None) -> Post:
    (event,) = parse(raw(body, envelope), HOME)
    assert isinstance(event, Created)
    return event.post


def outcome(body: bytes, home: Home = HOME) -> str:
    """What a mail comes to: kinds of events, a reason, or `held`; its files are taken out too. Raises what must not be raised."""
    try:
        found = [(each, event) for each in raws(body, home, NOW, ENVELOPE) for event in parse(each, home)]
        for each, event in found:
            if isinstance(event, Created):
                json.dumps(plain(event.post.text)).encode()
                event.post.author.name.encode()
                for media in event.post.media:
                    if media.source:
                        file_bytes(each.body, int(media.source.rpartition("#")[2]))
    except Unparsable:
        return "held"
    return " ".join(event.reason if isinstance(event, Ignored) else type(event).__name__.lower() for _, event in found)


ENVELOPE = Envelope("a@example.org", "all-hands@bridge.example")


def refused(body: bytes, envelope: Envelope | None = None) -> str:
    (event,) = parse(raw(body, envelope), HOME)
    assert isinstance(event, Ignored)
    return event.reason


def post(text: str = "Can everyone meet @ 2pm?", name: str = "Lynn", **changes: object) -> Post:
    author = Author(UserId("U1"), name)
    source = Place(AccountId("team"), PlaceId("C1"))
    values: dict[str, object] = {
        "ref": Ref(source, NativeId("1")),
        "author": author,
        "text": from_plain(text),
        "audience": Audience.GROUP,
        "at": NOW,
        **changes,
    }
    return Post(**values)  # type: ignore[arg-type]


def context(**changes: object) -> Context:
    values: dict[str, object] = {
        "limits": Limits(100_000),
        "via": "via {author}: {text}",
        "group": "All-hands",
        "audience": Audience.GROUP,
        **changes,
    }
    return Context(**values)  # type: ignore[arg-type]


def reader(address: str = "chair@board.example") -> Destination:
    return Destination(GROUP, address)
