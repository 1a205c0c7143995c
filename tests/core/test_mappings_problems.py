"""Every kind of problem: where it points, its code, and that the help names the cure.

In each source `«` and `»` stand around the text that the problem must underline.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import pytest

from bridge.mappings import Code, parse
from tests.core.mappings_samples import ENVIRON, GROUPS, PLATFORMS, TOP, problems

PLACES = "places: [{at: team/a}, {at: team/b}]"


class Case(NamedTuple):
    name: str
    source: str
    code: Code
    message: str
    help: str


def group(inner: str) -> str:
    """A file with one group of these lines."""
    return f"{TOP}groups:\n  g:\n    {inner}\n"


def place(inner: str) -> str:
    """A file with one group of two places, the first of which has these keys too."""
    return group(f"places: [{{at: team/a, {inner}}}, {{at: team/b}}]")


def reads(inner: str) -> str:
    """A file with one reader who has these keys too."""
    return group(f"places: [{{at: mail/a, readers: [{{person: lynn, {inner}}}]}}, {{at: team/b}}]")


def account(inner: str) -> str:
    """A file whose chat account has these keys too."""
    return TOP.replace("token: {env: CHAT_TOKEN}", "token: {env: CHAT_TOKEN}, " + inner) + GROUPS


TRAPS = [
    Case("hash place", group("places:\n      - at: «#general»\n      - at: team/b"), Code.COMMENT, "comment", "account/general"),
    Case("hash item", group("places:\n      - «#general»\n      - at: team/b"), Code.COMMENT, "comment", '"#general"'),
    Case("hash in brackets", place("only: {hashtags: [«#all»]}"), Code.COMMENT, "comment", '"#all"'),
    Case("second in brackets", place('only: {hashtags: ["#x", «#all»]}'), Code.COMMENT, "comment", '"#all"'),
    Case("comment for value", group(f"about: «#» not yet\n    {PLACES}"), Code.COMMENT, "comment", "leave the key out"),
    Case("at sign", TOP.replace('"@Lynn"', "«@Lynn»") + GROUPS, Code.BARE_SIGN, "@", '"@Lynn"'),
    Case("backtick", group(f"about: «`x`»\n    {PLACES}"), Code.BARE_SIGN, "`", "`x`"),
    Case("tab", TOP + "groups:\n«\t»g: {}\n", Code.TAB, "tab", "spaces"),
    Case("tab after key", group(f"about:«\t»x\n    {PLACES}"), Code.TAB, "tab", "spaces"),
    Case("colon in text", group(f"via: via {{author}}«:» {{text}}\n    {PLACES}"), Code.SYNTAX, "not valid YAML", "quotes"),
    Case("open quote", TOP + 'groups: "x\n«»', Code.SYNTAX, "not valid YAML", "never closed"),
    Case("star", group(f"about: «*»bold\n    {PLACES}"), Code.SYNTAX, "alias", "quotes"),
    Case("control sign", group(f"about: a«\x07»\n    {PLACES}"), Code.SYNTAX, "control", "remove"),
    Case("reference", group(f"about: «&x text»\n    {PLACES}"), Code.YAML_EXTRA, "references", "write the value out"),
    Case("tag", group(f"about: «!x text»\n    {PLACES}"), Code.YAML_EXTRA, "tags", "quotes"),
    Case("key is a list", group(f"«[a]»: b\n    {PLACES}"), Code.YAML_EXTRA, "key", "key: value"),
    Case("half a character", group(f'about: «"\\ud800"»\n    {PLACES}'), Code.YAML_EXTRA, "half", "itself"),
    Case("twice", group(f"about: x\n    «about»: y\n    {PLACES}"), Code.TWICE, '"about" stands here twice', "line 10"),
    Case("no table", "«-» a\n", Code.WRONG_TYPE, "table", "accounts:"),
]

SHAPES = [
    Case("unknown at top", "«admin»: [lynn]\n" + TOP + GROUPS, Code.UNKNOWN_KEY, '"admin"', '"admins"'),
    Case("unknown in place", place("«directoin»: both"), Code.UNKNOWN_KEY, 'group "g", place 1', '"direction"'),
    Case("unknown, far off", place("«zzz»: both"), Code.UNKNOWN_KEY, '"zzz"', "known keys: at, direction, join, only"),
    Case("unknown in account", account("«prot»: 5"), Code.UNKNOWN_KEY, 'account "team"', '"port"'),
    Case("unknown in filter", place("only: {«word»: [x]}"), Code.UNKNOWN_KEY, "only", '"words"'),
    Case(
        "unknown in test",
        TOP + GROUPS + "tests: [{«form»: x, from: team/all-hands, by: lynn, text: x, reaches: []}]",
        Code.UNKNOWN_KEY,
        "test 1",
        '"from"',
    ),
    Case("missing", TOP + "groups:\n  «g»: {about: x}\n", Code.MISSING_KEY, 'group "g" needs "places"', "places:"),
    Case(
        "missing platform",
        TOP.replace("mail: {platform: post, ", "«mail»: {") + GROUPS,
        Code.MISSING_KEY,
        '"platform"',
        "platform:",
    ),
    Case("number for text", group(f"about: «12»\n    {PLACES}"), Code.WRONG_TYPE, "must be text", '"12"'),
    Case("table for text", group(f"via: «{{text}}»\n    {PLACES}"), Code.WRONG_TYPE, "must be text", "starts with {"),
    Case("text for list", group(f"announcers: «lynn»\n    {PLACES}"), Code.WRONG_TYPE, "must be a list", "[lynn]"),
    Case("table for list", group("places: «{at: team/a}»"), Code.WRONG_TYPE, "must be a list", "dash"),
    Case("empty", group(f"«writers»:\n    {PLACES}"), Code.WRONG_TYPE, "is empty; it must be a list", "leave the key out"),
    Case("text for table", group("places: [{at: team/a}, «team/b»]"), Code.WRONG_TYPE, "place 2 must be a table", ""),
    Case("text for number", account('port: «"80"»'), Code.WRONG_TYPE, "port must be a whole number", "without quotes"),
    Case("text for fraction", account('timeout: «"15"»'), Code.WRONG_TYPE, "timeout must be a number", "without quotes"),
    Case("too big", account("port: «70000»"), Code.WRONG_VALUE, "at most 65535", ""),
    Case("one of several", account("mode: «pusch»"), Code.WRONG_VALUE, "mode must be push or pull", '"push"'),
    Case("branches", account("rooms: «5»"), Code.WRONG_TYPE, "rooms must be text or a list", "quotes"),
    Case("deeper branch", account("rooms: [a, «5»]"), Code.WRONG_TYPE, "entry 2 must be text", "quotes"),
    Case(
        "whole account",
        TOP.replace("  mail: {", "  «mail»: {domain: x.example, ") + GROUPS,
        Code.WRONG_VALUE,
        'account "mail": write either `address` or `domain`',
        "",
    ),
    Case("direction", place("direction: «from»"), Code.WRONG_VALUE, "both, from-here, to-here", '"from-here"'),
    Case("span without unit", group(f"max_age: «48»\n    {PLACES}"), Code.WRONG_VALUE, "48h", ""),
    Case("span of nothing", group(f"give_up_after: «0s»\n    {PLACES}"), Code.WRONG_VALUE, "more than nothing", ""),
    Case("span too long", group(f"max_age: «99999d»\n    {PLACES}"), Code.WRONG_VALUE, "at most 3650d", ""),
    Case("via without text", group(f'via: «"via {{author}}"»\n    {PLACES}'), Code.WRONG_VALUE, "{text}", ""),
    Case("via with a slip", group(f'via: «"{{autor}}: {{text}}"»\n    {PLACES}'), Code.WRONG_VALUE, "not {autor}", ""),
    Case("via, hint", group(f'via: «"{{text}} ^{{initial}}"»\n    {PLACES}'), Code.WRONG_VALUE, "mean {initials}", ""),
    Case("via, twice", group(f'via: «"{{text}} {{text}}"»\n    {PLACES}'), Code.WRONG_VALUE, "must hold {text} once", ""),
    Case("via, empty braces", group(f'via: «"{{}} {{text}}"»\n    {PLACES}'), Code.WRONG_VALUE, "not {}", ""),
    Case("relay", group(f"relay: [direct, «mentoin»]\n    {PLACES}"), Code.WRONG_VALUE, "or a hashtag", ""),
    Case("relay of nothing", group(f"relay: «[]»\n    {PLACES}"), Code.WRONG_VALUE, "must not be empty", ""),
    Case("answers", group(f"answers: «every-one»\n    {PLACES}"), Code.WRONG_VALUE, "as-they-are", '"everyone"'),
    Case("strangers", group(f"strangers: «silence»\n    {PLACES}"), Code.WRONG_VALUE, "answer or silent", '"silent"'),
    Case("url", "public_url: «bridge.example»\n" + TOP + GROUPS, Code.WRONG_VALUE, "https://", ""),
    Case("reader", TOP + "groups: {g: {places: [{at: mail/a, readers: [«5»]}, {at: team/b}]}}", Code.WRONG_VALUE, "a person", ""),
    Case("offboarded", "offboarded: «removed»\n" + TOP + GROUPS, Code.WRONG_VALUE, "ask or remove", '"remove"'),
    Case("undo", group(f"undo: «60»\n    {PLACES}"), Code.WRONG_VALUE, "a number with its unit", ""),
    Case("budget", group(f"loops: {{budget: «30/week»}}\n    {PLACES}"), Code.WRONG_VALUE, "such as 30/m, or off", ""),
    Case("digest", reads("deliver: «dayly»"), Code.WRONG_VALUE, "one of each, hourly, daily, weekly", '"daily"'),
    Case("digest time", reads("time: «08:61»"), Code.WRONG_VALUE, "a time of day", ""),
    Case("time without quotes", reads("time: «800»"), Code.WRONG_VALUE, "in quotes", ""),
    Case("zone", reads("zone: «Europe/Londn»"), Code.WRONG_VALUE, 'mean "Europe/London"', ""),
    Case("zone outside", reads('zone: «"../../etc/passwd"»'), Code.WRONG_VALUE, "a time zone", ""),
    Case("quiet", reads('quiet: «"22:00"»'), Code.WRONG_VALUE, "22:00-07:00", ""),
    Case("quiet for ever", reads('quiet: «"22:00-22:00"»'), Code.WRONG_VALUE, "two different times", ""),
]

NAMES = [
    Case("platform", TOP.replace("post", "«pots»") + GROUPS, Code.UNKNOWN_PLATFORM, '"pots"', '"post"'),
    Case("account of place", group("places: [{at: team/a}, {at: «maill/b»}]"), Code.UNKNOWN_ACCOUNT, "place 2", '"mail"'),
    Case("account of person", TOP.replace(", mail:", ", «maill»:") + GROUPS, Code.UNKNOWN_ACCOUNT, 'person "lynn"', '"mail"'),
    Case("admin", TOP.replace("[lynn]", "[«lyn»]") + GROUPS, Code.UNKNOWN_PERSON, "admins", '"lynn"'),
    Case("writer", group(f"writers: [lynn, «carl»]\n    {PLACES}"), Code.UNKNOWN_PERSON, "writers", '"karl"'),
    Case("one writer", group(f"writers: «carl»\n    {PLACES}"), Code.UNKNOWN_PERSON, "writers", '"karl"'),
    Case("followers, nearly", group(f"writers: [«follower»]\n    {PLACES}"), Code.UNKNOWN_PERSON, "writers", '"followers"'),
    Case(
        "followers announce", group(f"announcers: [«followers»]\n    {PLACES}"), Code.UNKNOWN_PERSON, "announcers", "karl, lynn"
    ),
    Case("called followers", TOP.replace("karl:", "«followers»:") + GROUPS, Code.WRONG_VALUE, "cannot be called", "everybody"),
    Case("announcer", group(f"announcers: [«zoe»]\n    {PLACES}"), Code.UNKNOWN_PERSON, "announcers", "known people: karl, lynn"),
    Case(
        "reader unknown",
        TOP + "groups: {g: {places: [{at: mail/a, readers: [«lin»]}, {at: team/b}]}}",
        Code.UNKNOWN_PERSON,
        'group "g", place 1, readers',
        "karl, lynn",
    ),
    Case(
        "reader without address",
        TOP + "groups: {g: {places: [{at: mail/a, readers: [«karl»]}, {at: team/b}]}}",
        Code.NO_ADDRESS,
        "no address at mail",
        "`mail: [address]` under people, karl",
    ),
    Case(
        "reader twice",
        TOP + "groups: {g: {places: [{at: mail/a, readers: [lynn, «lynn»]}, {at: team/b}]}}",
        Code.READER_TWICE,
        "lynn reads mail/a twice",
        "keep one",
    ),
    Case("same handle", TOP.replace("U123", '«"@LYNN"»') + GROUPS, Code.SAME_HANDLE, "belongs to lynn already", "one person"),
    Case(
        "place without account",
        group("places: [{at: team/a}, {at: «'#general'»}]"),
        Code.WRONG_VALUE,
        "account/name",
        "mail/general",
    ),
    Case(
        "name of account",
        TOP.replace("mail: {", "«name»: {", 1)
        .replace(", mail:", ", team2:")
        .replace("team2: [Lynn@Example.org, lynn@home.example]", "name: L")
        + "groups: {}\n",
        Code.WRONG_VALUE,
        'cannot be called "name"',
        "something else",
    ),
    Case("name of group", TOP + f"groups: {{«a/b»: {{{PLACES}}}}}", Code.WRONG_VALUE, "cannot be used", "letters"),
    Case("no places", group("places: «[]»"), Code.EMPTY_GROUP, 'group "g" has no places', "- at:"),
    Case("alone", group("places: [{at: «team/a»}]"), Code.ALONE, "no other place", "add a second place"),
    Case(
        "alone with one reader", group("places: [{at: «mail/a», readers: [lynn]}]"), Code.ALONE, "no other place", "second place"
    ),
    Case(
        "test place",
        TOP + GROUPS + "tests: [{from: «team/all-hand», by: lynn, text: x, reaches: []}]",
        Code.UNKNOWN_PLACE,
        '"team/all-hand"',
        '"team/all-hands"',
    ),
    Case(
        "test reader",
        TOP + GROUPS + "tests: [{from: team/all-hands, by: lynn, text: x, reaches: [«mail/lynn»]}]",
        Code.UNKNOWN_PLACE,
        '"mail/lynn"',
        "mail/all-hands",
    ),
    Case(
        "test person",
        TOP + GROUPS + "tests: [{from: team/all-hands, by: «lin», text: x, reaches: []}]",
        Code.UNKNOWN_PERSON,
        "test 1, by",
        "karl, lynn",
    ),
]


@pytest.mark.scenario("L01")
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in (*TRAPS, *SHAPES, *NAMES)])
def test_a_problem_points_at_its_cause_and_names_the_cure(case: Case) -> None:
    before, _, rest = case.source.partition("«")
    marked, _, after = rest.partition("»")
    (problem,) = problems(before + marked + after)
    assert problem.code == case.code
    assert (problem.line, problem.column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))
    assert problem.length == max(1, len(marked))
    assert case.message in problem.message
    assert case.help in problem.help


@pytest.mark.scenario("B08")
@pytest.mark.parametrize("second", ["team/all-hands", "team/#All-Hands", "' team / all-hands'"])
def test_a_place_listed_twice_would_mirror_into_itself(second: str) -> None:
    (problem,) = problems(f"{TOP}{GROUPS}      - at: {second}\n        direction: to-here\n")
    assert (problem.line, problem.column, problem.code) == (13, 13, Code.PLACE_TWICE)
    assert "all-hands" in problem.message.lower()
    assert "twice" in problem.message
    assert "line 11" in problem.help


@pytest.mark.scenario("B08")
def test_a_circle_of_one_way_places_is_named() -> None:
    source = TOP + (
        "groups:\n"
        "  one: {places: [{at: team/a, direction: from-here}, {at: team/b}]}\n"
        "  two: {places: [{at: team/b}, {at: mail/c, direction: to-here}]}\n"
        "  three: {places: [{at: mail/c, direction: from-here}, {at: team/a, direction: to-here}]}\n"
    )
    (problem,) = problems(source)
    assert problem.code == Code.CIRCLE
    around = problem.message.partition(": ")[2].split(" → ")
    assert set(pairwise(around)) == {("team/a", "team/b"), ("team/b", "mail/c"), ("mail/c", "team/a")}
    assert len(around) == 4
    assert "direction: both" in problem.help


@pytest.mark.parametrize("way", ["from-here", "to-here"])
def test_places_that_all_go_one_way_have_no_partner(way: str) -> None:
    found = problems(group(f"places: [{{at: team/a, direction: {way}}}, {{at: team/b, direction: {way}}}]"))
    assert [problem.code for problem in found] == [Code.ALONE] * 2
    assert f"every other place is {way} too" in found[0].help


def test_two_givers_and_a_taker_are_partners() -> None:
    places = "{at: team/a, direction: from-here}, {at: team/b, direction: from-here}, {at: team/c, direction: to-here}"
    assert len(parse(group(f"places: [{places}]"), PLATFORMS, ENVIRON).groups[0].places) == 3


def test_every_code_is_tested() -> None:
    here = {case.code for case in (*TRAPS, *SHAPES, *NAMES)}
    elsewhere = {Code.PLACE_TWICE, Code.CIRCLE, Code.UNREADABLE, Code.LITERAL_SECRET, Code.MISSING_SECRET}
    assert here | elsewhere == set(Code)
