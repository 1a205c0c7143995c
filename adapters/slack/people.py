"""Whom a handle of the mapping file means in Slack, who is a member there no more, and how many people read a channel."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import Asked
from adapters.slack.channels import user_of
from bridge.post import Author, Ignored, UserId

_ID: Final = re.compile(r"[UW][A-Z0-9]{2,}")
_UNKNOWN: Final = frozenset({"users_not_found", "user_not_found"})
_PAGE: Final = 200


async def find(web: AsyncWebClient, handle: str, asked: Asked) -> UserId | None:
    """The id of who is called `handle` (an id, an address, @name; any case); None where nobody is."""
    if handle.startswith("@"):
        return await _by_name(web, handle.removeprefix("@"), asked)
    if "@" in handle:
        answer = await asked(web.users_lookupByEmail(email=handle), fine=_UNKNOWN)
    elif _ID.fullmatch(handle.upper()):
        answer = await asked(web.users_info(user=handle.upper()), fine=_UNKNOWN)
    else:
        return await _by_name(web, handle, asked)
    found = answer.get("user")
    return UserId(user_of(found).id) if found else None


async def _by_name(web: AsyncWebClient, name: str, asked: Asked) -> UserId | None:
    cursor = ""
    while True:
        page = await asked(web.users_list(limit=_PAGE, cursor=cursor or None))
        for found in page.get("members") or []:
            if str(found.get("name") or "").casefold() == name.casefold() and not found.get("deleted"):
                return UserId(user_of(found).id)
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return None


async def count(web: AsyncWebClient, channel: str, asked: Asked) -> int | None:
    """How many people are in the channel, without the app itself; None where Slack does not say."""
    answer = await asked(web.conversations_info(channel=channel, include_num_members=True))
    members = (answer.get("channel") or {}).get("num_members")
    return max(0, members - 1) if isinstance(members, int) else None


# ---------------------------------------------------------------- members of the workspace


def is_gone(found: Mapping[str, Any], team: str) -> bool | None:
    """Whether a user object says that its account was deactivated; None where it does not say, or is no person of the team.

    Bots are switched off and on by whoever builds them; who came over a shared channel belongs to another company.
    """
    if found.get("is_bot") is not False or found.get("is_stranger") or not team or found.get("team_id") != team:
        return None
    deleted = found.get("deleted")
    return deleted if isinstance(deleted, bool) else None


def telling(event: Ignored, found: Mapping[str, Any]) -> Ignored:
    """The event, saying how the user of this object stands."""
    user = user_of(found)
    return replace(event, member=Author(UserId(user.id), user.name, user.handles), gone=found.get("deleted") is True)


@dataclass(frozen=True, slots=True)
class Members:
    """`bridge.contract.Directory`: the people of one workspace, whose id is `team`."""

    web: Callable[[], AsyncWebClient]
    team: Callable[[], str]
    asked: Asked

    async def is_gone(self, user: UserId) -> bool | None:
        """See `bridge.contract.Directory.is_gone`."""
        found = (await self.asked(self.web().users_info(user=user), fine=_UNKNOWN)).get("user")
        if not isinstance(found, dict) or found.get("id") != user:
            return None
        return is_gone(found, self.team())
