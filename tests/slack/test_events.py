"""By what name an event is kept, what is an edit, and what is told of the workspace itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.changes import REMOVED, REVOKED, Change, changes_of
from adapters.slack.events import key_of, revision_of
from bridge.post import Raw
from tests.slack.desk import PATIENT, TEAM

TS, LATER, LATEST = "1700000000.000100", "1700000005.000000", "1700000009.000000"
SAID = {"type": "message", "channel": "C1", "user": "U1", "text": "hi", "ts": TS}


def named(event: Any, event_id: str = "Ev1") -> str:
    return key_of({"type": "event_callback", "team_id": "T1", "event_id": event_id, "event": event}, b"x")


def changed(message: dict[str, Any], previous: dict[str, Any] | None = None) -> dict[str, Any]:
    event = {"type": "message", "subtype": "message_changed", "channel": "C1", "ts": LATEST, "event_ts": LATEST}
    return {**event, "message": message, **({"previous_message": previous} if previous is not None else {})}


@pytest.mark.scenario("C01")
def test_one_message_under_eleven_event_ids_has_one_name() -> None:
    assert {named(SAID, f"Ev{number}") for number in range(11)} == {f"C1:{TS}:created"}


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message", "bot_message"])
def test_what_is_said_has_one_name_whatever_its_subtype(subtype: str) -> None:
    assert named({**SAID, "subtype": subtype}) == named(SAID)


def test_each_edit_has_a_name_of_its_own_and_a_deletion_one() -> None:
    first, second = ({**SAID, "text": text, "edited": {"ts": at}} for text, at in (("ho", LATER), ("hu", LATEST)))
    grave = {"ts": TS, "subtype": "tombstone"}
    assert named(changed(first, SAID)) == f"C1:{TS}:edited:{LATER}"
    assert named(changed(second, first)) == f"C1:{TS}:edited:{LATEST}"
    gone = {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": TS}
    assert named(gone) == named(changed(grave, SAID)) == f"C1:{TS}:deleted"


@pytest.mark.parametrize(
    "event", [{"type": "app_uninstalled"}, {"type": "message"}, changed(SAID, SAID), changed({}), "text", None]
)
def test_what_is_said_of_no_message_is_named_by_its_event_id(event: Any) -> None:
    assert named(event) == "T1:Ev1"
    assert named(event, "Ev2") == "T1:Ev2"


@PATIENT
@given(st.dictionaries(st.sampled_from(["team_id", "event_id", "event"]), st.text() | st.integers()), st.binary())
def test_every_name_can_be_stored(callback: dict[str, Any], body: bytes) -> None:
    name = key_of(callback, body)
    assert 0 < len(name) <= 200
    assert name.isascii()
    assert name.isprintable()


@pytest.mark.parametrize(
    ("message", "previous", "revision"),
    [
        ({**SAID, "edited": {"ts": LATER}, "text": "ho"}, SAID, LATER),
        ({**SAID, "edited": {"ts": LATER}}, None, LATER),
        ({**SAID, "attachments": [{}]}, SAID, ""),
        ({**SAID, "edited": {"ts": LATER}, "attachments": [{}]}, {**SAID, "edited": {"ts": LATER}}, ""),
        ({**SAID, "edited": {"ts": LATER}}, {**SAID, "edited": {"ts": LATEST}}, ""),
        ({**SAID, "reply_count": 1}, {**SAID, "reply_count": 2}, ""),
        ({**SAID, "text": "ho"}, SAID, LATEST),
        ({**SAID, "edited": {"ts": LATER}, "text": "ho"}, {**SAID, "edited": {"ts": LATER}}, LATER),
        ({**SAID, "files": [{"id": "F1", "mode": "tombstone"}]}, {**SAID, "files": [{"id": "F1"}]}, LATEST),
        ({**SAID, "thread_ts": TS}, {**SAID, "thread_ts": LATER}, ""),
    ],
)
def test_only_what_says_something_else_is_an_edit(message: Any, previous: Any, revision: str) -> None:
    assert revision_of(changed(message, previous)) == revision


@pytest.mark.parametrize(
    ("event", "change"),
    [
        ({"type": "app_uninstalled"}, Change(departed=REMOVED)),
        ({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}}, None),
        ({"type": "tokens_revoked", "tokens": {"bot": ["U0BOT"]}}, Change(departed=REVOKED, tokens=frozenset({"U0BOT"}))),
        ({"type": "tokens_revoked"}, Change(departed=REVOKED)),
        ({"type": "user_change", "user": {"id": "U1", "name": "x"}}, Change(user="U1", profile={"id": "U1", "name": "x"})),
        ({"type": "channel_rename", "channel": {"id": "C1", "name": "new"}}, Change("C1", "channel_rename")),
        ({"type": "channel_archive", "channel": "C1"}, Change("C1", "channel_archive")),
        (
            {"type": "member_joined_channel", "channel": "C1", "user": "U1"},
            Change("C1", "member_joined_channel", "U1"),
        ),
        ({"type": "message", "subtype": "channel_convert_to_private", "channel": "C1"}, Change(channel="C1")),
        ({"type": "message", "text": "app_uninstalled", "channel": "C1"}, None),
        ([], None),
    ],
)
def test_what_is_told_of_the_workspace_itself_is_understood(event: Any, change: Change | None) -> None:
    body = json.dumps({"type": "event_callback", "event": event}).encode()
    assert list(changes_of(Raw(TEAM, "k", body, datetime.now(UTC)))) == ([change] if change else [])


def test_a_changed_channel_id_makes_both_be_asked_about_again() -> None:
    event = {"type": "channel_id_changed", "old_channel_id": "G1", "new_channel_id": "C1"}
    body = json.dumps({"event": event}).encode()
    assert list(changes_of(Raw(TEAM, "k", body, datetime.now(UTC)))) == [
        Change("G1", "channel_id_changed"),
        Change("C1", "channel_id_changed"),
    ]
