"""What a valid mapping file becomes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError
from datetime import time, timedelta
from pathlib import Path

import pytest

from bridge.mappings import Deliver, Direction, Filter, GroupPlace, Mappings, MappingTest, Reader, Rhythm, load, parse
from bridge.post import AccountId, Audience, PersonId
from tests.core.mappings_samples import ENVIRON, GROUPS, PLATFORMS, TOP, Chat

TEAM, MAIL = AccountId("team"), AccountId("mail")
LYNN, KARL = PersonId("lynn"), PersonId("karl")

FULL = f"""\
public_url: https://bridge.example/
{TOP}
groups:
  all-hands:
    about: Everyone
    title: The whole team
    audience: unlisted
    via: "{{text}} ({{author}})"
    writers: [lynn, karl, followers]
    relay: [direct, "#All"]
    answers: as-they-are
    strangers: silent
    announcers: [lynn]
    undo: 0s
    give_up_after: 2d
    max_age: 90m
    confirm: all
    places:
      - at: team/#All-Hands
        direction: from-here
        only: {{hashtags: ["#All", news], words: [Draft]}}
        skip: {{}}
      - at: "mail/all-hands"
        readers: [{{person: lynn, deliver: weekly, time: "9:30", zone: Europe/London, quiet: "22:00 - 07:00"}}]
  side-talk:
    places: [{{at: team/a}}, {{at: team/b}}]
tests:
  - {{from: team/a, by: lynn, text: hi, reaches: [team/b]}}
