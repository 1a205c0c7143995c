"""The scripted conversation of `demo --once`: who says what in which order, and what should stand where afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from bridge.contract import Act, Fault
from bridge.demo import law
from bridge.demo.cast import Kind, Role, Voice, display, roles
from bridge.demo.rehearsal import rehearse
from bridge.demo.stage import Stage
from bridge.demo.verdict import Expected, Journals, Row, Verdict, carries, copies_of, in_order, judge
from bridge.post import DIRECT, Destination, NativeId

LOOK_S = 0.004
WITHIN_S = 20.0
"""How long a step may take; an outage's back-off is the longest."""


@dataclass(frozen=True, slots=True)
class Said:
    """A scripted post: by whom, where it stands, and where its copies should."""

    step: str
    text: str
    role: Role
    voice: Voice
    id: NativeId
    at: float
    to: tuple[Destination, ...]


@dataclass
class Play:
    """A performance on a stage; `arrived` is told of each row as it comes."""

    stage: Stage
    arrived: Callable[[Row], None]
    rows: list[Row] = field(default_factory=list)
    expected: list[Expected] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    cast: tuple[Role, ...] = ()

    async def perform(self) -> Verdict:
        """Play every scene, then hold the journals against what was expected, and against the law."""
        self.cast = roles(self.stage.town)
        channel, timeline, inbox = (self._role(kind) for kind in Kind)
        await self._rehearse()
        first = await self._new_posts(channel, timeline, inbox)
        await self._answers(first, channel, inbox)
        await self._changes(channel)
        await self._echo(channel, timeline)
        await self._twice(channel)
        await self._outage(channel, timeline)
        return await self._verdict()

    def _role(self, kind: Kind) -> Role:
        return next(role for role in self.cast if role.kind is kind)

    # ---------------------------------------------------------------- scenes

    async def _rehearse(self) -> None:
        """What loads at first use is no part of a delay; what can't be deleted afterwards is expected to stand."""
        for post in await rehearse(self.stage, self.cast):
            self.expected += [
                Expected("rehearsal", post.text, post.origin, each, times=0 if self._can(each, Act.DELETE) else 1)
                for each in post.to
            ]

    async def _new_posts(self, channel: Role, timeline: Role, inbox: Role) -> Said:
        directly, as_account = timeline.voices[0], timeline.voices[-1]
        first = await self._says("new post", channel, channel.voices[0], "Can everyone meet @ 2pm today?")
        await self._says("direct message", timeline, directly, "I can, the train is on time")
        await self._says("as the account", timeline, as_account, "Doors open at half past one")
        await self._says("new mail", inbox, inbox.voices[0], "The board will join by phone")
        return first

    async def _answers(self, first: Said, channel: Role, inbox: Role) -> None:
        await self._says("thread reply", channel, channel.voices[1], "Room 4, then", answers=first)
        await self._says("email reply", inbox, inbox.voices[0], "2pm suits us well", answers=first)

    async def _changes(self, channel: Role) -> None:
        said = await self._says("before the edit", channel, channel.voices[0], "Bring the old plan")
        await self._edits(said, "Bring the new plan")
        gone = await self._says("before the deletion", channel, channel.voices[0], "Wrong channel, sorry")
        await self._deletes(gone)

    async def _echo(self, channel: Role, timeline: Role) -> None:
        """Our own copy's event comes before the answer to the call that made it."""
        for role in self.cast:
            with contextlib.suppress(ValueError):  # mail has no echo
                role.sandbox.fault(Fault.EARLY_ECHO)
        await self._says("early echo", channel, channel.voices[0], "Is there coffee?")
        await self._says("early echo", timeline, timeline.voices[0], "There is tea as well")

    async def _twice(self, channel: Role) -> None:
        channel.sandbox.fault(Fault.TWICE)
        await self._says("event twice", channel, channel.voices[1], "Yes, and cake")

    async def _outage(self, channel: Role, timeline: Role) -> None:
        """What is written while a place is away waits, in order; so does what is written there."""
        await channel.sandbox.unplug()
        waiting = [
            await self._writes("outage", timeline, timeline.voices[0], text)
            for text in ("One: the slides are ready", "Two: the projector works", "Three: see you there")
        ]
        inside = await self._writes("outage", channel, channel.voices[0], "Anybody there?")
        for said in waiting:
            await self._arrives(said, [one for one in said.to if one.account != channel.account])
        await channel.sandbox.plug()
        await self.stage.hurry(channel.account)
        for said in (*waiting, inside):
            await self._arrives(said, said.to)
        texts = [said.text for said in waiting]
        for destination in waiting[0].to:
            self.breaches += in_order(texts, destination, self._journals())

    # ---------------------------------------------------------------- what people do

    async def _says(self, step: str, role: Role, voice: Voice, text: str, answers: Said | None = None) -> Said:
        """Let somebody write, and wait until it arrived everywhere."""
        said = await self._writes(step, role, voice, text, answers)
        await self._arrives(said, said.to)
        return said

    async def _writes(self, step: str, role: Role, voice: Voice, text: str, answers: Said | None = None) -> Said:
        author = dict(role.handles).get(voice.person, voice.person)
        to = self.stage.others(role.account, author, direct=voice.direct)
        self.expected += [Expected(step, text, role.title, each, answers=answers.text if answers else "") for each in to]
        native = await role.say(voice, text, self._seen_by(role, author, answers) if answers else None)
        at = next(one.at for one in role.sandbox.standing() if one.id == native)
        return Said(step, text, role, voice, native, at, to)

    def _seen_by(self, role: Role, author: str, said: Said) -> NativeId:
        """What the person answers: the original where they can see it, else the copy before them."""
        if said.role is role:
            return said.id
        return next(one.id for one in role.sandbox.standing() if carries(one.text, said.text) and one.reader in (None, author))

    async def _arrives(self, said: Said, to: Sequence[Destination]) -> None:
        """Wait for a copy at each destination, and note how long it took by the platforms' own clocks."""

        def missing() -> list[Destination]:
            return [each for each in to if not copies_of(self._journals(), said.text, each)]

        await self._until(lambda: not missing())
        told = {row.destination for row in self.rows if row.post == said.text}
        for each in sorted(to, key=str):
            if self._name(each) not in told and (copies := copies_of(self._journals(), said.text, each)):
                self._note(said.step, said, each, copies[0].at - said.at)

    async def _edits(self, said: Said, text: str) -> None:
        """Copies that can change do; where they can't, a correction follows."""
        began = time.time()
        await said.role.sandbox.edit(said.id, text)
        changed = replace(said, step="edit", text=text, at=began)
        self._expect_change(said, Act.EDIT)
        self.expected += [Expected("edit", text, said.role.title, each) for each in said.to]
        await self._each_when(changed, lambda each: bool(copies_of(self._journals(), text, each)), said.to)

    async def _deletes(self, said: Said) -> None:
        """Copies that can go do; a mail stays where it is."""
        began = time.time()
        await said.role.sandbox.delete(said.id)
        self._expect_change(said, Act.DELETE)
        gone = [each for each in said.to if self._can(each, Act.DELETE)]
        await self._each_when(
            replace(said, step="deletion", at=began), lambda each: not copies_of(self._journals(), said.text, each), gone
        )

    def _expect_change(self, said: Said, act: Act) -> None:
        """What stood before the change stands only where nothing can be changed."""
        self.expected = [
            replace(each, times=0) if each.text == said.text and self._can(each.destination, act) else each
            for each in self.expected
        ]

    def _can(self, destination: Destination, act: Act) -> bool:
        return act in self.stage.town.sandboxes[destination.account].can

    # ---------------------------------------------------------------- waiting and noting

    async def _each_when(self, said: Said, done: Callable[[Destination], bool], to: Sequence[Destination]) -> None:
        """Note for each destination when it was seen to be done; accurate to a few milliseconds."""
        left = set(to)

        def look() -> bool:
            for each in sorted(left, key=str):
                if done(each):
                    left.discard(each)
                    self._note(said.step, said, each, time.time() - said.at)
            return not left

        await self._until(look)

    async def _until(self, done: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + WITHIN_S
        while not done():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(LOOK_S)
        return True

    def _note(self, step: str, said: Said, destination: Destination, seconds: float) -> None:
        row = Row(step, said.text, said.role.title, self._name(destination), round(seconds * 1000, 1))
        self.rows.append(row)
        self.arrived(row)

    def _name(self, destination: Destination) -> str:
        role = next(role for role in self.cast if role.account == destination.account)
        return f"{role.title}, {display(role.person(destination.reader))}" if destination.reader else role.title

    def _journals(self) -> Journals:
        return {account: sandbox.standing() for account, sandbox in self.stage.town.sandboxes.items()}

    async def _verdict(self) -> Verdict:
        breaches = list(self.breaches)
        try:
            claims = await law.settled(self.stage.town, self.stage.service.store, WITHIN_S)
            breaches += law.breaches(self.stage.town, claims)
        except TimeoutError as late:
            breaches.append(str(late))
        found = judge(self.expected, self._journals())
        breaches += [f"a stranger can read {len(seen)} posts" for seen in await self._strangers() if seen]
        return replace(found, breaches=(*found.breaches, *breaches), rows=tuple(self.rows))

    async def _strangers(self) -> list[Sequence[str]]:
        return [await look() for role in self.cast if (look := getattr(role.sandbox, "stranger_view", None))]


def notices(journals: Journals) -> Iterator[str]:
    """What the bridge itself said to people."""
    for standing in journals.values():
        yield from (one.text for one in standing if one.by_bridge and one.place == DIRECT)


def median(rows: Sequence[Row]) -> float:
    """The usual delay, in ms, of what was not held up by the outage."""
    return round(statistics.median([row.ms for row in rows if row.step != "outage"] or [0.0]), 1)
