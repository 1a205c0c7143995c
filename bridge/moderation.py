"""A copy that somebody removed where it stood: who is told. The original stays: who may remove one copy may remove no other."""

from __future__ import annotations

from bridge import notices, routing, text
from bridge.facts import Case
from bridge.notices import Notice
from bridge.post import Post, direct
from bridge.routing import World
from bridge.store import ledger, outward, verdicts
from bridge.store.alerts import Alert
from bridge.store.values import KnownReceipt

_EXCERPT_WIDTH = 80


def whom_to_tell(case: Case, receipt: KnownReceipt) -> Notice | Alert | None:
    """What is said to the author, or to the admins where the author can't be told. None where it was no moderator.

    It was none where we removed the copy ourselves, or its author did, or where it was a notice of ours.
    """
    gone = case.event.ref
    known = ledger.post_behind(case.tx, gone)
    if known is None or known.deleted or not receipt.standing or verdicts.verdict_of(case.tx, receipt.post_id) != "relayed":
        return None
    if outward.is_removing(case.tx, receipt.post_id, gone):
        return None
    where = routing.name_of(case.world, gone.place)
    post = ledger.body_of(case.tx, receipt.post_id)
    if post is None or _wrote_as_the_account(case.world, post):
        said = notices.copy_was_removed(where, post.author.name if post else "")
        return Alert(f"removed:{receipt.post_id}:{gone.place}", gone.place.account, said)
    author = direct(post.ref.place.account, post.author.user)
    return notices.your_copy_was_removed(post.ref, author, where, text.first_line(post.text, _EXCERPT_WIDTH), str(gone.place))


def _wrote_as_the_account(world: World, post: Post) -> bool:
    """Whether it was posted natively as a protected account: then nobody knows who did, and it can't write to itself."""
    place = post.ref.place
    return place.account in world.followers and post.gated and not place.is_direct
