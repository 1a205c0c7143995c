"""What is not relayed: what the ledger keeps of it, and who is told why, in the transaction of its raw."""

from __future__ import annotations

from bridge import answering, breaking, feedback, moderation, notices, routing
from bridge.facts import Case
from bridge.notices import Notice
from bridge.post import EventKind, Post, Ref, revision_of
from bridge.reasons import Reason
from bridge.saying import notify
from bridge.store import alerts, ledger, verdicts
from bridge.store.alerts import Alert
from bridge.store.values import KnownPost

# Nothing is written down for these: the ledger holds the copy, or nobody here was meant to have the post.
_TRACELESS = {Reason.DUPLICATE, Reason.OWN_ECHO, Reason.COPY_REMOVED, Reason.NOT_MAPPED}


def refuse(case: Case, post: Post, reason: Reason, *, held: bool) -> set[int]:
    """A post that is not relayed: what is kept of it, who is told. The lanes with something to tell."""
    if reason in _TRACELESS:
        return set()
    post_id = ledger.add_post(
        case.tx,
        post.ref,
        post.author,
        post.at.timestamp(),
        body=post if held or reason is Reason.TOO_OLD else None,
        parent=case.parent,
        subject="",
    )
    event_id = note(case, post_id, EventKind.CREATED, "", "held" if held else "dropped", reason)
    if event_id is None:
        return set()
    if reason is Reason.TOO_OLD:
        alerts.add(case.tx, _missed(case, post), case.now)
    if reason is Reason.BOT_REPEATS:
        breaking.tell_of_bot(case, post)
    told = answering.after_refusal(case, post, event_id, reason) | _answer_refusal(case, post.ref, reason)
    return told | feedback.refused(case.tx, case.world, post, reason, case.now, held=held)


def _missed(case: Case, post: Post) -> Alert:
    """That posts were heard too late: told once an hour for each account, however many there are."""
    account = post.ref.place.account
    return Alert(f"missed:{account}:{int(case.now // 3600)}", account, notices.were_missed(account, post.at))


def _answer_refusal(case: Case, ref: Ref, reason: Reason) -> set[int]:
    """Tell the writer of a direct message why it went nowhere."""
    if not ref.place.is_direct:
        return set()
    stranger = case.plan is not None and case.plan.refusal is Reason.NOT_A_WRITER
    if stranger and not routing.answers_strangers(case.world, ref.place):
        return set()
    if stranger and reason is Reason.DIRECT_REPLY:
        reason = Reason.NOT_A_WRITER  # how to reach everyone is not for them
    notice = notices.refused(ref, reason, routing.ways_of(case.world, ref.place))
    return notify(case.tx, notice, case.now) if notice else set()


def refuse_edit(case: Case, known: KnownPost, post: Post, reason: Reason) -> None:
    """Of a held or missed post an admin sees its latest form; a held change of a relayed one stands in the ledger."""
    kept = verdicts.verdict_of(case.tx, known.id) != "relayed" and ledger.body_of(case.tx, known.id) is not None
    if kept:
        ledger.replace_body(case.tx, known.id, post)
    elif reason is not Reason.POST_UNKNOWN:
        note(case, known.id, EventKind.EDITED, revision_of(case.event), "held", reason)


def note_deletion(case: Case, reason: Reason) -> set[int]:
    """A deletion that removes nothing elsewhere; the lanes with something to tell."""
    if reason is Reason.COPY_REMOVED and (receipt := ledger.find_receipt(case.tx, case.event.ref)):
        told = moderation.whom_to_tell(case, receipt)
        ledger.copy_removed(case.tx, receipt.id)
        if isinstance(told, Alert):
            alerts.add(case.tx, told, case.now)
        return notify(case.tx, told, case.now) if isinstance(told, Notice) else set()
    if reason is Reason.POST_UNKNOWN and case.known is not None:
        ledger.mark_deleted(case.tx, case.known.id, case.now)
    elif reason is Reason.POST_UNKNOWN:
        event = case.event
        post_id = ledger.add_post(case.tx, event.ref, None, event.at.timestamp(), body=None, parent=None, subject="")
        ledger.mark_deleted(case.tx, post_id, case.now)
    return set()


def note(case: Case, post_id: int, kind: EventKind, revision: str, verdict: str, reason: str) -> int | None:
    """Note what happened to a post, as this case's raw says; None if that very event was noted before."""
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
