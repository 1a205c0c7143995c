"""What the store answers with: rows as the engine's own words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bridge.contract import Excerpt, Part, Thread
from bridge.post import AccountId, Audience, Destination, Place, Post, Raw, Ref
from bridge.store.tables import Action

ASKING = frozenset({"confirm", "leave", "return", "choose", "join", "invite"})
"""How the keys of notices begin to which an answer means something."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A destination's queue of deliveries; or, where `destination` is None, an account's raws, a stream, or a duty."""

    id: int
    account: AccountId
    destination: Destination | None


@dataclass(frozen=True, slots=True)
class Claim:
    """Ownership of a lane; everything written under it is void once another owner has raised the epoch."""

    lane: Lane
    epoch: int


@dataclass(frozen=True, slots=True)
class WaitingRaw:
    """A raw that waits to be understood."""

    id: int
    raw: Raw
    taken_at: float


@dataclass(frozen=True, slots=True)
class KnownPost:
    """What the ledger knows of a post."""

    id: int
    root_id: int
    deleted: bool
    direct: bool
    """Whether what was asked for, the post or its copy, stands in a direct conversation."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the bridge said to one person. `key` names it among notices."""

    key: str
    place: Place

    @property
    def asks(self) -> bool:
        """Whether an answer to it means something."""
        return self.key.partition(":")[0] in ASKING or ":decide:" in self.key


@dataclass(frozen=True, slots=True)
class KnownReceipt:
    """A copy of ours, and the post it is a copy of."""

    id: int
    post_id: int
    standing: bool


@dataclass(frozen=True, slots=True)
class KnownDelivery:
    """An earlier delivery of a post, as far as later events on it must know."""

    id: int
    lane_id: int
    kind: str
    state: str
    attempted: bool
    destination: Destination
    group: str
    via: str
    audience: Audience
    patience: float
    """Seconds after it may first go until it is given up."""


@dataclass(frozen=True, slots=True)
class FrozenPart:
    """One native message of a delivery, as it was frozen.

    `ref` is what is edited or deleted; of what is sent, where it will stand if that was known before; or None.
    """

    id: int
    delivery_id: int
    number: int
    action: Action
    place_in_post: int
    part: Part
    key: str
    ref: Ref | None
    attempted_at: datetime | None
    """When the attempt began whose end nobody wrote down; None if there is none."""
    lost_answers: int

    @property
    def target(self) -> Ref:
        """What an edit or deletion is about; they are never frozen without."""
        if self.ref is None:
            raise ValueError(f"part {self.id} has no target")
        return self.ref

    @property
    def begun_at(self) -> datetime:
        """When the attempt began; only parts that were attempted are looked up."""
        if self.attempted_at is None:
            raise ValueError(f"part {self.id} was not attempted")
        return self.attempted_at


@dataclass(frozen=True, slots=True)
class StandingCopy:
    """A part of a post that stands at a destination."""

    number: int
    ref: Ref


@dataclass(frozen=True, slots=True)
class Job:
    """The next delivery of a lane, with everything needed to render and send it."""

    delivery_id: int
    event_key: str
    kind: str
    generation: int
    attempts: int
    accepted_at: float
    ready_at: float
    give_up_at: float
    paused: str
    failures: int
    group: str
    via: str
    audience: Audience
    post: Post | None
    """None once the body was forgotten."""
    post_id: int
    version: int
    subject: str
    parent: Excerpt | None
    thread: Thread
    copies: tuple[StandingCopy, ...]
    parts: tuple[FrozenPart, ...]
    """The parts still to be done, in order; empty before the first attempt."""
    frozen: bool
    previous: Ref | None
    """The last part of this delivery that has been done."""
    corrected: bool
    """Whether an earlier change of the post was brought to this destination."""
    lane: Lane
    form: str = ""
    root_id: int = 0
    """The post that begins the conversation."""
    carries: bool = False
    """Whether other deliveries go with this one, in its one native message."""

    @property
    def untried(self) -> bool:
        """Whether it was frozen to be sent, and nothing of it was sent, for sure."""
        waits = bool(self.parts) and all(part.action is Action.SEND and part.attempted_at is None for part in self.parts)
        return waits and self.previous is None and not self.copies
