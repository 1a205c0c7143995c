"""Channels and people as Slack describes them: found by name, and checked for what an admin should know."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import scopes
from adapters.slack.calls import Asked
from adapters.slack.directory import User
from adapters.slack.events import part
from adapters.slack.parse import SOMEONE
from adapters.slack.refusals import Unsupported
from adapters.slack.settings import SlackSettings
from bridge.contract import Checked, Level
from bridge.errors import NeedsOperator, SendError
from bridge.post import PlaceId

_ID = re.compile(r"[CG][A-Z0-9_]+")


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel, or a direct conversation with `person`."""

    id: str
    name: str
    is_member: bool = True
    is_archived: bool = False
    is_shared: bool = False
    """With another company, now or as soon as it accepts; a channel shared within one organisation is not."""
    is_public: bool = False
    """Whether everybody in the workspace may know that it exists."""
    person: str = ""


def channel_of(found: Mapping[str, Any]) -> Channel:
    """Slack's conversation object as a value."""
    return Channel(
        id=str(found.get("id") or ""),
        name=str(found.get("name") or found.get("id") or ""),
        is_member=found.get("is_member") is not False,
        is_archived=bool(found.get("is_archived")),
        is_shared=_is_shared(found),
        is_public=found.get("is_private") is False and not found.get("is_im"),
        person=str(found.get("user") or "") if found.get("is_im") else "",
    )


def _is_shared(found: Mapping[str, Any]) -> bool:
    with_another_team = bool(found.get("is_shared")) and not found.get("is_org_shared")
    return bool(found.get("is_ext_shared") or found.get("is_pending_ext_shared")) or with_another_team


def refuse(channel: Channel, bot_name: str) -> None:
    """Raises `NeedsOperator` where nothing can be written, or another company would read what is."""
    if channel.is_archived:
        raise NeedsOperator(f"The Slack channel #{channel.name} is archived; unarchive it or take it out of the mapping file.")
    if not channel.is_member:
        raise NeedsOperator(f"The app is not in the Slack channel #{channel.name}; type there: /invite @{bot_name}")
    if channel.is_shared:
        raise NeedsOperator(
            f"The Slack channel #{channel.name} is shared with another company, which would read every copy; "
            "stop sharing it or take it out of the mapping file."
        )


def user_of(found: Mapping[str, Any]) -> User:
    """Slack's user object as a value: the name people chose, else their real one, else their handle; never their id."""
    profile = part(found, "profile")
    names = (profile.get("display_name"), profile.get("real_name"), found.get("real_name"), found.get("name"))
    return User(
        id=str(found.get("id") or ""),
        name=next((str(name).strip() for name in names if name and str(name).strip()), SOMEONE),
        email=str(profile.get("email") or ""),
        handle=str(found.get("name") or ""),
        is_bot=bool(found.get("is_bot")),
        avatar=str(profile.get("image_72") or profile.get("image_192") or ""),
    )


async def find(web: AsyncWebClient, name: str, bot_name: str, asked: Asked) -> Channel:
    """The channel called `name` (with or without #, or an id). Raises `NeedsOperator` where the app can't use it."""
    wanted = name.strip().removeprefix("#")
    found = await _by_id(web, wanted, asked) or await _by_name(web, wanted, bot_name, asked)
    refuse(found, bot_name)
    return found


async def _by_id(web: AsyncWebClient, wanted: str, asked: Asked) -> Channel | None:
    """The channel with this id; None where it looks like none."""
    if not _ID.fullmatch(wanted):
        return None
    try:
        found = (await asked(web.conversations_info(channel=wanted))).get("channel") or {}
    except Unsupported:
        return Channel(wanted, wanted)
    return channel_of({"id": wanted, **found})


async def _by_name(web: AsyncWebClient, wanted: str, bot_name: str, asked: Asked) -> Channel:
    async for channel in _all(web, asked):
        if channel.name.casefold() == wanted.casefold() or channel.id == wanted:
            return channel
    raise NeedsOperator(
        f"There is no Slack channel #{wanted} that the app can see; correct the name, "
        f"or, where the channel is private, type there: /invite @{bot_name}"
    )


async def _all(web: AsyncWebClient, asked: Asked) -> AsyncIterator[Channel]:
    cursor = ""
    while True:
        page = await asked(web.conversations_list(types="public_channel,private_channel", limit=200, cursor=cursor or None))
        for found in page.get("channels") or []:
            yield channel_of(found)
        cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
        if not cursor:
            return


# ---------------------------------------------------------------- what an admin should know


async def check(
    web: AsyncWebClient, settings: SlackSettings, pinned: Mapping[PlaceId, str], bot_name: str, asked: Asked
) -> tuple[Checked, ...]:
    """The token, its scopes, and each mapped channel. Says what is wrong instead of raising."""
    try:
        who = await asked(web.auth_test())
    except SendError as error:
        return (Checked(Level.ERROR, "Slack does not let us sign in", error.sentence),)
    team = Checked(Level.OK, f"signed in to {who.get('team') or 'Slack'} as @{who.get('user') or bot_name}")
    kind = _kind_of_token(settings.bot_token.get_secret_value(), is_bot=bool(who.get("bot_id")))
    permitted = scopes.check(scopes.granted_by(who))
    socket = await _check_socket(web, settings, asked)
    places = [await _check_channel(web, place, name, bot_name, asked) for place, name in sorted(pinned.items())]
    return (team, *kind, *permitted, *socket, *places)


async def _check_socket(web: AsyncWebClient, settings: SlackSettings, asked: Asked) -> tuple[Checked, ...]:
    if settings.app_token is None:
        return ()
    try:
        await asked(web.apps_connections_open(app_token=settings.app_token.get_secret_value()))
    except SendError as error:
        return (Checked(Level.ERROR, "Socket Mode does not open, so nothing is heard", f"app_token: {error.sentence}"),)
    return (Checked(Level.OK, "Socket Mode is open"),)


def _kind_of_token(token: str, *, is_bot: bool) -> tuple[Checked, ...]:
    if is_bot and not token.startswith(("xoxp-", "xapp-")):
        return ()
    cure = "copy the Bot User OAuth Token (xoxb-…) from OAuth & Permissions into bot_token"
    return (Checked(Level.ERROR, "bot_token is not a bot's token", cure),)


async def _check_channel(web: AsyncWebClient, place: PlaceId, name: str, bot_name: str, asked: Asked) -> Checked:
    try:
        channel = channel_of((await asked(web.conversations_info(channel=place))).get("channel", {}))
    except SendError as error:
        return Checked(Level.ERROR, f"#{name} can't be read", error.sentence)
    if channel.is_archived:
        return Checked(Level.ERROR, f"#{name} is archived", "unarchive it or take it out of the mapping file")
    if not channel.is_member:
        return Checked(Level.ERROR, f"the app is not in #{name}", f"type there: /invite @{bot_name}")
    if channel.is_shared:
        cure = "stop sharing it, or take it out of the mapping file: its other company would read every copy"
        return Checked(Level.ERROR, f"#{name} is shared with another company", cure)
    return Checked(Level.OK, f"#{name} is ours alone and the app is in it")
