"""Examples for the rich-text tree: reading plain text, saying it plainly, attributing and cutting it."""

from __future__ import annotations

import pytest

from bridge.text import (
    Bold,
    Break,
    Code,
    CodeBlock,
    Emoji,
    Italic,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Str,
    Text,
    append,
    attribute,
    first_line,
    from_json,
    from_plain,
    inlines,
    is_blank,
    link_words,
    plain,
    prepend,
    split,
    to_json,
)


def paragraph(words: str) -> Paragraph:
    return Paragraph((Str(words),))


def fitting(limit: int, text: Text) -> list[str]:
    return [plain(part) for part in split(text, lambda _, part: len(plain(part).rstrip()) <= limit)]


# ---------------------------------------------------------------- reading plain text


def test_blank_lines_part_paragraphs_and_single_newlines_are_breaks() -> None:
    assert from_plain("one\ntwo\r\n\r\n \nthree\n") == (
        Paragraph((Str("one"), Break(), Str("two"))),
        paragraph("three"),
    )


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ("see https://example.org/a.", "https://example.org/a"),
        ("(https://example.org/a)", "https://example.org/a"),
        ("https://example.org/wiki/Bridge_(nautical)", "https://example.org/wiki/Bridge_(nautical)"),
        ("(see https://example.org/wiki/Bridge_(nautical)).", "https://example.org/wiki/Bridge_(nautical)"),
        ("<https://example.org/?a=b&c=d>", "https://example.org/?a=b&c=d"),
        ("*https://example.org/*", "https://example.org/"),
    ],
)
def test_a_bare_address_becomes_a_link_without_the_punctuation_after_it(source: str, url: str) -> None:
    assert [node.url for node in inlines(source) if isinstance(node, Link)] == [url]


def test_thousands_of_brackets_after_an_address_end_at_once() -> None:
    source = "https://example.org/" + ")" * 30_000
    assert inlines(source) == (Link("https://example.org/"), Str(")" * 30_000))


# ---------------------------------------------------------------- saying it plainly


def test_plain_shows_bullets_numbers_quotes_and_link_addresses() -> None:
    text: Text = (
        Paragraph((Str("Agenda "), Bold((Str("today"), Italic((Str("!"),)))), Emoji("wave", "\N{WAVING HAND SIGN}"))),
        List(((paragraph("one"), List(((paragraph("deeper"),),))), (paragraph("two"),))),
        List(((paragraph("eight"),), (paragraph("nine"),)), ordered=True, start=8),
        Quote((paragraph("she said"), paragraph("so"))),
        CodeBlock("a = 1\nb = 2", "python"),
        Paragraph((Link("https://example.org/m", (Str("minutes"),)), Str(" by "), Mention("U1", "Karl"), Emoji("blob"))),
    )
    assert plain(text) == (
        "Agenda today!\N{WAVING HAND SIGN}\n\n"
        "- one\n  - deeper\n- two\n\n"
        "8. eight\n9. nine\n\n"
        "> she said\n>\n> so\n\n"
        "a = 1\nb = 2\n\n"
        "minutes (https://example.org/m) by @Karl:blob:"
    )


@pytest.mark.parametrize(
    ("url", "label", "words"),
    [
        ("https://example.org/", "", "https://example.org/"),
        ("https://example.org/", "example.org", "https://example.org/"),
        ("https://example.org/", "https://example.org/", "https://example.org/"),
        ("mailto:lynn@example.org", "lynn@example.org", "lynn@example.org"),
        ("https://evil.example/", "https://bank.example/", "https://bank.example/ (https://evil.example/)"),
        ("https://example.org/", "the minutes", "the minutes (https://example.org/)"),
    ],
)
def test_a_link_shows_its_address_once_and_its_label_where_that_says_more(url: str, label: str, words: str) -> None:
    assert link_words(url, label) == words


def test_the_first_line_skips_blank_ones_and_is_shortened_with_an_ellipsis() -> None:
    text = (Paragraph((Break(), Str("  Can everyone meet today?"), Break(), Str("more"))),)
    assert first_line(text) == "Can everyone meet today?"
    assert first_line(text, 12) == "Can everyon…"
    assert first_line(()) == ""


@pytest.mark.scenario("A09")
@pytest.mark.parametrize(
    "text",
    [
        (),
        (Paragraph(()),),
        (Paragraph((Str(" \t\N{NO-BREAK SPACE}"), Break())),),
        (Paragraph((Str("\N{ZERO WIDTH SPACE}\N{ZERO WIDTH JOINER}\ufeff"),)),),
        (Quote((Paragraph(()),)),),
        (List(((), (Paragraph(()),)), ordered=True),),
        (CodeBlock("\n"),),
    ],
)
def test_what_shows_nothing_is_blank_whatever_its_marks(text: Text) -> None:
    assert is_blank(text)


@pytest.mark.parametrize(
    "text",
    [
        from_plain("?"),
        (Paragraph((Emoji("wave"),)),),
        (List(((paragraph("x"),),)),),
        (Quote((CodeBlock("x"),)),),
        (Paragraph((Link("https://example.org"),)),),
    ],
)
def test_a_sign_a_link_or_an_emoji_is_not_blank(text: Text) -> None:
    assert not is_blank(text)


# ---------------------------------------------------------------- attributing


