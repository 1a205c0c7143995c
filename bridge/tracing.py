"""A post's story in words: how it was heard, rule by rule, route by route, with attempts, receipts and delays. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from bridge import routing
from bridge.assurances import name_of
from bridge.mappings import GroupPlace
from bridge.post import Destination, EventKind, Place, Ref
from bridge.reasons import Reason, sentence_of
from bridge.routing import World
from bridge.store.stories import Happened, Story, Way


@dataclass(frozen=True, slots=True)
class Check:
    """What one or more rules make sure of, and the reasons with which they refuse."""

    what: str
    reasons: frozenset[Reason]


def _check(what: str, *reasons: Reason) -> Check:
    return Check(what, frozenset(reasons))


CHECKS: Final = (
    _check("understood", Reason.UNPARSABLE, Reason.INTERNAL),
    _check("a post or a change of one", Reason.REACTION),
    _check("heard once", Reason.DUPLICATE),
    _check("no copy of ours", Reason.OWN_ECHO, Reason.COPY_REMOVED, Reason.ECHO_PENDING),
    _check("in its turn", Reason.OUT_OF_TURN),
    _check("surely not our own", Reason.ECHO_IN_DOUBT, Reason.OWN_ADOPTED),
    _check("no answer to the bridge itself", Reason.ANSWER),
    _check("from a mirrored place", Reason.NOT_MAPPED),
    _check("not deleted", Reason.POST_DELETED),
    _check("of a known post, if a change", Reason.EARLY, Reason.POST_UNKNOWN),
    _check("to the group, not to one person", Reason.DIRECT, Reason.DIRECT_REPLY),
    _check("by a person", Reason.BOT, Reason.BOT_REPEATS),
    _check("by an answer address of their own", Reason.NOT_THEIRS),
    _check("by somebody who may write", Reason.NOT_A_WRITER, Reason.UNKNOWN_SENDER),
    _check("by a way the group takes", Reason.NOT_THIS_WAY),
    _check("not left out by the mapping file", Reason.FILTERED),
    _check("young enough", Reason.TOO_OLD),
    _check("proved to be its author's", Reason.UNPROVEN),
    _check("by an account that did not move", Reason.MOVED),
    _check("with something in it", Reason.EMPTY),
    _check("not discarded while it was held", Reason.DISCARDED),
)
"""What is asked of an event, in the order in which it is asked; every reason why it may not be relayed is in one of them."""


def in_words(world: World, story: Story, *, with_readers: bool) -> list[str]:
    """The story, a line each. Readers are named by their address only `with_readers`, else by their provider."""
    place = place_name(world, story.ref.place)
    lines = [f"{story.author or 'Somebody'} wrote this at {place} on {_moment(story.at)}."]
    if story.deleted_at is not None:
        lines.append(f"It was deleted or recalled on {_moment(story.deleted_at)}.")
    for event in story.events:
        lines += _event(event)
    lines += [_way(world, story, way, with_readers=with_readers) for way in story.ways]
    return [*lines, *_elsewhere(world, story)]


def unknown(world: World, refs: Sequence[Ref]) -> list[str]:
    """What can be said of a message that the ledger does not know."""
    if not refs:
        return ["No account here knows that link or id. Give the message's own link, or its id."]
    if not any(world.is_mapped(ref.place) for ref in refs if ref.place.id) and all(ref.place.id for ref in refs):
        return [f"{sentence_of(Reason.NOT_MAPPED)} So it went nowhere, and nothing of it was kept."]
    return ["Nothing was heard of it. If it was written just now, ask again; if not, its platform never told viabridge of it."]


def place_name(world: World, place: Place) -> str:
    """A place as the mapping file calls it."""
    return f"{place.account}, directly" if place.is_direct else name_of(world, Destination(place))


# ---------------------------------------------------------------- heard and judged


_WHAT: Mapping[str, str] = {
    EventKind.EDITED: "A change of it",
    EventKind.DELETED: "Its deletion",
    EventKind.REACTED: "A reaction to it",
}


def _event(event: Happened) -> Iterator[str]:
    what = _WHAT.get(event.kind, "It")
    by = f" by {event.transport}" if event.transport else ""
    if event.taken_at is not None:
        heard, judged = _seconds(event.taken_at - event.at), _seconds(event.accepted_at - event.taken_at)
        yield f"{what} was heard{by} {heard} later, and judged {judged} after that."
    elif event.kind != EventKind.NOTICE:
        yield f"{what} was asked for by a command on {_moment(event.accepted_at)}."
    if event.kind == EventKind.CREATED:
        yield _rules(event)
    elif event.reason:
        yield f"{what}: {sentence_of(event.reason)}"


def _rules(event: Happened) -> str:
    asked: list[str] = []
    for check in CHECKS:
        if event.reason and event.verdict != "relayed" and event.reason in check.reasons:
            verdict = "held for an admin" if event.verdict == "held" else "not relayed"
            return f"Rules: {_ticked(asked)}✗ {check.what}. So it was {verdict}: {sentence_of(event.reason)}"
        asked.append(check.what)
    return f"Rules: {_ticked(asked)}so it was relayed."


def _ticked(checks: Sequence[str]) -> str:
    return "".join(f"✓ {what} · " for what in checks)


# ---------------------------------------------------------------- brought


def _way(world: World, story: Story, way: Way, *, with_readers: bool) -> str:
    to = way.destination
    name = (
        name_of(world, to) if to.reader is None or not with_readers else f"{to.reader} ({name_of(world, Destination(to.place))})"
    )
    kind = {EventKind.EDITED: ", the change", EventKind.DELETED: ", the removal"}.get(EventKind(way.kind), "")
    group = f" (group {way.group})" if way.group else ""
    return f"→ {name}{kind}{group}: {_outcome(story, way)}{_tries(way)}{_copies(way)}"


def _outcome(story: Story, way: Way) -> str:
    match way.state:
        case "delivered":
            done = way.done_at or way.accepted_at
            since = story.at if way.kind == EventKind.CREATED else way.accepted_at
            whole = "" if since == way.accepted_at else f", {_seconds(done - since)} after it was written"
            among = f", in one message with others, {way.detail}" if way.detail else ""
            return f"handed over on {_moment(done)}, {_seconds(done - way.accepted_at)} after it was judged{whole}{among}."
        case "waiting":
            return f"waiting its turn. {way.waits_for}".rstrip()
        case "held":
            return f"kept back: {sentence_of(way.reason)}"
        case "filtered":
            return f"nothing to be sent: {way.detail or sentence_of(way.reason)}"
        case _:
            return f"not delivered: {way.detail or sentence_of(way.reason)}"


def _tries(way: Way) -> str:
    found = []
    if way.attempts > 1 or (way.attempts and way.state != "delivered"):
        found.append(f"{way.attempts} {'try' if way.attempts == 1 else 'tries'}")
    if way.lost_answers:
        found.append(f"{way.lost_answers} without an answer")
    if way.generation:
        found.append(f"replayed {way.generation} {'time' if way.generation == 1 else 'times'}")
    return f" ({', '.join(found)})" if found else ""


def _copies(way: Way) -> str:
    if way.kind != EventKind.CREATED or not way.copies:
        return ""
    return " It is " + ", ".join(f"{copy.ref.id}{'' if copy.standing else ' (gone)'}" for copy in way.copies) + " there."


# ---------------------------------------------------------------- not brought


def _elsewhere(world: World, story: Story) -> Iterator[str]:
    """Why it did not go to the other places of its groups, where the mapping file says so today."""
    if not any(event.verdict == "relayed" for event in story.events):
        return
    went = {way.destination.place for way in story.ways}
    for group, _ in world.sources(story.ref.place):
        for entry in group.places:
            if world.place_of(entry) not in went:
                yield f"- {entry.at} (group {group.id}): {_why_not(world, entry, story)}"


def _why_not(world: World, entry: GroupPlace, story: Story) -> str:
    if world.place_of(entry) == story.ref.place:
        return "it was written there."
    if not entry.direction.takes:
        return f"its direction is {entry.direction}."
    if story.post is not None and not routing.passes(entry, story.post):
        return "its `only` or `skip` leaves out posts like this one."
    return "nobody was to get it there when it was judged."


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _seconds(seconds: float) -> str:
    shown = max(0.0, seconds)
    return f"{shown * 1000:.0f} ms" if shown < 1 else f"{shown:.1f} s" if shown < 120 else f"{shown / 60:.0f} min"
