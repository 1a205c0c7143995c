"""How a copy names its author: the `via` template and what it may hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.text import attribute, filled, from_plain, initials, plain


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Lynn", "L"),
        ("ada lovelace", "AL"),
        ("Miss Lynn Miller Smith", "MLM"),
        ("🦊 Lynn (she/her)", "L"),
        ("🇩🇪Karl", "K"),
        ("👩\u200d💻 Ada 👍🏽 L", "AL"),
        ("\u200bzoe", "Z"),
        ("E\u0301mile Zola", "ÉZ"),
        ("ßa", "S"),
        ("田中 太郎", "田太"),
        ("O'Brien", "O"),
        ("🦊", "🦊"),
        ("@lynn", "@lynn"),
        ("", ""),
    ],
)
def test_initials_are_the_letters_that_words_begin_with(name: str, letters: str) -> None:
    assert initials(name) == letters


@given(st.text())
def test_initials_are_few_and_whole_unless_there_are_none(name: str) -> None:
    found = initials(name)
    assert found == name or (0 < len(found) <= 3 and all(character.isalnum() for character in found))


@pytest.mark.parametrize(
    ("via", "copy"),
    [
        ("via {author}: {text}", "via Ada Lee: hi"),
        ("{author}: {text}", "Ada Lee: hi"),
        ("{text} ^{initials}", "hi ^AL"),
        ("{text}", "hi"),
        ("{initials} {text} ({author})", "AL hi (Ada Lee)"),
    ],
)
def test_a_template_names_the_author_before_or_after_the_text(via: str, copy: str) -> None:
    assert plain(attribute(from_plain("hi"), via, "Ada\n Lee")) == copy


@pytest.mark.parametrize("name", ["{text}", "{initials}", "{author}", "{author} {initials} {text}"])
def test_a_name_in_braces_is_only_a_name(name: str) -> None:
    assert filled("via {author}: ", name) == f"via {name}: "
    assert plain(attribute(from_plain("hi {author}"), "via {author}: {text}", name)) == f"via {name}: hi {{author}}"
