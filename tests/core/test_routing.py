"""Routing: which destinations a post goes to, and why a post goes nowhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.mappings import Group
from bridge.places import is_unpinned
from bridge.post import Audience, PersonId, Post, UserId, direct
from bridge.reasons import Reason
from bridge.routing import Plan, World, plan
from tests.core.worlds import (
    ALL,
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
    hashtags,
    names,
    only_from,
    only_to,
    post,
    reader,
    words,
    world,
)

LEE_AND_CHAIR = {"mail/all-hands>lee@gmail.example", "mail/all-hands>chair@board.example"}


def plan_of(found: Post, *groups: Group) -> Plan:
    return plan(world(*groups), found, at(1))


def routes(found: Post, *groups: Group) -> set[str]:
    return names(route.destination for route in plan_of(found, *groups).routes)


def refusal(found: Post, *groups: Group) -> Reason | None:
    planned = plan_of(found, *groups)
    assert not planned.routes
    return planned.refusal


# ---------------------------------------------------------------- directions


@pytest.mark.scenario("A01")
def test_a_post_goes_to_every_other_place() -> None:
    assert routes(post()) == {"allhands/timeline"} | LEE_AND_CHAIR
    assert routes(post(place=TIMELINE)) == {"team/C1"} | LEE_AND_CHAIR


def test_directions_are_kept() -> None:
    places = (only_from("team/all-hands"), only_to("team/dev"), entry("allhands/timeline"))
    assert routes(post(), group(*places)) == {"team/C2", "allhands/timeline"}
    assert routes(post(place=TIMELINE), group(*places)) == {"team/C2"}
    assert refusal(post(place=OTHER_CHANNEL), group(*places)) is Reason.NOT_MAPPED


def test_a_post_never_comes_back_to_its_place() -> None:
    assert routes(post(), group(entry("team/all-hands"), entry("team/all-hands"))) == set()


def test_a_place_of_no_group_goes_nowhere() -> None:
    assert refusal(post(place=OTHER_CHANNEL)) is Reason.NOT_MAPPED


def test_a_place_without_a_known_id_is_a_stand_in() -> None:
    known = world(group(entry("team/all-hands"), entry("team/new")))
    [route] = plan(known, post(), at()).routes
    assert is_unpinned(route.destination.place.id)


def test_destinations_of_several_groups_are_united_in_the_first_ones_words() -> None:
    first = group(entry("team/all-hands"), entry("allhands/timeline"), via="first {text}")
    second = group(entry("team/all-hands"), entry("allhands/timeline"), entry("team/dev"), name="second", via="second {text}")
    found = {str(route.destination): route.group.via for route in plan_of(post(), first, second).routes}
    assert found == {"allhands/timeline": "first {text}", "team/C2": "second {text}"}


@pytest.mark.scenario("A11")
def test_two_channels_of_one_account_each_reach_the_other() -> None:
    places = group(entry("team/all-hands"), entry("team/dev"), entry("allhands/timeline"))
    assert routes(post(), places) == {"team/C2", "allhands/timeline"}
    assert routes(post(place=OTHER_CHANNEL), places) == {"team/C1", "allhands/timeline"}
    assert routes(post(place=TIMELINE), places) == {"team/C1", "team/C2"}


def test_a_groups_refusal_does_not_stop_another_group() -> None:
    strict = group(entry("team/all-hands", skip=words("hi")), entry("allhands/timeline"))
    open_one = group(entry("team/all-hands"), entry("team/dev"), name="second")
    assert routes(post(), strict, open_one) == {"team/C2"}


# ---------------------------------------------------------------- filters


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("draft", False),
        ("a DRAFT, really", False),
        ("drafting plans", True),
        ("redraft", True),
        ("overdraft_fee", True),
        ("to be continued later", False),
        ("to be continued", True),
        ("fine", True),
    ],
)
def test_skip_matches_whole_words_and_phrases(text: str, *, passes: bool) -> None:
    skipping = group(entry("team/all-hands", skip=words("draft", "continued later")), entry("allhands/timeline"))
    assert (routes(post(text), skipping) != set()) is passes
    if not passes:
        assert refusal(post(text), skipping) is Reason.FILTERED


def test_a_content_warning_is_filtered_like_text() -> None:
    skipping = group(entry("team/all-hands", skip=words("politics")), entry("allhands/timeline"))
    assert refusal(post("hm", warning="Politics"), skipping) is Reason.FILTERED


@pytest.mark.parametrize(
    ("text", "passes"),
    [("now #all", True), ("#ALL now", True), ("#allhands", False), ("a#all", False), ("all", False), ("(#all)", True)],
)
def test_only_lets_whole_hashtags_through(text: str, *, passes: bool) -> None:
    only = group(entry("team/all-hands", only=hashtags("#all")), entry("allhands/timeline"))
    assert (routes(post(text), only) != set()) is passes


def test_a_destinations_filter_holds_for_that_destination_alone() -> None:
    found = group(entry("team/all-hands"), entry("allhands/timeline", skip=words("secret")), entry("team/dev"))
    assert routes(post("a secret"), found) == {"team/C2"}


# ---------------------------------------------------------------- writers, readers, strangers


def test_a_reader_does_not_get_their_own_mail_back() -> None:
    assert routes(post(place=MAILS, author=LEE)) == {"team/C1", "allhands/timeline", "mail/all-hands>chair@board.example"}


def test_a_reader_who_writes_from_a_second_address_gets_no_mail_back() -> None:
    from_work = LEE.__class__(UserId("lee@work.example"), "Lee", ("lee@work.example",))
    assert routes(post(place=MAILS, author=from_work)) == {"team/C1", "allhands/timeline", "mail/all-hands>chair@board.example"}


def test_a_reader_who_writes_elsewhere_gets_no_mail_of_it() -> None:
    reading = group(entry("team/all-hands"), entry("mail/all-hands", readers=(reader("lynn", "lynn@example.org"), *READERS)))
    assert routes(post(author=LYNN), reading) == LEE_AND_CHAIR


def test_a_mail_list_without_readers_gets_no_copy() -> None:
    assert routes(post(), group(entry("team/all-hands"), entry("mail/all-hands"), entry("team/dev"))) == {"team/C2"}


def test_an_unknown_senders_mail_is_held() -> None:
    assert refusal(post(place=MAILS, author=STRANGER)) is Reason.UNKNOWN_SENDER


def test_a_strangers_mention_is_not_relayed() -> None:
    assert refusal(post(place=TIMELINE, author=STRANGER, gated=False)) is Reason.NOT_A_WRITER


def test_a_writers_public_mention_is_relayed() -> None:
    mention = post(place=TIMELINE, author=LYNN_OUTSIDE, gated=False, audience=Audience.PUBLIC)
    assert routes(mention) == {"team/C1"} | LEE_AND_CHAIR


def test_members_of_a_gated_place_need_not_be_named() -> None:
    assert routes(post(author=STRANGER)) == {"allhands/timeline"} | LEE_AND_CHAIR


def test_a_handle_that_two_people_claim_gives_no_rights() -> None:
    known = world()
    twice = {**known.mappings.people, PersonId("eve"): known.mappings.people[PersonId("lynn")]}
    doubtful = World(replace(known.mappings, people=twice), known.pins, known.by_reader)
    assert plan(doubtful, post(place=LYNNS_DIRECT, author=LYNN_OUTSIDE), at()).refusal is Reason.NOT_A_WRITER


# ---------------------------------------------------------------- direct messages, audience, age


@pytest.mark.scenario("A07")
def test_a_writers_direct_message_is_consent_to_show_it_to_the_group() -> None:
    planned = plan_of(post(place=LYNNS_DIRECT, author=LYNN_OUTSIDE))
    assert names(route.destination for route in planned.routes) == {"team/C1", "allhands/timeline"} | LEE_AND_CHAIR
    assert {route.audience for route in planned.routes} == {Audience.GROUP}


@pytest.mark.scenario("A08")
def test_a_strangers_direct_message_goes_nowhere() -> None:
    place = direct(ALL, UserId("99"))
    assert refusal(post(place=place, author=STRANGER)) is Reason.NOT_A_WRITER


def test_a_readers_direct_message_is_not_a_writers() -> None:
    lee_outside = LEE.__class__(UserId("77"), "Lee", ("lee@gmail.example",))
    assert refusal(post(place=direct(ALL, UserId("77")), author=lee_outside)) is Reason.NOT_A_WRITER


def test_a_direct_post_that_stands_elsewhere_is_not_consent() -> None:
    assert refusal(post(place=TIMELINE, author=LYNN_OUTSIDE, audience=Audience.DIRECT)) is Reason.DIRECT


@pytest.mark.parametrize(
    ("source", "ceiling", "width"),
    [
        ("PUBLIC", "GROUP", "GROUP"),
        ("GROUP", "PUBLIC", "GROUP"),
        ("UNLISTED", "PUBLIC", "UNLISTED"),
        ("PUBLIC", "UNLISTED", "UNLISTED"),
    ],
)
def test_a_copy_is_as_wide_as_the_narrower_of_both(source: str, ceiling: str, width: str) -> None:
    planned = plan_of(post(audience=Audience[source]), group(audience=Audience[ceiling]))
    assert {route.audience for route in planned.routes} == {Audience[width]}


def test_what_is_older_than_max_age_is_not_relayed() -> None:
    young = group(max_age=timedelta(minutes=5))
    assert refusal(post(at=at(-301)), young) is Reason.TOO_OLD
    assert routes(post(at=at(-298)), young) != set()


def test_of_several_refusals_the_nearest_is_told() -> None:
    by_word = group(entry("team/all-hands", skip=words("hi")), entry("allhands/timeline"))
    by_age = group(entry("team/all-hands"), entry("team/dev"), name="second", max_age=timedelta(0))
    assert refusal(post("hi", at=at(-9)), by_word, by_age) is Reason.TOO_OLD


@pytest.mark.scenario("G08")
def test_of_bots_only_those_pass_whom_the_group_lists() -> None:
    bot, lynn = replace(LYNN, is_bot=True), replace(STRANGER, is_bot=True)
    listening = group(bots=frozenset({PersonId("lynn")}))
    assert routes(post(author=bot), listening) == {"allhands/timeline"} | LEE_AND_CHAIR - {"mail/all-hands>lynn@example.org"}
    assert refusal(post(author=lynn), listening) is Reason.BOT
    assert refusal(post(author=bot)) is Reason.BOT
    assert plan(world(), post(author=bot), at(1), own=True).routes, "our own account may be called a bot by its server"
    two = (group(), group(only_from("team/all-hands"), only_to("team/dev"), name="second", bots=frozenset({PersonId("lynn")})))
    assert routes(post(author=bot), *two) == {"team/C2"}, "each group has its own"


@pytest.mark.scenario("C09")
def test_who_reads_two_groups_of_a_place_or_under_two_addresses_gets_one_copy() -> None:
    lees = reader("lee", "lee@gmail.example")
    first = group(entry("team/all-hands"), entry("mail/all-hands", readers=(lees,)))
    second = group(
        entry("team/all-hands"), entry("mail/leaders", readers=(reader("lee", "lee@work.example"), READERS[1])), name="leaders"
    )
    found = plan(world(first, second), post("hi"), at())
    assert names(route.destination for route in found.routes) == {
        "mail/all-hands>lee@gmail.example",
        "mail/leaders>chair@board.example",
    }
