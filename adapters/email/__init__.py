"""The email platform's front door: its manifest. Nothing here imports a mail library before an adapter is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from adapters.email.settings import Settings
from bridge.contract import Manifest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import APIRouter
    from pydantic import BaseModel

    from bridge.contract import Adapter, Sandbox, Taker
    from bridge.post import AccountId

__all__ = ["MANIFEST"]


def _adapter(account: AccountId, settings: BaseModel) -> Adapter:
    from adapters.email.adapter import EmailAdapter  # noqa: PLC0415 - the mail libraries load only where mail is used

    return EmailAdapter(account, cast("Settings", settings))


def _sandbox() -> Sandbox:
    from adapters.email.sandbox import EmailSandbox  # noqa: PLC0415 - as above

    return EmailSandbox()


def _webhooks(adapters: Mapping[AccountId, Adapter], inbox: Taker) -> APIRouter:
    from adapters.email.adapter import EmailAdapter  # noqa: PLC0415 - as above
    from adapters.email.webhooks import router  # noqa: PLC0415 - as above

    ours = {account: each.signer for account, each in adapters.items() if isinstance(each, EmailAdapter)}
    return router({account: signer for account, signer in ours.items() if signer}, inbox)


MANIFEST = Manifest(
    platform="email",
    title="Email",
    settings=Settings,
    adapter=_adapter,
    sandbox=_sandbox,
    webhooks=_webhooks,
    by_reader=True,
)
