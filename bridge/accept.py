"""Accepting what a raw says, in one transaction: look up the facts, judge, write down the outcome, queue deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bridge import (
    audience,
    breaking,
    choosing,
    facts,
    feedback,
    notices,
    offboarding,
    reacting,
    refusing,
    routing,
    rules,
    standing,
    text,
)
from bridge.facts import Case
from bridge.mappings import Group
from bridge.pausing import Halt
from bridge.post import (
    Commanded,
    Created,
    Deleted,
    Edited,
    Event,
    EventKind,
    Heard,
    Ignored,
    Post,
    Reacted,
    Ref,
    Undelivered,
    Wish,
    Wished,
    revision_of,
)
from bridge.queueing import paused_by, queue_change, queue_copies, subject_of
from bridge.reasons import Reason
from bridge.routing import Route, World
from bridge.rules import Drop, Hold, Relay, Verdict, Wait
from bridge.saying import notify
from bridge.store import Tx, commands, halts, inward, jobs, lanes, ledger, origins, outward
from bridge.store.outward import NewDelivery
from bridge.store.tables import UNSENT, DeliveryState
from bridge.store.values import Claim, KnownDelivery, KnownPost, WaitingRaw

_ANSWERS = text.Str("(answering an earlier post) ")
_WITHHELD = text.from_plain("…")


@dataclass(frozen=True, slots=True)
class Accepted:
    """What came of a raw: lanes that have new work, and when the raw is to be looked at again, if it is.

    `commanded`: it says something that is to be carried out.
    """

    lanes: frozenset[int] = frozenset()
    again_at: float | None = None
    waits_for_send: bool = False
    commanded: bool = False
    readers_changed: bool = False
    """Somebody reads a place no longer, or again."""
    kept: bool = False
    """Something of it was relayed, or is held."""


def accept_all(
    tx: Tx, claim: Claim, raws: Iterable[tuple[WaitingRaw, Sequence[Heard]]], world: World, now: float
) -> tuple[Accepted, ...] | None:
    """Accept the account's raws in order, each with what it says; None if the source lane was lost to another owner."""
    if not lanes.owns(tx, claim):
        return None
    results = tuple(_accept(tx, claim, waiting, events, world, now) for waiting, events in raws)
    if any(each.kept for each in results):
        inward.release_postponed(tx, claim.lane.account)  # changes that came before their posts
    return results


def _accept(tx: Tx, claim: Claim, waiting: WaitingRaw, events: Sequence[Heard], world: World, now: float) -> Accepted:
    """Judge every event of the raw and write the outcomes down.

    An event that must wait keeps its raw open; those beside it are accepted now and are duplicates next time.
    """
    woken: set[int] = set()
    waits: list[Wait] = []
    reasons: list[str] = []
    kept = commanded = changed = False
    for event in events:
        if isinstance(event, Ignored):
            reasons.append(event.reason)
            offboarding.hear(tx, claim.lane.account, event, world, now)
            continue
        if isinstance(event, Commanded):
            commanded = commands.add(tx, event, now) or commanded
            continue
        if isinstance(event, Wish | Undelivered):
            change, lanes_told = _wished(tx, event, world, now)
            woken |= lanes_told
            changed = True
            if change is None:
                continue
        else:
            change = facts.at_home(tx, event, world)
        case, found = facts.look_up(tx, change, waiting, world, now)
        verdict = rules.judge(found)
        woken |= _apply(case, verdict)
        changed = changed or found.answers_notice
        kept = kept or isinstance(verdict, Relay | Hold)
        if isinstance(verdict, Wait):
            waits.append(verdict)
        elif not isinstance(verdict, Relay):
            reasons.append(verdict.reason)
    if not waits:
        inward.done(tx, waiting.id, keep_body=kept, reason=" ".join(sorted(set(reasons))))
        return Accepted(frozenset(woken), commanded=commanded, readers_changed=changed, kept=kept)
    open_still = _keep_open(tx, waiting, waits, frozenset(woken), now)
    return replace(open_still, commanded=commanded, readers_changed=changed, kept=kept)


def _wished(tx: Tx, event: Wish | Undelivered, world: World, now: float) -> tuple[Event | None, set[int]]:
    """What comes of it: a change of a post, if it asks for one, and the lanes with new work."""
    if isinstance(event, Wish) and event.wished is Wished.TAKE_BACK:
        return choosing.last_post(tx, event, now)
    return None, standing.heard(tx, event, world, now)


def _keep_open(tx: Tx, waiting: WaitingRaw, waits: list[Wait], woken: frozenset[int], now: float) -> Accepted:
    seconds = [wait.seconds for wait in waits if wait.seconds is not None]
    if len(seconds) < len(waits):
        inward.park(tx, waiting.id, now)
        return Accepted(woken, waits_for_send=True)
    inward.postpone(tx, waiting.id, now + min(seconds))
    return Accepted(woken, again_at=now + min(seconds))


