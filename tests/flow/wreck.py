"""A house whose bridge runs in child processes, one per replica, to be killed, stopped and started again. No tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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
ROOT = Path(child.__file__).parents[2]

BIRTH_S = 120.0
"""Seconds that importing everything may take on a machine that does much else."""


class Onlooker:
    """Reads the database beside the service that owns it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def read(self, query: Callable[[Connection], T]) -> T:
        with self._engine.connect().execution_options(reads_only=True) as connection:
            return query(connection)


class Nursery:
    """Brings children into the world, and hears how each ends."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._began: asyncio.Queue[int] = asyncio.Queue()
        self._ended: dict[int, asyncio.Future[int]] = {}
        self._hearing = asyncio.create_task(self._hear())

    @classmethod
    async def open(cls) -> Nursery:
        pipe = asyncio.subprocess.PIPE
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, child.__file__, stdin=pipe, stdout=pipe, cwd=ROOT, env=environment
            )
        )

    async def start(self, command: dict[str, str]) -> int:
        assert self._process.stdin is not None
        self._process.stdin.write((json.dumps(command) + "\n").encode())
        async with asyncio.timeout(BIRTH_S):
            return await self._began.get()

    async def ended(self, pid: int) -> int:
        """The child's exit status, once it has ended."""
        return await asyncio.wait_for(asyncio.shield(self._end_of(pid)), PATIENCE)

    def _end_of(self, pid: int) -> asyncio.Future[int]:
        return self._ended.setdefault(pid, asyncio.get_running_loop().create_future())

    async def _hear(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            match json.loads(line):
                case {"began": pid}:
                    self._began.put_nowait(pid)
                case {"ended": pid, "status": status}:
                    self._end_of(pid).set_result(status)

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        await asyncio.wait_for(self._process.wait(), PATIENCE)
        self._hearing.cancel()


@dataclass
class Wreck(House):
    """The house, its bridge mortal. `pids` are the replicas that live (or are stopped), by number."""

    folder: Path = Path()
    replicas: int = 1
    nursery: Nursery | None = None
    pids: dict[int, int] = field(default_factory=dict)
    ports: dict[int, int] = field(default_factory=dict)
    skews: dict[int, float] = field(default_factory=dict)
    """By how many seconds a replica's clock is wrong."""

    def __post_init__(self) -> None:
        self.engine = connect(self.database)
        self._mappings = main.load(self.mappings)
        self._by_reader = frozenset(name for name, manifest in self.town.manifests.items() if manifest.by_reader)

    @property
    def store(self) -> Onlooker:  # type: ignore[override]
        return Onlooker(self.engine)

    @property
    def world(self) -> World:
        with self.engine.connect().execution_options(reads_only=True) as connection:
            return World(self._mappings, pins.all_pins(connection), self._by_reader)

    @property
    def order(self) -> Path:
        return self.folder / "order"

    @property
    def log(self) -> Path:
        return self.folder / "child.log"

    # ------------------------------------------------------------ life and death

    async def start(self, number: int = 0) -> None:
        """Start one replica."""
        self.nursery = self.nursery or await Nursery.open()
        files = {"mappings": self.mappings, "order": self.order, "log": self.log}
        words = {"database": self.database, "port": self.ports.get(number, 0), "skew": self.skews.get(number, 0.0)}
        self.pids[number] = await self.nursery.start({name: str(word) for name, word in (files | words).items()})

    async def stop(self) -> None:
        """End the children as an admin would; they must do so cleanly."""
        for number, pid in list(self.pids.items()):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)
            assert (await self.ended(number)) == 0, self.log.read_text()[-5000:]

    def pause(self, number: int) -> None:
        """Stop a replica where it stands; it knows nothing of it."""
        os.kill(self.pids[number], signal.SIGSTOP)

    def resume(self, number: int) -> None:
        """It goes on as if nothing had happened."""
        os.kill(self.pids[number], signal.SIGCONT)

    async def kill(self, number: int = 0) -> None:
        """End it now, wherever it is."""
        os.kill(self.pids[number], signal.SIGKILL)
        assert (await self.ended(number)) == -signal.SIGKILL

    async def ended(self, number: int = 0) -> int:
        """The child's exit status, once it has ended."""
        assert self.nursery is not None
        status = await self.nursery.ended(self.pids[number])
        del self.pids[number]
        return status

    def kill_at(self, step: Step | str, number: int = 1, how: str = "kill") -> None:
        """Give the order to die (or to `stop`) at the n-th pass of the step from now on; of several the first obeys."""
        fresh = self.order.with_suffix(".new")
        fresh.write_text(f"{how} {step} {number}")
        fresh.replace(self.order)

    async def obeyed(self) -> int:
        """The number of the replica that obeyed the order."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for number, pid in self.pids.items():
                    if (found := self.order.with_suffix(f".{pid}")).exists():
                        found.unlink()
                        return number
                await asyncio.sleep(0.01)

    async def bury(self) -> None:
        """End everything that was started."""
        for pid in self.pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.nursery is not None:
            await self.nursery.close()
        self.engine.dispose()


@asynccontextmanager
async def mortal(
    folder: Path, database: str = "", replicas: int = 1, platforms: tuple[str, ...] = (), **group: object
) -> AsyncIterator[Wreck]:
    """A house whose bridge may die, everybody in it and heard."""
    async with Town(folder, platforms) as town:
        # What a killed bridge had sent must have come to the sandbox by then, on however slow a machine.
        path = write_mappings(town, {account: {**entry, "timeout": 3} for account, entry in QUICK.items()}, **group)
        database = database or f"sqlite:///{folder / 'bridge.db'}"
        main.Store(database).close()  # its tables, for the onlooker
        house = Wreck(town, path, database, folder=folder, replicas=replicas)
        try:
            for number in range(replicas):
                await house.start(number)
            await house.warm_up()
            yield house
            await house.stop()
        finally:
            await house.bury()