def test_the_attribution_joins_the_first_paragraph() -> None:
    assert attribute(from_plain("Meet @ 2pm?"), "via {author}: {text}", "Lynn") == (
        Paragraph((Str("via Lynn: "), Str("Meet @ 2pm?"))),
    )


def test_the_attribution_stands_alone_before_a_block_and_after_one() -> None:
    text = (CodeBlock("x"),)
    assert attribute(text, "{author}: {text} (via)", "Lynn") == (
        paragraph("Lynn: "),
        CodeBlock("x"),
        paragraph(" (via)"),
    )


def test_a_template_of_several_lines_has_breaks_and_no_newlines() -> None:
    assert attribute(from_plain("hi"), "{text}\n-- {author}", "Lynn") == (Paragraph((Str("hi"), Break(), Str("-- Lynn"))),)


def test_an_authors_name_is_one_line_and_neither_template_nor_link() -> None:
    name = "Eve {text}\n\n@channel https://evil.example"
    assert attribute(from_plain("hi"), "via {author}: {text}", name) == (
        Paragraph((Str("via Eve {text} @channel https://evil.example: "), Str("hi"))),
    )


def test_prepend_and_append_open_paragraphs_around_an_empty_text() -> None:
    assert prepend((), (Str("a"),)) == (paragraph("a"),)
    assert append((), (Str("b"),)) == (paragraph("b"),)


# ---------------------------------------------------------------- cutting


@pytest.mark.scenario("H05")
def test_a_cut_falls_between_paragraphs_where_that_wastes_little() -> None:
    assert fitting(30, from_plain("one two three four five\n\nsix seven eight")) == [
        "one two three four five",
        "six seven eight",
    ]


@pytest.mark.scenario("H05")
def test_a_cut_falls_between_words_where_a_paragraph_would_waste_much() -> None:
    assert fitting(30, from_plain("one\n\ntwo three four five six seven")) == [
        "one\n\ntwo three four five six ",
        "seven",
    ]


@pytest.mark.scenario("H05")
def test_a_script_without_spaces_fills_each_part() -> None:
    assert fitting(20, from_plain("via Lynn: " + "\u6642" * 25)) == ["via Lynn: " + "\u6642" * 10, "\u6642" * 15]


@pytest.mark.scenario("H05")
def test_the_label_of_a_link_stays_whole() -> None:
    link = Link("https://e.example/", (Str("all the minutes"),))
    assert fitting(36, (Paragraph((Str("Read well: "), link)),)) == [
        "Read well: ",
        "all the minutes (https://e.example/)",
    ]


@pytest.mark.scenario("H05")
def test_a_label_too_long_for_a_part_is_cut_and_keeps_its_address() -> None:
    text = (Paragraph((Link("https://e.example/", (Str("x" * 30),)),)),)
    parts = split(text, lambda _, part: len(plain(part)) <= 40)
    assert [plain(part) for part in parts] == ["x" * 19 + " (https://e.example/)", "x" * 11 + " (https://e.example/)"]


@pytest.mark.scenario("H05")
def test_an_address_too_long_for_a_part_stands_alone_uncut() -> None:
    url = "https://example.org/" + "a" * 50
    assert fitting(20, from_plain(f"see {url} now")) == ["see ", url, " now"]


@pytest.mark.scenario("H05")
def test_a_list_goes_on_with_its_number() -> None:
    items = tuple((paragraph(word * 3),) for word in ("one ", "two ", "six "))
    first, second = split((List(items, ordered=True, start=4),), lambda _, part: len(plain(part)) <= 32)
    assert plain(first).splitlines() == ["4. one one one ", "5. two two two "]
    assert plain(second).splitlines() == ["6. six six six "]


@pytest.mark.scenario("H05")
def test_marks_go_on_in_the_next_part() -> None:
    parts = split((Paragraph((Bold((Str("aaaa bbbb"),)), Code("c"))),), lambda _, part: len(plain(part).rstrip()) <= 5)
    assert parts == ((Paragraph((Bold((Str("aaaa "),)),)),), (Paragraph((Bold((Str("bbbb"),)), Code("c"))),))


def test_a_text_that_fits_is_not_touched() -> None:
    text = (Paragraph((Str(""),)), Quote(()))
    assert split(text, lambda *_: True) == (text,)


def test_a_text_of_nothing_is_one_part_even_where_nothing_fits() -> None:
    assert split((), lambda *_: False) == ((),)
    assert split((Paragraph(()),), lambda *_: False) == ((Paragraph(()),),)


# ---------------------------------------------------------------- JSON


def test_the_json_form_is_short_and_readable() -> None:
    text: Text = (
        Paragraph((Str("Hello "), Bold((Str("you"),)), Break(), Mention("U1", "Karl"))),
        List(((paragraph("x"),),), ordered=True, start=3),
        CodeBlock("a"),
    )
    data = [["p", "Hello ", ["b", "you"], ["br"], ["at", "U1", "Karl"]], ["ol", 3, [["p", "x"]]], ["pre", "a"]]
    assert to_json(text) == data
    assert from_json(data) == text


@pytest.mark.parametrize("data", [None, {}, "", [["ul", ""]], [["p", ["b"], {}]], [["?"]], [["pre", 1]]])
def test_json_that_is_no_text_is_refused(data: object) -> None:
    with pytest.raises(ValueError, match="not a"):
        from_json(data)  # type: ignore[arg-type]
