"""The tables about what is watched over: authors who may go in circles, and what looking back found. As `tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, UniqueConstraint
from sqlmodel import Field, SQLModel

_Id = BigInteger().with_variant(Integer, "sqlite")


class OriginRow(SQLModel, table=True):
    """An author at a place, as far as a group gets their posts: how many in the running period, and whether they are stopped.

    `since` is when the period began; `stopped` is the reason, empty where they are not.
    """

    __tablename__ = "origin"
    __table_args__ = (UniqueConstraint("group", "account", "place", "user"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=_Id)
    group: str
    account: str
    place: str
    user: str
    name: str
    since: float
    posts: int
    stopped: str = ""
    stopped_at: float | None = None


class FindingRow(SQLModel, table=True):
    """What looking back found: a message that nobody had told of, or a copy that stands twice."""

    __tablename__ = "finding"

    id: int | None = Field(default=None, primary_key=True, sa_type=_Id)
    at: float
    account: str
    place: str
    kind: str
    native: str
    outcome: str
