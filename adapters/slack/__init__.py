"""Slack's front door: its manifest. The SDK is imported by the adapter, never by this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from adapters.slack.settings import SlackSettings
from bridge.contract import Adapter, Manifest, Sandbox, Taker
from bridge.post import AccountId

if TYPE_CHECKING:
    from fastapi import APIRouter


def _adapter(account: AccountId, settings: BaseModel) -> Adapter:
    from adapters.slack.adapter import SlackAdapter  # noqa: PLC0415 - brings the SDK

    return SlackAdapter(account, SlackSettings.model_validate(settings))


def _webhooks(adapters: Mapping[AccountId, Adapter], inbox: Taker) -> APIRouter:
    from adapters.slack.adapter import SlackAdapter  # noqa: PLC0415 - brings the SDK
    from adapters.slack.webhooks import Door, router  # noqa: PLC0415 - brings the SDK

    ours = ((account, adapter) for account, adapter in adapters.items() if isinstance(adapter, SlackAdapter))
    doors = tuple(Door(account, secret, adapter.team) for account, adapter in ours if (secret := adapter.signing_secret))
    return router(doors, inbox)


def _sandbox() -> Sandbox:
    from adapters.slack.sandbox import SlackSandbox  # noqa: PLC0415 - brings the SDK

    return SlackSandbox()


MANIFEST = Manifest(
    platform="slack", title="Slack", settings=SlackSettings, adapter=_adapter, sandbox=_sandbox, webhooks=_webhooks
)
