"""Routing of what people write to a protected account: who may, by which way, and what is posted there again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.mappings import Group
from bridge.post import AccountId, Audience, Author, Place, Post, UserId, direct
from bridge.reasons import Reason
from bridge.routing import Plan, World, answers_strangers, plan, readers_of, ways_of
from tests.core.worlds import (
    ALL,
    CHANNEL,
    LEE,
    LYNN_OUTSIDE,
    LYNNS_DIRECT,
    MAILS,
    STRANGER,
    TIMELINE,
    at,
    entry,
    group,
    hashtags,
    names,
    only_from,
    only_to,
    post,
    words,
    world,
)

READING = {"mail/all-hands>lee@gmail.example", "mail/all-hands>chair@board.example"}
EVERYWHERE = {"team/C1", "allhands/timeline"} | READING


def answer(text: str = "hi", **changes: object) -> Post:
    """A writer's followers-only post that names the account."""
    return post(text, **({"place": TIMELINE, "author": LYNN_OUTSIDE, "gated": False} | changes))


def plan_of(found: Post, *groups: Group) -> Plan:
    return plan(world(*groups), found, at(1))


def routes(found: Post, *groups: Group) -> set[str]:
    return names(route.destination for route in plan_of(found, *groups).routes)


def refusal(found: Post, *groups: Group) -> Reason | None:
    planned = plan_of(found, *groups)
    assert not planned.routes
    return planned.refusal


# ---------------------------------------------------------------- answers, posted again


@pytest.mark.scenario("F07")
def test_a_writers_followers_only_answer_is_posted_again_where_it_stands() -> None:
    assert routes(answer()) == EVERYWHERE
    assert {route.audience for route in plan_of(answer()).routes} == {Audience.GROUP}


@pytest.mark.parametrize("audience", [Audience.UNLISTED, Audience.PUBLIC])
def test_an_answer_that_all_can_see_is_not_posted_again(audience: Audience) -> None:
    planned = plan_of(answer(audience=audience), group(audience=Audience.PUBLIC))
    assert names(route.destination for route in planned.routes) == EVERYWHERE - {"allhands/timeline"}
    assert {route.audience for route in planned.routes} == {audience}


def test_a_group_may_leave_answers_as_they_are() -> None:
    assert routes(answer(), group(answers="as-they-are")) == EVERYWHERE - {"allhands/timeline"}


def test_what_people_write_as_the_account_is_not_posted_again() -> None:
    assert "allhands/timeline" not in routes(answer(gated=True))


def test_an_answer_is_not_posted_again_where_nothing_may_come_to() -> None:
    giving = group(entry("team/all-hands"), only_from("allhands/timeline"))
    assert routes(answer(), giving) == {"team/C1"}
    taking = group(entry("team/all-hands"), only_to("allhands/timeline"))
    assert refusal(answer(), taking) is Reason.NOT_MAPPED


def test_a_mail_is_never_posted_to_its_own_sender() -> None:
    assert "mail/all-hands>lee@gmail.example" not in routes(post(place=MAILS, author=LEE))


def test_a_strangers_answer_goes_nowhere() -> None:
    assert refusal(answer(author=STRANGER)) is Reason.NOT_A_WRITER


# ---------------------------------------------------------------- followers as writers


def following(*users: str, account: AccountId = ALL, **changes: object) -> World:
    known = world(group(**({"followers_write": True, "writers": frozenset()} | changes)))
    return replace(known, followers={account: frozenset(map(UserId, users))})


DIRECT_OF_STRANGER = direct(ALL, STRANGER.user)


def test_whoever_the_account_let_follow_may_write_where_the_group_says_so() -> None:
    for place in (DIRECT_OF_STRANGER, TIMELINE):
        found = post(place=place, author=STRANGER, gated=False)
        assert names(r.destination for r in plan(following("98", "99"), found, at()).routes) == EVERYWHERE
        assert plan(following("98"), found, at()).refusal is Reason.NOT_A_WRITER
        assert plan(following("99", followers_write=False), found, at()).refusal is Reason.NOT_A_WRITER


def test_of_an_account_whose_followers_are_unknown_nobody_may() -> None:
    found = post(place=DIRECT_OF_STRANGER, author=STRANGER)
    assert plan(following("99", account=AccountId("other")), found, at()).refusal is Reason.NOT_A_WRITER
    assert plan(world(group(followers_write=True)), found, at()).refusal is Reason.NOT_A_WRITER


