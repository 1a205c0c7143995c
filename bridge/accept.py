"""Accepting what a raw says, in one transaction: look up the facts, judge, write down the outcome, queue deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge import notices, routing, rules, text
from bridge.mappings import Group
from bridge.notices import Notice
from bridge.post import (
    Audience,
    Author,
    Created,
    Deleted,
    Destination,
    Edited,
    Event,
    EventKind,
    Ignored,
    NativeId,
    Own,
    Post,
    Ref,
    UserId,
    kind_of,
    revision_of,
)
from bridge.reasons import Reason
from bridge.routing import Plan, Route, World
from bridge.rules import Drop, Facts, Hold, Relay, Verdict, Wait
from bridge.store import Tx, inward, jobs, lanes, ledger, outward
from bridge.store.outward import NewDelivery
from bridge.store.tables import DeliveryState, RawState
from bridge.store.values import Claim, KnownDelivery, KnownPost, WaitingRaw

NOTICE_LIFE_S = 24 * 3600.0
"""A notice that could not be brought within a day helps nobody any more."""
CLOCKS_APART_S = 5.0
"""An attempt that began later than this after an event was heard can't be what the event echoes."""
DOUBT_LASTS_S = 3600.0
"""How long after a send that nobody knows the end of its echo may still come."""
_BRIDGE = Author(UserId("viabridge"), "viabridge", (), is_bot=True)
_SUBJECT_WIDTH = 60


@dataclass(frozen=True, slots=True)
class Accepted:
    """What came of a raw: lanes that have new work, and when the raw is to be looked at again, if it is."""

    lanes: frozenset[int] = frozenset()
    again_at: float | None = None
    waits_for_send: bool = False


@dataclass(frozen=True, slots=True)
class _Case:
    """An event under judgement, with what the ledger holds about it."""

    tx: Tx
    world: World
    event: Event
    raw_id: int
    now: float
    known: KnownPost | None
    deliveries: tuple[KnownDelivery, ...]
    parent: KnownPost | None
    plan: Plan | None


def accept(
    tx: Tx, claim: Claim, waiting: WaitingRaw, events: Sequence[Event | Ignored], world: World, now: float
) -> Accepted | None:
    """Judge every event of the raw and write the outcomes down; None if the source lane was lost to another owner.

    An event that must wait keeps its raw open; those beside it are accepted now and are duplicates next time.
    """
    if not lanes.owns(tx, claim):
        return None
    woken: set[int] = set()
    waits: list[Wait] = []
    reasons: list[str] = []
    kept = False
    for event in events:
        if isinstance(event, Ignored):
            reasons.append(event.reason)
            continue
        case, facts = _look_up(tx, event, waiting, world, now)
        verdict = rules.judge(facts)
        woken |= _apply(case, verdict)
        kept = kept or isinstance(verdict, Relay | Hold)
        if isinstance(verdict, Wait):
            waits.append(verdict)
        elif not isinstance(verdict, Relay):
            reasons.append(verdict.reason)
    if not waits:
        inward.done(tx, waiting.id, keep_body=kept, reason=" ".join(sorted(set(reasons))))
        return Accepted(frozenset(woken))
    return _keep_open(tx, waiting, waits, frozenset(woken), now)


def _keep_open(tx: Tx, waiting: WaitingRaw, waits: list[Wait], woken: frozenset[int], now: float) -> Accepted:
    seconds = [wait.seconds for wait in waits if wait.seconds is not None]
    if len(seconds) < len(waits):
        inward.park(tx, waiting.id, now)
        return Accepted(woken, waits_for_send=True)
    inward.postpone(tx, waiting.id, now + min(seconds))
    return Accepted(woken, again_at=now + min(seconds))


def _look_up(tx: Tx, event: Event, waiting: WaitingRaw, world: World, now: float) -> tuple[_Case, Facts]:
    known = ledger.find_post(tx, event.ref)
    # First whether a send is under way, then its receipt: between the two another replica may settle it, and then the
    # receipt is there to be seen. The other way round its echo would be taken for a native post.
    own = event.own is not Own.NO
    sending = own and ledger.sending_to(tx, event.ref.place, waiting.taken_at + CLOCKS_APART_S)
    receipt = ledger.find_receipt(tx, event.ref)
    earlier = inward.earlier_open(tx, waiting, now) if own else frozenset()
    if isinstance(event, Created) and event.key and receipt is None and outward.adopt(tx, event.key, event.ref, now):
        receipt = ledger.find_receipt(tx, event.ref)
    deliveries = ledger.deliveries_of(tx, known.id) if known else ()
    waited = now - waiting.taken_at
    changes_known = not isinstance(event, Created) and known is not None
    plan = (
        routing.plan(world, event.post, datetime.fromtimestamp(now, UTC))
        if isinstance(event, Created | Edited) and not changes_known
        else None
    )
    parent = _parent(tx, event)
    case = _Case(tx, world, event, waiting.id, now, known, deliveries, parent, plan)
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
        in_doubt=own and ledger.doubtful_at(tx, event.ref.place, now - DOUBT_LASTS_S),
        duplicate=known is not None and ledger.has_event(tx, known.id, kind_of(event), revision_of(event)),
        known=known is not None and not (isinstance(event, Created) and not known.deleted),
        deleted=known is not None and known.deleted,
        has_deliveries=bool(deliveries),
        answers_group_post=_answers_group_post(event, parent),
    )


