"""The tables about people at the door of an account, and about what admins are told. As `tables`, whose words they use."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import BigInteger, Integer, Text
from sqlalchemy import text as sql_text
from sqlmodel import Field, SQLModel

_Id = BigInteger().with_variant(Integer, "sqlite")


class FollowState(StrEnum):
    ASKING = "asking"
    FOLLOWING = "following"
    GONE = "gone"  # turned down, removed, or left by themselves


class FollowerRow(SQLModel, table=True):
    """Somebody who follows a protected account, asks to, or did. `at` is since when, as far as we saw.

    `wish` is what was decided and is not known to be done yet, `by` who decided it; `handles` is JSON.
    """

    __tablename__ = "follower"

    account: str = Field(primary_key=True)
    user: str = Field(primary_key=True)
    name: str
    handles: str
    moved: bool
    state: str
    at: float
    wish: str = ""
    by: str = ""


class DecisionRow(SQLModel, table=True):
    """What was decided about a follower, when, and by whom: never changed, never forgotten."""

    __tablename__ = "decision"

    id: int | None = Field(default=None, primary_key=True, sa_type=_Id)
    at: float
    what: str
    account: str
    user: str
    handle: str
    by: str


class AlertRow(SQLModel, table=True):
    """Something that the admins are told, once per key and outbreak. `account` is the one it is about: it is told elsewhere.

    `lasting`: a trouble that can end, and come again; `times` counts its outbreaks, `seen_at` is when it was last there.
    `open`: somebody is still to be told; `told` are those who were, parted by spaces. `about` names what is held.
    """

    __tablename__ = "alert"

    key: str = Field(primary_key=True)
    account: str
    text: str = Field(sa_type=Text)
    lasting: bool
    times: int
    at: float
    seen_at: float
    well_at: float | None = None
    open: bool
    told: str = ""
    about: str = Field(default="", sa_column_kwargs={"server_default": sql_text("''")})


class ChoiceRow(SQLModel, table=True):
    """What a reader chose for themselves, by their address at an account; empty for nothing. It can only reduce.

    `mails` counts those of the day `counted_on`, a date in the reader's zone. `welcomed` are the places they were told that they
    read, `asked` what they were asked about on the last day they were; both parted by spaces.
    """

    __tablename__ = "choice"

    account: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    deliver: str = ""
    paused_until: float = 0.0
    counted_on: str = ""
    mails: int = 0
    welcomed: str = ""
    asked: str = ""


class JoiningRow(SQLModel, table=True):
    """A reader of a place who is not in the mapping file, or wants to be one; as `bridge.store.joining.Joining`."""

    __tablename__ = "joining"

    account: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    name: str = ""
    step: str
    at: float
    by: str = ""


class HandleRow(SQLModel, table=True):
    """Whom a handle of the mapping file was found to mean at an account."""

    __tablename__ = "handle"

    account: str = Field(primary_key=True)
    handle: str = Field(primary_key=True)
    user: str


class ReaderRow(SQLModel, table=True):
    """How it stands with a reader of a place; of whom there is no row, nothing is to be said.

    `points` counts days on which mail came back, the last of them `failed_at`, because of `why`; `asked` counts how often it was
    asked since `suspended_at` whether it gets through again, last at `asked_at`.
    """

    __tablename__ = "reader"

    account: str = Field(primary_key=True)
    place: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    left_at: float | None = None
    suspended_at: float | None = None
    points: int = 0
    failed_at: float = 0.0
    why: str = ""
    asked: int = 0
    asked_at: float = 0.0


class OffboardedRow(SQLModel, table=True):
    """Somebody of the mapping file who is, or was, no member of their platform any more; as `bridge.store.offboarded`."""

    __tablename__ = "offboarded"

    person: str = Field(primary_key=True)
    account: str
    step: str
    at: float
    times: int
    doubted: bool
    by: str = ""
