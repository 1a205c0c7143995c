"""What every adapter must make of any post: parts that say all of it, harm nobody, and raise nothing."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bridge.contract import Standing, Thread
from bridge.post import DIRECT, Audience, Author, Destination, Media, Place, Post, Ref, UserId
from bridge.text import CodeBlock, Link, Mention, Paragraph, Str, Text, from_plain
from tests.conformance.rig import ACCOUNT, PARENT, Rig, post, unique
from tests.strategies import some_words, texts

PICTURE = Media("lake.jpg", "image/jpeg", 12_345, "The lake at dawn")
LINK = "https://example.org/minutes/2026?page=1&part=2"
WORDS = " ".join(f"word{n}" for n in range(10_000))

LIVE = {
    "slack": r"<[!@#]|'type': '(?:broadcast|user|usergroup|channel)'",
    "mastodon": r"(?<![\w/.@])@\w|class=\"[^\"]*mention",
    "email": r"(?i)<(?:script|img|iframe|form)\b|<[^>]+\s(?:on\w+|style)\s*=|(?:href|src)\s*=\s*[\"']?\s*(?:javascript|data):",
}
"""What a platform would act on in a stored message: a mention that notifies, markup that runs. One line per platform."""

HOSTILE = (
    "<!channel> <!here> <!everyone> <!subteam^S012AB3CD|@leads>",
    "<@U024BE7LH> <#C024BE7LR|general>",
    "&lt;!channel&gt; &amp;lt;!here&amp;gt;",
    "@channel @here @everyone",
    "@karl @karl@social.example, (@MissLynn13) @allhands",
    "<script>alert(1)</script><img src=x onerror=alert(1)><iframe src=//evil.example>",
    "&lt;script&gt;alert(1)&lt;/script&gt; <html>",
    "*bold* _italic_ ~struck~ `code` ```block``` > quote",
    "[words](javascript:alert(1)) <https://evil.example|https://bank.example>",
)

HOSTILE_ADDRESSES = (
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    'https://evil.example/"onmouseover="alert(1)',
    "https://evil.example/|<!channel>",
    "https://evil.example/><!here>",
    "https://evil.example/ @karl",
    "mailto:@karl@social.example",
)


class Facts(NamedTuple):
    media: bool
    thread: bool
    corrected: bool
    warning: bool
    mention: bool
    long: bool
    bot: bool
    notice: bool


EVERY_COMBINATION = tuple(Facts(*values) for values in itertools.product((False, True), repeat=len(Facts._fields)))


def some_post(facts: Facts) -> Post:
    words: Text = from_plain("word " * 400 + LINK if facts.long else "" if facts.media else "Can everyone meet?")
    return replace(
        post((*words, Paragraph((Mention("U7", "Karl"), Str(" too")))) if facts.mention else words),
        author=Author(UserId("B1"), "Deploy bot", is_bot=True) if facts.bot else Author(UserId("U1"), "Lynn"),
        media=(PICTURE, Media("minutes.pdf")) if facts.media else (),
        warning="boats" if facts.warning else "",
        sensitive=facts.warning,
        audience=Audience.DIRECT if facts.notice else Audience.GROUP,
    )


def changes(facts: Facts) -> dict[str, Any]:
    return {
        "via": "" if facts.notice else "via {author}: {text}",
        "audience": Audience.DIRECT if facts.notice else Audience.GROUP,
        "parent": PARENT if facts.thread else None,
        "corrected": facts.corrected,
    }


@pytest.mark.scenario("A05")
async def test_every_permutation_renders_to_parts_that_say_something(rig: Rig) -> None:
    for facts in EVERY_COMBINATION:
        to = Destination(Place(ACCOUNT, DIRECT, UserId("karl@example.net"))) if facts.notice else rig.destination
        parts = rig.render(some_post(facts), to, **changes(facts))
        assert parts, facts
        assert all(part.body.strip() for part in parts), facts
        assert len({part.body for part in parts}) == len(parts), facts


@pytest.mark.scenario("A05")
@pytest.mark.parametrize("threaded", [False, True])
async def test_all_at_once_is_taken_by_the_platform(rig: Rig, threaded: bool) -> None:  # noqa: FBT001
    facts = Facts(media=True, thread=True, corrected=True, warning=True, mention=True, long=True, bot=True, notice=False)
    root = await rig.copy(unique("the root"))
    thread = Thread(root=root, parent=root) if threaded else Thread()
    how = changes(facts) | {"threaded": threaded}
    said = " ".join(one.text for one in await stand(rig, some_post(facts), thread, **how))
    for words in ("Deploy bot", "lake.jpg", "minutes.pdf", "The lake at dawn", "boats", "Karl", LINK):
        assert words in said


async def stand(rig: Rig, written: Post, thread: Thread | None = None, **how: Any) -> list[Standing]:
    """Render, send in order, and look at what stands; the parts thread as the engine threads them."""
    refs: list[Ref] = []
    base = thread or Thread()
    for part in rig.render(written, **how):
        belongs = Thread(base.root or (refs[0] if refs else None), base.parent, refs[-1] if refs else None)
        refs.append(await rig.send(part, unique("key").replace(" ", "-"), belongs))
    standing = {found.id: found for found in rig.sandbox.standing()}
    return [standing[ref.id] for ref in refs]


@pytest.mark.scenario("H05")
@pytest.mark.parametrize("length", [1_200, 10_000])
async def test_a_long_post_arrives_whole_in_order_with_its_link(rig: Rig, length: int) -> None:
    half = WORDS[: length // 2].rpartition(" ")[0]
    words = f"{half} {LINK} {half.upper()}"
    found = await stand(rig, post(words))
    said = " ".join(one.text for one in found).split()
    assert [word for word in said if re.fullmatch(r"(?i)word\d+|https:.*", word)] == words.split()
    assert "via Lynn:" in found[0].text
    assert all(one.audience is Audience.GROUP for one in found)
    assert [one.reply_to for one in found[1:]].count(None) == 0


async def test_rich_text_reaches_the_platform_with_all_its_words(rig: Rig) -> None:
    words: Text = (
        Paragraph((Str("See "), Link(LINK, (Str("the minutes"),)), Str(" & 1 < 2"))),
        CodeBlock("if a < b && c:\n    return '&lt;'"),
    )
    [found] = await stand(rig, post(words))
    for piece in ("the minutes", LINK, "& 1 < 2", "if a < b && c:", "    return '&lt;'"):
        assert piece in found.text, piece


@pytest.mark.scenario("G05")
@pytest.mark.scenario("H04")
@pytest.mark.parametrize("words", HOSTILE)
async def test_what_another_platform_wrote_is_never_live(rig: Rig, words: str) -> None:
    live = LIVE.get(rig.manifest.platform)
    assert live, "say in LIVE what would be live on this platform"
    written = post((*from_plain(words), Paragraph((Link(LINK, (Str(words),)), Mention("U1", words))), CodeBlock(words)))
    for found in await stand(rig, replace(written, author=Author(UserId("U1"), words))):
        assert not re.search(live, found.native), found.native
        assert found.audience is Audience.GROUP


@pytest.mark.scenario("H04")
@pytest.mark.parametrize("url", HOSTILE_ADDRESSES)
async def test_a_hostile_address_is_never_live(rig: Rig, url: str) -> None:
    for label in ((), (Str("the minutes"),)):
        for found in await stand(rig, post((Paragraph((Link(url, label), Str(" is what they sent"))),))):
            assert not re.search(LIVE[rig.manifest.platform], found.native), found.native
            assert "is what they sent" in found.text


@pytest.mark.scenario("G05")
async def test_hostile_names_and_files_are_never_live(rig: Rig) -> None:
    live = LIVE[rig.manifest.platform]
    for words in HOSTILE:
        written = replace(post("hello"), media=(Media(words, alt=words),), warning=words)
        context: dict[str, Any] = {"parent": replace(PARENT, author=words, line=words), "subject": words}
        for found in await stand(rig, written, **context):
            assert not re.search(live, found.native), found.native


async def test_a_name_with_line_breaks_stays_in_its_line(rig: Rig) -> None:
    words = unique("hello")
    [found] = await stand(rig, post(words, name="Lynn\r\nBcc: everyone@example.org\n\nX"))
    assert f": {words}" in found.text
    assert not re.search(r"(?m)^Bcc:", found.native)


@pytest.mark.scenario("K01")
@pytest.mark.parametrize("audience", [Audience.GROUP, Audience.UNLISTED, Audience.PUBLIC])
async def test_a_copy_is_never_wider_than_it_was_told(rig: Rig, audience: Audience) -> None:
    for found in await stand(rig, post(unique("for whom"), audience=Audience.PUBLIC), audience=audience):
        assert found.audience <= audience


@pytest.mark.scenario("H05")
@given(text=texts, name=some_words, facts=st.sampled_from(EVERY_COMBINATION))
@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_text_renders_the_same_each_time(rig: Rig, text: Text, name: str, facts: Facts) -> None:
    written = replace(some_post(facts), text=text, author=Author(UserId("U1"), name))
    to = Destination(Place(ACCOUNT, DIRECT, UserId("karl@example.net"))) if facts.notice else rig.destination
    parts = rig.render(written, to, **changes(facts))
    assert parts
    assert all(part.body.strip() for part in parts)
    assert parts == rig.render(written, to, **changes(facts))
