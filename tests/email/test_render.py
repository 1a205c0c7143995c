"""The mails that readers get: what they say, and what stands in their heads."""

from __future__ import annotations

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.email.headers import compose, message_id
from adapters.email.phrases import MARKER
from adapters.email.render import letter_of, render
from bridge.contract import Excerpt, Thread
from bridge.post import Destination, Media, NativeId, Ref, UserId, direct
from bridge.text import plain
from tests.email.support import ACCOUNT, GROUP, HOME, context, mail, parsed, post, reader


def sent(
    key: str = "k1",
    thread: Thread | None = None,
    to: Destination | None = None,
    text: str = "Hello",
    name: str = "Lynn",
    **changes: object,
) -> EmailMessage:
    destination = to or reader()
    (part,) = render(post(text, name), destination, context(**changes))
    body = compose(letter_of(part), destination, HOME, thread or Thread(), key)
    message = message_from_bytes(body, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


@pytest.mark.scenario("B14")
def test_each_mail_tells_robots_to_keep_quiet() -> None:
    message = sent()
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["List-Id"] == '"All-hands" <all-hands.bridge.example>'
    assert message["List-Post"] == "<mailto:all-hands@bridge.example>"
    assert message["Precedence"] == "list"
    assert message["X-Viabridge"] == "bridge.example"
    assert message["Date"].datetime == post().at


@pytest.mark.scenario("J19")
def test_the_author_is_named_and_no_address_but_the_groups_is_shown() -> None:
    message = sent(name="lynn@example.org")
    assert message["From"] == "lynn via All-hands <all-hands@bridge.example>"
    assert message["To"] == message["Reply-To"] == "all-hands@bridge.example"
    assert "example.org" not in message.as_string()
    assert "chair@board" not in message.as_string()


@pytest.mark.parametrize(
    "name",
    [
        'Lynn "L" O\'Hara',
        "Lynn\r\nBcc: all@example.org",
        "Lynn, the first",
        "Lÿnn, “the” first",
        "\u202enyL",
        "x" * 500,
        "🎉" * 80,
        "",
    ],
)
def test_no_name_breaks_the_head(name: str) -> None:
    message = sent(name=name)
    (address,) = message["From"].addresses
    assert (address.username, address.domain) == ("all-hands", "bridge.example")
    assert message["Bcc"] is None
    assert message.defects == []
    assert address.display_name.endswith(" via All-hands")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=200))
def test_any_name_title_and_text_make_one_readable_mail(name: str, title: str, text: str) -> None:
    message = sent(name=name, group=title, text=text, subject=text)
    assert [str(address.addr_spec) for address in message["From"].addresses] == ["all-hands@bridge.example"]
    assert set(message.keys()) == set(sent().keys())
    assert MARKER in text_of(message)


@pytest.mark.scenario("H04")
def test_markup_in_a_post_is_shown_and_never_executed() -> None:
    html = text_of(sent(text="<script>alert(1)</script> &lt;html&gt; <img src=x onerror=y>"), "html")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp;lt;html&amp;gt;" in html
    assert "<script" not in html
    assert "<img" not in html


def test_a_mail_can_be_answered_and_only_the_answer_is_read() -> None:
    message = sent(text="Can everyone meet?", subject="Can everyone meet?")
    quoted = "\n".join(f"> {line}" for line in text_of(message).splitlines())
    body = f"Yes\n\nOn Tuesday 3 Nov 2026, Lynn wrote:\n{quoted}\n"
    found = parsed(mail(body, f"In-Reply-To: {message['Message-ID']}", to=str(message["Reply-To"])))
    assert plain(found.text) == "Yes"
    assert found.reply_to == Ref(GROUP, message_id("k1", HOME))


def test_the_text_is_attributed_between_marker_and_footer() -> None:
    assert (
        text_of(sent()).rstrip()
        == f"{MARKER}\n\nvia Lynn: Hello\n\n-- \nAll-hands · Press Reply to answer everyone in this group."
    )
    assert "<p>via Lynn: Hello</p>" in text_of(sent(), "html")


def test_an_answer_quotes_its_parents_first_line() -> None:
    message = sent(parent=Excerpt("Karl", "Tea?"), subject="Tea?")
    assert "↪ Karl: Tea?\n\nvia Lynn: Hello" in text_of(message)
    assert message["Subject"] == "Re: Tea?"


def test_a_correction_and_a_warning_are_said() -> None:
    (part,) = render(post(warning="food"), reader(), context(corrected=True))
    assert "CW: food\n\nCorrection: via Lynn: Can" in letter_of(part).text


def test_files_are_named() -> None:
    media = (Media("plan.pdf", alt="The plan"), Media("a.png"))
    (part,) = render(post("Here", media=media), reader(), context())
    assert "via Lynn: Here\n\n📎 plan.pdf (The plan)\n📎 a.png" in letter_of(part).text


def test_threads_hold_by_ids_that_follow_from_the_key() -> None:
    root, parent, previous = (Ref(GROUP, NativeId(name)) for name in ("1@x", "2@x", "3@x"))
    message = sent("abc", Thread(root, parent, previous))
    assert message["Message-ID"] == "<abc@bridge.example>"
    assert message["In-Reply-To"] == "<2@x>"
    assert message["References"].split() == ["<1@x>", "<2@x>", "<3@x>"]
    assert sent("abc")["In-Reply-To"] is None


def test_a_repeat_is_the_same_mail_byte_for_byte() -> None:
    assert sent("abc").as_bytes() == sent("abc").as_bytes()


def test_a_notice_goes_to_one_person_and_belongs_to_no_list() -> None:
    message = sent(to=Destination(direct(ACCOUNT, UserId("lynn@example.org"))), via="", group="")
    assert message["To"] == "lynn@example.org"
    assert message["From"] == "viabridge <viabridge@bridge.example>"
    assert message["List-Id"] is None
    assert text_of(message).startswith("Hello")
