"""Statuses as events: whose, where, for whom, and without the address at their head."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mastodon.identity import Identity
from adapters.mastodon.parse import parse
from bridge.errors import Unparsable
from bridge.post import AccountId, Audience, Created, Deleted, Edited, Ignored, Own, Raw, UserId
from bridge.text import plain, to_json

unhurried = settings(deadline=None)  # a busy machine is no counter-example
ME = Identity(AccountId("allhands"), UserId("1"), "allhands", "social.example")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
CARD = '<span class="h-card"><a href="https://social.example/@{0}" class="u-url mention">@<span>{0}</span></a></span>'
MENTION_ME = CARD.format("allhands")
MENTION_KARL = CARD.format("karl")
PEOPLE = {
    "allhands": {"id": "1", "username": "allhands", "acct": "allhands", "url": "https://social.example/@allhands"},
    "karl": {"id": "3", "username": "karl", "acct": "karl", "url": "https://social.example/@karl"},
    "lynn": {
        "id": "2",
        "username": "MissLynn13",
        "acct": "MissLynn13@far.example",
        "display_name": "Lynn",
        "url": "https://far.example/@l",
    },
}


def status(
    content: str, by: str = "lynn", visibility: str = "direct", to: tuple[str, ...] = ("allhands",), **more: object
) -> dict[str, object]:
    return {
        "id": "100",
        "account": PEOPLE[by],
        "content": content,
        "visibility": visibility,
        "created_at": "2026-11-22T10:00:00.000Z",
        "mentions": [PEOPLE[name] for name in to],
        **more,
    }


def read(data: Mapping[str, object], kind: str = "create") -> object:
    [event] = parse(Raw(ME.account, "status:100", json.dumps({"kind": kind, "status": data}).encode(), NOW), ME)
    return event


def text_of(data: Mapping[str, object]) -> str:
    event = read(data)
    assert isinstance(event, Created)
    return plain(event.post.text)


@pytest.mark.scenario("A07")
@pytest.mark.parametrize(
    ("content", "left"),
    [
        (f"<p>{MENTION_ME} Can everyone meet @ 2pm?</p>", "Can everyone meet @ 2pm?"),
        (f"<p>{MENTION_ME}<br>Can everyone meet?</p>", "Can everyone meet?"),
        (f"<p>{MENTION_ME}: lunch</p>", "lunch"),
        (f"<p>{MENTION_ME} {MENTION_ME} twice</p>", "twice"),
        (f"<p>{MENTION_ME}</p><p>Below</p>", "Below"),
        ("<p>@allhands typed</p>", "typed"),
        ("<p>@AllHands@Social.Example typed in full</p>", "typed in full"),
        (f"<p>{MENTION_KARL} {MENTION_ME} both</p>", "@karl both"),
        (f"<p>{MENTION_ME} ask {MENTION_KARL}</p>", "ask @karl"),
        (f"<p>Thanks, {MENTION_ME}!</p>", "Thanks, @allhands!"),
        ("<p>@allhandsome is no address</p>", "@allhandsome is no address"),
        ("<p>@allhands@elsewhere.example is somebody else</p>", "@allhands@elsewhere.example is somebody else"),
    ],
)
def test_only_the_leading_mention_of_the_account_is_removed(content: str, left: str) -> None:
    assert text_of(status(content, to=("allhands", "karl"))) == left


@pytest.mark.scenario("A07")
def test_a_direct_message_stands_in_the_conversation_with_its_author() -> None:
    event = read(status(f"<p>{MENTION_ME} hi</p>"))
    assert isinstance(event, Created)
    assert str(event.post.ref) == "allhands/@direct/2#100"
    assert event.post.audience is Audience.DIRECT
    assert event.own is Own.NO
    assert not event.post.gated
    assert event.post.author.name == "Lynn"
    assert {"2", "@MissLynn13@far.example", "MissLynn13@far.example"} <= set(event.post.author.handles)


def test_a_local_author_is_known_by_the_full_handle_too() -> None:
    event = read(status("<p>hi</p>", by="karl"))
    assert isinstance(event, Created)
    assert {"3", "karl", "@karl", "@karl@social.example"} <= set(event.post.author.handles)
    assert event.post.author.name == "karl"


@pytest.mark.scenario("A10")
@pytest.mark.parametrize(
    ("visibility", "audience"), [("public", Audience.PUBLIC), ("unlisted", Audience.UNLISTED), ("private", Audience.GROUP)]
)
def test_what_the_account_posts_stands_on_its_timeline(visibility: str, audience: Audience) -> None:
    event = read(status("<p>hi</p>", by="allhands", visibility=visibility, to=()))
    assert isinstance(event, Created)
    assert (str(event.post.ref.place), event.own, event.post.audience) == ("allhands/timeline", Own.PERHAPS, audience)
    assert event.post.gated


def test_what_the_account_writes_directly_stands_with_its_reader() -> None:
    event = read(status(f"<p>{MENTION_KARL} hi</p>", by="allhands", to=("karl",)))
    assert isinstance(event, Created)
    assert (str(event.post.ref.place), event.own) == ("allhands/@direct/3", Own.PERHAPS)


def test_a_followers_answer_stands_on_the_timeline_and_names_what_it_answers() -> None:
    event = read(status(f"<p>{MENTION_ME} yes</p>", visibility="private", in_reply_to_id="99"))
    assert isinstance(event, Created)
    assert str(event.post.ref.place) == "allhands/timeline"
    assert str(event.post.reply_to) == "allhands/timeline#99"
    assert plain(event.post.text) == "yes"


def test_a_boost_is_ignored() -> None:
    assert isinstance(read(status("", by="allhands", to=(), reblog=status("<p>x</p>"))), Ignored)


def test_other_peoples_posts_are_ignored() -> None:
    assert isinstance(read(status("<p>lunch</p>", visibility="public", to=("karl",))), Ignored)


def test_an_edit_has_its_time_as_revision() -> None:
    event = read(status("<p>new</p>", edited_at="2026-11-22T10:05:00.000Z"), "edit")
    assert isinstance(event, Edited)
    assert event.revision == "2026-11-22T10:05:00.000Z"
    assert event.at == datetime(2026, 11, 22, 10, 5, tzinfo=UTC)


def test_an_update_that_edits_nothing_is_ignored() -> None:
    assert isinstance(read(status("<p>new</p>", edited_at=None, card={"title": "looked up"}), "edit"), Ignored)


@pytest.mark.parametrize("kind", ["create", "edit", "delete"])
def test_what_should_never_have_stood_is_nobodys_post(kind: str) -> None:
    told = status("<p>x</p>", by="allhands", to=(), edited_at="2026-11-22T10:05:00.000Z")
    body = json.dumps({"kind": kind, "id": "100", "status": told}).encode()
    assert parse(Raw(ME.account, "k", body, NOW), ME, {"100"}) == (Ignored("k", "own-rejected"),)
    assert not isinstance(parse(Raw(ME.account, "k", body, NOW), ME, {"101"})[0], Ignored)


def test_a_deletion_names_the_status() -> None:
    [event] = parse(Raw(ME.account, "status:7:delete", b'{"kind": "delete", "id": "7"}', NOW), ME)
    assert isinstance(event, Deleted)
    assert (str(event.ref), event.own) == ("allhands/timeline#7", Own.PERHAPS)


def test_warning_language_and_named_media_come_along() -> None:
    media = {"type": "image", "url": "https://files.example/lake%20view.png", "description": " The lake "}
    event = read(status("<p>x</p>", spoiler_text="boats", sensitive=True, language="de", media_attachments=[media]))
    assert isinstance(event, Created)
    [found] = event.post.media
    assert (event.post.warning, event.post.sensitive, event.post.language) == ("boats", True, "de")
    assert (found.name, found.mime, found.alt) == ("lake view.png", "image/png", "The lake")


def test_a_mentioned_person_is_named_by_id() -> None:
    event = read(status(f"<p>{MENTION_ME} <strong>{MENTION_KARL}</strong></p>", to=("allhands", "karl")))
    assert isinstance(event, Created)
    assert to_json(event.post.text) == [["p", ["b", ["at", "3", "karl"]]]]


def test_an_unknown_visibility_is_held_not_guessed() -> None:
    with pytest.raises(Unparsable):
        read(status("<p>x</p>", visibility="limited"))


@pytest.mark.parametrize("tag", ["blockquote", "span", "b", "ul"])
@pytest.mark.parametrize("depth", [50, 300, 50_000])
def test_html_nested_beyond_reason_is_held_never_emptied(tag: str, depth: int) -> None:
    try:
        event = read(status(f"<{tag}>" * depth + "deep"))
    except Unparsable:
        assert depth > 50
        return
    assert isinstance(event, Created)
    assert plain(event.post.text).endswith("deep")


@unhurried
@given(st.text())
def test_any_content_is_read_without_complaint(content: str) -> None:
    assert isinstance(read(status(content)), Created)


JSON = st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@unhurried
@given(st.binary() | JSON.map(lambda data: json.dumps(data).encode()))
def test_anything_else_is_unparsable(body: bytes) -> None:
    with pytest.raises(Unparsable):
        parse(Raw(ME.account, "k", body, NOW), ME)
