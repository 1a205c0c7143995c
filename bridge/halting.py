"""Pausing groups and places while the service runs: at once in memory, durably in the database, in order when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bridge import feedback
from bridge.engine import Engine
from bridge.looking import Said, named
from bridge.orders import Outcome
from bridge.pausing import Halt
from bridge.routing import World
from bridge.store import Store, Tx, halts


@dataclass(slots=True)
class Halter:
    """`put` makes the halts known to routing; `wake` is told of lanes with new work."""

    store: Store
    engine: Engine
    world: Callable[[], World]
    put: Callable[[tuple[Halt, ...]], None]
    wake: Callable[[Iterable[int]], None]

    async def look(self) -> None:
        """Learn what is paused, be it by another replica, and let nothing that is leave, nor wait that is not any more."""
        found, held = await self.store.read(lambda tx: (halts.current(tx), halts.any_held(tx)))
        self.put(found)
        if found or held:
            self.wake(await self.store.write(self._settle))

    def foresee(self, halt: Halt) -> None:
        """It is about to be paused: what is accepted from now on waits already. `look` mends this where it comes to nothing."""
        self.put((*self.world().halts, halt))

    def _settle(self, tx: Tx) -> set[int]:
        """What it comes to now; authors whose posts wait no longer lose their mark."""
        waited = halts.posts_waiting(tx)
        freed = set(halts.settle(tx, self.engine.now()))
        done = set(waited) - set(halts.posts_waiting(tx)) if waited else set()
        outbreak = str(self.engine.now()) if done else ""
        return freed | feedback.go_on(tx, self.world(), sorted(done), outbreak, self.engine.now())

    def pause(self, tx: Tx, halt: Halt) -> Said:
        """Let nothing of it leave from now on."""
        if not halts.add(tx, halt):
            return Said(Outcome.NOTHING, (f"{named(self.world(), halt)} is paused already.",))
        freed = self._settle(tx)
        said = f"{named(self.world(), halt)} is paused. Nothing leaves, and nothing is lost; go on with `resume`."
        return Said(Outcome.DONE, (said,), frozenset(freed))

    def resume(self, tx: Tx, halt: Halt) -> Said:
        """Let what waited go out, in its turn."""
        if not halts.remove(tx, halt):
            return Said(Outcome.NOTHING, (f"{named(self.world(), halt)} is not paused.",))
        freed = self._settle(tx)
        said = f"{named(self.world(), halt)} goes on. What waited is on its way."
        return Said(Outcome.DONE, (said,), frozenset(freed))