# ---------------------------------------------------------------- outcomes


def _apply(case: Case, verdict: Verdict) -> set[int]:
    match verdict, case.event:
        case Wait(), _:
            return set()
        case Relay(), Created(post) | Edited(post) if case.plan is not None:
            return _relay_created(case, post, case.plan.routes)
        case Relay(), Edited(post) if case.known is not None:
            return _relay_edit(case, case.known, post)
        case Relay(), Deleted() if case.known is not None:
            return _relay_delete(case, case.known)
        case Relay(), Reacted() as event if case.known is not None:
            return _note_reaction(case, case.known, event)
        case Drop(reason) | Hold(reason), Created(post):
            return refusing.refuse(case, post, reason, held=isinstance(verdict, Hold))
        case Hold(reason), Edited(post) if case.plan is not None:
            return refusing.refuse(case, post, reason, held=True)
        case Hold(reason) | Drop(Reason.POST_UNKNOWN as reason), Edited(post) if case.known is not None:
            refusing.refuse_edit(case, case.known, post, reason)
            return set()
        case Drop(reason), Deleted():
            return refusing.note_deletion(case, reason)
        case _:
            return set()


def _relay_created(case: Case, post: Post, routes: tuple[Route, ...]) -> set[int]:
    parent = case.parent
    answers_nothing_known = post.reply_to is not None and parent is None and not post.ref.place.is_direct
    post_id = ledger.add_post(
        case.tx,
        post.ref,
        post.author,
        post.at.timestamp(),
        body=_as_answer(post) if answers_nothing_known else post,
        parent=parent,
        subject="" if parent else subject_of(routes[0].group, post),
        mark=case.mark,
        hops=case.hops,
    )
    event_id = refusing.note(case, post_id, EventKind.CREATED, "", "relayed", "")
    if event_id is None:
        return set()
    held = breaking.watch(case, post, routes)
    before = origins.held_before(case.tx, {parent.id, parent.root_id}) if parent else {}
    paused = halts.as_seen(case.tx, case.world.halts)
    new = [_delivery(case, post, route, held.get(route.group.id), before, paused) for route in routes]
    woken = {lane for route in routes for lane in choosing.welcome(case.tx, route.destination, case.world, case.now)}
    woken |= queue_copies(case.tx, case.world, event_id, post_id, post, new, parent, case.now)
    if isinstance(case.event, Edited):  # taken as the post: the change itself is part of it
        refusing.note(case, post_id, EventKind.EDITED, case.event.revision, "relayed", Reason.FOLDED)
    if any(each.held == Reason.PAUSED for each in new):
        return woken | feedback.waits(case.tx, case.world, post, paused, case.now)
    return woken | _confirm(case, post, routes) | feedback.first_post(case.tx, case.world, post, case.now)


def _delivery(
    case: Case,
    post: Post,
    route: Route,
    stopped: Reason | None,
    before: Mapping[int, tuple[str, float]],
    paused: Sequence[Halt],
) -> NewDelivery:
    """A copy to be queued; an answer waits for what it answers, where that is still to be sent."""
    waits, ready_at = before.get(lanes.lane_of(case.tx, route.destination), ("", 0.0)) if before else ("", 0.0)
    ready_at = max(ready_at, _undone_until(case, route.group))
    return NewDelivery(
        route.destination,
        EventKind.CREATED,
        route.group.id,
        route.group.via,
        route.audience,
        give_up_at=max(case.now, ready_at) + route.group.give_up_after.total_seconds(),
        ready_at=ready_at,
        held=stopped or paused_by(route.group.id, post.ref.place, route.destination.place, paused) or waits,
    )


def _undone_until(case: Case, group: Group) -> float:
    """Until when the author may take it back before anybody else sees it; what was heard late has waited already."""
    undo = group.undo.total_seconds()
    return min(case.now + undo, max(case.now, case.event.at.timestamp() + undo)) if undo else 0.0


def _as_answer(post: Post) -> Post:
    """The post, saying that it answers something: what, its copies can neither be threaded under nor quote."""
    return replace(post, text=text.prepend(post.text, (_ANSWERS,)))


def _says_that_it_answers(post: Post | None) -> bool:
    match post and post.text[:1]:
        case (text.Paragraph((first, *_)),):
            return first == _ANSWERS
        case _:
            return False


def _confirm(case: Case, post: Post, routes: tuple[Route, ...]) -> set[int]:
    """A writer's first direct message is confirmed; later ones where the group confirms all."""
    if not post.ref.place.is_direct:
        return set()
    person = case.world.person(post)
    author = person.name if person else post.author.name
    readers = routing.readers_of(case.world, routes)
    return notify(case.tx, notices.relayed(post.ref, routes[0].group, author, readers), case.now)


