"""Posts as statuses: harmless, within the limit, whole, and never for more people than they are for."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from adapters.mastodon.render import ADDRESS_ROOM, Draft, draft_of, render
from adapters.mastodon.writing import ZERO_WIDTH, length, neutralise, write_text
from bridge.contract import Context, Excerpt, Limits
from bridge.post import Audience, Destination, Media, UserId, direct
from bridge.text import Link, Paragraph, Str, from_plain
from tests.mastodon.conftest import ACCOUNT, TIMELINE, a_context, a_post

unhurried = settings(deadline=None)  # a busy machine is no counter-example
LIMITS = Limits(500, 23)
KARL = Destination(direct(ACCOUNT, UserId("3")))

# Mastodon's own expressions (app/models/account.rb), today's and that of its older releases, in Python's words:
# [[:word:]] is a letter, mark, digit or connector.
SERVERS_READ = (
    re.compile(r"(?<![=/\w])@(([a-z0-9_]+([.-]+[a-z0-9_]+)*)(?:@[\w]+([.-]+[\w]+)*)?)", re.IGNORECASE),
    re.compile(r"(?<![/\w])@(([a-z0-9_]+([a-z0-9_.-]+[a-z0-9_]+)?)(?:@[\w.\-]+\w+)?)", re.IGNORECASE),
)


def drafts(words: str, context: Context | None = None, **changes: object) -> list[Draft]:
    return [draft_of(part) for part in render(a_post(words, **changes), TIMELINE, context or a_context(LIMITS))]


def words_of(parts: list[Draft]) -> str:
    """What was said, put together again: without attribution, numbers and white space."""
    said = " ".join(re.sub(r" \(\d+/\d+\)$", "", part.status) for part in parts)
    return "".join(said.removeprefix("via Lynn:").split())


def test_half_of_a_surrogate_pair_keeps_no_post_back() -> None:
    [part] = render(a_post("half \ud83d a sign"), TIMELINE, a_context(LIMITS))
    assert draft_of(part).status == "via Lynn: half ? a sign"
    assert part.body.encode()


@pytest.mark.scenario("A01")
def test_a_copy_says_via_whom() -> None:
    [draft] = drafts("Can everyone meet @ 2pm today?")
    assert draft.status == "via Lynn: Can everyone meet @ 2pm today?"


@pytest.mark.scenario("K01")
@unhurried
@given(st.sampled_from(Audience))
def test_a_copy_is_never_wider_than_its_audience(audience: Audience) -> None:
    rank = ["direct", "private", "unlisted", "public"]
    for draft in drafts("x", a_context(LIMITS, audience=audience)):
        assert rank.index(draft.visibility) <= audience


@pytest.mark.scenario("K04")
@unhurried
@given(st.sampled_from(Audience))
def test_a_notice_to_a_person_is_always_direct(audience: Audience) -> None:
    [part] = render(a_post("x"), KARL, a_context(LIMITS, audience=audience, via=""))
    assert draft_of(part).visibility == "direct"


@pytest.mark.scenario("G05")
@unhurried
@given(
    st.lists(
        st.sampled_from(["@", "karl", "K", "_", ".", "-", "/", "=", " ", "\n", "(", "é", "https://", "a.example", "xmpp://", "?"])
        | st.text(max_size=2),
        max_size=12,
    ).map("".join)
)
def test_no_text_mentions_anybody(source: str) -> None:
    written = neutralise(source)
    for reads in SERVERS_READ:
        assert not reads.search(written)


@unhurried
@given(st.text(max_size=60))
def test_neutralising_hides_no_word(source: str) -> None:
    assert neutralise(source).replace(ZERO_WIDTH, "").replace("%40", "@") == source.replace(ZERO_WIDTH, "").replace("%40", "@")


@unhurried
@given(st.text(max_size=60))
def test_neutralising_twice_changes_nothing_more(source: str) -> None:
    assert neutralise(neutralise(source)) == neutralise(source)


def test_a_name_that_is_a_handle_mentions_nobody() -> None:
    author = a_post("x").author.__class__(UserId("U"), "@karl")
    [draft] = drafts("x", author=author)
    assert draft.status == f"via @{ZERO_WIDTH}karl: x"


def test_a_warning_that_is_a_handle_mentions_nobody() -> None:
    [draft] = drafts("x", warning="about @karl")
    assert draft.spoiler_text == f"about @{ZERO_WIDTH}karl"
    assert draft.sensitive


def test_a_warning_stands_on_every_part() -> None:
    parts = drafts("word " * 300, warning="long")
    assert len(parts) > 1
    assert {part.spoiler_text for part in parts} == {"long"}


def test_a_warning_too_long_for_its_place_stands_whole_in_the_text() -> None:
    warning = "w" * 400
    parts = drafts("x", warning=warning)
    assert warning in words_of(parts)
    assert all(len(part.spoiler_text) + len(part.status) <= LIMITS.characters for part in parts)


def test_an_answer_without_its_parent_quotes_it() -> None:
    [draft] = drafts("yes", a_context(LIMITS, parent=Excerpt("Karl", "Who is coming?")))
    assert draft.status == "↪ Karl: Who is coming?\n\nvia Lynn: yes"


def test_an_answer_in_its_thread_quotes_nothing() -> None:
    [draft] = drafts("yes", a_context(LIMITS, parent=Excerpt("Karl", "Who is coming?"), threaded=True))
    assert draft.status == "via Lynn: yes"


def test_media_are_named() -> None:
    [draft] = drafts("look", media=(Media("lake.jpg", alt="The lake"), Media("minutes.pdf")))
    assert draft.status == "via Lynn: look\n\n📎 lake.jpg (The lake)\n\n📎 minutes.pdf"


def test_a_notice_is_not_attributed_and_leaves_room_for_the_address() -> None:
    parts = [draft_of(part) for part in render(a_post("word " * 100), KARL, a_context(LIMITS, via=""))]
    assert parts[0].status.startswith("word")
    assert all(len(part.status) + ADDRESS_ROOM <= LIMITS.characters for part in parts)


@pytest.mark.scenario("H05")
def test_a_long_post_becomes_a_numbered_thread() -> None:
    parts = drafts(" ".join(f"word{n}" for n in range(150)))
    assert [part.status[-5:] for part in parts] == [f"({n}/{len(parts)})" for n in range(1, len(parts) + 1)]
    assert len(parts) > 1


def test_a_thread_of_many_parts_has_room_for_its_numbers() -> None:
    parts = drafts("word " * 3000)
    assert len(parts) > 10
    assert all(len(part.status) <= LIMITS.characters for part in parts)
    assert words_of(parts) == "word" * 3000


LINKS = st.from_regex(r"https://(?:[a-z]{2,8}\.){1,2}(?:org|de)/[a-z0-9/=_-]{0,90}[a-z0-9]", fullmatch=True)
WORDS = st.text(alphabet=st.characters(categories=["L", "N", "P"]), min_size=1, max_size=30)


@pytest.mark.scenario("H05")
@unhurried
@given(st.lists(LINKS | WORDS | st.just("\n\n"), min_size=1, max_size=120))
def test_no_part_is_over_the_limit_and_nothing_is_lost_or_doubled(pieces: list[str]) -> None:
    source = " ".join(pieces)
    assume(source.strip())
    parts = drafts(source)
    assert all(length(part.status, LIMITS) <= LIMITS.characters for part in parts)
    assert words_of(parts) == "".join(write_text(from_plain(source)).split())


@pytest.mark.scenario("H05")
@unhurried
@given(st.lists(st.tuples(LINKS, st.integers(0, 12)), min_size=1, max_size=30))
def test_no_link_is_cut(links: list[tuple[str, int]]) -> None:
    children = [node for url, words in links for node in (Str("word " * words), Link(url), Str(" "))]
    parts = [draft_of(part) for part in render(a_post("", text=(Paragraph(tuple(children)),)), TIMELINE, a_context(LIMITS))]
    found = [word for part in parts for word in part.status.split() if word.startswith("https://")]
    assert found == [url for url, _ in links]


@pytest.mark.parametrize(
    "host",
    ["jira", "10.0.0.1", "[::1]", "wiki.internal:8080", "a@build.corp", "Intranet.LOCAL", "e.example"],
)
def test_the_words_around_an_address_longer_than_a_status_arrive(host: str) -> None:
    parts = drafts(f"Look at http://{host}/{'x' * 3_000} before noon")
    assert all(length(part.status, LIMITS) <= LIMITS.characters for part in parts)
    said = " ".join(part.status for part in parts)
    assert "Look at" in said
    assert f"http://{host}/xxx" in said
    assert "xxx…" in said
    assert "before noon" in said


@pytest.mark.parametrize("host", ["acme.tech", "www.example.org", "m\u00fcnchen.de", "internal.acme.tools"])
def test_an_address_that_the_server_may_know_for_a_link_is_never_cut(host: str) -> None:
    address = f"https://{host}/{'x' * 600}"
    parts = drafts(f"Look at {address} before noon")
    assert [part for part in parts if address in part.status]


@unhurried
@given(LINKS)
def test_a_link_counts_as_the_server_says(url: str) -> None:
    assert length(f"see {url} now", LIMITS) == len("see  now") + 23
    assert length(f"see {url} now", Limits(500)) == len(f"see {url} now")


def test_an_address_that_no_server_takes_for_a_link_counts_in_full() -> None:
    address = "https://intranet.corp/" + "x" * 50
    assert length(address, LIMITS) == len(address)
