"""What holds for every rich text: cutting loses nothing, JSON gives back what it got, plain text stays plain."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bridge.text import (
    Bold,
    Break,
    Code,
    CodeBlock,
    Emoji,
    Inline,
    Italic,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Str,
    Strike,
    Text,
    attribute,
    first_line,
    from_json,
    from_plain,
    is_blank,
    link_words,
    plain,
    plain_inlines,
    split,
    to_json,
)
from bridge.text.cutting import Pieces, _by_graphemes, _by_words, cut
from tests.strategies import CLUSTERS, code, json_like, line, some_words, texts, words

Leaf = tuple[str, ...]
"""One character, or one node that is never cut, after the marks it stands in."""


def leaves(text: Text, *marks: str) -> Iterator[Leaf]:
    """All that a reader sees of a text, in order: equal leaves mean that nothing was lost, doubled or unmarked."""
    for block in text:
        match block:
            case Paragraph(children):
                yield from inline_leaves(children, *marks, "p")
            case Quote(children):
                yield from leaves(children, *marks, "quote")
            case CodeBlock(source, language):
                yield from ((*marks, "pre", language, character) for character in source)
            case List(items, ordered, start):
                for number, item in enumerate(items, start):
                    yield from leaves(item, *marks, str(number) if ordered else "-")


def inline_leaves(nodes: tuple[Inline, ...], *marks: str) -> Iterator[Leaf]:
    for node in nodes:
        match node:
            case Str(text):
                yield from ((*marks, character) for character in text)
            case Code(text):
                yield from ((*marks, "code", character) for character in text)
            case Bold(children) | Italic(children) | Strike(children):
                yield from inline_leaves(children, *marks, type(node).__name__)
            case Link(url, children) if plain_inlines(children).strip():
                # Blanks in a label may leave it: they lead nowhere.
                yield from (
                    leaf for leaf in inline_leaves(children, *marks, url) if leaf[-1].strip() and leaf[-1] != repr(Break())
                )
            case Link() | Mention() | Emoji() | Break():
                yield (*marks, repr(node))


def joined(parts: tuple[Text, ...]) -> list[Leaf]:
    return [leaf for part in parts for leaf in leaves(part)]


def size(pieces: Pieces, text: Text) -> int:
    """How many pieces a text has: as many as can be cut off one by one."""
    n = 0
    while list(leaves(text)):
        text = cut(text, 1, pieces)[1]
        n += 1
    return n


@given(texts)
def test_json_gives_back_every_text(text: Text) -> None:
    assert from_json(json.loads(json.dumps(to_json(text)))) == text


@given(json_like)
@example({})
@example("")
@example(["ul", ""])
@example([["ul", {}]])
def test_other_json_is_refused_with_a_value_error(data: object) -> None:
    try:
        text = from_json(data)  # type: ignore[arg-type]
    except ValueError:
        return
    assert to_json(text) == data


@given(texts, st.integers(0, 20), st.sampled_from((_by_words, _by_graphemes)))
def test_both_sides_of_a_cut_make_the_whole(text: Text, n: int, pieces: Pieces) -> None:
    head, rest = cut(text, n, pieces)
    assert joined((head, rest)) == list(leaves(text))


@given(texts, st.integers(1, 6), st.sampled_from((_by_words, _by_graphemes)))
@example((Paragraph((Link("http://a.example", (Str("\xa0 <!channel>"),)),)),), 1, _by_graphemes)
def test_a_cut_takes_as_many_pieces_as_it_was_told(text: Text, n: int, pieces: Pieces) -> None:
    head, rest = cut(text, n, pieces)
    assume(list(leaves(rest)))
    assert size(pieces, head) <= n  # fewer where blanks of a label go along, which then stand nowhere
    assert size(pieces, rest) < size(pieces, text)


@given(st.lists(st.sampled_from(CLUSTERS), min_size=2), st.data())
def test_n_graphemes_are_n_characters_as_people_count_them(clusters: list[str], data: st.DataObject) -> None:
    n = data.draw(st.integers(1, len(clusters) - 1))
    assert plain(cut((Paragraph((Str("".join(clusters)),)),), n, _by_graphemes)[0]) == "".join(clusters[:n])


@pytest.mark.scenario("H05")
@given(texts, st.integers(5, 60))
def test_split_loses_and_doubles_nothing(text: Text, limit: int) -> None:
    parts = split(text, lambda number, part: len(plain(part)) + len(str(number)) <= limit)
    assert joined(parts) == list(leaves(text))


@pytest.mark.scenario("H05")
@given(texts, st.integers(5, 60))
def test_each_part_fits_or_is_one_piece_that_never_could(text: Text, limit: int) -> None:
    def fits(number: int, part: Text) -> bool:
        return len(plain(part)) + len(str(number)) <= limit

    for number, part in enumerate(split(text, fits)):
        assert fits(number, part) or not fits(number, cut(part, 1, _by_graphemes)[0])


@pytest.mark.scenario("H05")
@given(texts, st.integers(5, 60))
def test_no_part_is_empty_unless_the_text_is(text: Text, limit: int) -> None:
    parts = split(text, lambda _, part: len(plain(part)) <= limit)
    assert all(list(leaves(part)) for part in parts) or len(parts) == 1


@pytest.mark.scenario("H05")
@given(st.lists(st.text("abcdefgh", min_size=1, max_size=12), min_size=1, max_size=60), st.integers(12, 40))
def test_words_that_fit_are_not_cut(vocabulary: list[str], limit: int) -> None:
    parts = split(from_plain(" ".join(vocabulary)), lambda _, part: len(plain(part).rstrip()) <= limit)
    assert [word for part in parts for word in plain(part).split()] == vocabulary


@pytest.mark.scenario("H05")
@given(st.lists(st.sampled_from(CLUSTERS), min_size=1, max_size=40), st.integers(1, 20))
def test_graphemes_are_not_cut(clusters: list[str], limit: int) -> None:
    parts = split((Paragraph((Str("".join(clusters)),)),), lambda _, part: len(plain(part)) <= limit)
    ends = {len("".join(clusters[:n])) for n in range(len(clusters) + 1)}
    length = 0
    for part in parts:
        length += len(plain(part))
        assert length in ends


@pytest.mark.scenario("H05")
@given(st.lists(some_words | st.from_regex(r"https://[a-z]{5}\.example/[a-z]{1,40}", fullmatch=True)), st.integers(5, 60))
def test_links_in_running_text_are_not_cut(pieces: list[str], limit: int) -> None:
    text = from_plain(" ".join(pieces))
    parts = split(text, lambda _, part: len(plain(part)) <= limit)
    assert links(*parts) == links(text)


def links(*parts: Text) -> list[str]:
    return [
        node.url
        for part in parts
        for block in part
        if isinstance(block, Paragraph)
        for node in block.children
        if isinstance(node, Link)
    ]


@given(st.lists(st.sampled_from("\n\n\r\t ") | line | words).map("".join))
def test_plain_text_keeps_all_its_words(source: str) -> None:
    assert "".join(plain(from_plain(source)).split()) == "".join(source.split())


@given(st.lists(st.just("\n") | line | words).map("".join))
def test_plain_text_read_twice_is_the_same(source: str) -> None:
    text = from_plain(source)
    assert from_plain(plain(text)) == text


@given(st.lists(st.just("\n") | st.just("\r\n") | line | words).map("".join))
def test_no_run_of_plain_characters_holds_a_newline(source: str) -> None:
    found = [leaf[-1] for leaf in leaves(from_plain(source))]
    assert "\n" not in found
    assert "\r" not in found


@given(
    texts,
    some_words,
    st.sampled_from(("via {author}: {text}", "{text} ({author})", "{author}\n{text}\n-- \nbye", "{text}", "{author}")),
)
def test_attribution_keeps_the_text_and_names_the_author_once(text: Text, author: str, template: str) -> None:
    attributed = list(leaves(attribute(text, template, author)))
    whole = list(leaves(text))
    assert any(attributed[at : at + len(whole)] == whole for at in range(len(attributed) - len(whole) + 1))
    name = " ".join(author.split())
    around = template.replace("{author}", name).replace("{text}", "").replace("\n", "")
    breaks = template.count("\n")
    assert len(attributed) - len(whole) == len(around) + breaks


@given(texts)
def test_blank_means_that_a_reader_sees_nothing(text: Text) -> None:
    seen = "".join(leaf[-1] for leaf in leaves(text) if leaf[-1] != repr(Break()))
    if is_blank(text):
        assert not any(character.isalnum() for character in seen)
    else:
        assert seen.strip()


@given(texts, st.integers(1, 80))
def test_the_first_line_is_one_line_of_the_text_and_fits(text: Text, width: int) -> None:
    found = first_line(text, width)
    assert len(found) <= width
    assert len(found.splitlines()) <= 1
    assert found.removesuffix("…") in plain(text)


@given(st.from_regex(r"https?://[a-z]{1,8}\.example/[a-z]{0,8}", fullmatch=True), line)
def test_a_link_in_words_always_shows_its_address(url: str, label: str) -> None:
    assert url in link_words(url, label)


@given(code)
def test_a_code_block_is_cut_at_line_ends(source: str) -> None:
    longest = max(len(found) for found in source.split("\n")) + 1
    parts = split((CodeBlock(source),), lambda _, part: len(plain(part)) <= longest)
    assert all(plain(part).endswith("\n") for part in parts[:-1])


@pytest.mark.parametrize("length", [1_000, 4_000])
def test_splitting_costs_in_proportion_to_the_length(length: int) -> None:
    """Counted, not timed: how many characters are rendered to find the cuts."""
    rendered = 0

    def fits(limit: int, _: int, part: Text) -> bool:
        nonlocal rendered
        rendered += len(plain(part))
        return len(plain(part)) <= limit

    parts = split(from_plain("wordy " * length), partial(fits, 300))
    assert len(parts) >= length * 6 // 300
    assert rendered < 25 * length * 6
