"""Problems together: all at once, as a compiler prints them, and never with a secret in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.mappings import Code, MappingError, Problem, load, parse, report
from tests.core.mappings_samples import ENVIRON, GROUPS, PLATFORMS, TOP, problems, spots

MANY = """\
accounts:
  team: {platform: chat, token: {env: CHAT_TOKEN}, port: "80"}
people:
  lynn: {team: @lynn, maill: x}
groups:
  all-hands:
    abuot: Everyone
    writers: [lyn]
    places:
      - at: #general
      - at: team/x
      - at: team/#x
        direction: from
      - at: tema/y
    max_age: 48
    max_age: 24h
"""


@pytest.mark.scenario("L01")
def test_all_problems_are_told_at_once() -> None:
    assert spots(MANY) == [
        (Code.WRONG_TYPE, '"80"'),
        (Code.BARE_SIGN, "@lynn"),
        (Code.UNKNOWN_ACCOUNT, "maill"),
        (Code.UNKNOWN_KEY, "abuot"),
        (Code.UNKNOWN_PERSON, "lyn"),
        (Code.COMMENT, "#general"),
        (Code.PLACE_TWICE, "team/#x"),
        (Code.WRONG_VALUE, "from"),
        (Code.UNKNOWN_ACCOUNT, "tema/y"),
        (Code.WRONG_VALUE, "48"),
        (Code.TWICE, "max_age"),
    ]


def test_the_report_reads_like_a_compilers() -> None:
    with pytest.raises(MappingError) as caught:
        parse("admin: [lynn]\n" + TOP.replace("platform: post", "platform: pots") + GROUPS, PLATFORMS, ENVIRON, file="my.yaml")
    assert str(caught.value) == (
        'my.yaml:1:1: V201 unknown key "admin"\n'
        "  1 | admin: [lynn]\n"
        "    | ^^^^^\n"
        '    = help: did you mean "admins"?\n'
        'my.yaml:5:20: V301 unknown platform "pots"\n'
        "  5 |   mail: {platform: pots, address: ***************}\n"
        "    |                    ^^^^\n"
        '    = help: did you mean "post"?\n'
        "2 problems"
    )
    assert caught.value.exit_code == 78


def test_the_caret_stands_under_wide_signs_and_in_long_lines() -> None:
    wide = Problem("f", 1, 4, "V1", "m", length=2, source="日本 ab")
    assert report([wide]).split("\n")[1:3] == ["  1 | 日本 ab", "    |      ^^"]
    long = Problem("f", 7, 301, "V1", "m", length=3, source="x" * 300 + "abc" + "x" * 300)
    line, caret = report([long]).split("\n")[1:3]
    assert line[caret.index("^") : caret.rindex("^") + 1] == "abc"
    assert len(line) < 140


def test_a_terminal_gets_no_control_signs() -> None:
    assert "\x1b" not in report([Problem("f", 1, 1, "V1", "m", source="a\x1b[2Jb")])


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_last_line_counts(number: int) -> None:
    found = [Problem("f", n + 1, 1, "V1", "m") for n in range(number)]
    assert report(found).split("\n")[-1] == ("no problems", "1 problem", "2 problems")[number]


# ---------------------------------------------------------------- files


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="does not exist") as caught:
        load(tmp_path / "none.yaml", PLATFORMS, ENVIRON)
    assert caught.value.problems[0].code == Code.UNREADABLE


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "m.yaml"
    path.write_bytes(b"admins: []\npeople: {\xff\n")
    with pytest.raises(MappingError) as caught:
        load(path, PLATFORMS, ENVIRON)
    (problem,) = caught.value.problems
    assert (problem.code, problem.line, problem.column) == (Code.UNREADABLE, 2, 10)
    assert "UTF-8" in problem.help


@pytest.mark.parametrize("source", ["", "# only a comment\n", "\n\n"])
def test_an_empty_file_is_told_what_it_needs(source: str) -> None:
    assert [problem.message for problem in problems(source)] == ['the file needs "accounts"', 'the file needs "groups"']


# ---------------------------------------------------------------- secrets


def test_every_missing_secret_has_its_sentence() -> None:
    source = TOP.replace("{env: CHAT_TOKEN}", "{env: CHAT_TOKEN}, spare_token: {env: SPARE}").replace(
        "all@example.org", "all@example.org, login: {file: no/such}"
    )
    found = problems(source + GROUPS, {"SPARE": ""})
    assert [(p.code, p.line, p.message) for p in found] == [
        (Code.MISSING_SECRET, 3, 'account "team" needs its secret token, but the variable CHAT_TOKEN is not set'),
        (Code.MISSING_SECRET, 3, 'account "team" needs its secret spare_token, but the variable SPARE is empty'),
        (Code.MISSING_SECRET, 4, 'account "mail" needs its secret login, but the file no/such does not exist'),
    ]
    assert [p.help.split(",")[0] for p in found] == ["set CHAT_TOKEN", "set SPARE", "write the secret into no/such"]


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("hunter2", "must not stand in this file"),
        ('"hunter2, hunter2"', "must not stand in this file"),
        ("12345hunter2", "must not stand in this file"),
        ("{env: hunter2-x}", "no variable's name"),
        ("{env: X, file: hunter2}", "not named rightly"),
        ("{evn: hunter2}", "not named rightly"),
        ("[hunter2]", "not named rightly"),
        ("{env: [hunter2]}", "must be text"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_shown(entry: str, why: str) -> None:
    source = TOP.replace("{env: CHAT_TOKEN}", entry) + GROUPS
    with pytest.raises(MappingError) as caught:
        parse(source, PLATFORMS, ENVIRON)
    (problem,) = caught.value.problems
    assert (problem.code, problem.line, problem.column) == (Code.LITERAL_SECRET, 3, 33)
    assert why in problem.message
    assert "token: {env: TEAM_TOKEN} or token: {file: path}" in problem.help
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        TOP.replace("token: {env: CHAT_TOKEN}", "tokne: hunter2") + GROUPS,
        TOP.replace("token: {env: CHAT_TOKEN}", "token: hunter2, zz: 1") + GROUPS,
        TOP.replace("token: {env: CHAT_TOKEN}", "token: hunter2 : x") + GROUPS,
        TOP.replace("token: {env: CHAT_TOKEN}", "token: @hunter2") + GROUPS,
        TOP.replace("token: {env: CHAT_TOKEN}}", "\n     token: #hunter2\n  }") + GROUPS,
        TOP.replace("token: {env: CHAT_TOKEN}", "token: *hunter2") + GROUPS,
        TOP.replace("{platform: chat, token: {env: CHAT_TOKEN}}", '\n    platform: chat\n    token: "a\n     hunter2\n') + GROUPS,
        TOP.replace("{platform: chat, token: {env: CHAT_TOKEN}}", "\n    platform: chat\n    token:\n     hunter2\n    x: 1")
        + GROUPS,
        TOP.replace("platform: chat, token: {env: CHAT_TOKEN}", "platform: caht, key: hunter2") + GROUPS,
    ],
)
def test_no_problem_shows_a_secret(source: str) -> None:
    with pytest.raises(MappingError) as caught:
        parse(source, PLATFORMS, ENVIRON)
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in repr(caught.value.problems)


def test_a_missing_secret_hides_no_other_problem() -> None:
    source = TOP.replace("{env: CHAT_TOKEN}", "{env: CHAT_TOKEN}, port: 0").replace("address: all@example.org", "login: {env: X}")
    assert [(p.code, p.line) for p in problems(source + GROUPS, {})] == [
        (Code.MISSING_SECRET, 3),
        (Code.WRONG_VALUE, 3),
        (Code.WRONG_VALUE, 4),
        (Code.MISSING_SECRET, 4),
    ]


# ---------------------------------------------------------------- anything at all

PIECES = [
    *"\n\n  -:{}[]#@`%&*!|>'\"\\,?~\t\r=<.",
    "\n  ",
    "\n    - ",
    "at: ",
    "team/a",
    "<<",
    "%YAML 1.1\n",
    "---\n",
    "\\ud800",
    "1e999",
]
KEYS = [
    "accounts:",
    "people:",
    "groups:",
    "g:",
    "places:",
    "readers:",
    "tests:",
    "platform: chat",
    "token: ",
    "env: X",
    "undo: ",
    "only:",
]


def found_in(source: str) -> tuple[Problem, ...]:
    """The problems of any text; none if it is a valid file."""
    try:
        parse(source, PLATFORMS, ENVIRON)
    except MappingError as error:
        return error.problems
    return ()


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES + KEYS), max_size=40).map("".join)))
@example("&&\n- &&")  # two anchors of one name: a warning to the library
def test_no_text_raises_anything_else(source: str) -> None:
    assert "problem" in report(found_in(source))


@given(st.data())
def test_no_slip_in_a_good_file_raises_anything_else(data: st.DataObject) -> None:
    source = TOP + GROUPS
    start = data.draw(st.integers(0, len(source)))
    end = data.draw(st.integers(start, min(len(source), start + 12)))
    slipped = source[:start] + data.draw(st.sampled_from(["", *PIECES, *KEYS])) + source[end:]
    for problem in found_in(slipped):
        assert 1 <= problem.line <= slipped.count("\n") + slipped.count("\r") + 1
        assert problem.column >= 1
        assert problem.message


@pytest.mark.parametrize("source", ["[" * 1500, "{" * 1500, "- " * 1500, "a: " + "[" * 50 + "]" * 50, "x: " + "9" * 9000])
def test_depth_and_size_are_problems_too(source: str) -> None:
    assert problems(source)
