"""A house whose bridge runs in a child process, to be killed and started again. No tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, Engine

from bridge import main
from bridge.demo.town import Town
from bridge.engine import Step
from bridge.routing import World
from bridge.store import pins
from bridge.store.database import connect
from tests.flow import child
from tests.flow.house import PATIENCE, QUICK, House, write_mappings

T = TypeVar("T")

BIRTH_S = 45.0
"""Seconds that importing everything may take on a machine that does much else."""


class Onlooker:
    """Reads the database beside the service that owns it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def read(self, query: Callable[[Connection], T]) -> T:
        with self._engine.connect().execution_options(reads_only=True) as connection:
            return query(connection)


@dataclass
class Wreck(House):
    """The house, its bridge mortal. `nursery` brings its children into the world."""

    folder: Path = Path()
    nursery: asyncio.subprocess.Process | None = None
    pid: int = 0

    def __post_init__(self) -> None:
        self._engine = connect(self.database)
        self._mappings = main.load(self.mappings)
        self._by_reader = frozenset(name for name, manifest in self.town.manifests.items() if manifest.by_reader)

    @property
    def store(self) -> Onlooker:  # type: ignore[override]
        return Onlooker(self._engine)

    @property
    def world(self) -> World:
        with self._engine.connect().execution_options(reads_only=True) as connection:
            return World(self._mappings, pins.all_pins(connection), self._by_reader)

    @property
    def order(self) -> Path:
        return self.folder / "order"

    @property
    def log(self) -> Path:
        return self.folder / "child.log"

    async def start(self) -> None:
        patience = PATIENCE
        if self.nursery is None:
            patience = BIRTH_S
            self.nursery = await asyncio.create_subprocess_exec(
                sys.executable,
                child.__file__,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                cwd=Path(child.__file__).parents[2],
                env={**os.environ, "PYTHONPATH": str(Path(child.__file__).parents[2])},
            )
        assert self.nursery.stdin is not None
        files = {"mappings": self.mappings, "order": self.order, "log": self.log}
        command = {name: str(path) for name, path in files.items()} | {"database": self.database}
        self.nursery.stdin.write((json.dumps(command) + "\n").encode())
        self.pid = (await self._hear(patience))["began"]

    async def _hear(self, patience: float = PATIENCE) -> dict[str, int]:
        assert self.nursery is not None
        assert self.nursery.stdout is not None
        line = await asyncio.wait_for(self.nursery.stdout.readline(), patience)
        found: dict[str, int] = json.loads(line)
        return found

    async def stop(self) -> None:
        """End the child as an admin would; it must do so cleanly."""
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            assert (await self.ended()) == 0, self.log.read_text()

    async def kill(self) -> None:
        """End it now, wherever it is."""
        os.kill(self.pid, signal.SIGKILL)
        assert (await self.ended()) == -signal.SIGKILL

    async def ended(self) -> int:
        """The child's exit status, once it has ended."""
        status = (await self._hear())["status"]
        self.pid = 0
        return status

    def kill_at(self, step: Step | str, number: int = 1) -> None:
        """Give the order to die at the n-th pass of the step from now on."""
        fresh = self.order.with_suffix(".new")
        fresh.write_text(f"{step} {number}")
        fresh.replace(self.order)

    async def bury(self) -> None:
        """End everything that was started."""
        with contextlib.suppress(ProcessLookupError):
            if self.pid:
                os.kill(self.pid, signal.SIGKILL)
        if self.nursery is not None and self.nursery.stdin is not None:
            self.nursery.stdin.close()
            await asyncio.wait_for(self.nursery.wait(), PATIENCE)
        self._engine.dispose()


@asynccontextmanager
async def mortal(folder: Path, **group: object) -> AsyncIterator[Wreck]:
    """A house whose bridge may die, everybody in it and heard."""
    async with Town(folder) as town:
        path = write_mappings(town, {account: {**entry, "timeout": 1} for account, entry in QUICK.items()}, **group)
        main.Store(database := f"sqlite:///{folder / 'bridge.db'}").close()  # its tables, for the onlooker
        house = Wreck(town, path, database, folder=folder)
        try:
            await house.start()
            await house.warm_up()
            yield house
            await house.stop()
        finally:
            await house.bury()
