"""Routing, over mapping files and posts of any shape: one copy each, never back, never wider, never against a direction."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bridge.mappings import Direction, Group
from bridge.post import Audience, Post
from bridge.routing import Plan, plan
from tests.core.worlds import (
    CHANNEL,
    LEE,
    LYNN,
    LYNN_OUTSIDE,
    LYNNS_DIRECT,
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
        }
    ),
)
posts = st.builds(
    post,
    st.sampled_from(("hi", "draft x", "", "hit")),
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


@given(found=posts, of=several)
def test_no_copy_comes_back_to_where_the_post_stands(found: Post, of: list[Group]) -> None:
    for route in planned(found, of).routes:
        assert route.destination.reader is not None or route.destination.place != found.ref.place


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


@given(found=posts, of=several)
def test_what_anybody_can_address_needs_a_known_author(found: Post, of: list[Group]) -> None:
    if (found.ref.place.is_direct or not found.gated) and found.author is STRANGER:
        assert planned(found, of).routes == ()
