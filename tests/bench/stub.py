"""A platform that costs nothing: what is left is the engine's own time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from bridge.contract import Absent, Attempt, Capabilities, Checked, Context, Finding, Inbox, Limits, Part, Thread
from bridge.errors import Rejected, Retryable
from bridge.post import (
    AccountId,
    Audience,
    Author,
    Created,
    Destination,
    Event,
    Ignored,
    Media,
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
    """An adapter without a network; with `away` one that can't be signed in to."""

    capabilities = Capabilities(edit=True, delete=True)
    limits = Limits(characters=10_000)
    people = None
    directory = None

    def __init__(self, account: AccountId, *, away: bool = False) -> None:
        self._account = account
        self._away = away

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        if self._away:
            raise Retryable("away")
        yield

    async def listen(self, inbox: Inbox) -> None:
        await asyncio.Event().wait()

    async def stand_by(self, inbox: Inbox) -> None:
        await asyncio.Event().wait()

    def doubt(self, place: PlaceId) -> None:
        """Nothing is remembered of places."""

    async def pin(self, name: str) -> PlaceId:
        return PlaceId(name)

    async def members(self, place: PlaceId) -> int | None:
        return None

    async def look_up(self, handle: str) -> UserId | None:
        return UserId(handle)

    async def fetch(self, media: Media, most: int) -> bytes:
        raise Rejected("There are no files here.")

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
    body = json.dumps({"text": f"Can everyone meet at two today, in room {number}?"}).encode()
    return Raw(account, f"{number:09d}", body, datetime.fromtimestamp(time.time(), UTC))
