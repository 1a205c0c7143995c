"""Anything at all, by HTTP or by socket: unsigned it leaves no trace, signed it is kept or refused; nothing is a fault of ours.

By socket it does not end the listening.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack.adapter import SlackAdapter
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.settings import SlackSettings
from bridge.errors import Unparsable
from bridge.post import Raw
from tests.slack.desk import PATIENT, TEAM, Box
from tests.slack.test_catching_up import hearing
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
    read_or_held(box.takes[0])


def read_or_held(raw: Raw) -> None:
    """What was kept says something, or is held; nothing else."""
    account = SlackSettings.model_validate({"platform": "slack", "bot_token": "x", "signing_secret": "s"})
    try:
        SlackAdapter(TEAM, account).parse(raw)
    except Unparsable:
        return


# ---------------------------------------------------------------- forms

PAYLOADS = some(
    type=st.sampled_from(["message_action", "block_actions", "view_submission"]),
    callback_id=st.just("via_why"),
    trigger_id=st.text(),
    response_url=st.text() | st.just("https://hooks.slack.com/x"),
    channel=some(id=st.just("C1")),
    user=some(id=st.just("U1"), username=st.text()),
    message=some(ts=TIMES),
    team=some(id=st.text()),
)
FIELDS = st.dictionaries(
    st.sampled_from(
        ["command", "text", "channel_id", "user_id", "user_name", "trigger_id", "response_url", "ssl_check", "team_id"]
    ),
    st.text(),
)
FORMS = (
    st.binary(max_size=200)
    | FIELDS.map(lambda fields: urlencode(fields, errors="replace").encode())
    | (PAYLOADS | VALUES).map(lambda value: urlencode({"payload": json.dumps(value)}, errors="replace").encode())
    | st.binary(max_size=60).map(lambda junk: f"payload={quote_from_bytes(junk)}".encode())
    | st.binary(max_size=60).map(lambda junk: f"command={quote_from_bytes(junk)}&text={quote_from_bytes(junk)}".encode())
)
KINDS = st.sampled_from(["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16"])


@pytest.mark.scenario("K12")
@PATIENT
@given(FORMS, KINDS)
async def test_no_form_is_a_fault_of_ours_and_unsigned_none_is_kept(body: bytes, kind: str) -> None:
    box = Box()
    assert (await call(box, body, {"Content-Type": kind})).status_code == 401
    assert box.takes == []
    assert (await call(box, body, {**signed(body), "Content-Type": kind})).status_code in (200, 400)
    for raw in box.takes:
        read_or_held(raw)


@pytest.mark.scenario("K12")
@PATIENT
@given(BODIES | FORMS, HEADERS)
async def test_signed_with_any_other_headers_it_is_no_fault_of_ours(body: bytes, headers: dict[str, bytes]) -> None:
    odd = {name: value for name, value in headers.items() if name in ("X-Slack-Retry-Num", "Content-Type")}
    box = Box()
    assert (await call(box, body, {**odd, **signed(body)})).status_code in (200, 400)
    for raw in box.takes:
        read_or_held(raw)


# ---------------------------------------------------------------- by socket

ENVELOPES = some(
    type=st.sampled_from(["events_api", "slash_commands", "interactive", "hello", "warning"]),
    envelope_id=st.text(),
    payload=CALLBACKS | PAYLOADS | FIELDS,
    accepts_response_payload=st.booleans(),
    retry_attempt=st.integers(),
    retry_reason=st.text(),
    reason=st.text(),
)
FRAMES = (
    st.text(max_size=100)
    | st.binary(max_size=100)
    | VALUES.map(json.dumps)
    | ENVELOPES.map(json.dumps)
    | st.sampled_from(
        ['{"type": "events_api"', "{}", "[]", "null", '{"type": ["disconnect"]}', '{"envelope_id": {}, "type": 1, "payload": 0}']
    )
)


_CALLBACK = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1"}
PLAIN = json.dumps({"type": "events_api", "envelope_id": "e", "payload": _CALLBACK})


@pytest.mark.scenario("K12")
@settings(PATIENT, max_examples=10)
@given(st.lists(FRAMES, min_size=10, max_size=30))
async def test_whatever_comes_by_socket_the_next_post_is_heard(frames: list[str | bytes]) -> None:
    box = Box()
    async with SlackSandbox() as sandbox, hearing(sandbox, box):
        await sandbox.babble([*frames, PLAIN])
        native = await sandbox.write("lynn", "still there?")
        await box.until(lambda: f"C0ALLHANDS1:{native}:created" in box.raws)
        assert len(await sandbox.with_server(lambda server: server.delivery._sockets)) == 1
    assert "T1:Ev1" in box.raws, "what was said before did arrive"
    for raw in box.takes:
        read_or_held(raw)
