"""The tables by which replicas share the work: who lives, and what one of them counted for all. As `tables`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, text
from sqlmodel import Field, SQLModel

_Id = BigInteger().with_variant(Integer, "sqlite")


class ReplicaRow(SQLModel, table=True):
    """A running service; lanes of one whose heartbeat stopped, or whose `lock` is free, may be taken over.

    `lock` numbers the advisory lock that its session holds; 0 where it can hold none.
    """

    __tablename__ = "replica"

    id: str = Field(primary_key=True)
    beat_at: float
    lock: int = Field(default=0, sa_type=_Id, sa_column_kwargs={"server_default": text("0")})


class SizeRow(SQLModel, table=True):
    """How many people read a place, as counted last."""

    __tablename__ = "size"

    account: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    people: int
