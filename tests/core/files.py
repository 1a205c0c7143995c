"""A worker between a source of files and a destination that takes them, for tests of files on their way. No tests."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from bridge.beginning import Begun
from bridge.bringing import Bringing
from bridge.contract import Capabilities, Context, File, FileLimits, Limits, Part, Thread
from bridge.engine import Account, Engine
from bridge.errors import SendError
from bridge.media import MOST
from bridge.post import Created, Destination, Media, NativeId, Post, Ref
from bridge.store import blobs, sql
from bridge.text import plain
from bridge.worker import Worker
from tests.core.desk import Desk
from tests.core.worlds import ALL, TEAM, TIMELINE, created

FILES = FileLimits(4, 1_000, 2_000)
LAKE = Media("lake.png", "image/png", alt="The lake", source="s/lake")
BOAT = Media("boat.png", "image/png", source="s/boat")


@dataclass
class Source:
    """Where the post was written. `files` is what fetching each comes to."""

    files: dict[str, bytes | SendError] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)

    async def fetch(self, media: Media, most: int) -> bytes:
        assert most == MOST
        self.fetched.append(media.source)
        await asyncio.sleep(0)
        found = self.files[media.source]
        if isinstance(found, SendError):
            raise found
        return found


@dataclass
class Target:
    """Where copies go; names in the text what is missing."""

    limits: Limits = field(default_factory=lambda: Limits(500, files=FILES))
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(edit=True, delete=True, deadline=10.0, per_file=30.0))
    answers: list[BaseException | None] = field(default_factory=list)
    sent: list[tuple[str, tuple[bytes, ...]]] = field(default_factory=list)
    edits: list[tuple[str, tuple[bytes, ...]]] = field(default_factory=list)
    frozen: list[Part] = field(default_factory=list)

    def render(self, post: Post, destination: Destination, context: Context) -> tuple[Part, ...]:
        missing = [f"[{media.name}: {media.missing or 'not taken'}]" for media in post.media if not media.blob]
        part = Part(" ".join([plain(post.text), *missing]), tuple(File(media) for media in post.media if media.blob))
        self.frozen.append(part)
        return (part,)

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        self.sent.append((part.body, tuple(file.body for file in part.files)))
        if self.answers and (error := self.answers.pop(0)):
            raise error
        return Ref(destination.place, NativeId(str(100 + len(self.sent))))

    async def edit(self, ref: Ref, part: Part) -> None:
        self.edits.append((part.body, tuple(file.body for file in part.files)))

    async def delete(self, ref: Ref) -> None:
        """Nothing to be seen."""


@dataclass
class House:
    """A worker between the two, which lives from one look to the next."""

    desk: Desk
    source: Source = field(default_factory=Source)
    target: Target = field(default_factory=Target)
    at_step: Any = None

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """As after a crash: only the database remembers."""
        accounts = {TEAM: Account(TEAM, self.source), ALL: Account(ALL, self.target)}  # type: ignore[arg-type]
        for account in accounts.values():
            account.opened.set()
        steps = {"at_step": self.at_step} if self.at_step else {}
        self.engine = Engine(accounts, now=lambda: self.desk.now, jitter=lambda: 0.0, **steps)
        self.worker = Worker(self.desk.store, self.engine, lambda: self.desk.world, lambda _: None)

    async def bring(self, times: int = 1) -> None:
        """So many looks at the timeline's lane, and what is to be done then."""
        claim = await self.desk.lane(TIMELINE)
        assert claim.lane.destination is not None
        for _ in range(times):
            job = await self.desk.next(claim)
            if job is None or isinstance(job, float | int):
                return
            lane = Bringing(self.worker, self.engine.accounts[claim.lane.account], claim, claim.lane.destination)
            await lane.bring(job)
            while lane.has_begun:
                [found], lane.looked = lane.looked, ()
                assert isinstance(found, Begun)
                await lane.bring(found)

    async def says(self, *media: Media, words: str = "look") -> Created:
        event = created(words, media=media)
        await self.desk.hear(event)
        return event

    async def outcome(self) -> tuple[str, str]:
        lanes = [row.id for row in await self.desk.rows(sql.lane, sql.lane.c.place == TIMELINE.id, sql.lane.c.person == "")]
        *_, row = [row for row in await self.desk.rows(sql.delivery) if row.lane_id in lanes]
        return row.state, row.reason

    async def blobs(self) -> int:
        return await self.desk.count(blobs.blob)
