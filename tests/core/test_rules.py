"""The table of rules: every reason it gives, and what comes before what."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.post import Author, Created, Edited, Media, Own, Reacted, UserId
from bridge.reasons import Reason
from bridge.routing import Plan
from bridge.rules import EARLY_S, RULES, Drop, Facts, Hold, Relay, Wait, judge
from tests.core.worlds import LYNN, LYNNS_DIRECT, at, created, deleted, edited, post

PLAN = Plan((), None)
POST = created()


def facts(event: Any = POST, **known: Any) -> Facts:
    words: dict[str, Any] = {"waited": 0.0, "mapped": True, "plan": PLAN if isinstance(event, Created) else None}
    return Facts(event=event, **(words | known))


def refused(reason: Reason) -> Plan:
    return Plan((), reason)


REACTION = Reacted(POST.ref, LYNN, "👍", at())
BOT = created(author=Author(UserId("B1"), "Zapier", (), is_bot=True))
DIRECT_OWN = created(place=LYNNS_DIRECT, own=Own.PERHAPS)
MOVED = replace(LYNN, moved=True)
MOVED_DIRECT = created(place=LYNNS_DIRECT, author=MOVED)
CHANGE, GONE = edited(POST, "hi!"), deleted(POST)
KNOWN = {"known": True, "has_deliveries": True}

CASES: dict[str, tuple[Facts, object]] = {
    "a post": (facts(), Relay()),
    "a reaction": (facts(REACTION), Drop(Reason.REACTION)),
    "an event accepted before": (facts(duplicate=True), Drop(Reason.DUPLICATE)),
    "a copy": (facts(is_copy=True, copy_stands=True), Drop(Reason.OWN_ECHO)),
    "an edit of a copy": (facts(CHANGE, is_copy=True, copy_stands=True), Drop(Reason.OWN_ECHO)),
    "somebody's deletion of a copy": (facts(GONE, is_copy=True, copy_stands=True), Drop(Reason.COPY_REMOVED)),
    "our own deletion of a copy": (facts(GONE, is_copy=True), Drop(Reason.OWN_ECHO)),
    "perhaps an echo": (facts(created(own=Own.PERHAPS), sending=True), Wait(Reason.ECHO_PENDING, None)),
    "perhaps an edit's echo": (facts(edited(POST, "x", own=Own.PERHAPS), sending=True), Wait(Reason.ECHO_PENDING, None)),
    "surely an echo": (facts(created(own=Own.SURELY), sending=True), Wait(Reason.ECHO_PENDING, None)),
    "people as the account, after one that is held up": (
        facts(created(own=Own.PERHAPS), earlier_parked=True),
        Wait(Reason.OUT_OF_TURN, None),
    ),
    "people as the account, after one that was let go": (
        facts(created(own=Own.PERHAPS), earlier_waits=True),
        Wait(Reason.OUT_OF_TURN, 0.0),
    ),
    "perhaps the echo of a send in doubt": (facts(created(own=Own.PERHAPS), in_doubt=True), Hold(Reason.ECHO_IN_DOUBT)),
    "somebody else after a send in doubt": (facts(in_doubt=True), Relay()),
    "surely ours": (facts(created(own=Own.SURELY)), Drop(Reason.OWN_ADOPTED)),
    "people as the account": (facts(created(own=Own.PERHAPS)), Relay()),
    "somebody else while we send": (facts(sending=True), Relay()),
    "an unmapped place": (facts(mapped=False, plan=refused(Reason.NOT_MAPPED)), Drop(Reason.NOT_MAPPED)),
    "an early change at an unmapped place": (facts(CHANGE, mapped=False), Drop(Reason.NOT_MAPPED)),
    "a change where the mapping ended": (facts(CHANGE, mapped=False, **KNOWN), Relay()),
    "a post deleted before": (facts(known=True, deleted=True), Drop(Reason.POST_DELETED)),
    "an edit of a deleted post": (facts(CHANGE, deleted=True, **KNOWN), Drop(Reason.POST_DELETED)),
    "an early edit": (facts(CHANGE, waited=10), Wait(Reason.EARLY, EARLY_S - 10)),
    "an early deletion": (facts(GONE), Wait(Reason.EARLY, EARLY_S)),
    "an edit whose post never came": (facts(CHANGE, waited=EARLY_S, plan=PLAN), Relay()),
    "a deletion whose post never came": (facts(GONE, waited=EARLY_S), Drop(Reason.POST_UNKNOWN)),
    "an edit": (facts(CHANGE, **KNOWN), Relay()),
    "a deletion": (facts(GONE, **KNOWN), Relay()),
    "an edit of what was not relayed": (facts(CHANGE, known=True), Drop(Reason.POST_UNKNOWN)),
    "a deletion of what was not relayed": (facts(GONE, known=True), Drop(Reason.POST_UNKNOWN)),
    "the account's own direct message": (facts(DIRECT_OWN), Drop(Reason.DIRECT)),
    "a direct answer": (facts(created(place=LYNNS_DIRECT), answers_group_post=True), Drop(Reason.DIRECT_REPLY)),
    "an answer in a channel": (facts(answers_group_post=True), Relay()),
    "a bot": (facts(BOT, plan=refused(Reason.BOT)), Drop(Reason.BOT)),
    "a welcome bot": (facts(BOT), Relay()),
    "a bot that repeats": (facts(BOT, plan=refused(Reason.BOT), came_back=True), Drop(Reason.BOT_REPEATS)),
    "people through the account's app": (facts(replace(BOT, own=Own.PERHAPS)), Relay()),
    "a bot's late edit": (facts(edited(BOT, "x"), waited=EARLY_S, plan=refused(Reason.BOT)), Drop(Reason.BOT)),
    "an unknown sender": (facts(plan=refused(Reason.UNKNOWN_SENDER)), Hold(Reason.UNKNOWN_SENDER)),
    "nobody's group": (facts(plan=refused(Reason.NOT_MAPPED)), Drop(Reason.NOT_MAPPED)),
    "a stranger's mention": (facts(plan=refused(Reason.NOT_A_WRITER)), Drop(Reason.NOT_A_WRITER)),
    "a stranger's direct message": (
        facts(created(place=LYNNS_DIRECT), plan=refused(Reason.NOT_A_WRITER)),
        Hold(Reason.NOT_A_WRITER),
    ),
    "a way that is not asked for": (facts(plan=refused(Reason.NOT_THIS_WAY)), Drop(Reason.NOT_THIS_WAY)),
    "a writer who moved": (facts(MOVED_DIRECT), Hold(Reason.MOVED)),
    "an answer of one who moved": (facts(created(author=MOVED, gated=False)), Hold(Reason.MOVED)),
    "an edit of one who moved": (facts(edited(MOVED_DIRECT, "x"), **KNOWN), Hold(Reason.MOVED)),
    "a deletion of one who moved": (facts(deleted(MOVED_DIRECT), **KNOWN), Relay()),
    "a member who moved elsewhere": (facts(created(author=MOVED)), Relay()),
    "the account itself, moved": (facts(created(author=MOVED, own=Own.PERHAPS)), Relay()),
    "a stranger who moved": (facts(MOVED_DIRECT, plan=refused(Reason.NOT_A_WRITER)), Hold(Reason.NOT_A_WRITER)),
    "an answer to what the bridge said": (facts(answers_notice=True), Drop(Reason.ANSWER)),
    "an answer by another reader's address": (facts(created(gated=False), not_theirs=True), Drop(Reason.NOT_THEIRS)),
    "an author whom nothing proves": (facts(created(gated=False, doubt="?")), Hold(Reason.UNPROVEN)),
    "an unknown sender whom nothing proves": (
        facts(created(gated=False, doubt="?"), plan=refused(Reason.UNKNOWN_SENDER)),
        Hold(Reason.UNKNOWN_SENDER),
    ),
    "a filtered post": (facts(plan=refused(Reason.FILTERED)), Drop(Reason.FILTERED)),
    "an old post": (facts(plan=refused(Reason.TOO_OLD)), Drop(Reason.TOO_OLD)),
    "an unconsented direct post": (facts(plan=refused(Reason.DIRECT)), Drop(Reason.DIRECT)),
    "nothing at all": (facts(created(" \n\u200b ")), Drop(Reason.EMPTY)),
    "a file without words": (facts(Created(post("", media=(Media("a.png"),)))), Relay()),
    "a warning without words": (facts(Created(post("", warning="loud"))), Relay()),
    "an edit to nothing": (facts(edited(POST, ""), **KNOWN), Relay()),
}


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_on(case: str) -> None:
    given, wanted = CASES[case]
    assert judge(given) == wanted


def test_every_rule_has_a_case_that_it_decides() -> None:
    """Without the rule the case would end otherwise: no rule is only for show."""
    idle = []
    for rule in RULES:
        others = [each for each in RULES if each is not rule]
        if all(
            next((v for each in others if (v := each(given)) is not None), Relay()) == wanted for given, wanted in CASES.values()
        ):
            idle.append(rule.__name__)
    assert idle == []


def test_every_reason_not_to_relay_is_reached() -> None:
    given_elsewhere = {Reason.UNPARSABLE, Reason.DISCARDED}  # by the inbox, before there is an event; by a human
    deliveries = list(Reason).index(Reason.FOLDED)
    reached = {wanted.reason for _, wanted in CASES.values() if isinstance(wanted, Drop | Hold | Wait)}
    not_adopted = reached | given_elsewhere
    assert not_adopted == set(list(Reason)[:deliveries])


@pytest.mark.scenario("C01")
def test_a_repeat_is_a_duplicate_whatever_else_it_is() -> None:
    assert judge(facts(duplicate=True, is_copy=True, deleted=True, mapped=False)) == Drop(Reason.DUPLICATE)


def test_an_early_edit_is_relayed_as_its_post_and_a_known_one_as_a_change() -> None:
    assert isinstance(CHANGE, Edited)
    assert judge(facts(CHANGE, waited=EARLY_S, plan=PLAN)) == judge(facts(CHANGE, **KNOWN)) == Relay()
