"""The loop breaker: counts what each author posts, and stops whoever brings posts back or floods. In accept's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import structlog

from bridge import loops, notices
from bridge.facts import Case
from bridge.mappings import Group, Loops
from bridge.post import Post
from bridge.reasons import Reason
from bridge.routing import Route
from bridge.store import alerts, origins
from bridge.store.alerts import Alert

MAILS_AN_HOUR = 60
"""Posts of one author in a period where copies go to readers one by one, unless the group has a budget of its own."""
_DAY_S = 24 * 3600.0

log = structlog.get_logger()


def watch(case: Case, post: Post, routes: Sequence[Route]) -> dict[str, Reason]:
    """The groups to which the post is not to go on now, each with the reason; its author is stopped there."""
    found: dict[str, Reason] = {}
    for group in {route.group.id: route.group for route in routes}.values():
        limits = _limits(case, post, group)
        posts, stopped = origins.count(case.tx, group.id, post, case.now, limits.per.total_seconds())
        reason = loops.obstacle(limits, hops=case.hops, posts=posts, stopped=stopped)
        if reason is None:
            continue
        found[group.id] = reason
        if not stopped:
            origins.stop(case.tx, group.id, post, reason, case.now)
            log.warning("loop.stopped", account=post.ref.place.account, group=group.id, reason=reason, hops=case.hops)
    return found


def _limits(case: Case, post: Post, group: Group) -> Loops:
    """The group's own, and where it has none: by mail nobody writes as much as two absence notices that answer each other."""
    by_mail = post.ref.place.account in case.world.by_reader and case.world.patient
    return replace(group.loops, budget=MAILS_AN_HOUR) if by_mail and group.loops.budget == Loops().budget else group.loops


def tell_of_bot(case: Case, post: Post) -> None:
    """Let the admins know, once a day, that a bot repeats what is mirrored: it goes no further, but people read it twice."""
    account = post.ref.place.account
    group = next(group for group, _ in case.world.sources(post.ref.place))
    key = f"repeats:{account}:{post.ref.place.id}:{post.author.user}:{int(case.now // _DAY_S)}"
    alerts.add(case.tx, Alert(key, account, notices.bot_repeats(account, post.author.name, group.title)), case.now)
