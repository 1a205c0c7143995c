"""Slack's refusals in words a person understands, sorted by who can help: nobody, an admin, or time. One table."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain

V = TypeVar("V")

OPERATOR: Final[Mapping[str, str]] = MappingProxyType(
    {
        "not_authed": "Slack got no token; set bot_token in the mapping file.",
        "invalid_auth": "Slack does not know this token; copy the bot token again from OAuth & Permissions.",
        "token_revoked": "The Slack token was revoked; install the app again and copy its new token.",
        "token_expired": "The Slack token has expired; install the app again and copy its new token.",
        "account_inactive": "The Slack app was removed from the workspace; install it again.",
        "not_allowed_token_type": "This is the wrong kind of Slack token: bot_token begins with xoxb-, app_token with xapp-.",
        "missing_scope": "The Slack app lacks a permission; add it under OAuth & Permissions and install the app again.",
        "no_permission": "The workspace does not let the app do this; ask a Slack admin.",
        "access_denied": "The workspace does not let the app do this; ask a Slack admin.",
        "org_login_required": "The workspace is moving to another organisation; try again when Slack has finished.",
        "ekm_access_denied": "A Slack admin has suspended access to this channel.",
        "team_access_not_granted": "The organisation has not let the app into this workspace; ask a Slack admin.",
        "two_factor_setup_required": "The workspace wants two-factor sign-in; ask a Slack admin.",
        "not_in_channel": "The app is not in the Slack channel; type /invite with the app's @name there.",
        "channel_not_found": "The Slack channel is gone or the app can't see it; type /invite with the app's @name there.",
        "is_archived": "The Slack channel is archived; unarchive it or take it out of the mapping file.",
        "restricted_action": "A Slack admin has restricted who may post in this channel.",
        "restricted_action_read_only_channel": "The Slack channel is read-only for the app; ask a Slack admin.",
        "restricted_action_thread_only_channel": "The Slack channel takes only answers in threads; ask a Slack admin.",
        "restricted_action_non_threadable_channel": "The Slack channel takes no threads; ask a Slack admin.",
        "link_disabled": "Socket Mode is switched off for this Slack app; switch it on in the app's settings.",
    }
)

REJECTED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "msg_too_long": "Slack found the message too long.",
        "msg_blocks_too_long": "Slack found the message too long.",
        "invalid_blocks": "Slack did not accept the message's layout.",
        "invalid_blocks_format": "Slack did not accept the message's layout.",
        "no_text": "Slack takes no empty message.",
        "thread_not_found": "The Slack thread this answers is gone.",
        "cannot_reply_to_message": "Slack allows no answer to that message.",
        "restricted_action_thread_locked": "The Slack thread is locked.",
        "message_not_found": "The copy in Slack is gone; somebody deleted it there.",
        "cant_update_message": "Slack lets the app change only its own messages.",
        "cant_delete_message": "Slack lets the app delete only its own messages.",
        "edit_window_closed": "The workspace allows no more edits of that message.",
        "user_not_found": "Slack does not know that person.",
        "user_disabled": "That person's Slack account is switched off.",
        "cannot_dm_bot": "Slack delivers no direct messages to bots.",
        "messages_tab_disabled": "The app's Messages tab is switched off in Slack.",
        "file_not_found": "This file is gone from Slack.",
        "file_deleted": "This file is gone from Slack.",
        "file_type_not_allowed": "The workspace does not allow this kind of file.",
        "file_uploads_disabled": "The workspace does not allow files to be uploaded.",
        "file_upload_size_restricted": "The workspace does not allow files this large.",
        "storage_limit_reached": "The workspace has no room for files left.",
        "too_many_attachments": "Slack found too many attachments in the message.",
    }
)

LATER: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable", "request_timeout"})
"""Certainly not done; worth another try by itself."""

PERHAPS: Final = frozenset({"internal_error", "fatal_error"})
"""Slack says itself that some of it may have happened."""

UNKNOWN_METHOD: Final = frozenset({"unknown_method", "method_not_found", "method_not_supported", "not_implemented"})
"""What only something that is less than Slack answers; then it is done without."""


class Unsupported(Rejected):
    """Slack, or what stands in for it, has no such method."""


class MissingScope(NeedsOperator):
    """The Slack app lacks a permission."""

    def __init__(self, needed: str) -> None:
        super().__init__(f"{OPERATOR['missing_scope']} It is called {needed or 'unknown'}.")
        self.needed = needed


# ---------------------------------------------------------------- errors


async def asked(call: Awaitable[V], *, sending: bool = False, fine: frozenset[str] = frozenset()) -> V:
    """The call's answer. Raises only `SendError`s: the one table from the SDK's exceptions to ours.

    `sending`: the call must not be repeated blindly, so whatever leaves its outcome open is `Uncertain`.
    `fine`: Slack's error codes that are no failure; then the refusal itself is the answer.
    """
    lost: type[SendError] = Uncertain if sending else Retryable
    try:
        return await call
    except SlackApiError as error:
        code, status, after = _refusal(error)
        if code in fine:
            answer: Any = error.response
            return answer  # type: ignore[no-any-return]
        raise _translated(code, status, after, lost, error.response) from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientProxyConnectionError) as error:
        raise Retryable("Slack can't be reached.") from error  # the request never left
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise lost("Slack's answer was lost.") from error
    except (SlackClientError, ValueError, AttributeError) as error:
        # the SDK stumbles over answers that are not Slack's (a proxy's page with status 200)
        raise lost("Something else than Slack answered.") from error


def _refusal(error: SlackApiError) -> tuple[str, int, float | None]:
    """Slack's error code, the HTTP status, and the seconds Slack asks to wait."""
    response = error.response
    status = getattr(response, "status_code", 0) or getattr(response, "status", 0)
    data = getattr(response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return str(code or ""), int(status), _seconds((getattr(response, "headers", None) or {}).get("Retry-After", ""))


def _seconds(header: str) -> float | None:
    try:
        seconds = float(header)  # Slack sends whole seconds; proxies send fractions
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _translated(code: str, status: int, after: float | None, lost: type[SendError], response: AsyncSlackResponse) -> SendError:
    if status == 429 or code in LATER:
        return Retryable("Slack asks us to slow down.", after)
    if status >= 500 or code in PERHAPS:
        return lost("Slack had a fault of its own.")
    if code == "missing_scope":
        return MissingScope(str(response.get("needed") or ""))
    if code in OPERATOR:
        return NeedsOperator(OPERATOR[code])
    if code in REJECTED:
        return Rejected(REJECTED[code])
    if code in UNKNOWN_METHOD:
        return Unsupported(f"This Slack has no such method ({code}).")
    if not code:
        return lost("Something else than Slack answered.")
    return Rejected(f"Slack refused it ({code}).")
