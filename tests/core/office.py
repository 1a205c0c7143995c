"""A commander at work over a small world, for the tests of what people ask of the bridge. No tests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from types import MappingProxyType, SimpleNamespace

from bridge.commanding import Commander
from bridge.contract import Capabilities, Follower
from bridge.doorkeeper import Nobody
from bridge.engine import Account, Engine
from bridge.errors import Retryable
from bridge.halting import Halter
from bridge.mappings.models import AccountEntry
from bridge.pausing import Halt
from bridge.post import AccountId, Author, Commanded, PersonId, Place, PlaceId, Ref, UserId, aside
from bridge.store import commands, ledger, sql
from bridge.store.people import Deed
from bridge.text import plain
from tests.core.desk import Desk
from tests.core.worlds import ALL, CHANNEL, LYNN, MAIL, TEAM, TIMELINE, at, world

KARL = Author(UserId("U2"), "Karl", ("u2", "karl@example.org"))
CHANGEABLE = Capabilities(edit=True, delete=True)
LEE, CHAIR = "lee@gmail.example", "chair@board.example"


@dataclass
class Platform:
    """An adapter of which only this is asked."""

    capabilities: Capabilities = CHANGEABLE
    away: bool = False
    links: dict[str, Ref] = field(default_factory=dict)

    def locate(self, words: str) -> Ref | None:
        return self.links.get(words)

    async def ping(self, place: PlaceId) -> None:
        if self.away:
            raise Retryable("The server is away.")


@dataclass
class Doors:
    """A doorkeeper that notes what it is asked."""

    asked: list[tuple[str, str, str, str]] = field(default_factory=list)
    accounts: tuple[AccountId, ...] = (ALL,)

    async def decide(self, account: AccountId, handle: str, deed: Deed, by: str) -> Follower:
        self.asked.append((account, handle, deed, by))
        if handle == "@nobody@social.example":
            raise Nobody("Nobody called @nobody@social.example asks to follow allhands: see `viabridge followers`.")
        return Follower(UserId("99"), "A stranger", (handle,))


@dataclass
class Office:
    """A commander at work."""

    desk: Desk
    commander: Commander
    platforms: dict[AccountId, Platform]
    doors: Doors
    woken: list[int]

    async def say(self, words: str, author: Author = LYNN, place: Place = CHANNEL, about: Ref | None = None) -> str:
        """Somebody commands; what they alone read."""
        before = len(await self.whispers(author, place))
        key = f"k{len(await self.log())}"
        said = Commanded(key, place, author, words, at(), about)
        assert await self.desk.write(lambda tx: commands.add(tx, said, self.desk.now))
        await self.carry_out()
        found = await self.whispers(author, place)
        assert len(found) == before + 1
        return found[-1]

    async def carry_out(self) -> None:
        for waiting in await self.desk.read(commands.waiting):
            await self.commander._carry_out(waiting)

    async def whispers(self, author: Author = LYNN, place: Place = CHANNEL, kind: str = "command") -> list[str]:
        to = aside(place, author.user)
        p = sql.post.c
        rows = await self.desk.rows(sql.post, p.person == to.person, p.place == to.id, p.native.like(f"notice:{kind}:%"))
        found = [await self.desk.read(lambda tx, row=row: ledger.body_of(tx, row.id)) for row in rows]  # type: ignore[misc]
        return [plain(each.text) for each in found if each]

    async def log(self) -> list[tuple[str, str, str]]:
        return [(each.by, each.words, each.outcome) for each in await self.desk.read(commands.log)]

    async def states(self) -> list[tuple[str, str]]:
        return [(row.state, row.reason) for row in await self.desk.rows(sql.delivery, sql.delivery.c.kind != "notice")]


def make_office(desk: Desk) -> Office:
    """Lynn is the admin. The channel can tell one person alone; mails can't be taken back."""
    here = world()
    entries = {
        name: AccountEntry(name, kind, SimpleNamespace()) for name, kind in ((TEAM, "chat"), (ALL, "blog"), (MAIL, "post"))
    }  # type: ignore[arg-type]
    mappings = replace(here.mappings, admins=(PersonId("lynn"),), accounts=MappingProxyType(entries))
    sizes = {CHANNEL: 12, TIMELINE: 30}
    desk.world = replace(here, mappings=mappings, sizes=sizes, asides=frozenset({TEAM}), lasting=frozenset({MAIL}))
    platforms = {TEAM: Platform(), ALL: Platform(), MAIL: Platform(Capabilities(edit=False, delete=False))}
    accounts = {name: Account(name, platform) for name, platform in platforms.items()}  # type: ignore[arg-type]
    for account in accounts.values():
        account.opened.set()
    engine, doors, woken = Engine(accounts, now=lambda: desk.now), Doors(), list[int]()

    def put(found: tuple[Halt, ...]) -> None:
        desk.world = replace(desk.world, halts=found)

    def wake(lanes: Iterable[int]) -> None:
        woken.extend(lanes)

    halter = Halter(desk.store, engine, lambda: desk.world, put, wake)
    commander = Commander(desk.store, engine, lambda: desk.world, wake, doors, halter)  # type: ignore[arg-type]
    return Office(desk, commander, platforms, doors, woken)