def _parent(tx: Tx, event: Event) -> KnownPost | None:
    if not isinstance(event, Created | Edited):
        return None
    post = event.post
    for ref in (post.reply_to, *post.also_reply_to):
        if ref is not None and (found := ledger.post_behind(tx, ref)):
            return found
    return None


def _answers_group_post(event: Event, parent: KnownPost | None) -> bool:
    """Whether a direct message answers something that may stand before the whole group: in doubt it does."""
    reply_to = event.post.reply_to if isinstance(event, Created | Edited) else None
    return reply_to is not None and (parent is None or not parent.direct)


# ---------------------------------------------------------------- outcomes


def _apply(case: _Case, verdict: Verdict) -> set[int]:
    match verdict, case.event:
        case Wait(), _:
            return set()
        case Relay(), Created(post) | Edited(post) if case.plan is not None:
            return _relay_created(case, post, case.plan.routes)
        case Relay(), Edited(post) if case.known is not None:
            return _relay_edit(case, case.known, post)
        case Relay(), Deleted() if case.known is not None:
            return _relay_delete(case, case.known)
        case Drop(reason) | Hold(reason), Created(post):
            return _refuse(case, post, reason, held=isinstance(verdict, Hold))
        case Drop(reason), Deleted():
            _note_deletion(case, reason)
            return set()
        case _:
            return set()


def _relay_created(case: _Case, post: Post, routes: tuple[Route, ...]) -> set[int]:
    parent = case.parent
    post_id = ledger.add_post(
        case.tx,
        post.ref,
        post.author,
        post.at.timestamp(),
        body=post,
        parent=parent,
        subject="" if parent else _subject(routes[0].group, post),
    )
    event_id = _add_event(case, post_id, EventKind.CREATED, "", "relayed", "")
    if event_id is None:
        return set()
    woken = {
        outward.queue(
            case.tx,
            event_id,
            post_id,
            NewDelivery(
                route.destination,
                EventKind.CREATED,
                route.group.id,
                route.group.via,
                route.audience,
                give_up_at=case.now + route.group.give_up_after.total_seconds(),
            ),
            case.now,
        )
        for route in routes
    }
    if isinstance(case.event, Edited):  # taken as the post: the change itself is part of it
        _add_event(case, post_id, EventKind.EDITED, case.event.revision, "relayed", Reason.FOLDED)
    inward.release_postponed(case.tx, post.ref.place.account)  # changes of it that came first
    return woken | _confirm(case, post, routes[0].group)


def _subject(group: Group, post: Post) -> str:
    line = post.warning or text.first_line(post.text, _SUBJECT_WIDTH)
    return f"[{group.title}] {line}".strip()


def _confirm(case: _Case, post: Post, group: Group) -> set[int]:
    """A writer's first direct message is confirmed; later ones where the group confirms all."""
    if not post.ref.place.is_direct:
        return set()
    person = case.world.person(post)
    author = person.name if person else post.author.name
    return notify(case.tx, notices.relayed(post.ref, group, author), case.now)


def _relay_edit(case: _Case, known: KnownPost, post: Post) -> set[int]:
    last = ledger.last_edit_at(case.tx, known.id)
    if last is not None and case.event.at.timestamp() < last:  # overtaken by a later one
        _add_event(case, known.id, EventKind.EDITED, revision_of(case.event), "relayed", Reason.FOLDED)
        return set()
    # First the post, whose lock a worker takes while it freezes parts; then look which deliveries are frozen.
    ledger.replace_body(case.tx, known.id, post)
    return _follow_up(case, known, EventKind.EDITED, Reason.FOLDED)


def _relay_delete(case: _Case, known: KnownPost) -> set[int]:
    ledger.mark_deleted(case.tx, known.id, case.now)
    return _follow_up(case, known, EventKind.DELETED, Reason.WITHDRAWN)


