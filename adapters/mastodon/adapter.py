"""The adapter: Mastodon.py in worker threads, and the one table that translates its errors."""

from __future__ import annotations

import time
from asyncio import TaskGroup
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from adapters.mastodon import finding
from adapters.mastodon.checks import UNLOCKED, Facts, findings, unwell
from adapters.mastodon.hearing import Entity
from adapters.mastodon.identity import TIMELINE, Identity
from adapters.mastodon.listening import BEGINNING, PAGE, Feed, Listening
from adapters.mastodon.outcasts import Outcasts, too_visible
from adapters.mastodon.parse import parse
from adapters.mastodon.refusals import translate
from adapters.mastodon.render import Draft, draft_of, render
from adapters.mastodon.server import is_mastodon, limits_of, newest_of, streaming_of, version_of
from adapters.mastodon.settings import MastodonSettings
from adapters.mastodon.stream import Stream, probe
from adapters.mastodon.workers import Access, CallFailed, Workers
from bridge.contract import Attempt, Capabilities, Checked, Context, Finding, Found, Inbox, Limits, Part, People, Thread
from bridge.errors import NeedsOperator, Rejected, Retryable, SendError
from bridge.post import AccountId, Destination, Event, Ignored, Media, NativeId, PlaceId, Post, Raw, Ref, UserId

if TYPE_CHECKING:
    from mastodon import Mastodon

T = TypeVar("T")

_TOO_VISIBLE: Final = "The Mastodon server would have shown this post to more people than it is for, so it is removed again."
_MARGIN: Final = 1.0  # seconds beyond the end of the last call: our own reckoning after it


