"""How posts look in Slack, and that nothing in them can ping anybody."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.render import LIMIT, Message, render, write_text
from adapters.slack.sandbox_refusing import content_of
from bridge.contract import Excerpt
from bridge.post import Destination, Media, Place, PlaceId
from bridge.text import Bold, CodeBlock, Link, Mention, Paragraph, Str, Text, from_plain, plain
from tests.slack.desk import PATIENT, TEAM, context, post
from tests.strategies import texts

HERE = Destination(Place(TEAM, PlaceId("C0ALLHANDS1")))
COMMAND = re.compile("<[!@#]")
PLAIN = from_plain("Can everyone meet @ 2pm?")


def messages(text: Text, via: str = "via {author}: {text}", **more: Any) -> list[Message]:
    return [Message.of(part) for part in render(post(text, **more), HERE, context(via=via))]


def test_the_text_and_the_blocks_name_the_author() -> None:
    (message,) = messages(PLAIN)
    assert message.text == "via Karl: Can everyone meet @ 2pm?"
    assert message.blocks[0]["elements"][0]["elements"][0]["text"] == "via Karl: Can everyone meet @ 2pm?"


def test_a_notice_is_attributed_to_nobody() -> None:
    assert messages(PLAIN, via="")[0].text == "Can everyone meet @ 2pm?"


@pytest.mark.scenario("G05")
@pytest.mark.parametrize(
    "typed", ["<!channel>", "<!here|here>", "<!everyone>", "<@U0LYNN00001>", "<#C0ALLHANDS1>", "&lt;!channel&gt;"]
)
def test_what_would_ping_here_is_only_words(typed: str) -> None:
    (message,) = messages((Paragraph((Str(typed), Mention("<!here>", "<!here>"), Link("https://a.example", (Str(typed),)))),))
    assert not COMMAND.search(message.text)
    assert not any(COMMAND.search(leaf.get("text", "")) for leaf in message.blocks[0]["elements"][0]["elements"])


@pytest.mark.scenario("G05")
@PATIENT
@given(texts, st.sampled_from(["via {author}: {text}", "", "{text} (<!here> {author})"]), st.text(max_size=20))
def test_no_output_holds_a_command(text: Text, via: str, author: str) -> None:
    relayed = replace(post(text), author=replace(post(text).author, name=author), warning="<!channel>")
    for part in render(relayed, HERE, context(via=via, parent=Excerpt("<@U1>", "<!everyone>"))):
        assert not COMMAND.search(part.body)


@PATIENT
@given(texts)
def test_slack_takes_whatever_is_rendered(text: Text) -> None:
    for message in messages(text):
        content_of({"text": message.text, "blocks": message.blocks})


@pytest.mark.scenario("H04")
def test_tags_typed_elsewhere_are_escaped_once() -> None:
    assert write_text(from_plain("<html> &lt;script&gt; & so")) == "&lt;html&gt; &amp;lt;script&amp;gt; &amp; so"


@pytest.mark.scenario("H05")
@pytest.mark.parametrize("word", ["word ", "a&b ", "x" * 9_000])
def test_a_long_post_is_split_and_nothing_is_lost(word: str) -> None:
    long = (word * 2_000)[:9_500].strip()
    parts = messages(from_plain(long))
    shown = "".join("".join(leaf["text"] for leaf in part.blocks[0]["elements"][0]["elements"]) for part in parts)
    assert shown.replace(" ", "") == f"via Karl: {long}".replace(" ", "")
    assert max(len(part.text) for part in parts) <= LIMIT


def test_an_address_too_long_for_a_message_is_not_cut_in_the_text() -> None:
    (message,) = messages((Paragraph((Link("https://a.example/" + "x" * 5_000),)),), via="")
    assert message.text == "… (see the message)"


def test_an_answer_without_its_thread_quotes_what_it_answers() -> None:
    answered = context(parent=Excerpt("Lynn", "Can everyone meet?"))
    (part,) = render(post(from_plain("Yes")), HERE, answered)
    assert Message.of(part).text == "↪ Lynn: Can everyone meet?\n\nvia Karl: Yes"
    (part,) = render(post(from_plain("Yes")), HERE, replace(answered, threaded=True))
    assert Message.of(part).text == "via Karl: Yes"


def test_a_warning_comes_first_and_files_are_named() -> None:
    (message,) = messages(PLAIN, warning="long story", media=(Media("hall.png", alt="the <hall>"), Media("plan.pdf")))
    assert message.text.split("\n\n") == [
        "CW: long story",
        "via Karl: Can everyone meet @ 2pm?",
        "📎 hall.png (the &lt;hall&gt;)",
        "📎 plan.pdf",
    ]


@pytest.mark.scenario("A05")
@pytest.mark.parametrize("chosen", list(product([False, True], repeat=6)))
def test_every_permutation_renders_something(chosen: tuple[bool, ...]) -> None:
    files, answer, warning, mention, long, blank = chosen
    words: Text = () if blank else from_plain("words " * (2_000 if long else 1))
    text = (*words, Paragraph((Mention("U1", "Lynn"),))) if mention else words
    made = post(text, media=(Media("a.png"),) if files else (), warning="CW" if warning else "")
    parts = render(made, HERE, context(parent=Excerpt("Lynn", "hi") if answer else None, corrected=long))
    assert parts
    assert all(Message.of(part).text.strip() for part in parts)


def test_what_was_written_reads_back_the_same() -> None:
    from adapters.slack.rich_text import read_blocks

    (message,) = messages(from_plain("one\ntwo\n\nthree https://a.example/b"), via="")
    assert plain(read_blocks(message.blocks)) == "one\ntwo\n\nthree https://a.example/b"


@pytest.mark.scenario("H05")
def test_a_code_block_that_fits_one_message_is_never_cut() -> None:
    code = CodeBlock("\n".join(f"line {number}" for number in range(300)))
    found = messages((Paragraph((Str("word " * 500),)), code, *from_plain("the end")))
    assert len(found) > 1
    assert len([one for one in found if "line 0\n" in one.text and "line 299" in one.text]) == 1


@pytest.mark.scenario("H05")
def test_blocks_stay_within_what_slack_takes() -> None:
    marks = tuple(node for number in range(1500) for node in (Bold((Str("b"),)), Str(f"{number % 10} ")))
    found = messages((Paragraph(marks),))
    assert len(found) > 1
    for message in found:
        content_of({"text": message.text, "blocks": message.blocks})
