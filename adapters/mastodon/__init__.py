"""The front door of the Mastodon adapter: its manifest. Importing it loads neither Mastodon.py nor the mock server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.mastodon.settings import MastodonSettings
from bridge.contract import Manifest

if TYPE_CHECKING:
    from pydantic import BaseModel

    from bridge.contract import Adapter, Sandbox
    from bridge.post import AccountId


def _adapter(account: AccountId, settings: BaseModel) -> Adapter:
    from adapters.mastodon.adapter import MastodonAdapter  # noqa: PLC0415 - the SDK is loaded when first needed

    return MastodonAdapter(account, MastodonSettings.model_validate(settings))


def _sandbox() -> Sandbox:
    from adapters.mastodon.sandbox import MastodonSandbox  # noqa: PLC0415 - only the demo and the tests need it

    return MastodonSandbox()


MANIFEST = Manifest(platform="mastodon", title="Mastodon", settings=MastodonSettings, adapter=_adapter, sandbox=_sandbox)