@dataclass(frozen=True, slots=True)
class _SignedIn:
    """What holds from `open()` to its end."""

    workers: Workers
    identity: Identity
    streaming: str
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
        self._limits = Limits(500)
        self._idempotent = False
        self._outcasts = Outcasts(self._remove)
        self._ours: deque[tuple[str, str]] = deque(maxlen=500)  # (key, id) of what we sent: `find` must not take it for another

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            edit=True,
            delete=True,
            catch_up=True,
            idempotent=self._idempotent,
            deadline=self._access.patience + _MARGIN,
        )

    @property
    def limits(self) -> Limits:
        return self._limits

    @property
    def people(self) -> People | None:
        return None

    async def members(self, place: PlaceId) -> int | None:  # noqa: ARG002 - the contract's
        return None

    async def look_up(self, handle: str) -> UserId | None:  # noqa: ARG002 - the contract's
        return None

    async def fetch(self, media: Media, most: int) -> bytes:  # noqa: ARG002 - the contract's
        raise Rejected("Files are not copied from Mastodon yet.")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Sign in. Raises `NeedsOperator` also for an account that is not locked: nothing is posted where anyone reads."""
        workers = Workers(self._access)
        try:
            self._now = await self._sign_in(workers)
            yield
        finally:
            self._now = None
            workers.close()

    async def listen(self, inbox: Inbox) -> None:
        now = self._signed_in
        feeds = (
            Feed("statuses", self._own_statuses, lambda item: item, now.newest_status),
            Feed("mentions", self._own_mentions, lambda item: item.get("status"), now.newest_mention),
        )
        connect = lambda: Stream(now.streaming, self._access.token)  # noqa: E731
        listening = Listening(now.identity, feeds, connect, self._look_at_lock, self._settings.scan)
        async with TaskGroup() as tasks:
            tasks.create_task(self._outcasts.keep_removing())
            tasks.create_task(listening.run(inbox))

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
        """Post the part. What the server made more visible than asked, or a mention of, is deleted at once: `Rejected`."""
        self._gate()
        end = self._end()
        draft = await self._addressed(draft_of(part), destination.place.person, end)
        answered = thread.previous or thread.parent or thread.root
        made = await self._call(
            lambda client: client.status_post(
                draft.status,
                in_reply_to_id=answered.id if answered else None,
                sensitive=draft.sensitive,
                visibility=draft.visibility,
                spoiler_text=draft.spoiler_text or None,
                language=draft.language or None,
                idempotency_key=key,
            ),
            posting=True,
            end=end,
        )
        await self._verify(made, draft, destination, end)
        self._ours.append((key, str(made["id"])))
        return Ref(destination.place, NativeId(str(made["id"])))

    async def edit(self, ref: Ref, part: Part) -> None:
        """Replace the status as a whole: what is not sent again would be dropped by some servers."""
        self._gate()
        end = self._end()
        draft = await self._addressed(draft_of(part), ref.place.person, end)
        made = await self._call(
            lambda client: client.status_update(ref.id, draft.status, spoiler_text=draft.spoiler_text, sensitive=draft.sensitive),
            end=end,
        )
        await self._verify(made, draft, Destination(ref.place), end)

    async def delete(self, ref: Ref) -> None:
        await self._remove(ref.id)

    async def find(self, attempt: Attempt) -> Finding:
        """Look among our recent statuses for one that says the same, answers the same and is no older.

        `Rejected` where it stands for more people than asked: then it is removed, as `send` would have done.
        """
        draft, end = draft_of(attempt.part), self._end()
        others = frozenset(id_ for key, id_ in self._ours if key != attempt.key)
        wanted = finding.Wanted.of(attempt, draft, others)
        try:
            found = await finding.look(wanted, self._recent, self._source)
        except Rejected as error:
            raise Retryable(error.sentence) from error  # what is refused is our look, not the post
        if not isinstance(found, Mapping):
            return found
        await self._verify(found, draft, attempt.destination, end)
        return Found(Ref(attempt.destination.place, NativeId(str(found["id"]))))

    async def check(self) -> tuple[Checked, ...]:
        try:
            return findings(await self._facts())
        except SendError as error:
            return (unwell(error.sentence),)

    async def _facts(self) -> Facts:
        now = self._signed_in
        me = await self._call(lambda client: client.account_verify_credentials())
        instance = await self._call(lambda client: client.instance_v2())
        source = me.get("source") or {}
        return Facts(
            acct=str(me["acct"]),
            locked=bool(me.get("locked")),
            discoverable=bool(me.get("discoverable")),
            privacy=str(source.get("privacy") or ""),
            direct_messages_heard=now.direct_messages_heard,
            streaming=await now.workers.run(lambda _: probe(now.streaming, self._access.token, self._access.timeout)),
            version=version_of(instance),
            limits=limits_of(instance),
        )

    # ------------------------------------------------ inside

    @property
    def _signed_in(self) -> _SignedIn:
        if self._now is None:
            raise Retryable("The Mastodon account is not signed in yet.")
        return self._now

    def _end(self) -> float:
        """When something that begins now must be over, with all its calls (`time.monotonic()`)."""
        return time.monotonic() + self._access.patience

    async def _call(
        self, call: Callable[[Mastodon], T], *, posting: bool = False, workers: Workers | None = None, end: float | None = None
    ) -> T:
        try:
            return await (workers or self._signed_in.workers).run(call, end)
        except CallFailed as failed:
            raise translate(failed, posting=posting) from failed.error

    async def _sign_in(self, workers: Workers) -> _SignedIn:
        me = await self._call(lambda client: client.account_verify_credentials(), workers=workers)
        self._note_lock(me)
        self._gate()
        instance = await self._call(lambda client: client.instance_v2(), workers=workers)
        self._limits, self._idempotent = limits_of(instance), is_mastodon(instance)
        user = str(me["id"])
        statuses = await self._call(lambda c: c.account_statuses(user, exclude_reblogs=True, limit=1), workers=workers)
        mentions = await self._call(lambda c: c.notifications(types=["mention"], limit=1), workers=workers)
        return _SignedIn(
            workers=workers,
            identity=Identity(self._account, UserId(user), str(me["username"]), str(instance["domain"])),
            streaming=self._settings.streaming_url or streaming_of(instance) or self._settings.server,
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
            self._locked = bool(me["locked"])

    def _gate(self) -> None:
        if not self._locked:
            raise NeedsOperator(UNLOCKED)

    async def _look_at_lock(self) -> None:
        self._note_lock(await self._call(lambda client: client.account_verify_credentials()))

    async def _addressed(self, draft: Draft, person: UserId | None, end: float) -> Draft:
        """The draft with the real mention of the person whom a direct message is for: without it nobody would get it."""
        if person is None:
            return draft
        account = await self._call(lambda client: client.account(person), end=end)
        return finding.addressed(draft, str(account["acct"]))

    async def _verify(self, made: Mapping[str, Any], draft: Draft, destination: Destination, end: float) -> None:
        """Never leak: a mention lets its person read the post, and a server may have ideas of its own about visibility."""
        self._note_lock(made["account"])
        if too_visible(made, draft.visibility, destination.place.person):
            await self._outcasts.cast_out(str(made["id"]), end)
            raise Rejected(_TOO_VISIBLE)

    async def _remove(self, status_id: str, end: float | None = None) -> None:
        try:
            await self._signed_in.workers.run(lambda client: client.status_delete(status_id), end)
        except CallFailed as failed:
            if failed.answer[0] not in (404, 410):
                raise translate(failed, posting=False) from failed.error

    async def _own_statuses(self, after: str) -> Sequence[Entity]:
        user = self._signed_in.identity.user
        return await self._call(lambda c: c.account_statuses(user, exclude_reblogs=True, min_id=after, limit=PAGE))

    async def _own_mentions(self, after: str) -> Sequence[Entity]:
        return await self._call(lambda c: c.notifications(types=["mention"], min_id=after, limit=PAGE))

    async def _recent(self, before: str | None) -> Sequence[Entity]:
        user = self._signed_in.identity.user
        return await self._call(lambda c: c.account_statuses(user, exclude_reblogs=True, max_id=before, limit=PAGE))

    async def _source(self, status_id: str) -> str | None:
        """As what it was written; None where the server does not tell. Raises `finding.Gone`."""
        try:
            return str((await self._call(lambda client: client.status_source(status_id)))["text"])
        except Rejected:
            pass
        try:
            await self._call(lambda client: client.status(status_id))
        except Rejected as error:
            raise finding.Gone from error
        return None
