"""Where adapters put what they hear, and what they may look up there. Types only."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from bridge.post import AccountId, NativeId, Place, Raw


class Taker(Protocol):
    """What routes by which platforms, or people, call in may use, in any replica."""

    async def take(self, raw: Raw) -> None:
        """Store `raw`; durable when this returns. The same (account, key) again changes nothing.

        Raises `bridge.errors.Retryable` when it could not be stored: then the source must not be acknowledged.
        """

    async def file(self, blob: str) -> bytes | None:
        """The bytes of a file beside a post, as long as they are kept and a post that has it is not deleted."""


class Inbox(Taker, Protocol):
    """Where an adapter that listens puts what it hears."""

    async def take_page(self, account: AccountId, raws: Sequence[Raw], cursor: str, value: str) -> None:
        """Store a page of `raws` and move the named cursor to `value`, in one transaction."""

    async def raw(self, account: AccountId, key: str) -> Raw | None:
        """A raw that was taken, as long as its bytes are kept: for files that came within it."""

    async def cursor(self, account: AccountId, cursor: str) -> str | None:
        """Where the named cursor stands; None before the first page."""

    def catching_up(self, account: AccountId) -> AbstractContextManager[None]:
        """While inside, whatever is taken is stored, and judged only afterwards, in the platform's order.

        So nothing that is heard live overtakes what was missed, and its source need not wait to be acknowledged.
        """

    def places_changed(self, account: AccountId) -> None:
        """The platform told that a place came, went or has another name: what the mapping file's names mean is looked up now.

        Called from `parse`, so that what follows is judged only afterwards.
        """

    async def kept_back(self, account: AccountId, missed: int) -> None:
        """The live connection stood and yet told nothing of so many things, which were found otherwise: the admins are told."""

    async def standing(self, place: Place, since: datetime) -> Collection[NativeId]:
        """The posts made at the place since then that stand as far as the ledger knows (no copies): some may be gone by now.

        Among them are ids that the platform never gave, of what the bridge itself says there.
        """
