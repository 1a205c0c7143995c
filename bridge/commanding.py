"""Carrying out what people ask of the bridge itself: each once, by who may, answered where only they see it, and logged."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import structlog

from bridge import looking, orders, tracing
from bridge.doorkeeper import Doorkeeper
from bridge.engine import Engine
from bridge.errors import BridgeError, Retryable, SendError
from bridge.halting import Halter
from bridge.looking import Said
from bridge.notices import Notice
from bridge.orders import Asker, Order, Outcome, Verb
from bridge.pausing import Halt
from bridge.post import AccountId, Ref, aside
from bridge.recalling import recall
from bridge.routing import World
from bridge.saying import notify
from bridge.store import Store, Tx, commands, people
from bridge.store.commands import Waiting
from bridge.store.people import Deed
from bridge.text import from_plain

SCAN_S = 2.0
"""How often it is looked for commands that another replica took and that nobody told of."""

log = structlog.get_logger()

Deeds = Callable[[Tx], Said]
"""What is left to be done once everything was looked up: in the transaction in which the command is finished."""
_Way = Callable[[Order, Asker, Ref | None], Awaitable[Deeds]]


@dataclass(slots=True)
class Commander:
    """The duty, and what the command line asks of it. `wake` is told of lanes with new work."""

    store: Store
    engine: Engine
    world: Callable[[], World]
    wake: Callable[[Iterable[int]], None]
    doorkeeper: Doorkeeper
    halter: Halter
    _asked: asyncio.Event = field(default_factory=asyncio.Event)

    def commanded(self) -> None:
        """There is something to be carried out."""
        self._asked.set()

    async def run(self) -> None:
        """Carry out what is asked until the service ends. Of several replicas one does."""
        troubled = False
        while not self.engine.stopping.is_set():
            self._asked.clear()
            try:
                await self.halter.look()
                for waiting in await self.store.read(commands.waiting):
                    await self._carry_out(waiting)
                troubled = False
            except BridgeError as error:
                if not troubled:
                    log.warning("commands.trouble", error=error.sentence)
                troubled = True
            await self.engine.until(self.engine.now() + SCAN_S, self._asked)

    # ------------------------------------------------------------ one command

    async def _carry_out(self, waiting: Waiting) -> None:
        world = self.world()
        who = orders.asker(world, waiting.place, waiting.author)
        deeds = await self._prepared(orders.read(waiting.words), who, waiting.about)

        def finish(tx: Tx) -> Said | None:
            now = self.engine.now()
            # First what it comes to, as only then the outcome is known; if another replica was faster, nothing of it is kept.
            said = deeds(tx)
            if not commands.finish(tx, waiting.id, said.outcome, now):
                raise _Overtaken
            place = aside(waiting.place, waiting.author.user)
            notice = Notice(f"command:{waiting.place.account}:{waiting.key}", place, from_plain("\n".join(said.lines)))
            return Said(said.outcome, said.lines, said.lanes | notify(tx, notice, now))

        try:
            said = await self.store.write(finish)
        except _Overtaken:
            return
        if said is not None:
            log.info("command.done", account=waiting.place.account, outcome=said.outcome)
            await self._after(said)

    async def ask(self, words: str, by: str) -> Said:
        """Carry out what somebody at this machine's own terminal asks: they may do everything."""
        deeds = await self._prepared(orders.read(words), Asker(by, is_admin=True), None)
        key = f"{self.engine.now()}:{secrets.token_hex(8)}"

        def do(tx: Tx) -> Said:
            said = deeds(tx)
            commands.log_here(tx, key, by, words, said.outcome, self.engine.now())
            return said

        said = await self.store.write(do)
        await self._after(said)
        return said

    async def why(self, words: str) -> dict[str, Any]:
        """A post's story for this machine's own terminal: as values, and in words; `found` says whether there is one."""
        world, wanted = self.world(), self._asked_for(Order(Verb.WHY, (words,)), None)
        story = await self.store.read(lambda tx: looking.story_of(tx, world, wanted))
        if story is None:
            return {"found": False, "words": tracing.unknown(world, wanted.refs), "story": None}
        told = tracing.in_words(world, story, with_readers=True)
        return {"found": True, "words": told, "story": asdict(replace(story, post=None))}

    async def _after(self, said: Said) -> None:
        self.wake(said.lanes)
        await self.halter.look()

    async def _prepared(self, order: Order, who: Asker, about: Ref | None) -> Deeds:
        """Look up and do what no transaction can; what is left of it. A mistake in one command must not stop the others."""
        if order.verb.for_admins and not who.is_admin:
            return _says(
                Outcome.REFUSED, f"Only the group's admins may {order.verb}. They stand in the mapping file under `admins`."
            )
        try:
            return await self._ways()[order.verb](order, who, about)
        except Retryable as error:
            return _says(Outcome.FAILED, f"{error.sentence} Try it again in a moment.")
        except BridgeError as error:
            return _says(Outcome.FAILED, error.sentence)
        except Exception:
            log.exception("command.internal", verb=order.verb)
            return _says(Outcome.FAILED, "viabridge made a mistake with this; the log has the details.")

    # ------------------------------------------------------------ what there is

    def _ways(self) -> Mapping[Verb, _Way]:
        return {
            Verb.WHY: self._why,
            Verb.WHO: self._who,
            Verb.RECALL: self._recall,
            Verb.PING: self._ping,
            Verb.PAUSE: self._pause,
            Verb.RESUME: self._resume,
            Verb.APPROVE: self._approve,
            Verb.REJECT: self._reject,
            Verb.HELP: self._help,
        }

    async def _why(self, order: Order, who: Asker, about: Ref | None) -> Deeds:
        world, asked = self.world(), self._asked_for(order, about)
        return lambda tx: looking.why(tx, world, asked, who)

    def _asked_for(self, order: Order, about: Ref | None) -> looking.Wanted:
        """What message is meant: the one that was pointed at, or the link or id behind the verb."""
        if about is not None:
            return looking.Wanted((about,), "")
        words = order.rest[0] if order.rest else ""
        bare = words.removeprefix("<").removesuffix(">").partition("|")[0]
        return looking.Wanted(tuple(self._located(bare)), bare)

    def _located(self, words: str) -> Iterable[Ref]:
        for account in self.engine.accounts.values():
            try:
                found = account.adapter.locate(words) if words else None
            except SendError:  # it was never signed in to, so it can't know its own links
                continue
            if found is not None:
                yield found

    async def _who(self, order: Order, who: Asker, _about: Ref | None) -> Deeds:
        said = looking.who(self.world(), order, who)
        return lambda _tx: said

    async def _recall(self, order: Order, who: Asker, about: Ref | None) -> Deeds:
        world, now, asked = self.world(), self.engine.now(), self._asked_for(order, about)
        with_note = order.rest[-1:] == ("note",)
        return lambda tx: recall(tx, world, asked, who, now, with_note=with_note)

    async def _ping(self, order: Order, who: Asker, _about: Ref | None) -> Deeds:
        places = looking.to_ping(self.world(), order, who)
        if isinstance(places, Said):
            return lambda _tx: places
        lines = await asyncio.gather(*(looking.ping(self.engine, at, place) for at, place in places))
        failed = any(line.startswith(looking.SILENT) for line in lines)
        return _says(Outcome.FAILED if failed else Outcome.DONE, *lines)

    async def _pause(self, order: Order, who: Asker, _about: Ref | None) -> Deeds:
        return self._halts(order, who, self.halter.pause, self.halter.foresee)

    async def _resume(self, order: Order, who: Asker, _about: Ref | None) -> Deeds:
        return self._halts(order, who, self.halter.resume)

    def _halts(
        self, order: Order, who: Asker, do: Callable[[Tx, Halt], Said], first: Callable[[Halt], None] = lambda _halt: None
    ) -> Deeds:
        found = looking.halt_of(self.world(), order, who, self.engine.now())
        if isinstance(found, Said):
            return lambda _tx: found
        first(found)
        return lambda tx: do(tx, found)

    async def _approve(self, order: Order, who: Asker, _about: Ref | None) -> Deeds:
        return await self._decide(order, who, Deed.APPROVE, "now follows")

    async def _reject(self, order: Order, who: Asker, _about: Ref | None) -> Deeds:
        return await self._decide(order, who, Deed.REJECT, "was turned down by")

    async def _decide(self, order: Order, who: Asker, deed: Deed, done: str) -> Deeds:
        doors = self.doorkeeper.accounts
        named = [word for word in order.rest if word in doors]
        handles = [word for word in order.rest if word not in doors and word != "at"]
        account = AccountId(named[0]) if named else doors[0] if len(doors) == 1 else None
        if account is None or len(handles) != 1:
            names = ", ".join(doors) or "there is no account whose followers are approved"
            return _says(Outcome.NOTHING, f"Say whom, and where if there are several: {order.verb} HANDLE ACCOUNT ({names}).")
        found = await self.doorkeeper.decide(account, handles[0], deed, who.name)
        return _says(Outcome.DONE, f"{people.handle_of(found)} ({found.name}) {done} {account}.")

    async def _help(self, _order: Order, who: Asker, _about: Ref | None) -> Deeds:
        return _says(Outcome.DONE, *orders.help_lines(is_admin=who.is_admin))


class _Overtaken(Exception):
    """Another replica carried the command out."""


def _says(outcome: Outcome, *lines: str) -> Deeds:
    said = Said(outcome, lines)
    return lambda _tx: said
