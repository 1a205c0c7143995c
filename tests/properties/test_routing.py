"""Routing, over mapping files and posts of any shape: one copy each, never back, never wider, never against a direction."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mappings import Direction, Group
from bridge.post import AccountId, Audience, Created, Own, Post, UserId
from bridge.routing import Plan, plan
from bridge.rules import Facts, Relay, judge
from tests.core.worlds import (
    ALL,
    CHANNEL,
    LEE,
    LYNN,
    LYNN_OUTSIDE,
    LYNNS_DIRECT,
    MAIL,
    MAILS,
    OTHER_CHANNEL,
    READERS,
    STRANGER,
    TIMELINE,
    at,
    entry,
    group,
    post,
    words,
    world,
)

filters = st.none() | st.builds(words, st.sampled_from(("hi", "draft", "x")))
entries = st.builds(
    entry,
    st.sampled_from(("team/all-hands", "team/dev", "allhands/timeline", "mail/all-hands", "mail/leaders", "team/unknown")),
    direction=st.sampled_from(Direction),
    only=filters,
    skip=filters,
    readers=st.lists(st.sampled_from(READERS), unique=True).map(tuple),
)
groups = st.builds(
    lambda places, changes: group(*places, **changes),
    st.lists(entries, min_size=1, max_size=5),
    st.fixed_dictionaries(
        {
            "name": st.sampled_from("abc"),
            "audience": st.sampled_from(Audience),
            "max_age": st.sampled_from((timedelta(0), timedelta(hours=1))),
            "answers": st.sampled_from(("everyone", "as-they-are")),
            "followers_write": st.booleans(),
            "relay": st.frozensets(st.sampled_from(("direct", "mention", "#hi")), min_size=1),
        }
    ),
)
posts = st.builds(
    post,
    st.sampled_from(("hi", "draft x", "", "hit", "#hi", "#hit")),
    st.sampled_from((CHANNEL, OTHER_CHANNEL, TIMELINE, MAILS, LYNNS_DIRECT)),
    st.sampled_from((LYNN, LYNN_OUTSIDE, LEE, STRANGER)),
    audience=st.sampled_from(Audience),
    gated=st.booleans(),
    at=st.sampled_from((at(), at(-1800), at(-7200))),
)
several = st.lists(groups, min_size=1, max_size=3)


def planned(found: Post, of: list[Group]) -> Plan:
    return plan(world(*of), found, at())


@given(found=posts, of=several)
def test_each_destination_gets_one_copy(found: Post, of: list[Group]) -> None:
    to = [route.destination for route in planned(found, of).routes]
    assert len(to) == len(set(to))


@given(found=posts, of=several)
def test_a_plan_has_routes_or_a_reason_but_not_both(found: Post, of: list[Group]) -> None:
    result = planned(found, of)
    assert bool(result.routes) != (result.refusal is not None)


@pytest.mark.scenario("F07")
@given(found=posts, of=several)
def test_a_copy_comes_back_to_where_the_post_stands_only_if_the_others_there_cannot_see_it(found: Post, of: list[Group]) -> None:
    for route in planned(found, of).routes:
        if route.destination.reader is None and route.destination.place == found.ref.place:
            assert route.group.answers == "everyone"
            assert (found.gated, found.audience) == (False, Audience.GROUP)
            assert not found.ref.place.is_direct


@given(found=posts, of=several)
def test_nobody_gets_their_own_mail_back(found: Post, of: list[Group]) -> None:
    for route in planned(found, of).routes:
        assert route.destination.reader != found.author.user


@given(found=posts, of=several)
def test_no_copy_is_wider_than_the_post_and_its_group(found: Post, of: list[Group]) -> None:
    for route in planned(found, of).routes:
        assert Audience.GROUP <= route.audience <= route.group.audience
        if found.audience is Audience.DIRECT:
            assert found.ref.place.is_direct
            assert route.audience is Audience.GROUP
        else:
            assert route.audience <= found.audience


@given(found=posts, of=several)
def test_every_copy_is_allowed_by_one_group_that_both_gives_and_takes(found: Post, of: list[Group]) -> None:
    known = world(*of)
    for route in planned(found, of).routes:
        gives = any(
            e.direction.gives
            and (e.account == found.ref.place.account if found.ref.place.is_direct else known.place_of(e) == found.ref.place)
            for e in route.group.places
        )
        takes = any(e.direction.takes and known.place_of(e) == route.destination.place for e in route.group.places)
        assert gives
        assert takes


followed = st.sampled_from(({}, {ALL: frozenset({STRANGER.user})}, {MAIL: frozenset({STRANGER.user})}))


@pytest.mark.scenario("K01")
@given(found=posts, of=several, followers=followed)
def test_what_anybody_can_address_needs_a_known_author(
    found: Post, of: list[Group], followers: dict[AccountId, frozenset[UserId]]
) -> None:
    known = replace(world(*of), followers=followers)
    if (found.ref.place.is_direct or not found.gated) and found.author is STRANGER:
        for route in plan(known, found, at()).routes:
            assert route.group.followers_write
            assert STRANGER.user in followers[found.ref.place.account]


@given(found=posts, of=several)
def test_a_direct_message_needs_a_group_that_takes_them(found: Post, of: list[Group]) -> None:
    for route in planned(found, of).routes:
        assert not found.ref.place.is_direct or "direct" in route.group.relay


# ---------------------------------------------------------------- rules and routing together

events = st.builds(Created, posts, st.sampled_from(Own))
"""Every visibility, own or not, at places and direct, moved or not."""
moves = st.booleans()


@pytest.mark.scenario("K01")
@pytest.mark.scenario("K04")
@given(event=events, of=several, moved=moves, answers=st.booleans())
def test_nothing_is_relayed_wider_than_it_was_written_or_against_its_writers_will(
    event: Created, of: list[Group], *, moved: bool, answers: bool
) -> None:
    post = replace(event.post, author=replace(event.post.author, moved=moved))
    place, result = post.ref.place, planned(post, of)
    facts = Facts(
        replace(event, post=post),
        waited=0.0,
        mapped=world(*of).is_mapped(place),
        plan=result,
        answers_group_post=answers,
    )
    if judge(facts) != Relay():
        return
    assert result.routes
    assert not (place.is_direct and event.own is not Own.NO)
    assert not (place.is_direct and answers)
    assert not (moved and event.own is Own.NO and (place.is_direct or not post.gated))
    consent = place.is_direct
    for route in result.routes:
        assert route.audience <= route.group.audience
        assert route.audience <= (Audience.GROUP if consent and post.audience is Audience.DIRECT else post.audience)
