"""The duty that asks a platform about its members, at work over a small world, for the tests of offboarding. No tests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType, SimpleNamespace

from bridge import offboarding
from bridge.contract import Follower
from bridge.engine import Account, Engine
from bridge.errors import SendError
from bridge.members import ALL_S, Members
from bridge.offboarding import SURE_AFTER_S
from bridge.post import Author, Destination, Ignored, PersonId, UserId
from bridge.routing import World
from bridge.store import alerts, inward, offboarded, people
from bridge.store.offboarded import Step
from bridge.store.people import Deed, Known
from bridge.store.tables_people import FollowState
from tests.core.asking import look
from tests.core.desk import Desk
from tests.core.worlds import (
    ALL,
    LYNN,
    MAIL,
    MAILS,
    NOW,
    PEOPLE,
    READERS,
    TEAM,
    entry,
    group,
    person,
    reader,
    world,
)

OTHERS = tuple(person(f"member{n}", team=f"u{n}x", allhands=f"@member{n}@social.example") for n in range(1, 10))
NINA = person("nina", team="nina@example.org")
"""On one platform alone."""
FOLLOWS = Follower(UserId("11"), "Lynn", ("11", "@MissLynn13@social.example"))
LYNNS_MAIL = Destination(MAILS, "lynn@example.org")


def house(**changes: object) -> World:
    """Lynn writes, follows and reads; nine others follow."""
    made = world(group(entry("team/all-hands"), entry("allhands/timeline"), mails()))
    everybody = MappingProxyType({each.id: each for each in (*PEOPLE, *OTHERS, NINA)})
    known = made.welcomed | {LYNNS_MAIL}
    return replace(made, mappings=replace(made.mappings, people=everybody, **changes), welcomed=known)  # type: ignore[arg-type]


def mails(**changes: object) -> object:
    return entry("mail/all-hands", readers=(*READERS, reader("lynn", "lynn@example.org")), **changes)


@dataclass
class Workspace:
    """A platform that lists its people: by handle, and what it says of each."""

    users: dict[str, UserId] = field(default_factory=lambda: {"lynn@example.org": UserId("U1"), "nina@example.org": UserId("U3")})
    said: dict[UserId, bool | SendError | None] = field(default_factory=dict)
    asked: list[UserId] = field(default_factory=list)

    async def is_gone(self, user: UserId) -> bool | None:
        self.asked.append(user)
        found = self.said.get(user, False)
        if isinstance(found, SendError):
            raise found
        return found

    async def look_up(self, handle: str) -> UserId | None:
        if handle.startswith("u"):
            return UserId(handle.upper())
        user = self.users.get(handle)
        return user if user and self.said.get(user) is not True else None


@dataclass
class Office:
    """The duty at work."""

    desk: Desk
    workspace: Workspace
    members: Members

    async def look(self, seconds: float = 0.0) -> str:
        self.desk.now += seconds
        for _ in range(2):  # they are more than one look asks about
            sentence = await self.members.look()
        await look(self.desk)
        return sentence

    async def settle(self) -> None:
        """A round, and whatever it gave a reason for."""
        await self.look(ALL_S)
        await self.look(SURE_AFTER_S)

    async def goes(self, *users: str) -> None:
        self.workspace.said |= dict.fromkeys(map(UserId, users), True)
        await self.settle()

    async def hear(self, author: Author = LYNN, *, gone: bool = True) -> None:
        """The platform tells by itself."""
        raw = self.desk.raw(TEAM)
        assert await self.desk.write(lambda tx: inward.take(tx, raw, self.desk.now))
        [mine] = [each for each in await self.desk.waiting(TEAM) if each.raw.key == raw.key]
        await self.desk.judge(mine, Ignored(raw.key, "not a message: user_change", member=author, gone=gone))

    async def step(self, name: str = "lynn") -> Step | None:
        found = await self.desk.read(lambda tx: offboarded.find(tx, PersonId(name)))
        return found.step if found else None

    async def waiting(self) -> list[tuple[str, str]]:
        found = await self.desk.read(lambda tx: offboarding.waiting(tx, self.desk.world))
        return [(each.id, each.line) for each in found]

    async def decide(self, name: str = "member:lynn:1", *, no: bool = False) -> None:
        now = self.desk.now
        await self.desk.write(lambda tx: offboarding.decide(tx, name, self.desk.world, now, by="Chair", no=no))
        await look(self.desk)

    async def wish(self) -> tuple[Deed | None, str]:
        found = (await self.desk.read(lambda tx: people.known(tx, ALL)))[FOLLOWS.user]
        return found.wish, found.by

    async def log(self) -> list[tuple[str, str, str, str]]:
        return [(e.what, e.account, e.handle, e.by) for e in reversed(await self.desk.read(people.decisions))]

    async def told(self) -> list[str]:
        return [each.text for each in await self.desk.read(alerts.current)]


def made(desk: Desk, workspace: Workspace) -> Members:
    adapter = SimpleNamespace(directory=workspace, look_up=workspace.look_up)
    others = {name: Account(name, SimpleNamespace(directory=None)) for name in (ALL, MAIL)}  # type: ignore[arg-type]
    engine = Engine({TEAM: Account(TEAM, adapter), **others}, now=lambda: desk.now)  # type: ignore[arg-type]

    engine.accounts[TEAM].opened.set()

    async def nobody_minds() -> None:
        """Others look for themselves."""

    return Members(desk.store, engine, lambda: desk.world, nobody_minds)


async def staffed(desk: Desk) -> Office:
    """Everybody was seen once."""
    desk.world, desk.now = house(), NOW
    office = Office(desk, workspace := Workspace(), made(desk, workspace))
    here = [FOLLOWS, *(Follower(UserId(f"2{n}"), f"Member {n}", (f"@member{n}@social.example",)) for n in range(1, 10))]
    for each in here:
        await desk.write(lambda tx, each=each: people.note(tx, ALL, Known(each, FollowState.FOLLOWING, NOW)))  # type: ignore[misc]
    await office.look()
    return office
