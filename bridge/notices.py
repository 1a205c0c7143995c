"""What the bridge itself says to a person, in words. Pure; the inbox writes it down with its key and the lane brings it."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.mappings import Group
from bridge.post import Place, Ref
from bridge.reasons import Reason
from bridge.text import Text, from_plain


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing said to one person, once per key. `answers` is the message it is about."""

    key: str
    place: Place
    text: Text
    answers: Ref | None = None


def relayed(ref: Ref, group: Group, author: str) -> Notice:
    """To a writer: what they wrote directly goes out. Said the first time, or each time where the group confirms all."""
    key = f"relayed:{ref if group.confirm == 'all' else ref.place}"
    said = f"✓ This goes to everyone in “{group.title}”, as {group.via.partition('{text}')[0].strip().rstrip(':') or 'written'}."
    return Notice(key, ref.place, from_plain(said.replace("{author}", author)), ref)


def refused(ref: Ref, reason: Reason) -> Notice | None:
    """To somebody whose direct message was not relayed; None where silence is right."""
    match reason:
        case Reason.EMPTY:
            return Notice(
                f"help:{ref}",
                ref.place,
                from_plain(
                    "Write your message here, after my name, and I post it to everyone in the group, as “via” you. "
                    "Edit or delete your message, and the post follows."
                ),
                ref,
            )
        case Reason.NOT_A_WRITER:
            return Notice(
                f"stranger:{ref.place}",  # once per person
                ref.place,
                from_plain(
                    "Only the group's writers can post through this account, so nobody else saw your message. "
                    "If you should be one of them, ask an admin of the group to add you."
                ),
                ref,
            )
        case Reason.DIRECT_REPLY:
            return Notice(
                f"direct-reply:{ref}",
                ref.place,
                from_plain(
                    "This answer stayed between us. To reach everyone, write to me directly in a new message, "
                    "not as an answer to a group post."
                ),
                ref,
            )
        case _:
            return None