"""


def read(source: str) -> Mappings:
    return parse(source, PLATFORMS, ENVIRON)


def test_every_key_arrives_as_a_value() -> None:
    mappings = read(FULL)
    group = mappings.groups[0]
    assert mappings.public_url == "https://bridge.example"
    assert mappings.admins == (LYNN,)
    assert (group.id, group.about, group.title) == ("all-hands", "Everyone", "The whole team")
    assert (group.audience, group.via, group.confirm) == (Audience.UNLISTED, "{text} ({author})", "all")
    assert (group.writers, group.announcers) == (frozenset({LYNN, KARL}), frozenset({LYNN}))
    assert (group.followers_write, group.relay) == (True, frozenset({"direct", "#all"}))
    assert (group.answers, group.strangers) == ("as-they-are", "silent")
    assert (group.undo, group.give_up_after, group.max_age) == (timedelta(0), timedelta(days=2), timedelta(minutes=90))
    assert group.places[0] == GroupPlace(
        TEAM,
        "All-Hands",
        Direction.FROM_HERE,
        only=Filter(frozenset({"#all", "#news"}), frozenset({"draft"})),
        skip=None,
    )
    weekly = Rhythm(Deliver.WEEKLY, time(9, 30), "Europe/London", (time(22), time(7)))
    assert group.places[1].readers == (Reader(LYNN, "lynn@example.org", weekly),)
    assert mappings.tests == (MappingTest("team/a", "lynn", "hi", ("team/b",)),)


def test_what_is_left_out_has_a_default() -> None:
    group = read(TOP + GROUPS).groups[0]
    assert (group.title, group.about, group.audience) == ("All hands", "", Audience.GROUP)
    assert (group.via, group.confirm) == ("via {author}: {text}", "failures")
    assert (group.writers, group.followers_write, group.relay) == (frozenset(), False, frozenset({"direct", "mention"}))
    assert (group.answers, group.strangers) == ("everyone", "answer")
    assert (group.undo, group.give_up_after, group.max_age) == (timedelta(0), timedelta(hours=48), timedelta(hours=24))
    assert group.places[0] == GroupPlace(TEAM, "all-hands")


def test_a_reader_gets_each_post_unless_told_otherwise() -> None:
    mappings = read(f"{TOP}groups: {{g: {{places: [{{at: mail/a, readers: [lynn]}}, {{at: team/b}}]}}}}")
    [reader] = mappings.groups[0].places[0].readers
    assert reader.rhythm == Rhythm(Deliver.EACH, time(8), "UTC", None)


@pytest.mark.parametrize(
    ("keys", "writers", "followers"),
    [("writers: followers", set(), True), ("writers: lynn", {LYNN}, False), ("writers: [followers, karl]", {KARL}, True)],
)
def test_writers_are_people_or_whoever_follows(keys: str, writers: set[PersonId], *, followers: bool) -> None:
    group = read(f"{TOP}groups: {{g: {{{keys}, places: [{{at: team/a}}, {{at: team/b}}]}}}}").groups[0]
    assert (group.writers, group.followers_write) == (writers, followers)


@pytest.mark.parametrize("via", ["via {author}: {text}", "{author}: {text}", "{text} ^{initials}", "{text}"])
def test_copies_may_name_their_author_in_several_ways(via: str) -> None:
    assert read(f'{TOP}groups: {{g: {{via: "{via}", places: [{{at: team/a}}, {{at: team/b}}]}}}}').groups[0].via == via


def test_people_are_found_by_handles_in_any_case() -> None:
    mappings = read(TOP + GROUPS)
    assert mappings.people[LYNN].name == "Lynn"
    assert mappings.people[KARL].name == "Karl K."
    assert mappings.person_by_handles(TEAM, ["U999", "@LYNN"]) == mappings.people[LYNN]
    assert mappings.person_by_handles(MAIL, ["LYNN@home.example"]) == mappings.people[LYNN]
    assert mappings.person_by_handles(TEAM, ["u123"]) == mappings.people[KARL]


def test_handles_of_another_account_or_of_two_people_name_nobody() -> None:
    mappings = read(TOP + GROUPS)
    assert mappings.person_by_handles(MAIL, ["@lynn"]) is None
    assert mappings.person_by_handles(TEAM, []) is None
    assert mappings.person_by_handles(TEAM, ["@lynn", "u123"]) is None


@pytest.mark.parametrize("at", ["team/general", "team/#general", '"team/#general"', "'team / general'"])
def test_a_place_may_be_written_with_and_without_its_hash(at: str) -> None:
    mappings = read(f"{TOP}groups: {{g: {{places: [{{at: {at}}}, {{at: team/b}}]}}}}")
    assert mappings.groups[0].places[0] == GroupPlace(TEAM, "general")
    assert mappings.groups[0].places[0].at == "team/general"


def test_settings_are_the_platforms_own_model_and_show_no_secret() -> None:
    settings = read(TOP.replace("{env: CHAT_TOKEN}", "{env: CHAT_TOKEN}, hosts: [a, b]") + GROUPS).accounts[TEAM].settings
    assert isinstance(settings, Chat)
    assert settings.token.get_secret_value() == "hush"
    assert settings.hosts == ("a", "b")
    assert "hush" not in repr(settings)


def test_a_secret_file_stands_beside_the_mapping_file_and_loses_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text("two\nlines\n")
    path = tmp_path / "mappings.yaml"
    path.write_text(TOP.replace("{env: CHAT_TOKEN}", "{file: secrets/token}") + GROUPS)
    settings = load(path, PLATFORMS, {}).accounts[TEAM].settings
    assert isinstance(settings, Chat)
    assert settings.token.get_secret_value() == "two\nlines"


def test_without_need_of_secrets_a_missing_one_is_no_problem() -> None:
    mappings = parse(TOP + GROUPS, PLATFORMS, {}, need_secrets=False)
    assert mappings.accounts[TEAM].platform == "chat"


def test_the_environment_is_that_of_the_process_if_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_TOKEN", "from outside")
    settings = parse(TOP + GROUPS, PLATFORMS).accounts[TEAM].settings
    assert isinstance(settings, Chat)
    assert settings.token.get_secret_value() == "from outside"


def test_yaml_is_1_2_and_texts_stay_texts() -> None:
    group = read(f"{TOP}groups: {{g: {{about: no, title: 2026-11-22, places: [{{at: team/a}}, {{at: team/b}}]}}}}").groups[0]
    assert (group.about, group.title) == ("no", "2026-11-22")


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("\ufeff" + TOP + GROUPS, id="byte order mark"),
        pytest.param((TOP + GROUPS).replace("\n", "\r\n"), id="line ends"),
        pytest.param(f"---\n{TOP}{GROUPS}...\n", id="document marks"),
    ],
)
def test_editors_from_elsewhere_are_welcome(source: str) -> None:
    assert read(source) == read(TOP + GROUPS)


def test_what_was_loaded_cannot_be_changed() -> None:
    mappings = read(TOP + GROUPS)
    with pytest.raises(FrozenInstanceError):
        mappings.groups[0].via = "x"  # type: ignore[misc]
    with pytest.raises(TypeError):
        mappings.people[LYNN] = mappings.people[KARL]  # type: ignore[index]


def test_one_place_with_several_readers_is_a_mailing_list() -> None:
    people = TOP.replace("team: U123", "team: U123, mail: karl@example.org")
    group = read(people + "groups: {g: {places: [{at: mail/g, readers: [lynn, karl]}]}}").groups[0]
    assert [reader.person for reader in group.places[0].readers] == [LYNN, KARL]


def test_importing_it_loads_neither_web_nor_sql() -> None:
    code = "import sys, bridge.mappings; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"fastapi", "starlette", "sqlalchemy", "sqlmodel", "alembic", "typer", "rich"} & set(loaded)