def _relay_edit(case: Case, known: KnownPost, post: Post) -> set[int]:
    last = ledger.last_edit_at(case.tx, known.id)
    if last is not None and case.event.at.timestamp() < last:  # overtaken by a later one
        refusing.note(case, known.id, EventKind.EDITED, revision_of(case.event), "relayed", Reason.FOLDED)
        return set()
    if all(_is_too_wide(case, each) for each in case.deliveries):
        post = replace(post, text=_WITHHELD, warning="", media=())  # answers' copies would quote it
    elif _says_that_it_answers(ledger.body_of(case.tx, known.id)):
        post = _as_answer(post)
    # First the post, whose lock a worker takes while it freezes parts; then look which deliveries are frozen.
    ledger.replace_body(case.tx, known.id, post)
    return _follow_up(case, known, EventKind.EDITED, Reason.FOLDED)


def _is_too_wide(case: Case, copied: KnownDelivery) -> bool:
    """Whether a changed post is for fewer people than see the copy."""
    if not isinstance(case.event, Edited):
        return False
    place = case.event.ref.place
    return audience.too_wide(copied.audience, case.event.post.audience, consented=place.is_direct)


def recall(tx: Tx, world: World, known: KnownPost, ref: Ref, now: float) -> set[int]:
    """Take a post's copies back, though it stands: as if it were deleted there; later changes of it go nowhere."""
    deliveries = ledger.deliveries_of(tx, known.id)
    case = Case(tx, world, Deleted(ref, datetime.fromtimestamp(now, UTC)), None, now, known, deliveries, None, None)
    if (body := ledger.body_of(tx, known.id)) is not None:  # answers' copies would quote it
        ledger.replace_body(tx, known.id, replace(body, text=_WITHHELD, warning="", media=()))
    return _relay_delete(case, known)


def _relay_delete(case: Case, known: KnownPost) -> set[int]:
    ledger.mark_deleted(case.tx, known.id, case.now)
    below = reacting.withdraw(case.tx, known, case.deliveries, case.now)
    return below | _follow_up(case, known, EventKind.DELETED, Reason.WITHDRAWN)


def _note_reaction(case: Case, known: KnownPost, event: Reacted) -> set[int]:
    if refusing.note(case, known.id, EventKind.REACTED, event.revision, "notice", "") is None:
        return set()
    return reacting.react(case.tx, case.world, known, event, halts.as_seen(case.tx, case.world.halts), case.now)


def _follow_up(case: Case, known: KnownPost, change: EventKind, reason: Reason) -> set[int]:
    """Bring a change of a known post to every destination that has, or will have, a copy of it.

    A copy that more people see than the changed post is for is removed instead, and does not come back.
    """
    event_id = refusing.note(case, known.id, change, revision_of(case.event), "relayed", "")
    if event_id is None:
        return set()
    woken: set[int] = set()
    now_known = ledger.deliveries_of(case.tx, known.id)
    paused = halts.as_seen(case.tx, case.world.halts)
    for created in (each for each in now_known if each.kind == EventKind.CREATED):
        kind, unsent = (EventKind.DELETED, Reason.NARROWED) if _is_too_wide(case, created) else (change, reason)
        later = [each for each in now_known if each.lane_id == created.lane_id and each.kind == EventKind.EDITED]
        new = NewDelivery(
            created.destination,
            kind,
            created.group,
            created.via,
            created.audience,
            give_up_at=case.now + created.patience,
            held=paused_by(created.group, case.event.ref.place, created.destination.place, paused)
            if kind is not EventKind.DELETED
            else "",
        )
        open_unsent = [each for each in (created, *later) if each.state in UNSENT and not each.attempted]
        if kind is EventKind.DELETED:
            for each in open_unsent:
                outward.withdraw(case.tx, each.id, unsent, case.now)
        else:
            for each in open_unsent:
                outward.thaw(case.tx, each.id)
        if created in open_unsent or (open_unsent and kind is EventKind.EDITED):
            outward.note(case.tx, event_id, known.id, new, case.now, unsent)
        elif _may_stand(case, known, created):
            for_reader = kind is EventKind.EDITED and created.destination.reader is not None
            post = ledger.body_of(case.tx, known.id) if for_reader else None
            woken |= queue_change(case.tx, case.world, event_id, known, new, post, case.now)
        else:
            outward.note(case.tx, event_id, known.id, new, case.now, Reason.NO_COPY)
    return woken


def _may_stand(case: Case, known: KnownPost, created: KnownDelivery) -> bool:
    """Whether a copy stands there or may come to: of a post not delivered, a part can stand all the same."""
    if created.state in {*UNSENT, DeliveryState.DELIVERED}:
        return True
    return bool(jobs.copies(case.tx, known.id, created.lane_id))
