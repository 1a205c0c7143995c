"""The one way in: whatever Slack says, by socket or by HTTP, is on disk before Slack is told so. Nothing is understood here."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from adapters.slack.events import key_of
from adapters.slack.parse import moment
from bridge.contract import Taker
from bridge.errors import Unparsable
from bridge.post import AccountId, Raw

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_bolt.authorization import AuthorizeResult
    from slack_bolt.request.async_request import AsyncBoltRequest
    from slack_bolt.response import BoltResponse

log = structlog.get_logger(__name__)


def quiet() -> logging.Logger:
    """A logger for the SDK that says nothing: its lines hold bodies and socket tickets. What matters we say ourselves."""
    logger = logging.Logger("slack-sdk", level=logging.CRITICAL + 1)  # noqa: LOG001 - a shared one could be turned up from outside
    logger.addHandler(logging.NullHandler())
    return logger


def raw_of(account: AccountId, body: bytes, callback: Mapping[str, Any], transport: str, retry: str = "") -> Raw:
    """One callback as a raw."""
    hints = {"transport": transport, "retry": retry} if retry else {"transport": transport}
    return Raw(account, key_of(callback, body), body, _at(callback), hints)


def _at(callback: Mapping[str, Any]) -> datetime:
    """Slack's time of the event: to the microsecond where it has one, else to the second, else now."""
    event = callback.get("event")
    ts = event.get("event_ts") if isinstance(event, dict) else None
    seconds = callback.get("event_time")
    for candidate in (ts, f"{seconds}.0"):
        try:
            return moment(candidate if isinstance(candidate, str) else "")
        except (Unparsable, OverflowError, ValueError):
            continue
    return datetime.now(UTC)


def bolt_app(account: AccountId, inbox: Taker) -> AsyncApp:
    """A bolt app with one catch-all that takes the raw and then answers 200; 503 where it could not be stored.

    It stands before bolt's authorisation, which would ask Slack over the network and, when that fails, answer 200 and
    lose the event. Bolt's own signature check is off because ours has run before: bolt's answers some junk with a 500.
    """
    from slack_bolt.async_app import AsyncApp  # noqa: PLC0415 - heavy; wanted only where something is heard
    from slack_bolt.response import BoltResponse  # noqa: PLC0415 - as above

    async def take(request: AsyncBoltRequest) -> BoltResponse:
        body = request.raw_body or json.dumps(request.body)
        retry = request.headers.get("x-slack-retry-num", [""])[0]
        transport = "socket" if request.mode == "socket_mode" else "http"
        await inbox.take(raw_of(account, body.encode("utf-8", "surrogatepass"), request.body, transport, retry))
        return BoltResponse(status=200, body="")

    async def unsaved(error: Exception) -> BoltResponse:
        log.warning("slack event not stored; Slack will repeat it", account=account, error=type(error).__name__)
        return BoltResponse(status=503, body="")

    async def never() -> AuthorizeResult:
        raise AssertionError("the catch-all answers before anything needs authorisation")

    app = AsyncApp(
        name="viabridge",
        logger=quiet(),
        before_authorize=take,
        authorize=never,
        process_before_response=True,
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
        attaching_function_token_enabled=False,
    )
    app.error(unsaved)
    return app
