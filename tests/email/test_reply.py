"""Cutting replies: what a person wrote stays, what their mail program added goes."""
# ruff: noqa: RUF001 - other alphabets are a point here

from __future__ import annotations

import json
import subprocess
import sys
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


INTRODUCTIONS = [
    "* Bob Smith <bob@x.example> [2026-04-04 15:14]:",
    "Wiadomość napisana przez Bob Smith <bob@x.example> w dniu 04.04.2026, o godz. 15:14:",
    "ut 4. 4. 2026 o 15:14 Bob Smith <bob@x.example> napísal(a):",
    "На вт, 4.04.2026 г. в 15:14 Bob Smith <bob@x.example> написа:",
    "Quoting Bob Smith <bob@x.example>:",
    "Zitat von Bob Smith <bob@x.example>:",
    "Bob Smith <bob@x.example> ezt írta (időpont: 2026. ápr. 4., K, 15:14):",
    "Em ter., 4 de abr. de 2026 às 15:14, Bob Smith <bob@x.example> escreveu:",
    "Den tir. 4. apr. 2026 kl. 15.14 skrev Bob Smith <bob@x.example>:",
    "ti 4. huhtik. 2026 klo 15.14 Bob Smith (bob@x.example) kirjoitti:",
    "2026年4月4日(火) 15:14 Bob Smith <bob@x.example>:",
    "2026년 4월 4일 (화) 오후 3:14, Bob Smith <bob@x.example>님이 작성:",
    "4 Nisan 2026 15:14 tarihinde Bob Smith <bob@x.example> yazdı:",
    "---- On Tue, 04 Apr 2026 15:14:00 +0200 Bob Smith <bob@x.example> wrote ----",
    "On Tue, Apr 4, 2026 at 3:14 PM John Smith\n\n<\nmailto:John Smith <john@x.example>\n> wrote:",
    "‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐\nOn Tuesday, April 4th, 2026 at 3:14 PM, Bob <bob@x.example> wrote:",
    '------------------ Original ------------------\nFrom: "Bob"<bob@x.example>;\nDate: Tue, Apr 4, 2026',
    "##- Please type your reply above this line -##",
    "\u202bבתאריך יום ג׳, 4 באפר׳ 2026 ב-15:14 מאת \u202aBob Smith\u202c\u200f <\u202abob@x.example\u202c\u200f>:\u202c",
]
FOOTERS = [
    "Sent from my Samsung Galaxy smartphone.",
    "Sent with Proton Mail secure email.",
    "Sent from my iPad, please excuse brevity",
    "(sent from my phone)",
    "Télécharger Outlook pour Android",
    "Holen Sie sich Outlook für iOS",
    "Von meinem Samsung Galaxy Smartphone gesendet.",
    "Enviado via iPhone",
    "Verzonden vanuit Outlook voor iOS",
    "Odoslané z iPhonu",
    "Изпратено от моя iPhone",
    "נשלח מה-iPhone שלי",
    "Poslano s mojega iPhonea",
]


@pytest.mark.scenario("J01")
@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_a_quote_is_introduced_in_many_ways(introduction: str) -> None:
    for gap in ("\n", "\n\n"):
        assert cut(f"Sure.\nSee you at 3.\n\n{introduction}{gap}> quoted\n> more\n") == "Sure.\nSee you at 3."
        assert cut(f"Sure.\nSee you at 3.\n\n{introduction}{gap}quoted, not marked\n\nmore\n") == "Sure.\nSee you at 3."


@pytest.mark.scenario("J01")
@pytest.mark.parametrize("footer", FOOTERS)
def test_what_phones_and_programs_add_is_cut(footer: str) -> None:
    assert cut(f"Sure.\n\n{footer}\n\nOn Tue, Apr 4, 2026 at 3:14 PM Bob <bob@x.example> wrote:\n> x\n") == "Sure."
    assert cut(f"Sure.\n\n{footer}") == "Sure."


def test_a_name_alone_introduces_a_quote_only_where_one_follows() -> None:
    assert cut("Fine.\n\nBob Smith escribió:\n> hello\n") == "Fine."
    assert cut("As Bob Smith escribió:\n\nhello") == "As Bob Smith escribió:\n\nhello"


def test_a_forward_by_its_subject_keeps_what_it_quotes() -> None:
    body = "For you.\r\n\r\nOn Tue, 3 Nov 2026, Bob <b@x.example> wrote:\r\n> the plan\r\n"
    for subject, kept in (("Fwd: the plan", True), ("Re: the plan", False)):
        mail = read_mail(f"Subject: {subject}\r\n\r\n{body}".encode())
        assert ("the plan" in plain(body_text(mail, is_answer=True))) is kept


def test_the_text_of_a_mail_can_be_had_by_hand() -> None:
    mail = b"Subject: Re: x\n\nFine by me.\n\nOn Tue, 3 Nov 2026, Bob <b@x.example> wrote:\n> hello\n"
    asked = [sys.executable, "-m", "adapters.email.reply"]
    assert subprocess.run(asked, input=mail, stdout=subprocess.PIPE, check=True, timeout=30).stdout == b"Fine by me.\n"


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
    "wide-colons": "：\n" * 25_000,
    "colons-and-returns": "\r：" * 25_000,
    "rules": "--\n-" * 12_000,
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

    @property
    def words(self) -> Counter[str]:
        """The words that must not be lost."""
        if self.expected["match"] == "exact":
            return Counter((self.expected["expected_text"] or "").split())
        return Counter(word for text in self.expected["must_contain"] for word in text.split())

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
    wanted = sum((case.words for case in cases), Counter[str]())
    lost = sum((case.words - Counter(case.found.split()) for case in cases), Counter[str]())
    with capsys.disabled():
        print()  # noqa: T201 - the score is the point
        for source, total in sorted(Counter(case.source for case in cases).items()):
            print(f"  {source}: {right[source]} of {total}")  # noqa: T201 - the score is the point
        print(f"  replies cut exactly right: {right.total()} of {len(cases)} ({right.total() / len(cases):.1%})")  # noqa: T201 - the score is the point
        print(f"  words lost: {lost.total()} of {wanted.total()} ({lost.total() / wanted.total():.1%})")  # noqa: T201 - the score is the point
    assert right.total() / len(cases) >= 0.9
    assert lost.total() / wanted.total() < 0.02
