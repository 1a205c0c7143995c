"""Why something was not relayed, or not delivered: every code there is, with its sentence."""

from __future__ import annotations

from enum import StrEnum
from typing import Self


class Reason(StrEnum):
    """A reason code. Its sentence is what people read."""

    sentence: str

    def __new__(cls, code: str, sentence: str) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.sentence = sentence
        return member

    # why an event was not relayed
    DUPLICATE = "duplicate", "This very event was accepted before."
    OWN_ECHO = "own-echo", "It is a copy that viabridge itself put there."
    OWN_ADOPTED = "own-adopted", "It carries viabridge's own identity, so it was noted as ours and not relayed."
    COPY_REMOVED = "copy-removed", "Somebody removed a copy; the original stays."
    NOT_MAPPED = "not-mapped", "No group mirrors from this place."
    NOT_A_WRITER = "not-a-writer", "Its author is not among the group's writers; an admin may look at a direct message."
    NOT_THIS_WAY = "not-this-way", "The group relays nothing that comes this way; its `relay` says what it does."
    UNPROVEN = "unproven", "Nothing proves that its author wrote it; they were asked to confirm, and an admin may look at it."
    NOT_THEIRS = "not-theirs", "It came by an answer address that was given to somebody else."
    ANSWER = "answer", "It answers something that viabridge itself said, so it is for nobody else."
    DISCARDED = "discarded", "It was held, and somebody decided that it goes nowhere."
    MOVED = "moved", "Its author seems to have moved to another account, so this may be somebody else; an admin may look at it."
    UNKNOWN_SENDER = "unknown-sender", "Nobody in the mapping file has this address; an admin may look at it."
    DIRECT = "direct", "It was written to one person, not to the group."
    DIRECT_REPLY = "direct-reply", "A direct answer to a group post stays between the two."
    EMPTY = "empty", "There is nothing in it to relay."
    BOT = "bot", "Its author is a bot that is not among the group's `bots`."
    BOT_REPEATS = "bot-repeats", "A bot brought back an earlier post of the group: another bridge runs between the same places."
    FILTERED = "filtered", "The mapping file leaves out posts like this one."
    TOO_OLD = "too-old", "It was older than the group's max_age when it was heard."
    REACTION = "reaction", "It reacts to nothing that the group shares, so it is told nowhere."
    POST_UNKNOWN = "post-unknown", "It changes a post that was never relayed."
    POST_DELETED = "post-deleted", "The post was deleted at its source."
    EARLY = "early", "It changes a post that has not been heard yet; waiting for it."
    ECHO_IN_DOUBT = "echo-in-doubt", "Perhaps it is a copy whose sending was in doubt; an admin may look at it."
    OUT_OF_TURN = "out-of-turn", "An earlier post of the account still waits to be judged; order is kept."
    ECHO_PENDING = "echo-pending", "A send to this place is under way; this may be its echo."
    UNPARSABLE = "unparsable", "What the platform handed over could not be understood."

    # why a delivery waits, needed no sending, or ended as not delivered
    FOLDED = "folded", "The change is part of the copy that was still to be sent."
    LOOP = "loop", "It is an earlier post that a bot brought back, so what its author posts there waits; see `viabridge loops`."
    FLOOD = "flood", "Its author posted more than the group's `loops: budget`, so it waits; see `viabridge loops`."
    PAUSED = "paused", "Somebody paused the group or the place; it goes on when that is over."
    WITHDRAWN = "withdrawn", "The post was deleted before its copy was sent."
    NARROWED = "narrowed", "The post is for fewer people now, so a copy that more could see was not kept."
    NO_COPY = "no-copy", "There is no copy at this place to change or remove."
    CHOSEN = "chosen", "Its reader chose to get announcements only."
    CANNOT_CHANGE = "cannot-change", "Copies at this place can't be changed once sent, and a correction was sent before."
    CANNOT_REMOVE = "cannot-remove", "Copies at this place can't be taken back."
    REJECTED = "rejected", "The platform refused it."
    PERHAPS_SENT = "perhaps-sent", "Perhaps sent: the answer was lost and nobody can tell, so it was not sent again."
    NO_LONGER_MAPPED = "no-longer-mapped", "The mapping file no longer brings the group's posts there."
    RETURNED = "returned", "It was handed over, and came back later."
    DROPPED = "dropped", "It was not delivered, and an admin gave it up for good."
    GAVE_UP = "gave-up", "It could not be delivered within the group's give_up_after."
    NO_BODY = "no-body", "The text was no longer kept when its turn came."
    INTERNAL = "internal", "viabridge made a mistake with it; the log has the details."


_BY_CODE = {str(reason): reason for reason in Reason}
_SENTENCES = {str(reason): reason.sentence for reason in Reason}


def reason_of(code: str) -> Reason:
    """The reason with this code. Raises `KeyError` for one that only another version knows."""
    return _BY_CODE[code]


def sentence_of(code: str) -> str:
    """The sentence of a code in the ledger; the code itself where only an older version knew it."""
    return _SENTENCES.get(code, code)
