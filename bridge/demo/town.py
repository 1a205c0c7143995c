"""A town to bridge: every platform's sandbox, people who live in them, and the mapping file that connects them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from pydantic import BaseModel, SecretStr
from ruamel.yaml import YAML

import adapters
from bridge.contract import Manifest, Sandbox
from bridge.post import AccountId

GROUP = "all-hands"
TITLE = "All hands"


class Town:
    """The sandboxes, started together; each is an account named like its platform. An async context manager.

    `folder` takes the mapping file and the secrets it names.
    """

    def __init__(self, folder: Path, platforms: Sequence[str] = ()) -> None:
        found = adapters.available()
        self._folder = folder
        self.manifests: Mapping[AccountId, Manifest] = {
            AccountId(name): manifest for name, manifest in found.items() if not platforms or name in platforms
        }
        self.sandboxes: Mapping[AccountId, Sandbox] = {
            account: manifest.sandbox() for account, manifest in self.manifests.items()
        }
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await asyncio.gather(*(stack.enter_async_context(sandbox) for sandbox in self.sandboxes.values()))
            self._open = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._open.aclose()

    def write_mappings(self, **group: object) -> Path:
        """Write the mapping file that puts every sandbox's first place into one group; `group` adds to or replaces its keys."""
        path = self._folder / "mappings.yaml"
        document = {
            "accounts": {account: self._account(account) for account in self.sandboxes},
            "people": self._people(),
            "groups": {GROUP: self._group() | group},
        }
        with path.open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(document, file)
        return path

    def _group(self) -> dict[str, object]:
        return {
            "title": TITLE,
            "about": "Everyone, every day",
            "writers": [person for person in self._people() if person not in self.readers],
            "places": [self._place(account) for account in self.sandboxes],
        }

    def _place(self, account: AccountId) -> dict[str, object]:
        at: dict[str, object] = {"at": f"{account}/{self.sandboxes[account].places[0]}"}
        return at | {"readers": list(self.readers)} if self.manifests[account].by_reader else at

    @property
    def readers(self) -> Sequence[str]:
        """People who live only where copies go to readers one by one: the leaders."""
        elsewhere: set[str] = set()
        only: list[str] = []
        for account, sandbox in self.sandboxes.items():
            if self.manifests[account].by_reader:
                only.extend(sandbox.people)
            else:
                elsewhere |= set(sandbox.people)
        return [person for person in only if person not in elsewhere] if elsewhere else only

    def _people(self) -> dict[str, dict[str, object]]:
        people: dict[str, dict[str, object]] = {}
        for account, sandbox in self.sandboxes.items():
            for person, handle in sandbox.people.items():
                people.setdefault(person, {})[account] = handle
        return people

    def _account(self, account: AccountId) -> dict[str, object]:
        """The account's entry, its secrets in files beside the mapping file."""
        manifest = self.manifests[account]
        entry: dict[str, object] = {"platform": manifest.platform}
        for key, value in self.sandboxes[account].account.items():
            entry[key] = self._secret(f"{account}-{key}", value) if _is_secret(manifest.settings, key) else value
        return entry

    def _secret(self, name: str, value: object) -> dict[str, str]:
        folder = self._folder / "secrets"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        shown = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        (folder / name).write_text(shown, encoding="utf-8")
        return {"file": f"secrets/{name}"}


def _is_secret(settings: type[BaseModel], key: str) -> bool:
    field = settings.model_fields.get(key)
    return field is not None and "SecretStr" in str(field.annotation)
