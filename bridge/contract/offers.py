"""What an adapter may offer beside sending and hearing: its door, its past, commands, who belongs there. Types only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bridge.post import Author, PlaceId, Raw, Ref, UserId


@dataclass(frozen=True, slots=True)
class Follower:
    """Somebody who follows a protected account, or asks to. `handles` as `Author.handles`."""

    user: UserId
    name: str
    handles: tuple[str, ...]
    moved: bool = False


class People(Protocol):
    """The door of an account whose followers are approved. Every call raises only `SendError`s; repeating one does no harm."""

    async def requests(self) -> Sequence[Follower]:
        """Who asks to follow, oldest first."""

    async def followers(self) -> Sequence[Follower]:
        """Who follows."""

    async def approve(self, user: UserId) -> None:
        """Let them follow."""

    async def reject(self, user: UserId) -> None:
        """Turn their request down."""

    async def remove(self, user: UserId) -> None:
        """Let them follow no more."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A message that stands at a place.

    `raw` is what would have been heard of it, under the same key; `key`, where the platform keeps it, is what it was sent under.
    """

    raw: Raw
    ref: Ref
    key: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Some of them; `next` is where the rest begins, None where there is no more."""

    seen: tuple[Seen, ...]
    next: str | None


class History(Protocol):
    """What stands at a place, read directly: what the live connection should have told. Raises only `SendError`s."""

    async def page(self, place: PlaceId, since: datetime, cursor: str) -> Page:
        """What was said at the place since then, newest first, from `cursor` on; `""` is the beginning."""


class Commands(Protocol):
    """That people ask things of the bridge itself where they are: declared by an adapter whose `parse` may say `Commanded`."""

    async def identify(self, author: Author) -> Author:
        """Who asks, with all the handles by which the mapping file may name them: what they may do hangs on it.

        Raises `Retryable` where that can't be told now.
        """


class Directory(Protocol):
    """Where a platform lists its own people, as a workspace does. Raises only `SendError`s."""

    async def is_gone(self, user: UserId) -> bool | None:
        """Whether somebody's account there was switched off.

        None where the platform does not say so in as many words, or they are none of its own people: a bot, a guest from
        elsewhere. That nobody of that id is found is no word either.
        """
