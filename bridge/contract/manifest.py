"""How the composition root finds out about a platform."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.contract.adapter import Adapter
from bridge.contract.inbox import Taker
from bridge.contract.sandbox import Sandbox
from bridge.post import AccountId

if TYPE_CHECKING:
    from fastapi import APIRouter
    from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Manifest:
    """An adapter folder's front door. Importing it must not import the platform's SDK.

    `title` is the platform's name for people. `settings` is the strict model of the account's entry in the mapping file;
    secrets in it are `pydantic.SecretStr`, and its errors hide input. `adapter` makes an adapter of validated settings.
    `sandbox` makes the platform's sandbox. `webhooks` makes the HTTP routes by which the platform calls all of its
    accounts. `by_reader` says that copies at its places go to readers, one each.
    """

    platform: str
    title: str
    settings: type[BaseModel]
    adapter: Callable[[AccountId, BaseModel], Adapter]
    sandbox: Callable[[], Sandbox]
    webhooks: Callable[[Mapping[AccountId, Adapter], Taker], APIRouter] | None = None
    by_reader: bool = False
