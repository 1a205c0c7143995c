"""Who put which emoji on a post, and where: each once, however often its platform says so."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from bridge.post import Place, PlaceId, Reacted, UserId
from bridge.store import sql


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji that somebody put on a post, or on its copy at `place`."""

    place: Place
    user: UserId
    name: str
    emoji: str


def note(tx: Connection, post_id: int, event: Reacted) -> bool:
    """Note that somebody reacted, or took it back; False where a later word of theirs on it is known."""
    c, place, at = sql.reaction.c, event.ref.place, event.at.timestamp()
    who = {"post_id": post_id, "account": place.account, "place": place.id, "user": event.author.user}
    key = {**who, "emoji": sql.storable(event.emoji)}
    known = tx.execute(select(c.at).where(*(c[name] == value for name, value in key.items()))).scalar_one_or_none()
    if known is not None and known >= at:
        return False
    sql.upsert(tx, sql.reaction, tuple(key), **key, name=sql.storable(event.author.name), at=at, standing=not event.removed)
    return True


def standing(tx: Connection, post_id: int) -> tuple[Reaction, ...]:
    """The reactions to a post that were not taken back, oldest first."""
    c = sql.reaction.c
    rows = tx.execute(select(sql.reaction).where(c.post_id == post_id, c.standing).order_by(c.at, c.user, c.emoji))
    return tuple(Reaction(Place(row.account, PlaceId(row.place)), UserId(row.user), row.name, row.emoji) for row in rows)
