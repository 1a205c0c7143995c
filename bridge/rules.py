"""What is to be done with an event: a table of rules, read from above, over facts that were looked up. Pure.

A new rule is a function and a line in `RULES`; a new reason is a line in `reasons.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge import text
from bridge.post import Created, Deleted, Edited, Event, Own, Reacted
from bridge.reasons import Reason
from bridge.routing import Plan

EARLY_S = 60.0
"""How long a change may wait for the post it changes."""
HEARD_AGAIN_S = 120.0
"""How long what may be a copy waits for its original to be heard again, after a backup was restored."""
LOOK_AGAIN_S = 2.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the ledger and the mapping file say about an event. `waited` is for how long it has been here, in seconds."""

    event: Event
    waited: float
    mapped: bool
    plan: Plan | None
    """For posts, and for changes that come late enough to be taken as posts."""
    is_copy: bool = False
    copy_stands: bool = False
    sending: bool = False
    """A send to the event's place is under way."""
    earlier_waits: bool = False
    """An earlier raw of the account that could be judged now has not been."""
    earlier_parked: bool = False
    """An earlier raw of the account waits for a send to settle."""
    in_doubt: bool = False
    """A send to the event's place ended lately without anybody knowing whether it stands there."""
    before_restore: bool = False
    """It is older than the last restoring of a backup, so that it may be a copy whose receipt was lost with what came after."""
    duplicate: bool = False
    known: bool = False
    deleted: bool = False
    has_deliveries: bool = False
    answers_group_post: bool = False
    came_back: bool = False
    """It is an earlier post of the group, brought back by somebody."""
    answers_notice: bool = False
    """It answers what the bridge itself said to one person."""
    not_theirs: bool = False
    """It came by an answer address that was given to another reader."""


@dataclass(frozen=True, slots=True)
class Relay:
    """Bring it to its destinations."""


@dataclass(frozen=True, slots=True)
class Drop:
    """It ends here, for this reason."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Hold:
    """A human decides."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again later: after `seconds`, or when a send has settled (None)."""

    reason: Reason
    seconds: float | None


Verdict = Relay | Drop | Hold | Wait
Rule = Callable[[Facts], Verdict | None]


def judge(facts: Facts) -> Verdict:
    """The first rule's verdict that has one; what no rule minds is relayed."""
    for rule in RULES:
        verdict = rule(facts)
        if verdict is not None:
            return verdict
    return Relay()


def as_created(facts: Facts) -> bool:
    """Whether the event is to be taken as a new post: it is one, or a change whose post never came."""
    return isinstance(facts.event, Created) or (isinstance(facts.event, Edited) and not facts.known)


def _reaction(facts: Facts) -> Verdict | None:
    """Reactions of people to what the group shares are told elsewhere; our own marks and what is said between two are not."""
    event = facts.event
    if not isinstance(event, Reacted):
        return None
    if event.own is not Own.NO or event.ref.place.is_direct or not facts.has_deliveries or facts.deleted:
        return Drop(Reason.REACTION)
    return Drop(Reason.DUPLICATE) if facts.duplicate else Relay()


def _duplicate(facts: Facts) -> Verdict | None:
    return Drop(Reason.DUPLICATE) if facts.duplicate else None


def _echo(facts: Facts) -> Verdict | None:
    if not facts.is_copy:
        return None
    return Drop(Reason.COPY_REMOVED if isinstance(facts.event, Deleted) and facts.copy_stands else Reason.OWN_ECHO)


def _pending_echo(facts: Facts) -> Verdict | None:
    """Our own identity, no receipt yet, and a send under way: it may be that send's echo, arrived first."""
    if facts.event.own is not Own.NO and not facts.known and facts.sending:
        return Wait(Reason.ECHO_PENDING, None)
    return None


def _out_of_turn(facts: Facts) -> Verdict | None:
    """People's own posts as the account keep their order, though a send held some of them up and not the others."""
    if not isinstance(facts.event, Created) or facts.event.own is not Own.PERHAPS or facts.known:
        return None
    if facts.earlier_parked:
        return Wait(Reason.OUT_OF_TURN, None)
    return Wait(Reason.OUT_OF_TURN, 0.0) if facts.earlier_waits else None