def test_followers_are_known_by_their_id_and_not_by_what_they_call_themselves() -> None:
    pretender = Author(UserId("77"), "99", ("99", "@99"))
    found = post(place=direct(ALL, pretender.user), author=pretender)
    assert plan(following("99"), found, at()).refusal is Reason.NOT_A_WRITER


def test_a_follower_is_no_mail_reader() -> None:
    found = post(place=MAILS, author=replace(STRANGER, user=UserId("99")))
    assert plan(following("99"), found, at()).refusal is Reason.UNKNOWN_SENDER


# ---------------------------------------------------------------- by which way


@pytest.mark.parametrize(
    ("relay", "directly", "mentioned", "tagged"),
    [
        ({"direct", "mention"}, True, True, True),
        ({"direct"}, True, False, False),
        ({"mention"}, False, True, True),
        ({"#all"}, False, False, True),
        ({"direct", "#all"}, True, False, True),
        ({"mention", "#all"}, False, True, True),
    ],
)
def test_a_group_says_by_which_way_writers_reach_it(relay: set[str], *, directly: bool, mentioned: bool, tagged: bool) -> None:
    asking = group(relay=frozenset(relay))
    found = [post("hi #ALL", place=LYNNS_DIRECT, author=LYNN_OUTSIDE), answer("hi #allhands"), answer("hi #ALL")]
    assert [bool(plan_of(each, asking).routes) for each in found] == [directly, mentioned, tagged]
    for each, wanted in zip(found, (directly, mentioned, tagged), strict=True):
        if not wanted:
            assert refusal(each, asking) is Reason.NOT_THIS_WAY


def test_the_way_matters_neither_for_members_nor_for_mail() -> None:
    asking = group(relay=frozenset({"#all"}))
    assert routes(post(), asking)
    assert routes(post(place=TIMELINE), asking)
    assert routes(post(place=MAILS, author=LEE), asking)


def test_a_stranger_is_a_stranger_by_every_way() -> None:
    asking = group(relay=frozenset({"#all"}))
    assert refusal(post(place=DIRECT_OF_STRANGER, author=STRANGER), asking) is Reason.NOT_A_WRITER
    assert refusal(answer("#all", author=STRANGER), asking) is Reason.NOT_A_WRITER


def test_a_timelines_filter_holds_for_answers_too() -> None:
    tagged = group(entry("team/all-hands"), entry("allhands/timeline", only=hashtags("#all")))
    assert refusal(answer("hi"), tagged) is Reason.FILTERED
    assert routes(answer("hi #all"), tagged) == {"team/C1", "allhands/timeline"}
    skipping = group(entry("team/all-hands"), entry("allhands/timeline", skip=words("draft")))
    assert refusal(answer("a draft"), skipping) is Reason.FILTERED


# ---------------------------------------------------------------- what people are told


def test_strangers_are_told_unless_every_group_is_silent() -> None:
    silent, talking = group(strangers="silent"), group(name="second")
    assert not answers_strangers(world(silent), LYNNS_DIRECT)
    assert answers_strangers(world(silent, talking), LYNNS_DIRECT)


def test_all_groups_of_an_account_name_their_ways() -> None:
    first, second = group(relay=frozenset({"#all"})), group(relay=frozenset({"direct"}), name="second")
    assert ways_of(world(first, second), LYNNS_DIRECT) == {"#all", "direct"}


@pytest.mark.parametrize(
    ("sizes", "readers"),
    [
        ({CHANNEL: 30, TIMELINE: 10}, 42),
        ({CHANNEL: 0, TIMELINE: 0}, 2),
        ({CHANNEL: 30}, None),
        ({}, None),
        ({CHANNEL: 30, TIMELINE: 10, Place(ALL, TIMELINE.id, UserId("1")): 7}, 42),
    ],
)
def test_who_reads_is_counted_where_that_is_known_of_every_place(sizes: dict[Place, int], readers: int | None) -> None:
    known = replace(world(), sizes=sizes)
    planned = plan(known, post(place=LYNNS_DIRECT, author=LYNN_OUTSIDE), at())
    assert readers_of(known, planned.routes) == readers
