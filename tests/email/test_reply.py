"""Cutting replies: what a person wrote stays, what their mail program added goes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from adapters.email.introductions import MARKER_WORDS
from adapters.email.mime import Mail, Section, read_mail
from adapters.email.parse import body_text
from adapters.email.phrases import MARKER
from adapters.email.reply import cut
from bridge.text import plain
from tests.email.support import CORPORA


def from_html(source: str) -> str:
    return plain(body_text(Mail((), (Section(html=source),), (), "text/html"), is_answer=True))


@pytest.mark.scenario("J01")
@pytest.mark.parametrize(
    "body",
    [
        "Fine by me.\n\nOn Tue, 3 Nov 2026 at 10:02, Lynn via All-hands <all-hands@bridge.example> wrote:\n\n> Hello\n> all\n",
        "Fine by me.\n\nOn Tue, 3 Nov 2026 at 10:02, Lynn via All-hands <\nall-hands@bridge.example> wrote:\n> Hello\n",
        "Fine by me.\n\n-----Original Message-----\nFrom: Lynn via All-hands\nSent: Tuesday\n\nHello",
        "Fine by me.\n\n________________\nFrom: Lynn <a@b.example>\nSent: Tuesday\nTo: x\nSubject: y\n\nHello",
        "Fine by me.\n\nAm 03.11.2026 um 10:02 schrieb Lynn <a@b.example>:\n> Hello",
        "Fine by me.\n\nLe mar. 3 nov. 2026 à 10:02, Lynn <a@b.example> a écrit :\n\n> Hello",
        "Fine by me.\n\nEl mar, 3 nov 2026 a las 10:02, Lynn (<a@b.example>) escribió:\n\n> Hello",
        "Fine by me.\n\nSent from my iPhone\n\n> On 3 Nov 2026, at 10:02, Lynn <a@b.example> wrote:\n> \n> Hello",
        "Fine by me.\n\n-- \nThe chair\nBoard Ltd",
        f"Fine by me.\n\n{MARKER}\n\nvia Lynn: Hello",
        f"Fine by me.\n\nOn 3 Nov 2026, Lynn wrote:\n\n> {MARKER}\n>\n> Hello",
    ],
    ids=[
        "gmail",
        "wrapped",
        "outlook",
        "outlook-web",
        "german",
        "french",
        "spanish",
        "iphone",
        "signature",
        "marker",
        "quoted-marker",
    ],
)
def test_only_the_new_text_of_a_reply_is_kept(body: str) -> None:
    assert cut(body) == "Fine by me."


@pytest.mark.scenario("J01")
@pytest.mark.parametrize(
    "added",
    [
        '<div class="gmail_quote"><div class="gmail_attr">On Tue … wrote:</div><blockquote>Hello</blockquote></div>',
        '<div id="divRplyFwdMsg"><b>From:</b> Lynn<br><b>Sent:</b> Tuesday</div><div>Hello</div>',
        '<div>On 3 Nov 2026, at 10:02, Lynn &lt;a@b.example&gt; wrote:</div><blockquote type="cite">Hello</blockquote>',
        '<div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>From:</b> Lynn</p></div><p>Hello</p>',
        f"<p><small>{MARKER}</small></p><p>via Lynn: Hello</p>",
    ],
    ids=["gmail", "outlook", "apple", "outlook-desktop", "marker"],
)
def test_quotes_that_programs_mark_in_html_are_cut(added: str) -> None:
    assert from_html(f"<html><body><div>Fine <b>by</b> me.</div><br>{added}</body></html>") == "Fine by me."


def test_answers_between_and_below_quotes_stay_in_order() -> None:
    body = "On 3 Nov 2026, Lynn wrote:\n\n> Tea?\n\nYes.\n\n> Cake?\n\nOf course.\n"
    assert cut(body).split() == ["Yes.", "Of", "course."]
    below = '<p>On 3 Nov 2026, Lynn &lt;a@b.example&gt; wrote:</p><blockquote type="cite">Tea?</blockquote><p>Yes.</p>'
    assert from_html(below) == "Yes."


def test_a_forwarded_mail_is_kept() -> None:
    body = "See below.\n\n---------- Forwarded message ---------\nFrom: Karl <k@b.example>\nDate: Tue\nSubject: Plan\n\nThe plan."
    assert cut(body) == body


def test_a_line_quoted_by_hand_stays() -> None:
    body = "As the saying goes\n\n> less is more\n\nand so on."
    assert cut(body) == body


@pytest.mark.parametrize("body", ["> all\n> quoted", "Sent from my iPhone", "On 3 Nov 2026, Lynn wrote:\n\n> Hello"])
def test_where_nothing_is_left_the_whole_body_stays(body: str) -> None:
    assert cut(body) == body


def test_under_our_own_marker_nothing_is_nothing() -> None:
    assert cut(f"\n\n{MARKER}\n\nvia Lynn: Hello") == ""


@pytest.mark.parametrize(
    "text",
    [
        "On Monday we start: be there",
        "- one\n- two\n\nFrom: here\nto there",
        "a -- b\n\n---\n\nc",
        "Date: Friday\nTime: 7:00\n\nBring an ID.",
    ],
)
def test_what_only_looks_like_a_quote_stays(text: str) -> None:
    assert cut(text) == text


HOSTILE = {
    "dashes": "-" * 50_000,
    "underscores": "_" * 50_000,
    "colons": ":" * 50_000,
    "angles": ">" * 50_000,
    "opening": "<" * 50_000,
    "ampersands": "&" * 50_000,
    "newlines": "\n" * 50_000,
    "spaces": " " * 50_000,
    "on": "On " + "k" * 50_000,
    "on-lines": "On Tue\n" * 7_000,
    "on-address": "On Tue <\n" * 5_500,
    "wrote": "wrote:\n" * 7_000,
    "from": "From: " * 8_000,
    "from-lines": "From: x\n" * 6_000,
    "turns": "> a\nb\n" * 8_000,
    "gaps": "> \n\n" * 12_000,
    "markers": f"{MARKER_WORDS}\n" * 2_000,
    "divs": "<div>" * 10_000,
    "bold": "<b>" * 16_000,
    "quotes": "<blockquote>" * 4_000,
    "marked": '<p class="gmail_quote">' * 2_000,
    "lists": "<ul><li>" * 6_000,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_are_cut_in_linear_time(name: str) -> None:
    assert isinstance(cut(HOSTILE[name]), str)
    assert isinstance(from_html(HOSTILE[name]), str)


# ---------------------------------------------------------------- published cases


@dataclass(frozen=True)
class Case:
    id: str
    source: str
    found: str
    expected: dict[str, Any]

    @property
    def is_right(self) -> bool:
        found = self.comparable(self.found)
        if self.expected["match"] == "exact":
            return found == self.comparable(self.expected["expected_text"])
        return all(self.comparable(text) in found for text in self.expected["must_contain"]) and not any(
            self.comparable(text) in found for text in self.expected["must_not_contain"]
        )

    def comparable(self, text: str) -> str:
        if self.expected["kind"] == "html":  # compared without white space and marks, as its sources do
            return "".join(char for char in text if not char.isspace() and char not in "*_#`\\")
        return " ".join(text.split())


def read_case(line: str) -> Case:
    expected = json.loads(line)
    path = CORPORA / "replies" / expected["file"]
    if not path.exists():  # one source's files are listed without their folder
        path = CORPORA / "replies" / "mailparserreplies" / expected["file"].removeprefix("mailparser")
    if expected["kind"] == "eml":
        found = plain(body_text(read_mail(path.read_bytes()), is_answer=True))
    else:
        source = path.read_text("utf-8", "replace")
        found = cut(source) if expected["kind"] == "text" else from_html(source)
    return Case(expected["id"], expected["source"], found, expected)


@pytest.mark.scenario("J01")
def test_published_replies_are_cut_as_their_authors_expect(capsys: pytest.CaptureFixture[str]) -> None:
    listing = CORPORA / "replies" / "cases.jsonl"
    if not listing.exists():
        pytest.skip("the published reply cases are not beside this checkout (../shared/corpora)")
    cases = [read_case(line) for line in listing.read_text("utf-8").splitlines()]
    right = Counter(case.source for case in cases if case.is_right)
    with capsys.disabled():
        print()  # noqa: T201 - the score is the point
        for source, total in sorted(Counter(case.source for case in cases).items()):
            print(f"  {source}: {right[source]} of {total}")  # noqa: T201 - the score is the point
        print(f"  replies cut exactly right: {right.total()} of {len(cases)} ({right.total() / len(cases):.1%})")  # noqa: T201 - the score is the point
    assert right.total() / len(cases) >= 0.7
