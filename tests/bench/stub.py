"""A platform that costs nothing: what is left is the engine's own time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from bridge.contract import Absent, Attempt, Capabilities, Checked, Context, Finding, Inbox, Limits, Part, Thread
from bridge.post import (
    AccountId,
    Audience,
    Author,
    Created,
    Destination,
    Event,
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


class Stub:
    """An adapter without a network. `sent` holds (text, seconds since the epoch) in the order of sending."""

    capabilities = Capabilities(edit=True, delete=True)
    limits = Limits(characters=10_000)

    def __init__(self, account: AccountId) -> None:
        self._account = account
        self.sent: list[tuple[str, float]] = []

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        yield

    async def listen(self, inbox: Inbox) -> None:
        await asyncio.Event().wait()

    async def pin(self, name: str) -> PlaceId:
        return PlaceId(name)

    def parse(self, raw: Raw) -> tuple[Event | Ignored, ...]:
        said = json.loads(raw.body)
        ref = Ref(Place(self._account, PlaceId("here")), NativeId(raw.key))
        author = Author(UserId("u1"), "Lynn")
        return (Created(Post(ref, author, from_plain(said["text"]), Audience.GROUP, raw.at)),)

    async def complete(self, event: Event) -> Event:
        return event

    def render(self, post: Post, destination: Destination, context: Context) -> tuple[Part, ...]:
        return (Part(plain(post.text)),)

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        self.sent.append((part.body, time.time()))
        return Ref(destination.place, NativeId(key))

    async def edit(self, ref: Ref, part: Part) -> None:
        """Nothing is edited here."""

    async def delete(self, ref: Ref) -> None:
        """Nothing is deleted here."""

    async def find(self, attempt: Attempt) -> Finding:
        return Absent()

    async def check(self) -> tuple[Checked, ...]:
        return ()


def raw(account: AccountId, number: int) -> Raw:
    """The `number`th post, as the stub's bytes."""
    body = json.dumps({"text": f"post {number}: can everyone meet at two today?"}).encode()
    return Raw(account, f"{number:09d}", body, datetime.fromtimestamp(time.time(), UTC))
