"""Anything at all at `/slack/events`: unsigned it leaves no trace, signed it is kept, and never is the answer a fault of ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.adapter import SlackAdapter
from adapters.slack.settings import SlackSettings
from bridge.errors import Unparsable
from tests.slack.desk import PATIENT, TEAM, Box
from tests.slack.test_signature import call, signed

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
HEADERS = st.dictionaries(
    st.sampled_from(["X-Slack-Request-Timestamp", "X-Slack-Signature", "X-Slack-Retry-Num", "Content-Type"]),
    st.binary(max_size=40).filter(lambda value: not set(value) & set(b"\r\n\0")),
)
BODIES = st.binary(max_size=200) | VALUES.map(lambda value: json.dumps(value).encode())


def some(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An object with some of these keys, each mostly as it should be."""
    return st.fixed_dictionaries({}, optional={key: value | VALUES for key, value in known.items()})


TIMES = st.just("1700000000.000100")
MESSAGES = some(
    ts=TIMES,
    text=st.text(),
    subtype=st.sampled_from(["tombstone", "file_share", "bot_message"]),
    edited=some(ts=TIMES),
    files=st.lists(some(id=st.text(), mimetype=st.text(), url_private=st.text(), size=st.integers())),
    user=st.just("U1"),
    blocks=st.lists(some(type=st.just("rich_text"), elements=st.lists(some(type=st.text(), elements=VALUES)))),
)
EVENTS = some(
    type=st.sampled_from(["message", "app_uninstalled", "tokens_revoked", "user_change", "channel_rename"]),
    subtype=st.sampled_from(["message_changed", "message_deleted", "file_share"]),
    channel=st.just("C1"),
    ts=TIMES,
    event_ts=TIMES,
    deleted_ts=TIMES,
    message=MESSAGES,
    previous_message=MESSAGES,
    tokens=some(bot=st.lists(st.text())),
    user=some(id=st.text(), profile=VALUES),
)
CALLBACKS = some(
    event=EVENTS | MESSAGES, team_id=st.text(), event_id=st.text(), event_time=st.integers(), authorizations=VALUES
).map(lambda callback: {**callback, "type": "event_callback"})


@pytest.mark.scenario("K12")
@PATIENT
@given(BODIES, HEADERS)
async def test_whatever_is_not_signed_gets_401_and_nothing_is_kept(body: bytes, headers: dict[str, bytes]) -> None:
    box = Box()
    assert (await call(box, body, headers)).status_code == 401
    assert box.takes == []


@pytest.mark.scenario("K12")
@PATIENT
@given(BODIES)
async def test_signed_junk_is_never_a_fault_of_ours(body: bytes) -> None:
    assert (await call(Box(), body, signed(body))).status_code in (200, 400)


@pytest.mark.scenario("K12")
@PATIENT
@given(CALLBACKS)
async def test_whatever_is_signed_is_kept_and_can_be_read_or_held(callback: dict[str, Any]) -> None:
    box, body = Box(), json.dumps(callback).encode()
    assert (await call(box, body, signed(body))).status_code == 200
    settings = SlackSettings.model_validate({"platform": "slack", "bot_token": "x", "signing_secret": "s"})
    adapter = SlackAdapter(TEAM, settings)
    try:
        adapter.parse(box.takes[0])
    except Unparsable:
        return
