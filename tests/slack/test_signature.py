"""Who may put something in by HTTP: whoever signs with an account's secret, within five minutes, and nobody else."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack.signature import is_signed, sign
from adapters.slack.webhooks import Door, router
from bridge.post import AccountId
from tests.slack.desk import PATIENT, Box

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
EVENT = {"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": {"type": "message", "ts": "1.0"}}


def call(box: Box, content: bytes, headers: Any) -> Any:
    """A request as it comes from outside; the awaitable answer."""
    app = FastAPI()
    app.include_router(router((Door(AccountId("other"), "another secret"), Door(AccountId("team"), SECRET)), box))
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://bridge.example")
    return client.post("/slack/events", content=content, headers=headers)


def signed(body: bytes, at: float | None = None, secret: str = SECRET) -> dict[str, str]:
    timestamp = str(int(time.time() if at is None else at))
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": sign(secret, timestamp, body)}


def test_the_example_in_slacks_documents_is_signed() -> None:
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
        b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
        b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d"
        b"10d2c447fce8b6703c"
    )
    signature = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert is_signed(SECRET, "1531420618", signature, body, 1531420618)


@pytest.mark.scenario("K12")
@pytest.mark.parametrize(("skew", "accepted"), [(-299, True), (299, True), (-301, False), (302, False)])
def test_the_window_is_five_minutes(skew: int, *, accepted: bool) -> None:
    assert is_signed(SECRET, "1531420618", sign(SECRET, "1531420618", b"x"), b"x", 1531420618 + skew) is accepted


@PATIENT
@given(st.text(), st.text(), st.binary())
def test_no_junk_is_signed_or_raises(timestamp: str, signature: str, body: bytes) -> None:
    assert not is_signed(SECRET, timestamp, signature, body, 1531420618)


@pytest.mark.scenario("K12")
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Slack-Request-Timestamp": "abc"},
        {"X-Slack-Request-Timestamp": "abc", "X-Slack-Signature": "v0=1"},
        {"X-Slack-Request-Timestamp": b"\xd9\xa1", "X-Slack-Signature": b"v0=\xff\xc3"},
        signed(b"{}", secret="wrong"),
        signed(b"{}", at=time.time() - 400),
        signed(b'{"other": "body"}'),
    ],
)
async def test_what_is_not_signed_is_refused_and_nothing_kept(headers: dict[str, Any]) -> None:
    box = Box()
    assert (await call(box, b"{}", headers)).status_code == 401
    assert box.takes == []


@pytest.mark.scenario("K12")
@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"not json", b"[]", b"null", b"payload=%7B%7D"])
async def test_unsigned_junk_gets_401_and_signed_junk_400(body: bytes) -> None:
    box = Box()
    assert (await call(box, body, {})).status_code == 401
    assert (await call(box, body, signed(body))).status_code == 400
    assert box.takes == []


@pytest.mark.scenario("K12")
async def test_the_challenge_is_answered_only_where_it_is_signed() -> None:
    body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a", "token": "x"}).encode()
    answer = await call(Box(), body, signed(body))
    assert (answer.status_code, answer.text) == (200, "3eZbrw1a")
    unsigned = await call(Box(), body, {})
    assert (unsigned.status_code, unsigned.text) == (401, "")


async def test_a_signed_event_is_taken_for_the_account_whose_secret_fits() -> None:
    box, body = Box(), json.dumps(EVENT).encode()
    assert (await call(box, body, signed(body))).status_code == 200
    (raw,) = box.takes
    assert (raw.account, raw.key, raw.body, raw.hints) == ("team", "T1:Ev1", body, {"transport": "http"})


@pytest.mark.parametrize("event", [{"type": "app_uninstalled"}, {"type": "never_heard_of"}, {}, "text", None, [1]])
async def test_an_event_of_unknown_kind_or_shape_is_taken_too(event: Any) -> None:
    box, body = Box(), json.dumps({**EVENT, "event": event}).encode()
    assert (await call(box, body, signed(body))).status_code == 200
    assert len(box.takes) == 1


@PATIENT
@given(
    st.dictionaries(
        st.sampled_from(["type", "event", "team_id", "event_id", "authorizations", "user"]), st.integers() | st.text()
    )
)
async def test_no_signed_object_gets_a_5xx(callback: dict[str, Any]) -> None:
    box, body = Box(), json.dumps(callback).encode()
    assert (await call(box, body, signed(body))).status_code == 200


@pytest.mark.scenario("C02")
async def test_a_retry_is_not_dropped_for_being_one() -> None:
    box, body = Box(), json.dumps(EVENT).encode()
    answer = await call(box, body, {**signed(body), "X-Slack-Retry-Num": "1"})
    assert answer.status_code == 200
    assert [raw.hints for raw in box.takes] == [{"transport": "http", "retry": "1"}]


@pytest.mark.scenario("C01")
async def test_a_redelivered_event_has_the_same_key() -> None:
    box, body = Box(), json.dumps(EVENT).encode()
    await call(box, body, signed(body))
    await call(box, body, {**signed(body), "X-Slack-Retry-Num": "1"})
    assert len(box.takes) == 2
    assert list(box.raws) == ["T1:Ev1"]


@pytest.mark.scenario("D14")
@pytest.mark.parametrize("event", [EVENT, {**EVENT, "event": "of a shape that bolt does not read"}])
async def test_what_could_not_be_stored_is_not_acknowledged(event: dict[str, Any]) -> None:
    box, body = Box(failures=1), json.dumps(event).encode()
    assert (await call(box, body, signed(body))).status_code == 503
    assert (await call(box, body, signed(body))).status_code == 200


async def deliver(box: Box, doors: tuple[Door, ...], **callback: Any) -> int:
    app = FastAPI()
    app.include_router(router(doors, box))
    body = json.dumps({**EVENT, **callback}).encode()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://bridge.example") as client:
        return int((await client.post("/slack/events", content=body, headers=signed(body))).status_code)


async def test_one_app_in_several_workspaces_has_an_account_for_each() -> None:
    box = Box()
    doors = tuple(Door(AccountId(account), SECRET, lambda team=team: team) for account, team in (("one", "T1"), ("two", "T2")))
    assert await deliver(box, doors, team_id="T2") == 200
    assert await deliver(box, doors, team_id="E1", authorizations=[{"team_id": "T1"}], event_id="Ev2") == 200
    assert [raw.account for raw in box.takes] == ["two", "one"]
    assert await deliver(box, doors, team_id="T3") == 503
    assert len(box.takes) == 2
