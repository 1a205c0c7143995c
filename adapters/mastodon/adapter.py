"""The adapter: one signed-in account. What it sends is in `sending`, how errors translate in `refusals`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from adapters.mastodon import feeds
from adapters.mastodon import media as files
from adapters.mastodon.checks import UNLOCKED, Facts, facts_of_account, findings, scopes_of, unwell
from adapters.mastodon.feeds import Feed
from adapters.mastodon.identity import TIMELINE, Identity
from adapters.mastodon.links import located
from adapters.mastodon.listening import BEGINNING, Listening, together
from adapters.mastodon.looking_back import Past
from adapters.mastodon.pace import Pace
from adapters.mastodon.parse import parse
from adapters.mastodon.people import Door, user_of
from adapters.mastodon.posting import Posts
from adapters.mastodon.refusals import translate
from adapters.mastodon.render import render
from adapters.mastodon.reviewing import EVERY, OFTEN, Review
from adapters.mastodon.sending import PER_FILE, Sender
from adapters.mastodon.server import alt_characters_of, is_mastodon, limits_of, newest_of, streaming_of, version_of
from adapters.mastodon.settings import MastodonSettings
from adapters.mastodon.streaming import Streaming, Way, probe, ways
from adapters.mastodon.workers import Access, CallFailed, Workers
from bridge.contract import (
    Attempt,
    Bundler,
    Capabilities,
    Checked,
    Commands,
    Context,
    Directory,
    Finding,
    History,
    Inbox,
    Limits,
    Part,
    People,
    Thread,
)
from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain
from bridge.post import AccountId, Destination, Event, Ignored, Media, Place, PlaceId, Post, Raw, Ref, UserId

if TYPE_CHECKING:
    from mastodon import Mastodon

T = TypeVar("T")

_MARGIN: Final = 1.0  # seconds beyond the end of the last call: our own reckoning after it


@dataclass(frozen=True, slots=True)
class _SignedIn:
    """What holds from `open()` to its end."""

    workers: Workers
    posts: Posts
    porters: Workers
    """For files alone: a slow one must not keep a post waiting."""
    hosts: files.Hosts
    identity: Identity
    streaming: Sequence[Way]
    newest_status: str
    newest_mention: str
    direct_messages_heard: bool | None


class MastodonAdapter:
    """One protected account. Sends fail with `NeedsOperator` while it is not locked."""

    def __init__(self, account: AccountId, settings: MastodonSettings) -> None:
        self._account = account
        self._settings = settings
        self._access = Access(settings.server, settings.access_token.get_secret_value(), settings.timeout)
        self._now: _SignedIn | None = None
        self._locked = False
        self._lock_seen_at = 0.0
        self._limits = Limits(500)
        self._idempotent = False
        self._sender = Sender(
            self._call,
            lambda: self._signed_in.posts,
            self._access.patience,
            self._gate,
            self._note_lock,
            lambda: str(self._signed_in.identity.user),
        )
        self._outcasts = self._sender.outcasts

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            edit=True,
            delete=True,
            catch_up=True,
            idempotent=self._idempotent,
            deadline=self._access.patience + _MARGIN,
            per_file=PER_FILE,
        )

    @property
    def limits(self) -> Limits:
        return self._limits

    @property
    def people(self) -> People | None:
        return Door(self._call, lambda: self._signed_in.identity, self._gate)

    @property
    def history(self) -> History | None:
        return Past(self._account, self._feeds(self._signed_in))

    @property
    def directory(self) -> Directory | None:
        return None

    @property
    def bundler(self) -> Bundler | None:
        return None

    async def members(self, place: PlaceId) -> int | None:  # noqa: ARG002 - the contract's
        """How many follow; None where the server does not say."""
        count = (await self._call(lambda client: client.account_verify_credentials())).get("followers_count")
        return count if isinstance(count, int) and count >= 0 else None

    @property
    def commands(self) -> Commands | None:
        return None

    async def ping(self, place: PlaceId) -> None:  # noqa: ARG002 - the contract's
        await self._call(lambda client: client.account_verify_credentials())

    def locate(self, words: str) -> Ref | None:
        return located(words, self._settings.server, Place(self._account, TIMELINE))

    async def look_up(self, handle: str) -> UserId | None:
        return await user_of(handle, self._call, self._signed_in.identity.domain)

    async def fetch(self, media: Media, most: int) -> bytes:
        return await files.fetch(self._call, self._signed_in.hosts, media, most)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Sign in. Raises `NeedsOperator` also for an account that is not locked: nothing is posted where anyone reads."""
        pace = Pace()
        workers, porters = Workers(self._access, pace), Workers(self._access, pace)
        try:
            async with Posts.opened(self._access, pace) as posts:
                self._now = await self._sign_in(workers, porters, posts)
                yield
        finally:
            self._now = None
            workers.close()
            porters.close()

    async def listen(self, inbox: Inbox) -> None:
        now = self._signed_in
        read = self._feeds(now)
        often = EVERY if self._idempotent else OFTEN
        review = Review(self._account, read, partial(feeds.standing, self._call), every=often)
        streaming = Streaming(now.streaming, self._access.token)
        known = self._sender.has_sent
        await Listening(now.identity, read, streaming, review, self._look_at_lock, self._settings.scan, known).run(inbox)

    async def stand_by(self, inbox: Inbox) -> None:  # noqa: ARG002 - the contract's
        """Remove what went wrong, and look whether the account is still locked where listening does not."""
        await together(self._outcasts.keep_removing(), self._keep_looking_at_lock())

    def _feeds(self, now: _SignedIn) -> tuple[Feed, Feed]:
        return (
            feeds.statuses(self._call, now.identity.user, now.newest_status),
            feeds.mentions(self._call, now.newest_mention),
        )

    def doubt(self, place: PlaceId) -> None:
        """Nothing to forget: every answer of the server says whether the account is locked, and so do our own looks."""

    async def pin(self, name: str) -> PlaceId:
        if name == TIMELINE:
            return TIMELINE
        raise NeedsOperator(f"A Mastodon account has one place, its timeline: write {self._account}/timeline, not {name}.")

    def parse(self, raw: Raw) -> tuple[Event | Ignored, ...]:
        return parse(raw, self._signed_in.identity, self._outcasts)

    async def complete(self, event: Event) -> Event:
        """Nothing to look up: a status carries its author's name and everyone it mentions."""
        return event

    def render(self, post: Post, destination: Destination, context: Context) -> tuple[Part, ...]:
        return render(post, destination, context)

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        return await self._sender.send(part, destination, thread, key)

    async def edit(self, ref: Ref, part: Part) -> None:
        await self._sender.edit(ref, part)

    async def delete(self, ref: Ref) -> None:
        await self._sender.remove(ref.id)

    async def find(self, attempt: Attempt) -> Finding:
        return await self._sender.find(attempt)

    async def check(self) -> tuple[Checked, ...]:
        try:
            return findings(await self._facts())
        except SendError as error:
            return (unwell(error.sentence),)

    async def _facts(self) -> Facts:
        now = self._signed_in
        me = await self._call(lambda client: client.account_verify_credentials())
        instance = await self._call(lambda client: client.instance_v2())
        return Facts(
            **facts_of_account(me),
            scopes=await self._scopes(),
            requests_seen=await self._may(lambda client: client.follow_requests(limit=1)),
            direct_messages_heard=now.direct_messages_heard,
            streaming=await probe(Streaming(now.streaming, self._access.token), self._access.timeout),
            version=version_of(instance),
            limits=limits_of(instance),
        )

    async def _scopes(self) -> frozenset[str] | None:
        try:
            return scopes_of(await self._call(lambda client: client.app_verify_credentials()))
        except (NeedsOperator, Rejected):
            return None  # this server keeps it to itself

    async def _may(self, call: Callable[[Mastodon], object]) -> bool:
        try:
            await self._call(call)
        except (NeedsOperator, Rejected):
            return False
        return True

    # ------------------------------------------------ inside

    @property
    def _signed_in(self) -> _SignedIn:
        if self._now is None:
            raise Retryable("The Mastodon account is not signed in yet.")
        return self._now

    async def _call(
        self,
        call: Callable[[Mastodon], T],
        *,
        workers: Workers | None = None,
        end: float | None = None,
        answer: float | None = None,
    ) -> T:
        """Ask the server; see `media.Calls`. A call whose answer takes longer than usual has threads of its own."""
        chosen = workers or (self._signed_in.porters if answer else self._signed_in.workers)
        try:
            return await chosen.run(call, end, answer)
        except CallFailed as failed:
            raise translate(failed) from failed.error

    async def _sign_in(self, workers: Workers, porters: Workers, posts: Posts) -> _SignedIn:
        me = await self._call(lambda client: client.account_verify_credentials(), workers=workers)
        self._note_lock(me)
        self._gate()
        instance = await self._call(lambda client: client.instance_v2(), workers=workers)
        self._limits, self._idempotent = limits_of(instance), is_mastodon(instance)
        self._sender.uploads.alt_characters = alt_characters_of(instance, files.ALT_CHARACTERS)
        user = str(me["id"])
        statuses = await self._call(lambda c: c.account_statuses(user, limit=1), workers=workers)
        mentions = await self._call(lambda c: c.notifications(types=["mention"], limit=1), workers=workers)
        return _SignedIn(
            workers=workers,
            posts=posts,
            porters=porters,
            hosts=files.Hosts.of(self._settings.server, instance, me),
            identity=Identity(self._account, UserId(user), str(me["username"]), str(instance["domain"])),
            streaming=ways(
                self._settings.server,
                streaming_of(instance),
                self._settings.streaming_url,
                websocket_first=not self._idempotent,
            ),
            newest_status=newest_of(statuses, BEGINNING),
            newest_mention=newest_of(mentions, BEGINNING),
            direct_messages_heard=await self._let_direct_messages_through(workers),
        )

    async def _let_direct_messages_through(self, workers: Workers) -> bool | None:
        """Mastodon hides direct messages from people whom the account does not follow unless told otherwise."""
        try:
            policy = await self._call(
                lambda client: client.update_notifications_policy(for_private_mentions="accept"), workers=workers
            )
        except Rejected:
            return None  # no such policy on this server
        except SendError:
            return False  # `check` says what to do; what is heard is heard all the same
        return bool(policy.get("for_private_mentions") == "accept")

    def _note_lock(self, me: Mapping[str, Any]) -> None:
        if "locked" in me:
            self._locked, self._lock_seen_at = bool(me["locked"]), time.monotonic()

    def _gate(self) -> None:
        if not self._locked:
            raise NeedsOperator(UNLOCKED)

    async def _keep_looking_at_lock(self) -> None:
        while True:
            await asyncio.sleep(self._settings.scan)
            if time.monotonic() - self._lock_seen_at > self._settings.scan:
                with suppress(Retryable, Rejected, Uncertain):  # an outage is told by whoever listens or sends
                    await self._look_at_lock()

    async def _look_at_lock(self) -> None:
        self._note_lock(await self._call(lambda client: client.account_verify_credentials()))
