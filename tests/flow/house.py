"""The whole bridge between all sandboxes, for tests of the whole way: people speak, copies arrive, the law holds. No tests."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from ruamel.yaml import YAML

from bridge import main
from bridge.contract import Sandbox, Standing
from bridge.demo import law
from bridge.demo.town import Town
from bridge.post import DIRECT, AccountId, Destination, NativeId, Place
from bridge.routing import World
from bridge.service import Service
from bridge.store import Store

PATIENCE = 60.0
"""Seconds until something that should have happened is missing. Nothing waits as long unless it fails."""
LOOK_S = 0.01
STILL_S = 5.0
"""How long a breach of the law must stand: an echo that is handed out just after its copy was settled is still to be taken."""

T = TypeVar("T")
_numbers = itertools.count(1)
_MARK = re.compile(r"zq\d+x")


def unique(words: str) -> str:
    """The words, with something that nobody else says."""
    return f"{words} zq{next(_numbers)}x"


def unquoted(text: str) -> str:
    """The text without what it quotes of the post that it answers."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(("↪", ">")))


async def until(look: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {patience:g} s: {what}", pytrace=False)
        await asyncio.sleep(LOOK_S)
    return found


def write_mappings(town: Town, options: Mapping[str, Mapping[str, object]], **group: object) -> Path:
    """The town's mapping file, with further options for its accounts and keys for its group."""
    path = town.write_mappings(**group)
    yaml = YAML(typ="safe")
    document = yaml.load(path.read_text("utf-8"))
    for account, entry in document["accounts"].items():
        entry.update(options.get(account, {}))
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
    return path


QUICK: Mapping[str, Mapping[str, object]] = {"slack": {"timeout": 2}, "mastodon": {"timeout": 2}, "email": {"timeout": 2}}
"""So that what is in doubt is decided soon."""


@dataclass
class Said:
    """What somebody said. `to` is who should see it; `times` how often each."""

    account: AccountId
    words: str
    native: NativeId
    to: tuple[Destination, ...]
    times: int = 1

    @property
    def mark(self) -> str:
        """The word that only this has: whatever becomes of the others on the way, it stays."""
        return self.words.rsplit(" ", 1)[-1]


@dataclass
class House:
    """A running bridge between the sandboxes of `town`. It can be stopped and started again."""

    town: Town
    mappings: Path
    database: str
    said: list[Said] = field(default_factory=list)
    patient: bool = False
    _service: Service | None = None
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    # ------------------------------------------------------------ life

    @property
    def service(self) -> Service:
        assert self._service is not None
        return self._service

    @property
    def store(self) -> Store:
        return self.service.store

    @property
    def world(self) -> World:
        return self.service.world

    async def start(self) -> None:
        loaded = main.load(self.mappings)
        self._service, _ = await self._open.enter_async_context(main.bridge(loaded, self.database, patient=self.patient))
        for account in self._service.engine.accounts.values():
            await asyncio.wait_for(account.opened.wait(), PATIENCE)

    async def stop(self) -> None:
        await self._open.aclose()
        self._service = None

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def warm_up(self) -> None:
        """A first contact starts at what is newest, so speak until each account was heard: nothing tells that it listens."""
        for account, sandbox in self.town.sandboxes.items():
            deadline = time.monotonic() + PATIENCE
            while not await self._heard(account):
                assert time.monotonic() < deadline, f"{account} hears nothing"
                await sandbox.write(self.member(account), unique("is anybody there?"))
                await asyncio.sleep(0.2)

    async def _heard(self, account: AccountId) -> bool:
        return any(key[0] == account for key in (await self.store.read(law.claims)).raws)

    # ------------------------------------------------------------ who and where

    def sandbox(self, account: str) -> Sandbox:
        return self.town.sandboxes[AccountId(account)]

    def member(self, account: str) -> str:
        """Somebody who can post at the account's usual place."""
        if self.town.manifests[AccountId(account)].by_reader:
            return str(self.town.readers[0])
        return self.sandbox(account).native_writer or "lynn"

    def place(self, account: str, name: str = "") -> Place:
        found = AccountId(account)
        return Place(found, self.world.pins[found, name or self.sandbox(account).places[0]])

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Where copies go: each place of the group, or each reader of one."""
        found: list[Destination] = []
        for group in self.world.mappings.groups:
            for entry in group.places:
                place = self.world.place_of(entry)
                found += [Destination(place, r.address) for r in entry.readers] if entry.readers else [Destination(place)]
        return tuple(found)

    def at(self, account: str) -> tuple[Destination, ...]:
        return tuple(each for each in self.destinations if each.account == account)

    # ------------------------------------------------------------ speaking

    async def say(self, account: str, words: str, person: str = "", place: str = "", reply_to: NativeId | None = None) -> Said:
        """Somebody posts; without `person` whoever can."""
        words, person, sandbox = unique(words), person or self.member(account), self.sandbox(account)
        name = place or sandbox.places[0]
        native = await sandbox.write(person, words, name, reply_to)
        here, handle = self.place(account, name), sandbox.people.get(person)
        to = [each for each in self.destinations if each.reader or each.place != here]
        return self._note(account, words, native, [each for each in to if not handle or each.reader != handle])

    async def say_directly(self, account: str, words: str, person: str = "lynn", reply_to: NativeId | None = None) -> Said:
        """Somebody writes to the account directly."""
        words = unique(words)
        native = await self.sandbox(account).write_direct(person, words, reply_to)
        return self._note(account, words, native, self.destinations)

    def _note(self, account: str, words: str, native: NativeId, to: Sequence[Destination]) -> Said:
        said = Said(AccountId(account), words, native, tuple(to))
        self.said.append(said)
        return said

    async def edit(self, said: Said, words: str) -> Said:
        """They change what they said; where copies can't change they are said anew."""
        words = unique(words)
        await self.sandbox(said.account).edit(said.native, words)
        said.to = tuple(each for each in said.to if not self._can(each, "edit"))
        return self._note(
            said.account, words, said.native, [each for each in self.destinations if each.place != self._where(said)]
        )

    async def delete(self, said: Said) -> None:
        await self.sandbox(said.account).delete(said.native)
        said.to = tuple(each for each in said.to if not self._can(each, "delete"))

    def _where(self, said: Said) -> Place | None:
        mine = [each for each in self.sandbox(said.account).standing() if each.id == said.native]
        return Place(said.account, mine[0].place) if mine and mine[0].place != DIRECT else None

    def _can(self, destination: Destination, act: str) -> bool:
        return bool(getattr(self.service.engine.accounts[destination.account].adapter.capabilities, act))

    # ------------------------------------------------------------ seeing

    def copies(self, words: str, destination: Destination) -> list[Standing]:
        """The copies with these words that stand at the destination, oldest first."""
        here = [each for each in self.sandbox(destination.account).standing() if each.by_bridge and words in unquoted(each.text)]
        return [each for each in here if each.place == destination.place.id and each.reader in (destination.reader, None)]

    def told(self, account: str, words: str = "") -> list[Standing]:
        """What the bridge itself said to people of the account."""
        return [
            each for each in self.sandbox(account).standing() if each.by_bridge and each.place == DIRECT and words in each.text
        ]

    async def arrives(self, said: Said, patience: float = PATIENCE) -> dict[Destination, Standing]:
        """The first copy everywhere, once they all stand."""
        missing = list(said.to)

        def look() -> bool:
            missing[:] = [each for each in missing if not self.copies(said.mark, each)]
            return not missing

        deadline = time.monotonic() + patience
        while not look():
            assert time.monotonic() < deadline, f"{said.words!r} did not reach {[str(each) for each in missing]}"
            await asyncio.sleep(LOOK_S)
        return {each: self.copies(said.mark, each)[0] for each in said.to}

    async def says(self, account: str, words: str, **where: Any) -> tuple[Said, dict[Destination, Standing]]:
        """Somebody posts, and it arrives everywhere."""
        said = await self.say(account, words, **where)
        return said, await self.arrives(said)

    async def settle(self) -> None:
        """Everything is brought, as far as it can be."""
        await law.settled(self.town, self.store, PATIENCE)

    def marks(self) -> dict[Destination, list[str]]:
        """The marks of what stands at each destination, oldest first."""
        found: dict[Destination, list[str]] = {}
        standing = {account: sandbox.standing() for account, sandbox in self.town.sandboxes.items()}
        for to in self.destinations:
            here = [each for each in standing[to.account] if each.by_bridge and each.place == to.place.id]
            mine = [each for each in here if each.reader in (to.reader, None)]
            found[to] = [mark for each in mine for mark in _MARK.findall(unquoted(each.text))]
        return found

    async def all_arrive(self, said: Sequence[Said], patience: float) -> None:
        """As `arrives`, of many at once."""
        deadline = time.monotonic() + patience
        while True:
            stands = {to: set(marks) for to, marks in self.marks().items()}
            missing = [f"{each.words!r} at {to}" for each in said for to in each.to if each.mark not in stands[to]]
            if not missing:
                return
            assert time.monotonic() < deadline, f"{len(missing)} missing, the first: {missing[:3]}"
            await asyncio.sleep(0.5)

    async def check(self) -> None:
        """The law holds, and what was said since the last check stands everywhere as often as it should."""
        said, self.said = self.said, []
        deadline = time.monotonic() + STILL_S
        while breaches := law.breaches(self.town, await law.settled(self.town, self.store, PATIENCE)):
            assert time.monotonic() < deadline, breaches
            await asyncio.sleep(LOOK_S)
        marks = {to: Counter(found) for to, found in self.marks().items()}
        for each in said:
            count = {str(to): found[each.mark] for to, found in marks.items()}
            assert count == {str(to): each.times if to in each.to else 0 for to in marks}, each.words


@asynccontextmanager
async def running(
    folder: Path, platforms: Sequence[str] = (), options: Mapping[str, Mapping[str, object]] = QUICK, **group: object
) -> AsyncIterator[House]:
    """A house with everybody in it."""
    async with Town(folder, platforms) as town:
        house = House(town, write_mappings(town, options, **group), f"sqlite:///{folder / 'bridge.db'}")
        await house.start()
        try:
            await house.warm_up()
            yield house
        finally:
            await house.stop()