def _doubtful_echo(facts: Facts) -> Verdict | None:
    """Our own identity, no receipt, and a send that nobody knows the end of: relaying it could double that one.

    After a restored backup what it may be a copy of is heard again, too, and then finds it: that is given some time.
    """
    if not isinstance(facts.event, Created) or facts.event.own is not Own.PERHAPS or facts.known:
        return None
    if facts.before_restore and facts.waited < HEARD_AGAIN_S:
        return Wait(Reason.ECHO_IN_DOUBT, LOOK_AGAIN_S)
    return Hold(Reason.ECHO_IN_DOUBT) if facts.in_doubt or facts.before_restore else None


def _own_identity(facts: Facts) -> Verdict | None:
    return Drop(Reason.OWN_ADOPTED) if facts.event.own is Own.SURELY and not facts.known else None


def _unmapped(facts: Facts) -> Verdict | None:
    return None if facts.mapped or facts.known else Drop(Reason.NOT_MAPPED)


def _deleted(facts: Facts) -> Verdict | None:
    return Drop(Reason.POST_DELETED) if facts.deleted else None


def _early_change(facts: Facts) -> Verdict | None:
    """A change can overtake its post; after a minute a new text is taken as the post, a deletion as a tombstone."""
    if isinstance(facts.event, Created) or facts.known:
        return None
    if facts.waited < EARLY_S:
        return Wait(Reason.EARLY, EARLY_S - facts.waited)
    return Drop(Reason.POST_UNKNOWN) if isinstance(facts.event, Deleted) else None


def _change_of_nothing(facts: Facts) -> Verdict | None:
    if as_created(facts) or facts.has_deliveries:
        return None
    return Drop(Reason.POST_UNKNOWN)


def _own_direct(facts: Facts) -> Verdict | None:
    """What a human writes to one person as the account stays between the two."""
    own = facts.event.own is not Own.NO
    return Drop(Reason.DIRECT) if own and facts.event.ref.place.is_direct else None


def _direct_reply(facts: Facts) -> Verdict | None:
    return Drop(Reason.DIRECT_REPLY) if facts.answers_group_post and facts.event.ref.place.is_direct else None


def _bot_repeats(facts: Facts) -> Verdict | None:
    refused = facts.plan is not None and facts.plan.refusal is Reason.BOT
    return Drop(Reason.BOT_REPEATS) if refused and facts.came_back else None


def _not_planned(facts: Facts) -> Verdict | None:
    if facts.plan is None or facts.plan.refusal is None:
        return None
    refusal = facts.plan.refusal
    stranger = refusal is Reason.NOT_A_WRITER and facts.event.ref.place.is_direct
    return Hold(refusal) if stranger or refusal is Reason.UNKNOWN_SENDER else Drop(refusal)


def _answer(facts: Facts) -> Verdict | None:
    return Drop(Reason.ANSWER) if facts.answers_notice and not facts.known else None


def _not_theirs(facts: Facts) -> Verdict | None:
    return Drop(Reason.NOT_THEIRS) if facts.not_theirs else None


def _unproven(facts: Facts) -> Verdict | None:
    """An author whom nothing vouches for may be somebody else; who is unknown anyway is held for that."""
    event = facts.event
    return Hold(Reason.UNPROVEN) if isinstance(event, Created | Edited) and event.post.doubt else None


def _moved(facts: Facts) -> Verdict | None:
    """Whoever writes with an account that was moved away may be somebody else by now."""
    event = facts.event
    if not isinstance(event, Created | Edited) or event.own is not Own.NO:
        return None
    addressed = event.ref.place.is_direct or not event.post.gated
    return Hold(Reason.MOVED) if addressed and event.post.author.moved else None


def _empty(facts: Facts) -> Verdict | None:
    if not as_created(facts) or not isinstance(facts.event, Created | Edited):
        return None
    post = facts.event.post
    return Drop(Reason.EMPTY) if text.is_blank(post.text) and not post.media and not post.warning else None


RULES: tuple[Rule, ...] = (
    _reaction,
    _duplicate,
    _echo,
    _pending_echo,
    _out_of_turn,
    _doubtful_echo,
    _own_identity,
    _answer,
    _unmapped,
    _deleted,
    _early_change,
    _change_of_nothing,
    _own_direct,
    _direct_reply,
    _bot_repeats,
    _not_theirs,
    _not_planned,
    _unproven,
    _moved,
    _empty,
)
