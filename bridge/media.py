"""Files beside posts: fetched once, before the first copy is rendered, kept in our store, and handed out for sending."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bridge.contract import FileLimits, Part
from bridge.engine import Engine
from bridge.errors import Rejected, Retryable, SendError
from bridge.post import EventKind, Media, Post
from bridge.store import Store, blobs
from bridge.store.values import Job

MOST = 40_000_000
"""Bytes of a file that are copied at most."""

FETCH_S = 60.0
"""Seconds that fetching one file may take."""

PATIENCE_S = 120.0
"""Seconds after which a file that can't be had is given up: it must not hold a text for ever."""

AGAIN_S = 15.0
"""Seconds between two tries, at most."""

GIVEN_UP = "could not be copied"
_NO_ACCOUNT = "could not be copied: its account is no longer in the mapping file"
_REMEMBERED = 1000

log = structlog.get_logger()


@dataclass(slots=True)
class _Fetching:
    """A post whose files are being fetched. `users` is how many lanes want them."""

    lock: asyncio.Lock
    users: int = 0


class Spool:
    """The files of posts, for all lanes."""

    def __init__(self, store: Store, engine: Engine, links: Callable[[], bool] = lambda: False) -> None:
        """`links`: whether messages can link to what they don't carry."""
        self._links = links
        self._store = store
        self._engine = engine
        self._fetching: dict[int, _Fetching] = {}
        self._tried_since: OrderedDict[tuple[int, str], float] = OrderedDict()
        self._refused: OrderedDict[tuple[int, int, str], str] = OrderedDict()

    async def fill(self, post_id: int, post: Post, limits: FileLimits, lane_id: int) -> Post:
        """The post with the files that the lane's destination may get: each in the store, or with the reason why it is missing.

        Raises `Retryable` while a file can't be had that may still come.
        """
        if any(self._wanted(media, limits) for media in post.media):
            async with self._alone(post_id):
                post = await self._store.read(lambda tx: blobs.with_files(tx, post_id, post))  # another lane may have them
                post = replace(post, media=tuple([await self._had(post_id, post, media, limits) for media in post.media]))
        return replace(post, media=tuple(self._as_refused(media, post_id, lane_id) for media in post.media))

    async def with_files(self, job: Job, limits: FileLimits | None, lane_id: int) -> Job:
        """The delivery, its post with the files that can go along. Raises `Retryable` while one may still come."""
        nothing_to_change = job.kind == EventKind.EDITED and not job.copies
        if job.post is None or not job.post.media or limits is None or nothing_to_change or job.kind == EventKind.DELETED:
            return job
        return replace(job, post=await self.fill(job.post_id, job.post, limits, lane_id))

    async def loaded(self, part: Part) -> Part:
        """The part with its files' bytes. Raises `Rejected` where they are not kept any more."""
        if not part.files:
            return part
        files = [replace(file, body=await self._body(file.media)) for file in part.files]
        return replace(part, files=tuple(files))

    def refuse(self, post_id: int, lane_id: int, blob: str, why: str) -> bool:
        """A destination will not have this file; whether that is new, so that its post is worth another try without."""
        if (post_id, lane_id, blob) in self._refused:
            return False
        self._refused[post_id, lane_id, blob] = why
        _limit(self._refused)
        return True

    # ------------------------------------------------------------ inside

    def _wanted(self, media: Media, limits: FileLimits) -> bool:
        linked = self._links() and (media.size or 0) <= limits.linked
        return not media.blob and not media.missing and (limits.take(media) or linked)

    @asynccontextmanager
    async def _alone(self, post_id: int) -> AsyncIterator[None]:
        """One lane at a time fetches the files of a post."""
        fetching = self._fetching.setdefault(post_id, _Fetching(asyncio.Lock()))
        fetching.users += 1
        try:
            async with fetching.lock:
                yield
        finally:
            fetching.users -= 1
            if not fetching.users:
                self._fetching.pop(post_id, None)

    async def _had(self, post_id: int, post: Post, media: Media, limits: FileLimits) -> Media:
        """The file kept, or given up. Raises `Retryable` while neither is right."""
        if not self._wanted(media, limits):
            return media
        now, key = self._engine.now(), (post_id, media.source)
        since = self._tried_since.setdefault(key, now)
        _limit(self._tried_since)
        try:
            body = await self._fetch(post, media)
        except Rejected as error:
            why = error.sentence
        except SendError as error:
            if self._engine.now() < since + PATIENCE_S:
                raise Retryable(error.sentence, getattr(error, "after", None)) from error
            why = GIVEN_UP
        else:
            self._tried_since.pop(key, None)
            return await self._store.write(lambda tx: blobs.keep(tx, post_id, media, body, now))
        self._tried_since.pop(key, None)
        log.warning("file.missing", post=post_id, account=post.ref.place.account, reason=why)
        return await self._store.write(lambda tx: blobs.give_up(tx, post_id, media, why))

    async def _fetch(self, post: Post, media: Media) -> bytes:
        account = self._engine.accounts.get(post.ref.place.account)
        if account is None:
            raise Rejected(_NO_ACCOUNT)
        if not account.opened.is_set():
            raise Retryable
        try:
            async with asyncio.timeout(FETCH_S):
                body = await account.adapter.fetch(media, MOST)
        except TimeoutError as error:
            raise Retryable from error
        if len(body) > MOST:
            raise Rejected(f"larger than {MOST // 1_000_000} MB")
        return body

    async def _body(self, media: Media) -> bytes:
        body = await self._store.read(lambda tx: blobs.body_of(tx, media.blob))
        if body is None:
            raise Rejected("A file of this post is no longer kept.")
        return body

    def _as_refused(self, media: Media, post_id: int, lane_id: int) -> Media:
        why = self._refused.get((post_id, lane_id, media.blob)) if media.blob else None
        return replace(media, blob="", missing=why) if why else media


def _limit(remembered: OrderedDict[Any, Any]) -> None:
    while len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)
