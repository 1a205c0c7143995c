"""A post of any shape on a server of any limits: nothing lost, nothing doubled, nothing cut that must stay whole."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adapters.mastodon.render import Draft, draft_of, render
from adapters.mastodon.writing import length, write_text
from bridge.contract import Context, Excerpt, Limits
from bridge.post import AccountId, Audience, Author, Destination, NativeId, Place, PlaceId, Post, Ref, UserId
from bridge.text import Link, Paragraph, Str, Text, from_plain, is_blank
from tests.strategies import CLUSTERS, some_words, texts

TIMELINE = Destination(Place(AccountId("allhands"), PlaceId("timeline")))
LIMITS = st.builds(Limits, st.integers(100, 5_000), st.sampled_from((23, 25, None)))
NUMBER = re.compile(r" \((\d+)/(\d+)\)$")
LINKS = st.from_regex(r"https://[a-z]{2,8}\.(?:org|de)/[a-z0-9/=_-]{0,60}[a-z0-9]", fullmatch=True)


def a_post(text: Text, name: str = "Lynn", warning: str = "") -> Post:
    ref = Ref(Place(AccountId("team"), PlaceId("C1")), NativeId("1"))
    return Post(ref, Author(UserId("U1"), name), text, Audience.GROUP, datetime(2026, 11, 22, tzinfo=UTC), warning=warning)


def drafts(post: Post, limits: Limits, via: str = "", parent: Excerpt | None = None) -> list[Draft]:
    context = Context(limits, via, "all-hands", Audience.GROUP, parent=parent)
    return [draft_of(part) for part in render(post, TIMELINE, context)]


def said(parts: list[Draft]) -> str:
    """Everything but white space and the numbers of the parts, which must be right."""
    if len(parts) == 1:
        return "".join(parts[0].status.split())
    found = [NUMBER.search(part.status) for part in parts]
    assert [one and one.groups() for one in found] == [(str(n), str(len(parts))) for n in range(1, len(parts) + 1)]
    return "".join("".join(NUMBER.sub("", part.status).split()) for part in parts)


@pytest.mark.scenario("H05")
@given(st.lists(st.text(max_size=60) | st.just("\n\n"), min_size=20, max_size=120).map(" ".join), LIMITS)
def test_every_character_of_any_words_arrives_once(source: str, limits: Limits) -> None:
    text = from_plain(source)
    assume(not is_blank(text))
    parts = drafts(a_post(text, warning="none"), limits)
    assert said(parts) == "".join(write_text(text).split())


@pytest.mark.scenario("H05")
@given(st.lists(LINKS | some_words, min_size=1, max_size=80).map(" ".join), LIMITS, some_words, st.sampled_from(("", "boats")))
def test_no_part_is_longer_than_the_server_takes_with_all_that_is_said_around_it(
    source: str, limits: Limits, name: str, warning: str
) -> None:
    parts = drafts(a_post(from_plain(source), name, warning), limits, "via {author}: {text} (all)", Excerpt(name, source))
    for part in parts:
        assert length(part.status, limits) + length(part.spoiler_text, limits) <= limits.characters


@pytest.mark.scenario("H05")
@given(st.lists(st.sampled_from(CLUSTERS), min_size=80, max_size=300), LIMITS)
def test_no_character_as_people_count_them_is_cut(clusters: list[str], limits: Limits) -> None:
    parts = drafts(a_post((Paragraph((Str("".join(clusters)),)),)), limits)
    ends = {len("".join(clusters[:n])) for n in range(len(clusters) + 1)}
    at = 0
    for part in parts:
        at += len(NUMBER.sub("", part.status)) if len(parts) > 1 else len(part.status)
        assert at in ends


@pytest.mark.scenario("H05")
@given(st.lists(st.tuples(LINKS, st.integers(0, 30)), min_size=1, max_size=20), LIMITS)
def test_no_address_is_cut_whatever_a_link_counts(links: list[tuple[str, int]], limits: Limits) -> None:
    children = tuple(node for url, words in links for node in (Str("word " * words), Link(url), Str(" ")))
    parts = drafts(a_post((Paragraph(children),)), limits)
    assert [word for part in parts for word in part.status.split() if word.startswith("https://")] == [url for url, _ in links]


@pytest.mark.scenario("A05")
@given(texts, LIMITS)
def test_a_text_of_any_shape_says_something(text: Text, limits: Limits) -> None:
    for part in drafts(a_post(text), limits):
        assert part.status.strip()
