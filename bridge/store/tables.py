"""The tables. Times are seconds since the epoch (UTC); a `person` or `reader` that isn't there is the empty string."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlmodel import Field, SQLModel

# SQLite makes row ids only for INTEGER primary keys; PostgreSQL's should not end at 2^31.
_Id = BigInteger().with_variant(Integer, "sqlite")


class RawState(StrEnum):
    WAITING = "waiting"
    PARKED = "parked"  # perhaps our own: waits until a send to its place has settled
    DONE = "done"
    HELD = "held"  # could not be understood; kept for a human


class DeliveryState(StrEnum):
    WAITING = "waiting"  # also while it is being attempted
    DELIVERED = "delivered"
    FILTERED = "filtered"  # needs no sending, with the reason
    HELD = "held"  # a human decides
    NOT_DELIVERED = "not delivered"  # given up, with the reason


UNSENT = (DeliveryState.WAITING, DeliveryState.HELD)
"""The states in which a delivery may yet be attempted."""


class PartState(StrEnum):
    WAITING = "waiting"
    ATTEMPTING = "attempting"
    DONE = "done"


class Action(StrEnum):
    SEND = "send"
    EDIT = "edit"
    DELETE = "delete"


class LaneKind(StrEnum):
    SOURCE = "source"
    DESTINATION = "destination"
    STREAM = "stream"  # to listen to an account: no queue, only an owner
    DUTY = "duty"  # what one replica does for all, named by `place`


class RawRow(SQLModel, table=True):
    """What a platform handed over, until and after it was understood."""

    __tablename__ = "raw"
    __table_args__ = (
        UniqueConstraint("account", "key"),
        Index(
            "raw_open",
            "account",
            "at",
            "id",
            sqlite_where=text("state <> 'done'"),
            postgresql_where=text("state <> 'done'"),
        ),
        Index(
            "raw_kept",
            "taken_at",
            sqlite_where=text("state = 'done' AND body <> x''"),
            postgresql_where=text("state = 'done' AND body <> ''::bytea"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_Id)
    account: str
    key: str
    body: bytes = Field(sa_type=LargeBinary)
    hints: str = "{}"
    at: float
    taken_at: float
    ready_at: float = 0.0
    state: str = RawState.WAITING
    reason: str = ""


class PostRow(SQLModel, table=True):
    """A post where its author wrote it.

    `body` is its JSON, empty once forgotten or where it was never relayed; `version` counts its changes. `user` is its author's
    id; `mark` is what it would be known by if it came back, forgotten with the body; `hops` is how often it had by then.
    """

    __tablename__ = "post"
    __table_args__ = (
        UniqueConstraint("account", "native", "place", "person"),
        Index("post_at", "at"),
        Index("post_kept", "at", sqlite_where=text("body <> ''"), postgresql_where=text("body <> ''")),
        Index("post_mark", "mark", "at", sqlite_where=text("mark <> ''"), postgresql_where=text("mark <> ''")),
        Index("post_user", "account", "user"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_Id)
    account: str
    place: str
    person: str = ""
    native: str
    author: str = ""
    user: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    mark: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    hops: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    body: str = Field(default="", sa_type=Text)
    subject: str = ""
    version: int = 0
    at: float
    parent_id: int | None = Field(default=None, sa_type=_Id)
    root_id: int | None = Field(default=None, sa_type=_Id)
    deleted_at: float | None = None


class EventRow(SQLModel, table=True):
    """What happened to a post, once each; the row is what makes a repeat a duplicate."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("post_id", "kind", "revision"),
        Index(
            "event_held",
            "accepted_at",
            sqlite_where=text("verdict = 'held'"),
            postgresql_where=text("verdict = 'held'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_Id)
    post_id: int = Field(foreign_key="post.id", sa_type=_Id)
    raw_id: int | None = Field(default=None, foreign_key="raw.id", sa_type=_Id)
    kind: str
    revision: str = ""
    at: float
    accepted_at: float
    verdict: str
    reason: str = ""


class LaneRow(SQLModel, table=True):
    """What has at most one owner: the queue of an account's raws or a destination's deliveries, a stream, a duty."""

    __tablename__ = "lane"
    __table_args__ = (
        UniqueConstraint("kind", "account", "place", "person", "reader"),
        Index(
            "lane_owned",
            "owner",
            sqlite_where=text("owner <> ''"),
            postgresql_where=text("owner <> ''"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_Id)
    kind: str
    account: str
    place: str = ""
    person: str = ""
    reader: str = ""
    seq: int = Field(default=0, sa_type=_Id)
    owner: str = ""
    epoch: int = 0
    not_before: float = 0.0
    failures: int = 0
    paused: str = ""


class DeliveryRow(SQLModel, table=True):
    """The duty to bring one event to one destination, and its outcome.

    `form` says whether it may go with others, as `bridge.rhythm.Form`; `carried_by` is the delivery whose native message
    brings this one too.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "lane_id"),
        Index(
            "delivery_open",
            "lane_id",
            "seq",
            sqlite_where=text("state = 'waiting'"),
            postgresql_where=text("state = 'waiting'"),
        ),
        Index("delivery_post", "post_id", "lane_id"),
        Index("delivery_held", "lane_id", "seq", sqlite_where=text("state = 'held'"), postgresql_where=text("state = 'held'")),
        Index(
            "delivery_undelivered",
            "group",
            "id",
            sqlite_where=text("state = 'not delivered'"),
            postgresql_where=text("state = 'not delivered'"),
        ),
        Index(
            "delivery_carried",
            "carried_by",
            sqlite_where=text("carried_by IS NOT NULL"),
            postgresql_where=text("carried_by IS NOT NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_Id)
    event_id: int = Field(foreign_key="event.id", sa_type=_Id)
    post_id: int = Field(foreign_key="post.id", sa_type=_Id)
    lane_id: int = Field(foreign_key="lane.id", sa_type=_Id)
    seq: int = Field(sa_type=_Id)
    kind: str
    group: str
    via: str
    audience: int
    state: str = DeliveryState.WAITING
    reason: str = ""
    detail: str = ""
    attempts: int = 0
    generation: int = 0
    accepted_at: float
    ready_at: float = 0.0
    give_up_at: float
    done_at: float | None = None
    form: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    carried_by: int | None = Field(default=None, sa_type=_Id)


class PartRow(SQLModel, table=True):
    """One native message of a delivery, frozen before its first attempt.

    `files` is JSON, empty for none; `ref` is its target or its result; `lost_answers` counts sends that ended without
    one while we ran.
    """

    __tablename__ = "part"
    __table_args__ = (
        UniqueConstraint("delivery_id", "number"),
        Index("part_key", "key"),
        Index(
            "part_attempting",
            "delivery_id",
            sqlite_where=text("state = 'attempting'"),
            postgresql_where=text("state = 'attempting'"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_Id)
    delivery_id: int = Field(foreign_key="delivery.id", sa_type=_Id)
    number: int
    action: str
    place_in_post: int
    body: str = Field(sa_type=Text)
    files: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": text("''")})
    key: str
    ref: str = ""
    state: str = PartState.WAITING
    attempted_at: float | None = None
    lost_answers: int = 0


class ReceiptRow(SQLModel, table=True):
    """The proof that a part of a post stands (or stood) at a destination."""

    __tablename__ = "receipt"
    __table_args__ = (
        UniqueConstraint("account", "native", "place", "person"),
        UniqueConstraint("post_id", "lane_id", "number"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_Id)
    post_id: int = Field(foreign_key="post.id", sa_type=_Id)
    lane_id: int = Field(foreign_key="lane.id", sa_type=_Id)
    number: int
    account: str
    place: str
    person: str = ""
    native: str
    sent_at: float
    standing: bool = True


class BlobRow(SQLModel, table=True):
    """A file's bytes, once however often it was posted. `id` is their SHA-256; `used_at` is when they last came."""

    __tablename__ = "blob"

    id: str = Field(primary_key=True)
    size: int
    body: bytes = Field(sa_type=LargeBinary)
    used_at: float


class FileRow(SQLModel, table=True):
    """What became of a file beside a post: its blob, or why there is none. `source` is the media's."""

    __tablename__ = "file"
    __table_args__ = (UniqueConstraint("post_id", "source"), Index("file_blob", "blob"))

    id: int | None = Field(default=None, primary_key=True, sa_type=_Id)
    post_id: int = Field(foreign_key="post.id", sa_type=_Id)
    source: str = Field(sa_type=Text)
    blob: str = ""
    size: int = 0
    missing: str = ""


class CursorRow(SQLModel, table=True):
    """Up to where an account's history was taken."""

    __tablename__ = "cursor"

    account: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    value: str


class PinRow(SQLModel, table=True):
    """Which id a place's name in the mapping file was found to mean."""

    __tablename__ = "pin"

    account: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    place: str
