"""`POST /slack/events`: who is asking, and for which account; commands too. Of unsigned requests nothing is kept: 401."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from adapters.slack import commands
from adapters.slack.events import parts, word
from adapters.slack.ingress import bolt_app, raw_of
from adapters.slack.signature import is_signed
from bridge.contract import Taker
from bridge.errors import BridgeError
from bridge.post import AccountId, Raw

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp

log = structlog.get_logger(__name__)

FORM = "application/x-www-form-urlencoded"
LARGEST = 1_000_000
"""Bytes of a request that are read; Slack's events are far smaller."""


@dataclass(frozen=True, slots=True)
class Door:
    """An account that may be reached over HTTP, the secret with which Slack signs for it, and its workspace.

    One app in several workspaces has one secret. `team` is empty until the account has signed in.
    """

    account: AccountId
    secret: str
    team: Callable[[], str] = str


def router(doors: Sequence[Door], inbox: Taker) -> APIRouter:
    """The route for all Slack accounts: the one whose secret and workspace fit gets the event, signed in or not."""
    routes = APIRouter()
    apps: dict[AccountId, AsyncApp] = {}  # bolt is imported with the first event, not at start

    async def events(request: Request) -> Response:
        body, headers = await _body(request), dict(request.headers.items())  # each `get` would search all of them
        fitting = _opened(doors, headers, body) if body is not None else ()
        if body is None or not fitting:
            return Response(status_code=401)
        is_form = headers.get("content-type", "").startswith(FORM)
        callback = commands.form_of(body) if is_form else _object(body)
        if callback is None and is_form and commands.is_ssl_check(body):
            return Response(status_code=200)
        if callback is None:
            return PlainTextResponse("neither a JSON object nor a command", status_code=400)
        if callback.get("type") == "url_verification":
            return PlainTextResponse(str(callback.get("challenge", "")))
        door = _chosen(fitting, callback)
        if door is None:
            return Response(status_code=503)  # Slack repeats it; by then we know which workspace is whose
        if is_form:  # kept in the shape in which the socket brings it
            kept = json.dumps(callback).encode("utf-8", "surrogatepass")
            return Response(status_code=await _kept(inbox, raw_of(door.account, kept, callback, "http")))
        if door.account not in apps:
            apps[door.account] = bolt_app(door.account, inbox)
        retry = headers.get("x-slack-retry-num", "")
        return Response(status_code=await _taken(apps[door.account], inbox, door.account, body, callback, retry))

    # Plain routes: there is nothing to be validated for us, and that costs as much as all the rest.
    for path in ("/slack/events", "/slack/commands", "/slack/interactive"):
        routes.add_route(path, events, methods=["POST"], include_in_schema=False)
    return routes


async def _body(request: Request) -> bytes | None:
    """The whole body; None where it is larger than any event, which is as good as unsigned."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            return None
    return bytes(body)


def _chosen(doors: Sequence[Door], callback: Mapping[str, Any]) -> Door | None:
    """Of the doors with the right secret the one whose workspace it is; None while nobody can tell."""
    if len(doors) == 1:
        return doors[0]
    teams = {word(callback, "team_id"), *(word(who, "team_id") for who in parts(callback, "authorizations"))} - {""}
    return next((door for door in doors if door.team() in teams), None)


def _opened(doors: Sequence[Door], headers: Mapping[str, str], body: bytes) -> tuple[Door, ...]:
    timestamp = headers.get("x-slack-request-timestamp", "")
    signature = headers.get("x-slack-signature", "")
    now = time.time()
    return tuple(door for door in doors if is_signed(door.secret, timestamp, signature, body, now))


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        callback = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return callback if isinstance(callback, dict) else None


async def _taken(app: AsyncApp, inbox: Taker, account: AccountId, body: bytes, callback: dict[str, Any], retry: str) -> int:
    """The status to answer: 200 only after the event is durable."""
    from slack_bolt.request.async_request import AsyncBoltRequest  # noqa: PLC0415 - heavy; the first event brings it

    headers: dict[str, str | Sequence[str]] = {"content-type": ["application/json"], "x-slack-retry-num": [retry]}
    try:
        answer = await app.async_dispatch(AsyncBoltRequest(body=body.decode(), headers=headers))
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        # signed, but of a shape that bolt stumbles over: it is Slack's word all the same, so it is kept
        return await _kept(inbox, raw_of(account, body, callback, "http", retry))
    return int(answer.status)


async def _kept(inbox: Taker, raw: Raw) -> int:
    try:
        await inbox.take(raw)
    except BridgeError as error:
        log.warning("slack event not stored; Slack will repeat it", account=raw.account, error=type(error).__name__)
        return 503
    return 200
