"""What Slack's events mean: the shapes are Slack's own, the identity is ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.changes import changes_of
from adapters.slack.parse import Identity, parse, read_text
from bridge.errors import Unparsable
from bridge.post import (
    Audience,
    Created,
    Deleted,
    Edited,
    Event,
    Ignored,
    NativeId,
    Own,
    Place,
    PlaceId,
    Raw,
    Ref,
    UserId,
    direct,
)
from bridge.text import plain
from tests.slack.desk import PATIENT, TEAM
from tests.strategies import json_like

US = Identity(TEAM, "U0VIABRIDGE", "B0VIABRIDGE", {"D0KARL00001": "U0KARL00001"})
LYNN = {"type": "message", "user": "U0LYNN00001", "text": "hi", "ts": "1700000000.000100"}
OURS = {**LYNN, "user": "U0VIABRIDGE", "bot_id": "B0VIABRIDGE", "app_id": "A0VIABRIDGE"}
PLACE = Place(TEAM, PlaceId("C1"))


def said(event: Any, **around: Any) -> Event | Ignored:
    callback = {
        "type": "event_callback",
        "team_id": "T1",
        "api_app_id": "A0VIABRIDGE",
        "event_id": "Ev1",
        "event": event,
        **around,
    }
    (found,) = parse(Raw(TEAM, "T1:Ev1", json.dumps(callback).encode(), datetime.now(UTC)), US)
    return found


def message(**more: Any) -> Event | Ignored:
    return said({**LYNN, "channel": "C1", "channel_type": "channel", "event_ts": "1700000000.000100", **more})


def changed(new: Any, old: Any) -> Event | Ignored:
    event = {"type": "message", "subtype": "message_changed", "channel": "C1", "ts": "1700000009.000000", "message": new}
    return said({**event, "previous_message": old})


def test_a_message_is_a_post_of_its_channel() -> None:
    found = message(thread_ts="1690000000.000000")
    assert isinstance(found, Created)
    assert found.ref == Ref(PLACE, NativeId("1700000000.000100"))
    assert found.post.reply_to == Ref(PLACE, NativeId("1690000000.000000"))
    assert found.at == datetime(2023, 11, 14, 22, 13, 20, 100, UTC)
    assert (found.own, found.post.audience, found.post.gated) == (Own.NO, Audience.GROUP, True)


def test_the_first_message_of_a_thread_answers_nothing() -> None:
    found = message(thread_ts=LYNN["ts"])
    assert isinstance(found, Created)
    assert found.post.reply_to is None


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message", "bot_message"])
def test_these_subtypes_are_posts(subtype: str) -> None:
    assert isinstance(message(subtype=subtype), Created)


@pytest.mark.parametrize("subtype", ["channel_join", "channel_topic", "pinned_item", "something_new"])
def test_other_subtypes_are_ignored_with_a_reason(subtype: str) -> None:
    assert message(subtype=subtype) == Ignored("T1:Ev1", f"message subtype: {subtype}")


def test_other_events_are_ignored_with_a_reason() -> None:
    assert said({"type": "reaction_added"}) == Ignored("T1:Ev1", "not a message: reaction_added")


def test_a_channel_that_another_company_shares_is_not_listened_to_but_deletions_are_told() -> None:
    here = {**LYNN, "channel": "C1", "channel_type": "channel"}
    edit = {"type": "message", "subtype": "message_changed", "channel": "C1", "ts": "2.0", "previous_message": LYNN}
    edit["message"] = {**LYNN, "edited": {"ts": "1700000008.000000"}}
    for event in (here, edit):
        assert said(event, is_ext_shared_channel=True) == Ignored("T1:Ev1", "channel-shared")
        assert not isinstance(said(event, is_ext_shared_channel=False), Ignored)
    gone = {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": LYNN["ts"], "ts": "1700000009.000000"}
    assert isinstance(said({**gone, "previous_message": LYNN}, is_ext_shared_channel=True), Deleted)


@pytest.mark.parametrize(
    ("event", "shared", "channel"),
    [
        ({"type": "channel_shared", "channel": "C1"}, False, "C1"),
        ({"type": "channel_unshared", "channel": "C1"}, False, "C1"),
        ({"type": "message", "channel": "C1"}, True, "C1"),
        ({"type": "message", "channel": "C1"}, False, ""),
        ({"type": "channel_shared", "channel": ["C1"]}, False, ""),
        ("channel_shared", True, ""),
    ],
)
def test_what_tells_of_a_channels_sharing_is_known(event: Any, shared: bool, channel: str) -> None:  # noqa: FBT001 - a case
    body = json.dumps({"type": "event_callback", "event": event, "is_ext_shared_channel": shared}).encode()
    assert [change.channel for change in changes_of(Raw(TEAM, "k", body, datetime.now(UTC)))] == ([channel] if channel else [])


def test_files_are_named_with_their_alt_text() -> None:
    found = message(
        subtype="file_share", files=[{"id": "F1", "name": "a.png", "mimetype": "image/png", "size": 3, "alt_txt": "A"}]
    )
    assert isinstance(found, Created)
    (media,) = found.post.media
    assert (media.name, media.mime, media.size, media.alt, media.source) == ("a.png", "image/png", 3, "A", "F1")


def test_an_edit_is_told_by_its_edited_time_and_named_by_the_messages_own_ts() -> None:
    found = changed({**LYNN, "text": "ho", "edited": {"ts": "1700000008.000000"}}, LYNN)
    assert isinstance(found, Edited)
    assert (found.ref.id, found.revision, plain(found.post.text)) == (LYNN["ts"], "1700000008.000000", "ho")


@pytest.mark.parametrize("edited", [{}, {"edited": {"user": "U1", "ts": "1700000005.000000"}}])
def test_an_unfurled_link_is_no_edit(edited: dict[str, Any]) -> None:
    assert isinstance(changed({**LYNN, **edited, "attachments": [{}]}, {**LYNN, **edited}), Ignored)


def test_a_tombstone_is_a_deletion() -> None:
    found = changed({**LYNN, "subtype": "tombstone", "user": "USLACKBOT", "hidden": True}, LYNN)
    assert isinstance(found, Deleted)
    assert found.ref == Ref(PLACE, NativeId(LYNN["ts"]))


@pytest.mark.parametrize(("previous", "own"), [(LYNN, Own.NO), (OURS, Own.SURELY)])
def test_deletions_are_heard_of_people_and_of_our_own_posts(previous: dict[str, str], own: Own) -> None:
    event = {
        "type": "message",
        "subtype": "message_deleted",
        "channel": "C1",
        "deleted_ts": LYNN["ts"],
        "ts": "1700000009.000000",
    }
    found = said({**event, "event_ts": "1700000009.000000", "previous_message": previous})
    assert isinstance(found, Deleted)
    assert (found.ref.id, found.own) == (LYNN["ts"], own)


@pytest.mark.parametrize(
    "more",
    [
        {"user": "U0VIABRIDGE"},
        {"user": None, "bot_id": "B0VIABRIDGE", "subtype": "bot_message", "username": "Karl"},
        {"user": "U9", "bot_id": "B9", "bot_profile": {"app_id": "A0VIABRIDGE"}},
        {"user": "U9", "bot_id": "B9", "app_id": "A0VIABRIDGE"},
    ],
)
def test_our_own_posts_are_known_by_user_bot_or_app(more: dict[str, Any]) -> None:
    found = message(**more)
    assert isinstance(found, Created)
    assert found.own is Own.SURELY


def test_our_own_posts_are_known_before_we_have_signed_in() -> None:
    callback = {
        "type": "event_callback", "team_id": "T1", "event": {**OURS, "channel": "C1"},
        "authorizations": [{"user_id": "U0VIABRIDGE", "is_bot": True}],
    }  # fmt: skip
    (found,) = parse(Raw(TEAM, "k", json.dumps(callback).encode(), datetime.now(UTC)), Identity(TEAM))
    assert isinstance(found, Created)
    assert found.own is Own.SURELY


def test_a_foreign_bot_is_a_bot_and_not_ours() -> None:
    found = message(user=None, bot_id="B9", subtype="bot_message", username="Deploys", app_id="A9")
    assert isinstance(found, Created)
    assert (found.own, found.post.author.is_bot, found.post.author.name) == (Own.NO, True, "Deploys")


def test_the_send_key_is_read_where_slack_kept_it() -> None:
    found = message(**OURS, metadata={"event_type": "viabridge", "event_payload": {"delivery_id": "k1"}})
    assert isinstance(found, Created)
    assert found.key == "k1"
    found = message(metadata={"event_type": "another_app", "event_payload": {"delivery_id": "k1"}})
    assert isinstance(found, Created)
    assert found.key == ""


@pytest.mark.parametrize(
    ("who", "channel", "person"),
    [(LYNN, "D0LYNN00001", "U0LYNN00001"), (OURS, "D0KARL00001", "U0KARL00001"), (OURS, "D9", "D9")],
)
def test_a_direct_message_stands_in_that_persons_place(who: dict[str, str], channel: str, person: str) -> None:
    found = message(**who, channel=channel, channel_type="im")
    assert isinstance(found, Created)
    assert found.ref.place == direct(TEAM, UserId(person))
    assert (found.post.audience, found.post.gated) == (Audience.DIRECT, False)


def test_an_author_nobody_looked_up_is_not_called_by_an_id() -> None:
    found = message()
    assert isinstance(found, Created)
    assert found.post.author.name == "someone"


def test_rich_text_is_preferred_to_its_fallback() -> None:
    leaf = {"type": "text", "text": "<b>", "style": {"bold": True}}
    section = {"type": "rich_text_section", "elements": [leaf]}
    found = message(text="fallback", blocks=[{"type": "rich_text", "elements": [section]}])
    assert isinstance(found, Created)
    assert plain(found.post.text) == "<b>"


@pytest.mark.scenario("H04")
def test_escaped_text_is_unescaped_once_and_never_comes_alive() -> None:
    assert plain(read_text("&lt;script&gt; &amp;lt;!channel&amp;gt;")) == "<script> &lt;!channel&gt;"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"\xff", b"[" * 100_000])
def test_what_is_no_event_is_unparsable(body: bytes) -> None:
    with pytest.raises(Unparsable):
        parse(Raw(TEAM, "k", body, datetime.now(UTC)), US)


@PATIENT
@given(json_like, json_like, st.sampled_from(["message_changed", "message_deleted", "", "bot_message"]))
def test_no_event_of_any_shape_raises_another_error(first: Any, second: Any, subtype: str) -> None:
    event = {**LYNN, "channel": "C1", "subtype": subtype, "message": first, "previous_message": second, "blocks": first}
    try:
        said({**event, "edited": second, "files": second, "user_profile": first, "deleted_ts": first})
    except Unparsable:
        return


@PATIENT
@given(st.text(alphabet="*_~`>| @#\nab1.•", max_size=200))
def test_no_mark_swallows_a_letter(native: str) -> None:
    assert [char for char in plain(read_text(native)) if char in "ab"] == [char for char in native if char in "ab"]
