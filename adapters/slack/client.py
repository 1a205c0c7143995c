"""The SDK's client as we use it: it says nothing, repeats nothing, and goes to this machine itself directly."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from adapters.slack.ingress import quiet
from adapters.slack.settings import SlackSettings


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What holds while an account is open."""

    web: AsyncWebClient
    session: aiohttp.ClientSession


def client_of(settings: SlackSettings, session: aiohttp.ClientSession) -> AsyncWebClient:
    """A client with the account's token, over this session."""
    client = AsyncWebClient(
        token=settings.bot_token.get_secret_value(),
        base_url=settings.api_url,
        session=session,
        logger=quiet(),
        retry_handlers=[],  # the default ones post again when an answer is lost
    )
    if URL(settings.api_url).host in ("127.0.0.1", "::1", "localhost"):
        client.proxy = None  # the SDK takes a proxy from the environment and knows no exceptions
    return client
