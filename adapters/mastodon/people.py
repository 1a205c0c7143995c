"""The door of the account: who asks to follow, who follows, letting in, turning down, removing; and whom a handle means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from adapters.mastodon.hearing import Entity
from adapters.mastodon.identity import Identity
from bridge.contract import Follower
from bridge.errors import Rejected
from bridge.post import UserId

if TYPE_CHECKING:
    from mastodon import Mastodon

T = TypeVar("T")

PAGE: Final = 80
"""People per page: the most that servers give."""
_MOST_PAGES: Final = 500  # a server whose pages lead in a circle must not keep us for ever
_FOUND: Final = 5  # search results that are looked through
_CANNOT_REMOVE: Final = (
    "The server removed nobody: it does not know this person any more, or it has no way for apps to remove followers, as "
    "GoToSocial. Then block the person on the account's own page, which ends their following; unblock them later if you like."
)


class Call(Protocol):
    """Has one of the SDK's clients do something; raises only `SendError`s."""

    async def __call__(self, call: Callable[[Mastodon], T], /) -> T: ...


class Door:
    """`bridge.contract.People`. `gate` raises `NeedsOperator` where the door stands open: where nobody has to ask."""

    def __init__(self, call: Call, identity: Callable[[], Identity], gate: Callable[[], None]) -> None:
        self._call = call
        self._identity = identity
        self._gate = gate

    async def requests(self) -> Sequence[Follower]:
        """Who asks to follow, oldest first. Raises `NeedsOperator` while the account is not locked."""
        self._gate()
        pages = await self._pages(lambda client: client.follow_requests(limit=PAGE))
        return [self._follower(account) for account in reversed(pages)]

    async def followers(self) -> Sequence[Follower]:
        user = self._identity().user
        pages = await self._pages(lambda client: client.account_followers(user, limit=PAGE))
        return [self._follower(account) for account in reversed(pages)]

    async def approve(self, user: UserId) -> None:
        await self._call(lambda client: client.follow_request_authorize(user))

    async def reject(self, user: UserId) -> None:
        await self._call(lambda client: client.follow_request_reject(user))

    async def remove(self, user: UserId) -> None:
        """Raises `Rejected` where the server has no such way: nobody is blocked instead without an admin knowing."""
        try:
            await self._call(lambda client: client.account_remove_from_followers(user))
        except Rejected as error:
            raise Rejected(_CANNOT_REMOVE) from error

    async def _pages(self, first: Callable[[Mastodon], Sequence[Entity]]) -> list[Entity]:
        """Every item of every page, newest first as servers give them. Ids are opaque, so pages go by the server's links."""
        page = await self._call(first)
        found = list(page)
        for _ in range(_MOST_PAGES):
            # servers that give everything at once say nothing of a next page, and then the SDK refuses to ask for one
            if not page or getattr(page, "_pagination_next", None) is None:
                break
            page = await self._next(page)
            found += page
        return found

    async def _next(self, page: Any) -> Sequence[Entity]:
        following: Sequence[Entity] | None = await self._call(lambda client: client.fetch_next(page))
        return following or ()

    def _follower(self, account: Entity) -> Follower:
        return follower_of(account, self._identity().domain)


def follower_of(account: Entity, domain: str) -> Follower:
    """An account at the door; `domain` is the server's own, which it leaves out of its own people's names."""
    acct = str(account["acct"])
    full = acct if "@" in acct else f"{acct}@{domain}"
    handles = dict.fromkeys((str(account["id"]), acct, f"@{acct}", full, f"@{full}"))
    name = str(account.get("display_name") or "").strip() or str(account.get("username") or acct)
    return Follower(UserId(str(account["id"])), name, tuple(handles), moved=bool(account.get("moved")))


async def user_of(handle: str, call: Call, domain: str) -> UserId | None:
    """The id of who is called `handle` (an id, @name, @name@host); None where nobody is."""
    if "@" not in handle:
        return await _by_id(handle, call)
    name, _, host = handle.removeprefix("@").partition("@")
    acct = name if host.lower() in ("", domain.lower()) else f"{name}@{host}"
    try:
        return UserId(str((await call(lambda client: client.account_lookup(acct)))["id"]))
    except Rejected:
        pass  # the server has not met them yet, or does not look up: a search asks their own server
    for account in await _search(acct, call):
        if str(account["acct"]).lower() == acct.lower():
            return UserId(str(account["id"]))
    return None


async def _by_id(handle: str, call: Call) -> UserId | None:
    try:
        return UserId(str((await call(lambda client: client.account(handle)))["id"]))
    except Rejected:
        return None


async def _search(acct: str, call: Call) -> Sequence[Entity]:
    try:
        return list(await call(lambda client: client.account_search(acct, limit=_FOUND, resolve=True)))
    except Rejected:
        return ()
