"""What authors are told about their own posts, where only they see it: who reads, what waits, failed or arrived. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from bridge import reach
from bridge.notices import Notice
from bridge.pausing import Halt
from bridge.post import Destination, EventKind, Mark, Place, Ref
from bridge.reach import Reach
from bridge.reasons import Reason, sentence_of
from bridge.routing import World
from bridge.text import from_plain

_CURES: Mapping[str, str] = MappingProxyType(
    {
        Reason.REJECTED: "Change it and post it anew; or ask an admin to replay it, once what stood in its way is gone.",
        Reason.GAVE_UP: "An admin can replay it once the place can be reached; or post it anew.",
        Reason.PERHAPS_SENT: "Ask somebody there whether they have it before you post it anew.",
        Reason.NO_BODY: "Post it anew.",
        Reason.RETURNED: "An admin can replay it once mail gets through there again; or reach them some other way.",
        Reason.INTERNAL: "Tell an admin; the log says more.",
    }
)
_CHANGED: Mapping[str, str] = MappingProxyType(
    {EventKind.EDITED: "Your change of this message", EventKind.DELETED: "The removal of this message"}
)


def name_of(world: World, destination: Destination) -> str:
    """How an author reads where a copy went: the place as the mapping file calls it; a reader by their provider alone."""
    if destination.reader is not None:
        return destination.reader.rpartition("@")[2]
    place = destination.place
    return next((entry.at for _, entry in world.places.at(place)), str(place))


def clock(at: float) -> str:
    """A time of day, for people."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M UTC")


# ---------------------------------------------------------------- before


def mirrored_key(place: Place) -> str:
    """The key of `mirrored`: once for ever, per person and place."""
    return f"mirrored:{place}"


def mirrored(place: Place, ref: Ref, reached: Sequence[Reach]) -> Notice:
    """To somebody who writes in a mirrored place for the first time: who reads it from now on."""
    said = f"This place is mirrored. What you write here is read from now on by {reach.in_words(reached)}."
    return Notice(mirrored_key(place), place, from_plain(said), ref)


def gained(place: Place, reached: Sequence[Reach], version: str) -> Notice:
    """To everybody at a place that came to be read by more: who reads it from now on. Once per change."""
    said = f"More people read along. What is written here is read from now on by {reach.in_words(reached)}."
    return Notice(f"gained:{place}:{version}", place, from_plain(said))


def waits(place: Place, ref: Ref, halt: Halt | None) -> Notice:
    """That a post stays where it is for now, because somebody paused what it would leave by."""
    who = f"{halt.by} paused it" if halt and halt.by else "it is paused"
    what = f"the group {halt.group}" if halt and halt.group else "this place, or one that it goes to"
    said = f"This stayed here: {who} ({what}). It is kept in its turn and goes out when that is over."
    return Notice(f"waits:{ref}", place, from_plain(said), ref, Mark.WAITS)


def goes_on(place: Place, ref: Ref, outbreak: str) -> Notice:
    """That a post waits no longer: its mark goes, and nothing is said."""
    return Notice(f"goes-on:{ref}:{outbreak}", place, (), ref, Mark.NONE)


def held(place: Place, ref: Ref, reason: str) -> Notice:
    """That a post waits for a human."""
    said = f"This was not passed on yet: {sentence_of(reason)} An admin of the group can see it with `viabridge held`."
    return Notice(f"held:{ref}", place, from_plain(said), ref, Mark.WAITS)


_HOUR_S = 3600.0


def missed(place: Place, ref: Ref, now: float) -> Notice:
    """That posts were heard too late to be passed on: once an hour, on the first of them."""
    said = (
        "⚠ This was heard so late that it was not passed on, nor what you wrote around then. Write it again if it still matters."
    )
    return Notice(f"missed:{place}:{int(now // _HOUR_S)}", place, from_plain(said), ref, Mark.FAILED)


# ---------------------------------------------------------------- after


@dataclass(frozen=True, slots=True)
class Ended:
    """A delivery that ended: `to` in an author's words, `at` in seconds since the epoch."""

    to: str
    at: float


def failed(place: Place, ref: Ref, kind: str, key: str, to: str, reason: str, detail: str) -> Notice:
    """That a copy did not get there: why, and what helps. Once per place, event and replay, as `key` says."""
    what = _CHANGED.get(kind, "This message")
    why = detail or sentence_of(reason)
    said = f"⚠ {what} did not get to {to}: {why} {_CURES.get(reason, '')}".rstrip()
    return Notice(f"failed:{key}", place, from_plain(said), ref, Mark.FAILED)


def handed(place: Place, ref: Ref, key: str, ended: Iterable[Ended], *, after_all: bool) -> Notice:
    """That every copy was handed over, each when; whether anybody read it nobody can say."""
    said = _listed(ended)
    words = f"✅ After all it was handed to {said}." if after_all else f"✅ Handed to {said}."
    return Notice(f"handed:{key}", place, from_plain(words), ref, Mark.DONE)


def _listed(ended: Iterable[Ended]) -> str:
    """One of each name, with the last one's time: "team/dev at 14:02 UTC, gmail.example (3) at 14:03 UTC"."""
    by_name: dict[str, list[float]] = {}
    for each in ended:
        by_name.setdefault(each.to, []).append(each.at)
    counted = ((f"{name} ({len(times)})" if len(times) > 1 else name, max(times)) for name, times in by_name.items())
    return ", ".join(f"{name} at {clock(at)}" for name, at in counted)
