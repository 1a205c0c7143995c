"""Events with what Slack tells only when asked: names, and whose a direct conversation is. What is asked comes in as look-ups."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from adapters.slack.channels import Channel
from adapters.slack.directory import Remembered, User
from adapters.slack.media import Files
from adapters.slack.mentions import named, with_names
from adapters.slack.parse import SOMEONE
from bridge.errors import Retryable
from bridge.post import AccountId, Author, Created, Deleted, Edited, Event, Own, Post, Reacted, Ref, UserId, direct

LOOKING: Final = 5.0
"""Seconds that all look-ups for one event may take together."""


@dataclass(frozen=True, slots=True)
class Completer:
    """`limit` is in seconds, per event. `learn_direct` is told whose a direct-message channel is: channel, person."""

    account: AccountId
    users: Remembered[User]
    channels: Remembered[Channel]
    files: Files
    limit: float
    learn_direct: Callable[[str, str], None]

    async def complete(self, event: Event) -> Event:
        """The event completed as far as Slack tells.

        Raises `Retryable` where nobody can say now who wrote a direct message: all that follows depends on it.
        """
        match event:
            case Created(post, own) | Edited(post, own=own):
                return replace(event, post=await self._post(post, own))
            case Deleted(ref):
                await self._look_up((), _unknown(ref))
                return replace(event, ref=self._ref(ref))
            case Reacted(author=author):
                await self._look_up({author.user}, ())
                return replace(event, author=self._author(author))

    async def _post(self, post: Post, own: Own) -> Post:
        ids, author = named(post.text), post.author.user
        users = ids.users | ({author} if _is_user(author) else set())
        vital = author if _is_user(author) and post.ref.place.is_direct and own is Own.NO else ""
        await self._look_up(users, ids.channels | set(_unknown(post.ref)), vital)
        if vital and self.users.may_be_known_later(vital):
            raise Retryable("Slack can't say now who wrote a direct message.")
        ref = self._ref(post.ref)
        reply_to = Ref(ref.place, post.reply_to.id) if post.reply_to else None
        names = {one: user.name if (user := self.users.known(one)) else SOMEONE for one in ids.users}
        # in a private channel's name may stand what the other places must not read
        rooms = {one: room.name for one in ids.channels if (room := self.channels.known(one)) and room.is_public}
        text = with_names(post.text, names, rooms)
        media = post.media
        if own is Own.NO:
            media = tuple([await self.files.completed(one, self.limit) for one in media])
        return replace(post, ref=ref, reply_to=reply_to, author=self._author(post.author), text=text, media=media)

    def _author(self, author: Author) -> Author:
        user = self.users.known(author.user)
        if user is None:
            return author
        # a message that shows another name than its user's (an app's `username`) keeps it
        name = author.name if author.is_bot and author.name != SOMEONE else user.name
        handles = tuple(dict.fromkeys((*author.handles, *user.handles)))
        return Author(author.user, name, handles, author.is_bot or user.is_bot, avatar=user.avatar)

    def _ref(self, ref: Ref) -> Ref:
        room = self.channels.known(str(ref.place.person)) if _unknown(ref) else None
        if room is None or not room.person:
            return ref
        self.learn_direct(room.id, room.person)
        return Ref(direct(self.account, UserId(room.person)), ref.id)

    async def _look_up(self, users: Iterable[str], channels: Iterable[str], vital: str = "") -> None:
        """Look everything up at once, and what is vital until it is known; ends when the time is up, with what is known then."""
        asking = [self.users.insist(one, self.limit) if one == vital else self.users.learn(one) for one in users]
        try:
            async with asyncio.timeout(self.limit):
                await asyncio.gather(*asking, *map(self.channels.learn, channels))
        except TimeoutError:
            return


def _is_user(id_: str) -> bool:
    return id_.startswith(("U", "W"))


def _unknown(ref: Ref) -> tuple[str, ...]:
    """The direct conversation that stands in for a person whom nobody knows yet, if it does."""
    person = ref.place.person or ""
    return (person,) if person.startswith("D") else ()
