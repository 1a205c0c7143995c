"""What the bridge itself says to a person, in words. Pure; the inbox writes it down with its key and the lane brings it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from bridge.mappings import Group
from bridge.post import Mark, Place, Ref
from bridge.reasons import Reason
from bridge.text import Text, filled, from_plain


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing said to one person, once per key. `answers` is the message it is about, `mark` what that one gets."""

    key: str
    place: Place
    text: Text
    answers: Ref | None = None
    mark: Mark | None = None


def relayed(ref: Ref, group: Group, author: str, readers: int | None) -> Notice:
    """To a writer: what they wrote directly goes out. Said the first time, or each time where the group confirms all.

    `readers` is how many people it goes to; None where nobody can tell.
    """
    key = f"relayed:{ref if group.confirm == 'all' else ref.place}"
    people = {None: "everyone", 0: "nobody yet", 1: "1 person"}.get(readers, f"{readers} people")
    said = (
        f"✓ This goes to {people} in “{group.title}”, {_attribution(group.via, author)}. "
        "Edit or delete your message, and the post follows."
    )
    return Notice(key, ref.place, from_plain(said), ref)


def _attribution(via: str, author: str) -> str:
    """How the group's copies name their author: "as via Lynn", "signed ^L"."""
    before, _, after = via.partition("{text}")
    named = " ".join(filled(f"{before} {after}", author).split()).rstrip(":")
    if "{author}" not in via and "{initials}" not in via:
        return "without your name"
    return f"as {named}" if before.strip() else f"signed {named}"


def refused(ref: Ref, reason: Reason, ways: frozenset[str]) -> Notice | None:
    """To somebody whose direct message was not relayed; None where silence is right. `ways` as `Group.relay`."""
    if (found := _REFUSALS.get(reason)) is None:
        return None
    key, words = found
    about = ref if key in _EACH_TIME else ref.place
    return Notice(f"{key}:{about}", ref.place, from_plain(words.format(how=_how(ways))), ref)


def _how(ways: frozenset[str]) -> str:
    """How to reach everyone."""
    if "direct" in ways:
        return "write to me directly in a new message, not as an answer to a group post"
    tags = " or ".join(sorted(way for way in ways if way.startswith("#")))
    return f"mention me in a post{f' with {tags}' if tags and 'mention' not in ways else ''}"


_REFUSALS: Mapping[Reason, tuple[str, str]] = MappingProxyType(
    {
        Reason.EMPTY: (
            "help",
            (
                "Write your message here, after my name, and I post it to everyone in the group, as “via” you. "
                "Edit or delete your message, and the post follows."
            ),
        ),
        Reason.NOT_A_WRITER: (
            "stranger",
            (
                "Only the group's writers can post through this account, so your message was not posted; nobody but an admin "
                "sees it. If you should be one of them, ask an admin of the group to add you."
            ),
        ),
        Reason.MOVED: (
            "moved",
            (
                "Your account seems to have moved: it says so itself. So your message was not posted; an admin looks at it "
                "first. Write from your new account, once an admin has added it."
            ),
        ),
        Reason.NOT_THIS_WAY: (
            "not-this-way",
            "Direct messages to me are not passed on in this group, so nobody else saw yours. To reach everyone, {how}.",
        ),
        Reason.TOO_OLD: (
            "too-old",
            "I heard this so late that it was too old to be posted, so nobody else saw it. Write it again if it still matters.",
        ),
        Reason.DIRECT_REPLY: ("direct-reply", "This answer stayed between us. To reach everyone, {how}."),
    }
)
"""What is said for each reason, and the key under which it is said once per person."""
_EACH_TIME = {"help", "direct-reply", "too-old"}


def your_copy_was_removed(ref: Ref, author: Place, where: str, line: str, place: str) -> Notice:
    """To the author: that somebody took a copy down. Once for each place, however many parts it had there."""
    said = f"The copy of your post at {where} was removed by somebody who may do so there" + (f": “{line}”. " if line else ". ")
    return Notice(f"removed:{ref}:{place}", author, from_plain(f"{said}What you wrote, and its other copies, stay as they are."))


# ---------------------------------------------------------------- to followers


