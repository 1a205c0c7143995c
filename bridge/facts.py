"""What the ledger and the mapping file say about an event that is to be judged: the case, and the facts the rules read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bridge import loops, routing
from bridge.post import Created, Edited, Event, Own, Post, Reacted, Ref, kind_of, revision_of
from bridge.reasons import Reason
from bridge.routing import Plan, World
from bridge.rules import Facts
from bridge.store import Tx, inward, ledger, origins, outward, verdicts
from bridge.store.tables import RawState
from bridge.store.values import KnownDelivery, KnownPost, Told, WaitingRaw

CLOCKS_APART_S = 5.0
"""An attempt that began later than this after an event was heard can't be what the event echoes."""
DOUBT_LASTS_S = 3600.0
"""How long after a send that nobody knows the end of its echo may still come."""


@dataclass(frozen=True, slots=True)
class Case:
    """An event under judgement, with what the ledger holds about it. `parent` is what it answers before the group's eyes.

    `raw_id` is None for what nobody handed over: a command asked for it.
    """

    tx: Tx
    world: World
    event: Event
    raw_id: int | None
    now: float
    known: KnownPost | None
    deliveries: tuple[KnownDelivery, ...]
    parent: KnownPost | None
    plan: Plan | None
    mark: str = ""
    hops: int = 0
    told: Told | None = None
    """The notice that it answers."""


def at_home(tx: Tx, event: Event, world: World) -> Event:
    """The event where it belongs: an answer to a copy, by one of those who get one each, is for that copy's own group.

    One message can bring posts of several groups, and has only one address to answer to.
    """
    place = event.ref.place
    if not isinstance(event, Created) or event.post.reply_to is None or place.is_direct or place.account not in world.by_reader:
        return event
    there = ledger.place_of_copy(tx, event.post.reply_to)
    if there is None or there == place or there.is_direct:
        return event
    moved = tuple(replace(ref, place=there) for ref in _answers(event.post))
    post = replace(event.post, ref=replace(event.ref, place=there), reply_to=moved[0], also_reply_to=moved[1:])
    return replace(event, post=post)


def look_up(tx: Tx, event: Event, waiting: WaitingRaw, world: World, now: float) -> tuple[Case, Facts]:
    """The case and its facts. An event of ours that shows the key of a part without a receipt brings that receipt with it."""
    known = ledger.find_post(tx, event.ref)
    if known is None and isinstance(event, Reacted):
        known = ledger.post_behind(tx, event.ref)  # one can react to a copy
    own = event.own is not Own.NO
    receipt = ledger.find_receipt(tx, event.ref)
    perhaps_ours = own and receipt is None
    sending = perhaps_ours and ledger.sending_to(tx, event.ref.place, waiting.taken_at + CLOCKS_APART_S)
    if perhaps_ours:
        # Once more, after looking whether a send is under way: another replica may have settled it in between. The other
        # way round its echo would be taken for a native post.
        receipt = ledger.find_receipt(tx, event.ref)
    earlier = inward.earlier_open(tx, waiting, now) if perhaps_ours else frozenset()
    if isinstance(event, Created) and event.key and receipt is None and outward.adopt(tx, event.key, event.ref, now):
        receipt = ledger.find_receipt(tx, event.ref)
    deliveries = ledger.deliveries_of(tx, known.id) if known else ()
    waited = now - waiting.taken_at
    changes_known = not isinstance(event, Created) and known is not None
    plan = (
        routing.plan(world, event.post, datetime.fromtimestamp(now, UTC), own=own)
        if isinstance(event, Created | Edited) and not changes_known
        else None
    )
    answered = _answered(tx, event)
    mark, hops = _came_back(tx, event, world, plan, now) if receipt is None else ("", 0)
    told = _told(tx, event)
    case = Case(tx, world, event, waiting.id, now, known, deliveries, _shown(tx, answered), plan, mark, hops, told)
    return case, Facts(
        event=event,
        waited=waited,
        mapped=world.is_mapped(event.ref.place),
        plan=plan,
        is_copy=receipt is not None,
        copy_stands=receipt is not None and receipt.standing,
        sending=sending,
        earlier_waits=RawState.WAITING in earlier,
        earlier_parked=RawState.PARKED in earlier,
        in_doubt=perhaps_ours and ledger.doubtful_at(tx, event.ref.place, now - DOUBT_LASTS_S),
        before_restore=own and event.at.timestamp() <= world.restored_at,
        duplicate=known is not None and ledger.has_event(tx, known.id, kind_of(event), revision_of(event)),
        known=known is not None and not (isinstance(event, Created) and not known.deleted),
        deleted=known is not None and known.deleted,
        has_deliveries=bool(deliveries),
        came_back=hops > 0,
        answers_group_post=_answers_group_post(event, answered),
        answers_notice=told is not None,
        not_theirs=_is_not_theirs(tx, event, world),
    )


def _came_back(tx: Tx, event: Event, world: World, plan: Plan | None, now: float) -> tuple[str, int]:
    """What the post would be known by again, and how often it has come back by now."""
    if plan is None or not isinstance(event, Created | Edited) or plan.refusal not in (None, Reason.BOT):
        return "", 0
    groups = {group.id: group.loops.window for group, _ in world.sources(event.ref.place)}
    if not groups:
        return "", 0
    mark = loops.mark(event.post)
    since = now - max(groups.values()).total_seconds()
    return mark.key, loops.hops(mark, event.post.author.name, origins.earlier(tx, mark, groups, since))


def _told(tx: Tx, event: Event) -> Told | None:
    """The notice that is answered; in a direct conversation only one that waits for an answer, as all the rest is talk."""
    if not isinstance(event, Created) or event.own is not Own.NO:
        return None
    for ref in _answers(event.post):
        told = ledger.told(tx, ref)
        if told is not None and (told.asks or not event.ref.place.is_direct):
            return told
    return None


def _is_not_theirs(tx: Tx, event: Event, world: World) -> bool:
    """Whether the post came by an answer address that was given to another reader. One that we never gave is nobody's."""
    if not isinstance(event, Created) or event.post.by_ticket is None:
        return False
    reader = ledger.reader_of(tx, event.post.by_ticket)
    return reader is not None and not world.is_same(reader.account, reader.reader or "", event.post)


def _answered(tx: Tx, event: Event) -> KnownPost | None:
    if not isinstance(event, Created | Edited):
        return None
    return next((found for ref in _answers(event.post) if (found := ledger.post_behind(tx, ref))), None)


def _answers(post: Post) -> tuple[Ref, ...]:
    return (*((post.reply_to,) if post.reply_to else ()), *post.also_reply_to)


def _shown(tx: Tx, answered: KnownPost | None) -> KnownPost | None:
    """What is answered, where an answer's copies may name and quote it: it went to the group, or stood where all could see it.

    Never what the bridge said to one person, what is held, or a direct message that stayed between two.
    """
    if answered is None:
        return None
    verdict = verdicts.verdict_of(tx, answered.id)
    return answered if verdict == "relayed" or (verdict == "dropped" and not answered.direct) else None


def _answers_group_post(event: Event, answered: KnownPost | None) -> bool:
    """Whether a direct message answers something that may stand before the whole group: in doubt it does."""
    reply_to = event.post.reply_to if isinstance(event, Created | Edited) else None
    return reply_to is not None and (answered is None or not answered.direct)
