"""Taking a post back, though its original stands: what can be removed goes; where it can't, one note may follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from bridge import accept, assurances
from bridge.looking import Said, Wanted, is_theirs, story_of
from bridge.orders import Asker, Outcome
from bridge.post import Audience, Author, Destination, EventKind, NativeId, Post, Ref, UserId
from bridge.routing import World
from bridge.saying import NOTICE_LIFE_S
from bridge.store import Tx, ledger, outward
from bridge.store.outward import NewDelivery
from bridge.store.stories import Story
from bridge.store.tables import DeliveryState
from bridge.text import from_plain

_BRIDGE = Author(UserId("viabridge"), "viabridge", (), is_bot=True)


def recall(tx: Tx, world: World, wanted: Wanted, who: Asker, now: float, *, with_note: bool) -> Said:
    """Recall a post, for its author and for admins. Doing it again does no harm."""
    story = story_of(tx, world, wanted)
    if story is None or story.ref.id.startswith("notice:"):
        return Said(Outcome.NOTHING, ("No such message was passed on. Give the link of the message you wrote.",))
    if not (who.is_admin or is_theirs(story, who, world)):
        return Said(Outcome.REFUSED, ("Only who wrote a message, or an admin of the group, may take it back.",))
    known = ledger.find_post(tx, story.ref)
    if known is None:
        return Said(Outcome.NOTHING, ("No such message was passed on.",))
    unsent = sum(way.kind == EventKind.CREATED and way.state in {DeliveryState.WAITING, DeliveryState.HELD} for way in story.ways)
    woken = accept.recall(tx, world, known, story.ref, now)
    standing = _standing(story)
    left = [to for to in standing if to.account in world.lasting]
    if with_note:
        noted = _note(tx, story, left, now)
        return Said(Outcome.DONE, (_noted(noted, left),), frozenset(woken | noted))
    return Said(Outcome.DONE, tuple(_answer(world, len(standing) - len(left), unsent, left)), frozenset(woken))


def _standing(story: Story) -> Sequence[Destination]:
    """The destinations at which a copy stands, each once."""
    return tuple({way.destination: None for way in story.ways if any(copy.standing for copy in way.copies)})


def _answer(world: World, removed: int, unsent: int, left: Sequence[Destination]) -> list[str]:
    lines = [f"Recalled. {removed} {'copy is' if removed == 1 else 'copies are'} being removed."]
    if unsent:
        lines.append(
            f"{unsent} {'was' if unsent == 1 else 'were'} still on the way and {'does' if unsent == 1 else 'do'} not go out."
        )
    if left:
        kinds = Counter(assurances.name_of(world, to) for to in left)
        names = ", ".join(f"{name} ({count})" if count > 1 else name for name, count in kinds.items())
        lines.append(f"{len(left)} {'mail' if len(left) == 1 else 'mails'} had left and can't be taken back: {names}.")
        lines.append("Say the same with `note` at the end, and each of them gets one line that you took it back.")
    return lines


# ---------------------------------------------------------------- the note


def _note(tx: Tx, story: Story, left: Sequence[Destination], now: float) -> set[int]:
    """One line under the copies that can't be taken back; once for ever."""
    ref = Ref(story.ref.place, NativeId(f"notice:recalled:{story.ref}"))
    words = from_plain(f"{story.author or 'The author'} took this message back. Please disregard it.")
    post = Post(ref, _BRIDGE, words, Audience.GROUP, datetime.fromtimestamp(now, UTC), reply_to=story.ref)
    parent = ledger.find_post(tx, story.ref)
    post_id = ledger.add_post(tx, ref, _BRIDGE, now, body=post, parent=parent, subject="")
    event = ledger.add_event(tx, post_id, EventKind.NOTICE, "", raw_id=None, at=now, now=now, verdict="notice", reason="")
    if event is None:
        return set()
    give_up_at = now + NOTICE_LIFE_S
    new = [NewDelivery(to, EventKind.NOTICE, "", "", Audience.GROUP, give_up_at=give_up_at) for to in left]
    return set(outward.queue(tx, event, post_id, new, now))


def _noted(noted: set[int], left: Sequence[Destination]) -> str:
    if not left:
        return "There is nothing that could not be taken back, so nobody needs a note."
    if not noted:
        return "They were told before that you took it back; nobody is told twice."
    return f"A note that you took it back goes to {len(left)} {'reader' if len(left) == 1 else 'readers'}."
