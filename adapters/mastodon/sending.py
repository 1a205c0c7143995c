"""Sending, replacing, removing and finding statuses: once, as a whole, and never for more people than meant."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from adapters.mastodon import finding
from adapters.mastodon.hearing import Entity
from adapters.mastodon.listening import PAGE
from adapters.mastodon.media import Calls, Uploads, request
from adapters.mastodon.outcasts import Outcasts, too_visible
from adapters.mastodon.posting import Posts
from adapters.mastodon.refusals import Missing
from adapters.mastodon.render import Draft, draft_of
from bridge.contract import Attempt, File, Finding, Found, Part, Thread
from bridge.errors import Rejected, Retryable, SendError
from bridge.post import Destination, NativeId, Ref, UserId

if TYPE_CHECKING:
    from mastodon import Mastodon

PER_FILE: Final = 60.0
"""Seconds more that a part may take for each of its files: to be uploaded and made ready by the server."""

_REMEMBERED: Final = 500  # statuses that we made

_TOO_VISIBLE: Final = "The Mastodon server would have shown this post to more people than it is for, so it is removed again."


class Sender:
    """Everything that changes what stands. `patience` is how many seconds one call may take, from asking to its end.

    `gate` raises while nothing may be sent; `look_at` is shown the account as it came with a reply; `user` is its id.
    """

    def __init__(
        self,
        call: Calls,
        posts: Callable[[], Posts],
        patience: float,
        gate: Callable[[], None],
        look_at: Callable[[Mapping[str, Any]], None],
        user: Callable[[], str],
    ) -> None:
        self._call = call
        self._posts = posts
        self._patience = patience
        self._gate = gate
        self._look_at = look_at
        self._user = user
        self.uploads = Uploads(call)
        self.outcasts = Outcasts(self.remove)
        self._ours: dict[str, str] = {}  # the ids of what was sent last, each with its key

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        """Post the part, once its files are ready. What came to stand for more people than meant is deleted: `Rejected`."""
        self._gate()
        end = self._end(part.files)
        draft = await self._addressed(draft_of(part), destination.place.person, end)
        media = await self.uploads.ready(key, part.files, end - self._patience)
        answered = thread.previous or thread.parent or thread.root
        try:
            made = await self._posts()(draft, answered.id if answered else None, media, key, end)
        except SendError as error:
            if not isinstance(error, Retryable):  # they may belong to a status by now, or be what the server refuses
                self.uploads.forget(key)
            raise
        native = str(made["id"])
        self.uploads.attached(key, native, part.files, media)
        await self._verify(made, draft, destination, end)
        self._remember(native, key)
        return Ref(destination.place, NativeId(native))

    async def edit(self, ref: Ref, part: Part) -> None:
        """Replace the status as a whole: what is not sent again would be dropped by some servers."""
        self._gate()
        end = self._end(part.files)
        draft = await self._addressed(draft_of(part), ref.place.person, end)
        standing = await self._standing_media(ref.id, end) if part.files and self.uploads.knows(ref.id) else frozenset[str]()
        media = await self.uploads.ready(ref.id, part.files, end - self._patience, standing)
        try:
            made = await self._call(lambda client: _put(client, ref.id, draft, media), end=end)
        except Rejected:
            if (unchanged := await self._as_wanted(ref.id, draft, media, end)) is None:
                self.uploads.forget(ref.id)
                raise
            made = unchanged
        self.uploads.attached(ref.id, ref.id, part.files, media)
        await self._verify(made, draft, Destination(ref.place), end)

    async def remove(self, status_id: str, end: float | None = None) -> None:
        """Delete a status; fine if it is gone already."""
        with contextlib.suppress(Missing):
            await self._call(lambda client: client.status_delete(status_id), end=end)
        self.uploads.forget(status_id)

    async def find(self, attempt: Attempt) -> Finding:
        """Look among our recent statuses for one that says the same, answers the same and is no older.

        `Rejected` where it stands for more people than asked: then it is removed, as `send` would have done.
        """
        draft, end = draft_of(attempt.part), self._end()
        others = frozenset(id_ for id_, key in self._ours.items() if key != attempt.key)
        wanted = finding.Wanted.of(attempt, draft, others)
        try:
            found = await finding.look(wanted, self._recent, self._source)
        except Rejected as error:
            raise Retryable(error.sentence) from error  # what is refused is our look, not the post
        if not isinstance(found, Mapping):
            return found
        await self._verify(found, draft, attempt.destination, end)
        return Found(Ref(attempt.destination.place, NativeId(str(found["id"]))))

    def has_sent(self, status_id: str) -> bool:
        """Whether this is a status that `send` made of late, and told where it stands."""
        return status_id in self._ours

    # ------------------------------------------------ inside

    def _remember(self, status_id: str, key: str) -> None:
        self._ours[status_id] = key
        if len(self._ours) > _REMEMBERED:
            del self._ours[next(iter(self._ours))]

    def _end(self, files: Sequence[File] = ()) -> float:
        """When something that begins now must be over, with all its calls (`time.monotonic()`)."""
        return time.monotonic() + self._patience + PER_FILE * len(files)

    async def _addressed(self, draft: Draft, person: UserId | None, end: float) -> Draft:
        """The draft with the real mention of the person whom a direct message is for: without it nobody would get it."""
        if person is None:
            return draft
        account = await self._call(lambda client: client.account(person), end=end)
        return finding.addressed(draft, str(account["acct"]))

    async def _verify(self, made: Mapping[str, Any], draft: Draft, destination: Destination, end: float) -> None:
        """Never leak: a mention lets its person read the post, and a server may have ideas of its own about visibility."""
        self._look_at(made["account"])
        if too_visible(made, draft.visibility, destination.place.person):
            await self.outcasts.cast_out(str(made["id"]), end)
            raise Rejected(_TOO_VISIBLE)

    async def _as_wanted(self, status_id: str, draft: Draft, media: Sequence[str], end: float) -> Mapping[str, Any] | None:
        """The status if it says just this already: some servers refuse an edit that changes nothing, a repeated one too."""
        try:
            source = await self._call(lambda client: client.status_source(status_id), end=end)
            status = await self._call(lambda client: client.status(status_id), end=end)
        except Rejected:
            return None
        said = (finding.lines(str(source["text"])), str(source["spoiler_text"] or "").strip(), _media_of(status))
        return status if said == (finding.lines(draft.status), draft.spoiler_text.strip(), tuple(media)) else None

    async def _standing_media(self, status_id: str, end: float) -> frozenset[str]:
        status = await self._call(lambda client: client.status(status_id), end=end)
        return frozenset(_media_of(status))

    async def _recent(self, before: str | None) -> Sequence[Entity]:
        user = self._user()
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


def _media_of(status: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(item["id"]) for item in status.get("media_attachments") or ())


def _put(client: Mastodon, status_id: str, draft: Draft, media: Sequence[str]) -> Any:
    """Replace a status. As JSON, which alone can say "no files"; the SDK's own call has no room for the language."""
    whole: dict[str, object] = {
        "status": draft.status,
        "spoiler_text": draft.spoiler_text,
        "sensitive": draft.sensitive,
        "media_ids": list(media),
    }
    if draft.language:
        whole["language"] = draft.language
    return request(client, "PUT", f"/api/v1/statuses/{status_id}", whole, use_json=True)
