"""Slack's error codes in words a person understands, sorted by who can help: nobody, an admin, or time. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

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
        "too_many_attachments": "Slack found too many attachments in the message.",
    }
)

LATER: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable", "request_timeout"})
"""Certainly not done; worth another try by itself."""

PERHAPS: Final = frozenset({"internal_error", "fatal_error"})
"""Slack says itself that some of it may have happened."""
