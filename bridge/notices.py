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

DECIDE = ":decide:"
"""In the key of an alert by whose answer an admin decides about what is held."""


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


# ---------------------------------------------------------------- to readers, and to those who write to a place by its address


def is_it_yours(key: str, place: Place, group: Group, line: str) -> Notice:
    """To an author of whom nothing proves that they wrote it."""
    said = (
        f"Did you write this to “{group.title}”? It came in your name: “{line}”. Nothing proves that it was you, so nobody "
        "has seen it yet. If it was you, just answer this message, and it goes out. If it was not, answer “no”."
    )
    return Notice(key, place, from_plain(said))


def nobody_reads_this(place: Place, day: int) -> Notice:
    """To somebody who answered what the bridge itself said, where that asks for nothing; once a day."""
    said = (
        "You answered something that I, a program, had told somebody, so your answer was not posted, and nobody reads it. "
        "To write to everyone, answer one of the group's posts, or write a new mail to the group."
    )
    return Notice(f"nobody-reads:{place}:{day}", place, from_plain(said))


def not_yours(place: Place, day: int) -> Notice:
    """To somebody who answered by another reader's own answer address; once a day."""
    said = (
        "Your answer was not posted: the address it went to was made for another reader, who got that message. "
        "If you read the group under another address, answer from there, or ask an admin of the group to add this one."
    )
    return Notice(f"not-yours:{place}:{day}", place, from_plain(said))


def somebody_used_yours(place: Place, who: str, day: int) -> Notice:
    """To the reader whose answer address it was; once a day per sender."""
    said = (
        f"{who} tried to answer the group by an address that was made for you alone, in a message to you. It was not posted. "
        "Perhaps you forwarded the message. If that is an address of yours, ask an admin of the group to add it."
    )
    return Notice(f"used-yours:{place}:{who}:{day}", place, from_plain(said))


def waits_for_admin(place: Place, day: int) -> Notice:
    """To somebody nobody knows; once a day."""
    said = (
        "Your message to the group waits: nobody in it is known by your address, so an admin looks at it first. "
        "If you read the group under another address, write from there."
    )
    return Notice(f"waits:{place}:{day}", place, from_plain(said))


def how_to_leave(key: str, place: Place, group: Group) -> Notice:
    """To a reader who wrote that they want no more."""
    said = (
        f"You wrote that you want no more from “{group.title}”; nobody else has seen that. To leave, just answer this "
        "message, and nothing more comes. To stay, do nothing."
    )
    return Notice(key, place, from_plain(said))


def are_you_there(key: str, place: Place, group: Group) -> Notice:
    """To a reader whose mail came back for days."""
    said = (
        f"What “{group.title}” sent you came back for several days, so nothing more is sent. If you read this, your mailbox "
        "works again: just answer this message, and you get the group's posts from then on."
    )
    return Notice(key, place, from_plain(said))


def not_understood(ref: Ref, place: Place) -> Notice:
    """To an admin whose answer was neither yes nor no, or of whom nothing proves that they wrote it."""
    said = "I could not act on this. Answer “approve” or “reject”, from your own address, or use `viabridge held`."
    return Notice(f"not-understood:{ref}", place, from_plain(said), ref)


def could_not(ref: Ref, place: Place, why: str) -> Notice:
    """To somebody whose answer came to nothing."""
    return Notice(f"could-not:{ref}", place, from_plain(why), ref)


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


def alert(outbreak: str, place: Place, said: str, secret: str = "") -> Notice:
    """To one admin, once per outbreak. With a `secret`, which nobody can guess, an answer to it decides about what is held."""
    return Notice(f"alert:{outbreak}{DECIDE}{secret}" if secret else f"alert:{outbreak}", place, from_plain(said))


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


def was_held(name: str, account: str, handle: str, who: str, reason: str, line: str) -> str:
    """That something somebody wrote waits for a human, who may decide by answering; `name` is what it is called."""
    author = f"{handle} ({who})" if who else handle or "somebody"
    begins = f" It begins: “{line}”." if line else ""
    return (
        f"What {author} wrote to {account} is held: {reason}{begins} Answer “approve” to let it go its way, or “reject”; "
        f"or use `viabridge held approve {name}` or `discard`."
    )


def more_is_held(account: str) -> str:
    """That so much is held that each would be a flood of its own."""
    return (
        f"Much more that people nobody knows wrote to {account} is held today; I tell you of no more of it one by one. "
        "See it all with `viabridge held`."
    )


def reader_is_spared(account: str, address: str, why: str) -> str:
    """That a reader gets nothing more for now."""
    return (
        f"What {account} sends to {address} came back for several days ({why}), so it sends them nothing more. They were "
        "asked to answer once their mailbox works; `viabridge readers return` does it for them."
    )
