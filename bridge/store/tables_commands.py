"""The tables about commands, reactions, what is halted, and who a place is known to reach. As `tables`, whose words they use."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import BigInteger, Index, Integer, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

_Id = BigInteger().with_variant(Integer, "sqlite")


class CommandState(StrEnum):
    WAITING = "waiting"
    DONE = "done"


class CommandRow(SQLModel, table=True):
    """What somebody asked of the bridge itself, and how that ended: the audit log of commands. Never forgotten.

    `handles` and `about` are JSON; `by` is who it was, as people call them; at this machine's own terminal `account` is empty.
    """

    __tablename__ = "command"
    __table_args__ = (
        UniqueConstraint("account", "key"),
        Index("command_waiting", "id", sqlite_where=text("state = 'waiting'"), postgresql_where=text("state = 'waiting'")),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_Id)
    account: str
    key: str
    place: str
    person: str = ""
    user: str
    by: str
    handles: str
    words: str = Field(sa_type=Text)
    about: str = Field(sa_type=Text)
    at: float
    taken_at: float
    state: str
    outcome: str
    done_at: float | None = None


class HaltRow(SQLModel, table=True):
    """A group (`group`), or a place (`account` and `place`), that somebody paused; the columns of the other kind are empty."""

    __tablename__ = "halt"

    group: str = Field(primary_key=True)
    account: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    at: float
    by: str


class ReactionRow(SQLModel, table=True):
    """An emoji that somebody put on a post, where they did; `at` is when they last said so, or took it back."""

    __tablename__ = "reaction"

    post_id: int = Field(primary_key=True, sa_type=_Id, foreign_key="post.id")
    account: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    user: str = Field(primary_key=True)
    emoji: str = Field(primary_key=True)
    name: str
    at: float
    standing: bool


class ReachRow(SQLModel, table=True):
    """Where posts of a place went when that was last told there; `destinations` is JSON."""

    __tablename__ = "reach"

    account: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    destinations: str = Field(sa_type=Text)
