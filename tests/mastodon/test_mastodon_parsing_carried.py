"""What statuses carry beside their text (polls, quotes, boosts), and the many ways in which servers write a name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mastodon.identity import AUDIENCES, Identity
from adapters.mastodon.parse import parse
from adapters.mastodon.reading import quoted_address, read_text
from bridge.errors import Unparsable
from bridge.post import AccountId, Created, Edited, Event, Ignored, Own, Raw, UserId
from bridge.text import from_json, is_blank, plain, to_json

ME = Identity(AccountId("allhands"), UserId("1"), "allhands", "social.example")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
PEOPLE = {
    "allhands": {"id": "1", "username": "allhands", "acct": "allhands", "url": "https://social.example/@allhands"},
    "karl": {
        "id": "3",
        "username": "karl",
        "acct": "karl@far.example",
        "url": "https://far.example/@karl",
        "display_name": "Karl",
    },
}
POLL = {
    "expires_at": "2026-11-23T10:00:00.000Z",
    "expired": False,
    "multiple": False,
    "votes_count": 0,
    "options": [{"title": "Yes", "votes_count": 0}, {"title": "No \n thanks", "votes_count": 0}],
}
PAGE = "https://social.example/@allhands/100"


def status(
    content: str, by: str = "allhands", visibility: str = "private", to: tuple[str, ...] = (), **more: object
) -> dict[str, object]:
    return {
        "id": "100",
        "url": PAGE,
        "account": PEOPLE[by],
        "content": content,
        "visibility": visibility,
        "created_at": "2026-11-22T10:00:00.000Z",
        "mentions": [PEOPLE[name] for name in to],
        **more,
    }


def read(data: Mapping[str, object], kind: str = "create") -> Event | Ignored:
    [event] = parse(Raw(ME.account, "k", json.dumps({"kind": kind, "status": data}).encode(), NOW), ME)
    return event


def words(data: Mapping[str, object]) -> str:
    event = read(data)
    assert isinstance(event, Created)
    return plain(event.post.text)


# ---------------------------------------------------------------- polls


@pytest.mark.scenario("H09")
@pytest.mark.parametrize(
    ("changes", "options", "line"),
    [
        ({}, "- Yes\n- No thanks", f"vote: {PAGE} until 2026-11-23 10:00 UTC"),
        ({"multiple": True}, "- Yes\n- No thanks", f"vote (several answers): {PAGE} until 2026-11-23 10:00 UTC"),
        ({"expires_at": None}, "- Yes\n- No thanks", f"vote: {PAGE}"),
        (
            {"votes_count": 4, "options": [{"title": "Yes", "votes_count": 3}, {"title": "No", "votes_count": 1}]},
            "- Yes: 3 votes\n- No: 1 vote",
            f"vote: {PAGE} until 2026-11-23 10:00 UTC",
        ),
        (
            {"votes_count": 4, "options": [{"title": "Yes", "votes_count": None}, {"title": "No"}]},
            "- Yes\n- No",
            f"vote: {PAGE} until 2026-11-23 10:00 UTC",
        ),
        ({"expired": True}, "- Yes: 0 votes\n- No thanks: 0 votes", "The poll is closed."),
    ],
)
def test_a_poll_is_readable_and_leads_to_where_one_votes(changes: dict[str, object], options: str, line: str) -> None:
    assert words(status("<p>Lake?</p>", poll=POLL | changes)) == f"Lake?\n\n{options}\n\n{line}"


@pytest.mark.scenario("H09")
def test_a_poll_in_a_direct_message_has_no_address_that_others_could_not_open() -> None:
    said = words(status("<p>@allhands Lake?</p>", by="karl", visibility="direct", to=("allhands",), poll=POLL))
    assert said == "Lake?\n\n- Yes\n- No thanks\n\nA poll until 2026-11-23 10:00 UTC."


@pytest.mark.scenario("H09")
def test_the_result_of_a_poll_is_an_edit_of_its_post() -> None:
    event = read(status("<p>Lake?</p>", poll=POLL | {"expired": True}), "poll")
    assert isinstance(event, Edited)
    assert (event.revision, event.own) == ("poll:2026-11-23T10:00:00.000Z", Own.PERHAPS)
    assert "Yes: 0 votes" in plain(event.post.text)


def test_a_poll_that_is_none_is_held() -> None:
    with pytest.raises(Unparsable):
        read(status("<p>x</p>", poll={"options": 3}))


# ---------------------------------------------------------------- quotes

INLINE = '<p class="quote-inline">RE: <a href="https://far.example/@karl/7"><span class="invisible">https://</span>far…</a></p>'


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"quote": {"state": "accepted", "quoted_status": {"url": "https://far.example/@karl/7"}}},
            "RE: https://far.example/@karl/7",
        ),
        ({"quote": {"state": "pending", "quoted_status": None}}, "RE: https://far.example/@karl/7"),
        ({"quote": {"state": "revoked", "quoted_status": None}}, ""),
        ({"quote": {"state": "deleted"}}, ""),
        ({"quote": None}, "RE: https://far.example/@karl/7"),
        ({}, "RE: https://far.example/@karl/7"),
    ],
)
def test_a_quoted_post_is_named_once_unless_it_was_taken_back(more: dict[str, object], said: str) -> None:
    assert words(status(f"{INLINE}<p>so true</p>", **more)) == "\n\n".join(filter(None, ("so true", said)))


# ---------------------------------------------------------------- boosts


def boost(
    visibility: str = "public", original: str = "public", by: str = "allhands", of: str = "karl", **more: object
) -> dict[str, object]:
    inner = status("<p>rain at <b>noon</b></p>", by=of, visibility=original, url="https://far.example/@karl/7", id="7") | more
    return status("", by=by, visibility=visibility, reblog=inner)


def test_what_the_account_boosts_is_told_with_its_author_and_address() -> None:
    event = read(boost(spoiler_text="weather", sensitive=True, language="de"))
    assert isinstance(event, Created)
    post = event.post
    assert plain(post.text) == "🔁 Karl (@karl@far.example): rain at noon\n\nhttps://far.example/@karl/7"
    assert (post.warning, post.sensitive, post.language) == ("weather", True, "de")
    assert (str(post.ref), post.author.user, event.own, post.gated) == ("allhands/timeline#100", "1", Own.PERHAPS, True)


@pytest.mark.scenario("K01")
@pytest.mark.parametrize("visibility", [*AUDIENCES])
@pytest.mark.parametrize("original", [*AUDIENCES])
def test_a_boost_is_for_nobody_beyond_the_original_and_never_of_a_private_post(visibility: str, original: str) -> None:
    event = read(boost(visibility, original))
    if original in ("private", "direct") or visibility == "direct":
        assert isinstance(event, Ignored)
        return
    assert isinstance(event, Created)
    assert event.post.audience == min(AUDIENCES[visibility], AUDIENCES[original])


def test_a_boost_by_somebody_else_or_of_an_own_post_is_no_news() -> None:
    assert isinstance(read(boost(by="karl", of="allhands")), Ignored)
    assert isinstance(read(boost(of="allhands")), Ignored)


def test_a_long_boosted_post_is_begun_and_its_address_whole() -> None:
    said = words(boost(content=f"<p>{'word ' * 200}</p><p><a href='https://a.example/x'>x</a></p>"))
    assert len(said) < 400
    assert said.endswith("\n\n…\n\nhttps://far.example/@karl/7")


def test_a_boosted_post_without_words_still_says_whose_it_is() -> None:
    assert words(boost(content="")) == "🔁 Karl (@karl@far.example)\n\nhttps://far.example/@karl/7"


# ---------------------------------------------------------------- names

CARD = '<span class="h-card"><a href="{0}" class="u-url mention">@<span>{1}</span></a></span>'
CARD_ME = CARD.format("https://social.example/@allhands", "allhands")
CARD_KARL = CARD.format("https://far.example/@karl", "karl")


@pytest.mark.scenario("A07")
@pytest.mark.scenario("A10")
@pytest.mark.parametrize(
    ("content", "left"),
    [
        (f"<p>{CARD.format('https://social.example/users/allhands', 'allhands')} by actor</p>", "by actor"),
        (f"{CARD.format('https://social.example/@allhands', 'allhands@social.example')}<br/>by full name", "by full name"),
        ("<p>@<a class='mention' href='https://social.example/@allhands'>allhands</a>: sign outside</p>", "sign outside"),
        ("<p><a href='https://social.example/@allhands'>@allhands</a>, a mere link</p>", "a mere link"),
        (f"<p>{CARD_ME} - dash</p>", "dash"),
        (f"<p>{CARD_ME} -5 degrees</p>", "-5 degrees"),
        (f"<p>{CARD_ME}; after it</p>", "after it"),
        (f"<p>{CARD_ME} <br> <br>below</p>", "below"),
        ("<p> @allhands typed</p>", "typed"),
        ("<p>@allhands@SOCIAL.example, @allhands twice</p>", "twice"),
        (f"<p>{CARD_KARL}, {CARD_ME}: both</p>", "@karl, both"),
        (f"<p>{CARD_ME}, {CARD_KARL}: both</p>", "@karl: both"),
        (f"<p>{CARD_KARL} and {CARD_ME} are in the sentence</p>", "@karl and @allhands are in the sentence"),
        (f"<p>{CARD.format('https://else.example/@allhands', 'allhands')} a namesake</p>", "@allhands a namesake"),
        ("<p>@allhands line<br>two <a href='https://a.example/b'>c</a></p>", "line\ntwo c (https://a.example/b)"),
    ],
)
def test_the_address_at_the_head_goes_however_a_server_writes_it(content: str, left: str) -> None:
    assert words(status(content, by="karl", visibility="direct", to=("allhands", "karl"))) == left


@pytest.mark.scenario("A09")
@pytest.mark.parametrize("content", ["<p>@allhands</p>", f"<p>{CARD_ME}</p>", ""])
def test_a_message_that_only_names_the_account_is_empty(content: str) -> None:
    event = read(status(content, by="karl", visibility="direct", to=("allhands",)))
    assert isinstance(event, Created)
    assert is_blank(event.post.text)


@pytest.mark.parametrize(("moved", "has"), [(None, False), ({"id": "9", "acct": "karl@new.example"}, True)])
def test_a_writer_who_moved_is_known_to_have(moved: object, has: bool) -> None:  # noqa: FBT001
    data = status("<p>hi</p>", by="karl", visibility="direct", to=("allhands",))
    event = read(data | {"account": PEOPLE["karl"] | {"moved": moved, "bot": True}})
    assert isinstance(event, Created)
    assert (event.post.author.moved, event.post.author.is_bot) == (has, True)


@pytest.mark.scenario("H10")
@pytest.mark.parametrize("content", ["<p>:lake:</p>", "<p>🎉</p>", '<p><img alt=":lake:" src="x"></p>', "<p>:a::b: 12:30</p>"])
def test_a_message_of_emoji_alone_is_not_empty(content: str) -> None:
    assert words(status(content)) != ""


# ---------------------------------------------------------------- hostile

AROUND = ("b", "span", "ul", "ol", "li", "blockquote", "p", "table", "td", "h2", "div", "details")
TAGS = (*AROUND, "br", "a", "pre", "code", "tr", "script", "style", "img", "template", "svg", "textarea", "iframe", "form")
CLASSES = (
    "",
    ' class="mention"',
    ' class="invisible"',
    ' class="quote-inline"',
    ' href="https://a.example/"',
    ' href="http://[::bad"',
)
MARKUP = st.lists(
    st.builds("<{}{}>".format, st.sampled_from(TAGS), st.sampled_from(CLASSES))
    | st.sampled_from(TAGS).map("</{}>".format)
    | st.sampled_from(
        ("@", "#", "&#0;", "&#xD800;", "&amp;lt;", "<!--", "-->", "<![CDATA[", "<?xml", "]]>", "<", '"', "\n", "@allhands", "x")
    )
).map("".join)


@settings(deadline=None, max_examples=300)
@given(MARKUP)
def test_hostile_markup_is_read_or_unparsable(markup: str) -> None:
    try:
        text = read_text(markup)
        quoted_address(markup)
    except Unparsable:
        return
    assert from_json(json.loads(json.dumps(to_json(text)))) == text
    assert isinstance(read(status(markup)), Created)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text("abcxyz", min_size=1, max_size=6), min_size=1), st.sampled_from(AROUND))
def test_no_word_is_lost_or_doubled_whatever_stands_around_it(vocabulary: list[str], tag: str) -> None:
    markup = "".join(f"<{tag}><span>{word}</span></{tag}> " for word in vocabulary)
    said = plain(read_text(markup)).replace("- ", " ").replace("> ", " ")
    assert "".join(word for word in said.split() if not word.rstrip(".").isdigit()) == "".join(vocabulary)