def _follow_up(case: _Case, known: KnownPost, kind: EventKind, unsent: Reason) -> set[int]:
    """Bring a change of a known post to every destination that has, or will have, a copy of it."""
    event_id = _add_event(case, known.id, kind, revision_of(case.event), "relayed", "")
    if event_id is None:
        return set()
    woken: set[int] = set()
    now_known = ledger.deliveries_of(case.tx, known.id)
    for created in (each for each in now_known if each.kind == EventKind.CREATED):
        later = [each for each in now_known if each.lane_id == created.lane_id and each.kind == EventKind.EDITED]
        new = NewDelivery(
            created.destination, kind, created.group, created.via, created.audience, give_up_at=case.now + created.patience
        )
        open_unsent = [each for each in (created, *later) if each.state == DeliveryState.WAITING and not each.attempted]
        if kind is EventKind.DELETED:
            for each in open_unsent:
                outward.withdraw(case.tx, each.id, unsent, case.now)
        else:
            for each in open_unsent:
                outward.thaw(case.tx, each.id)
        if created in open_unsent or (open_unsent and kind is EventKind.EDITED):
            outward.note(case.tx, event_id, known.id, new, case.now, unsent)
        elif _may_stand(case, known, created):
            woken.add(outward.queue(case.tx, event_id, known.id, new, case.now))
        else:
            outward.note(case.tx, event_id, known.id, new, case.now, Reason.NO_COPY)
    return woken


def _may_stand(case: _Case, known: KnownPost, created: KnownDelivery) -> bool:
    """Whether a copy stands there or may come to: of a post not delivered, a part can stand all the same."""
    if created.state in {DeliveryState.WAITING, DeliveryState.DELIVERED}:
        return True
    return bool(jobs.copies(case.tx, known.id, created.lane_id))


# Nothing is written down for these: the ledger holds the copy, or nobody here was meant to have the post.
_TRACELESS = {Reason.DUPLICATE, Reason.OWN_ECHO, Reason.COPY_REMOVED, Reason.NOT_MAPPED}


def _refuse(case: _Case, post: Post, reason: Reason, *, held: bool) -> set[int]:
    if reason in _TRACELESS:
        return set()
    post_id = ledger.add_post(
        case.tx,
        post.ref,
        post.author,
        post.at.timestamp(),
        body=post if held else None,
        parent=case.parent,
        subject="",
    )
    if _add_event(case, post_id, EventKind.CREATED, "", "held" if held else "dropped", reason) is None:
        return set()
    notice = notices.refused(post.ref, reason) if post.ref.place.is_direct else None
    return notify(case.tx, notice, case.now) if notice else set()


def _note_deletion(case: _Case, reason: Reason) -> None:
    if reason is Reason.COPY_REMOVED and (receipt := ledger.find_receipt(case.tx, case.event.ref)):
        ledger.copy_removed(case.tx, receipt.id)
    elif reason is Reason.POST_UNKNOWN and case.known is not None:
        ledger.mark_deleted(case.tx, case.known.id, case.now)
    elif reason is Reason.POST_UNKNOWN:
        event = case.event
        post_id = ledger.add_post(case.tx, event.ref, None, event.at.timestamp(), body=None, parent=None, subject="")
        ledger.mark_deleted(case.tx, post_id, case.now)


def _add_event(case: _Case, post_id: int, kind: EventKind, revision: str, verdict: str, reason: str) -> int | None:
    return ledger.add_event(
        case.tx,
        post_id,
        kind,
        revision,
        raw_id=case.raw_id,
        at=case.event.at.timestamp(),
        now=case.now,
        verdict=verdict,
        reason=reason,
    )


def notify(tx: Tx, notice: Notice, now: float) -> set[int]:
    """Write a notice down and queue it; once per key, for ever. The lanes with new work."""
    ref = Ref(notice.place, NativeId(f"notice:{notice.key}"))
    at = datetime.fromtimestamp(now, UTC)
    post = Post(ref, _BRIDGE, notice.text, Audience.DIRECT, at, reply_to=notice.answers)
    parent = ledger.find_post(tx, notice.answers) if notice.answers else None
    post_id = ledger.add_post(tx, ref, _BRIDGE, now, body=post, parent=parent, subject="viabridge")
    event_id = ledger.add_event(tx, post_id, EventKind.NOTICE, "", raw_id=None, at=now, now=now, verdict="notice", reason="")
    if event_id is None:
        return set()
    new = NewDelivery(Destination(notice.place), EventKind.NOTICE, "", "", Audience.DIRECT, give_up_at=now + NOTICE_LIFE_S)
    return {outward.queue(tx, event_id, post_id, new, now)}
