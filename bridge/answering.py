"""What people answer to the bridge itself, and what it asks them: is this yours, may this go out, do you want to leave."""

from __future__ import annotations

import secrets
from typing import Final

from bridge import joining, notices, offboarding, releasing, standing, text
from bridge.facts import Case
from bridge.joining import NotAsking
from bridge.notices import Notice
from bridge.offboarding import NotOffboarded
from bridge.post import Place, Post, UserId, direct
from bridge.reasons import Reason
from bridge.releasing import NotHeld
from bridge.saying import notify, notify_anybody
from bridge.store import Tx, alerts, held, ledger
from bridge.store.values import Told

_YES: Final = frozenset(
    {"yes", "ok", "okay", "approve", "approved", "confirm", "ja", "oui", "si", "sí", "sim", "tak", "да", "👍", "✓", "✅"}
)
_NO: Final = frozenset({"no", "reject", "rejected", "discard", "deny", "drop", "nein", "non", "não", "nie", "нет", "👎"})
_DAY_S = 24 * 3600.0
MOST_ASKED: Final = 5
"""Posts of one author and day about which they are asked; the others wait for an admin."""


def after_refusal(case: Case, post: Post, event_id: int, reason: Reason) -> set[int]:
    """What is said, and done, about a post that went nowhere; the lanes with new work."""
    match reason:
        case Reason.ANSWER if case.told is not None:
            return _obey(case, post, case.told)
        case Reason.UNPROVEN:
            return _ask_author(case, post, event_id)
        case Reason.NOT_THEIRS:
            return _warn_both(case, post)
        case Reason.UNKNOWN_SENDER if not post.ref.place.is_direct and not post.doubt:
            return notify_anybody(case.tx, notices.waits_for_admin(_author(post), _day(case)), case.now)
        case _:
            return set()


def _author(post: Post) -> Place:
    return direct(post.ref.place.account, post.author.user)


def _day(case: Case) -> int:
    return int(case.now // _DAY_S)


def _ask_author(case: Case, post: Post, event_id: int) -> set[int]:
    """Ask whether it is theirs. Its key can't be guessed, so that only who reads the question can answer it."""
    if (
        case.plan is None
        or not case.plan.routes
        or held.lately(case.tx, post.author.name, Reason.UNPROVEN, case.now - _DAY_S) > MOST_ASKED
    ):
        return set()
    key = f"confirm:{held.name_of(event_id)}:{secrets.token_hex(16)}"
    line = text.first_line(post.text, 80)
    return notify(case.tx, notices.is_it_yours(key, _author(post), case.plan.routes[0].group, line), case.now)


def _warn_both(case: Case, post: Post) -> set[int]:
    """Explain it to whoever wrote, unless that may be a lie itself; and tell the reader whose address it was."""
    reader = ledger.reader_of(case.tx, post.by_ticket) if post.by_ticket else None
    said: list[Notice] = []
    if not post.doubt:
        said.append(notices.not_yours(_author(post), _day(case)))
    if reader and reader.reader:
        place = direct(reader.account, UserId(reader.reader))
        said.append(notices.somebody_used_yours(place, post.author.user, _day(case)))
    return {lane for notice in said for lane in notify(case.tx, notice, case.now)}


# ---------------------------------------------------------------- obeying


def _obey(case: Case, post: Post, told: Told) -> set[int]:
    """Do what an answer asks for; one of somebody else than was asked asks for nothing."""
    person = told.place.person
    if person is None or not case.world.is_same(told.place.account, person, post):
        return _explain(case, post)
    kind, _, about = told.key.partition(":")
    words = {word.strip(".,!:;").casefold() for word in text.first_line(post.text, 80).split()[:3]}
    try:
        match kind:
            case "confirm":
                return _decide(case, about.partition(":")[0], no=bool(words & _NO))
            case "alert" if notices.DECIDE in about:
                return _decide_for_admin(case, post, about, words)
            case "leave" | "return" | "choose" | "join" | "invite":
                return standing.answered(case.tx, kind, about, case.world, case.now, no=bool(words & _NO))
            case _:
                return _explain(case, post)
    except (NotHeld, NotAsking, NotOffboarded) as error:
        return notify(case.tx, notices.could_not(post.ref, told.place, error.sentence), case.now)


def _explain(case: Case, post: Post) -> set[int]:
    """What says that nobody reads what is written to us, once a day; unless nothing proves who wrote it."""
    if post.doubt or post.ref.place.is_direct or post.author.is_bot:
        return set()
    return notify_anybody(case.tx, notices.nobody_reads_this(_author(post), _day(case)), case.now)


def _decide_for_admin(case: Case, post: Post, about: str, words: set[str]) -> set[int]:
    name = _held_by(case.tx, about)
    if not name:
        return set()
    if post.doubt or not words & (_YES | _NO) or (words & _YES and words & _NO):
        return notify(case.tx, notices.not_understood(post.ref, direct(post.ref.place.account, post.author.user)), case.now)
    return _decide(case, name, no=bool(words & _NO))


def _held_by(tx: Tx, about: str) -> str:
    """What the alert with this outbreak and secret is about."""
    outbreak = about.partition(notices.DECIDE)[0]
    return alerts.about(tx, outbreak.rpartition(":")[0])


def _decide(case: Case, name: str, *, no: bool) -> set[int]:
    if name.startswith(joining.ABOUT):
        return joining.decide(case.tx, name, case.world, case.now, by="an admin, by mail", no=no)
    if name.startswith(offboarding.ABOUT):
        return offboarding.decide(case.tx, name, case.world, case.now, by="an admin, by mail", no=no)
    if no:
        releasing.discard(case.tx, name)
        return set()
    return releasing.release(case.tx, name, case.world, case.now)
