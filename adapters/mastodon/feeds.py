"""What can be read over REST, page by page: the account's own statuses, and those that name it. Pages come newest first."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from adapters.mastodon.hearing import Entity, iso
from adapters.mastodon.media import request
from adapters.mastodon.refusals import Missing

if TYPE_CHECKING:
    from mastodon import Mastodon

T = TypeVar("T")

PAGE: Final = 40
"""Items per page: the most that servers give."""

_MENTIONS: Final = ("mention",)

Page = Sequence[Entity]


class Call(Protocol):
    """Has one of the SDK's clients do something; raises only `SendError`s."""

    async def __call__(self, call: Callable[[Mastodon], T], /) -> T: ...


@dataclass(frozen=True, slots=True)
class Feed:
    """Something read page by page: its cursor's name, the page after an id, that before one, the status in an item."""

    name: str
    after: Callable[[str], Awaitable[Page]]
    before: Callable[[str | None], Awaitable[Page]]
    status_of: Callable[[Entity], Entity | None]
    newest: str
    """Where it stood when we signed in: at first contact nothing older is read."""


def statuses(call: Call, user: str, newest: str) -> Feed:
    """What the account posted itself, and what it boosted."""
    return Feed(
        name="statuses",
        after=lambda after: call(lambda c: _page(c, f"/api/v1/accounts/{user}/statuses", min_id=after)),
        before=lambda before: call(lambda c: _page(c, f"/api/v1/accounts/{user}/statuses", max_id=before)),
        status_of=lambda item: item,
        newest=newest,
    )


def mentions(call: Call, newest: str) -> Feed:
    """What names the account, direct messages among it."""
    return Feed(
        name="mentions",
        after=lambda after: call(lambda c: _page(c, "/api/v1/notifications", types=_MENTIONS, min_id=after)),
        before=lambda before: call(lambda c: _page(c, "/api/v1/notifications", types=_MENTIONS, max_id=before)),
        status_of=lambda item: item.get("status"),
        newest=newest,
    )


def _page(client: Mastodon, path: str, types: Sequence[str] = (), **ids: str | None) -> Page:
    """One page, as the server wrote it: making the SDK's objects of it takes as long as a post to send."""
    asked = {"limit": PAGE, "types[]": list(types), **ids}
    said = request(client, "GET", path, {name: value for name, value in asked.items() if value}, parse=False)
    try:
        found = json.loads(said)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        from mastodon import MastodonAPIError  # noqa: PLC0415 - heavy; it is here by now

        raise MastodonAPIError("a page that is no list")
    return [item for item in map(_readable, found) if item is not None]


def _readable(item: Entity) -> Entity | None:
    """The item, without times that are none; None for one that nobody could name: nothing a server says may end the listening."""
    if item.get("id") is None:
        return None
    times = {name: None for name in ("created_at", "edited_at") if not _is_time(item.get(name))}
    status = item.get("status")
    inner = {"status": _readable(status)} if isinstance(status, Mapping) else {}
    return {**item, **times, **inner} if times or inner else item


def _is_time(value: object) -> bool:
    try:
        return bool(iso(value))
    except (ValueError, OverflowError):
        return False


async def standing(call: Call, status_id: str) -> Entity | None:
    """The status as it stands now; None only where the server itself says that it is gone."""
    try:
        return await call(lambda client: client.status(status_id))
    except Missing:
        return None