def welcome(place: Place, groups: Sequence[Group], writes: frozenset[str]) -> Notice:
    """To somebody who was let in: what this is, who reads it, how to answer, how not to miss it. Once for ever.

    `groups` are those that the account belongs to; `writes` the ways by which this person may write to one, as `Group.relay`.
    """
    titles = " and ".join(f"“{group.title}”" for group in groups) or "this group"
    ways = [*(["press Reply"] if writes - {"direct"} else []), *(["write to me directly"] if "direct" in writes else [])]
    answer = (
        f"To answer, {' or '.join(ways)}: it goes to everyone, with your name."
        if ways
        else "If you would like to write to everyone yourself, ask an admin of the group."
    )
    said = (
        f"Welcome to {titles}: what I post here is what the group's members say, each wherever they like to write. "
        f"Nobody reads it but them and the people who were let in here, as you were. {answer} "
        "So that you miss nothing, press the bell on my profile, or put me into a list of its own."
    )
    return Notice(f"welcome:{place}", place, from_plain(said))


# ---------------------------------------------------------------- to admins


def alert(outbreak: str, place: Place, said: str) -> Notice:
    """To one admin, once per outbreak."""
    return Notice(f"alert:{outbreak}", place, from_plain(said))


def needs_human(account: str, sentence: str) -> str:
    """That something must be mended before posts can go on."""
    return f"{account} needs you: {sentence} What is for it waits, and nothing is lost."


def well_again(account: str, said: str) -> str:
    """That it was mended."""
    return f"{account} works again, and what waited for it is on its way. I had told you: “{said}”"


def asks_to_follow(account: str, handle: str, name: str, *, moved: bool) -> str:
    """That somebody whom the mapping file does not know, or who moved, asks to follow."""
    doubt = f" {name} seems to have moved to another account, so look twice." if moved else ""
    return (
        f"{handle} ({name}) asks to follow {account}.{doubt} "
        f"Let them in with `viabridge followers approve {account} {handle}`, or turn them down with `reject` instead. "
        f"Where I take commands, `/via approve {handle}` does the same."
    )


def seems_moved(account: str, handle: str, name: str) -> str:
    """That the account of somebody in the mapping file says it moved."""
    return (
        f"{name} seems to have moved: {handle} at {account} says so itself. "
        "Ask them, and put their new account into the mapping file; until then what the old one writes is held."
    )


def copy_was_removed(where: str, name: str) -> str:
    """That somebody took a copy down whose author can't be told."""
    whose = f"of what {name} wrote " if name else ""
    return (
        f"A copy {whose}was removed at {where} by somebody who may do so there. The original and its other copies stay as they "
        "are; there was no way to tell its author."
    )


def were_missed(account: str, at: datetime) -> str:
    """That posts were heard so late that the group does not want them any more; `at`, when the first was written."""
    return (
        f"Posts at {account} were heard so late that they were older than their group's max_age, so they were not copied. "
        f"The first was written on {at.astimezone(UTC):%Y-%m-%d at %H:%M} UTC. See them all with `viabridge missed`."
    )


def kept_back(account: str, missed: int) -> str:
    """That a live connection stood and yet said nothing of what was said."""
    what = "something" if missed == 1 else f"{missed} things"
    return (
        f"{account} seemed connected, and yet {what} that people wrote there did not come that way. viabridge found it by "
        "looking itself, passes it on now, and connected anew. Nothing is lost; it was late."
    )


def stopped(account: str, name: str, group: str, reason: str) -> str:
    """That somebody's posts wait because they went in circles."""
    return (
        f"{name} at {account} was stopped in “{group}”: {reason} The queue is kept, and nothing is lost: "
        "`viabridge loops resume` lets it go on."
    )


def bot_repeats(account: str, name: str, group: str) -> str:
    """That a bot brings back what is mirrored."""
    return (
        f"{name}, a bot at {account}, repeats what “{group}” mirrors there already, so people read it twice. viabridge passes "
        "none of it on. Another bridge seems to run between the same places: switch one of the two off there."
    )


def was_held(account: str, handle: str, name: str, reason: str) -> str:
    """That something somebody wrote waits for a human."""
    who = f"{handle} ({name})" if name else handle or "somebody"
    return f"What {who} wrote to {account} is held: {reason} See it with `viabridge held`."
