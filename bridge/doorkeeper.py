"""The door of protected accounts: lets in whom the mapping file names, asks admins about others, welcomes, keeps the log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from bridge import notices, notices_members
from bridge.arrivals import Changes, Seen, changes, is_in, write_down
from bridge.contract import Follower, People
from bridge.engine import Account, Engine
from bridge.errors import BridgeError, NeedsOperator, Rejected
from bridge.mappings import Group, Person
from bridge.post import AccountId, UserId, direct
from bridge.routing import World
from bridge.saying import notify
from bridge.store import Store, Tx, alerts, people
from bridge.store.alerts import Alert
from bridge.store.people import Deed, Known
from bridge.store.tables_people import FollowState

REQUESTS_S = 10.0
"""How often it is looked who asks."""
FOLLOWERS_S = 600.0
"""How often all followers are looked through: many pages, where they are many. Who was let in natively is seen at once."""
BY_FILE = "file"

log = structlog.get_logger()


class Nobody(BridgeError):
    """Nobody of that name is at the account's door."""


@dataclass(slots=True)
class _Door:
    """One account's door while the service runs. `lock`: one look or decision at a time."""

    account: Account
    people: People
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    look_through_at: float = 0.0
    logged: str = ""


class Doorkeeper:
    """The duty, and what admins ask of it.

    `changed` is told when others follow than before; `shut` of an account whose door stood open and no longer does.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        world: Callable[[], World],
        wake: Callable[[Iterable[int]], None],
        changed: Callable[[], Awaitable[None]],
        shut: Callable[[AccountId], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._engine = engine
        self._world = world
        self._wake = wake
        self._changed = changed
        self._shut = shut
        self._sleep = sleep
        self._doors = {each.id: _Door(each, door) for each in engine.accounts.values() if (door := each.adapter.people)}

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """The accounts that have a door."""
        return tuple(self._doors)

    async def run(self) -> None:
        """Look after every door until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for door in self._doors.values():
                tasks.create_task(self._keep(door), name=f"door {door.account.id}")

    async def _keep(self, door: _Door) -> None:
        while await self._engine.ready(door.account.id):
            sentence = ""
            try:
                await self.look(door.account.id)
                if door.account.gate:
                    door.account.gate = ""
                    await self._shut(door.account.id)
            except NeedsOperator as error:
                sentence = door.account.gate = error.sentence
            except BridgeError as error:
                sentence = error.sentence
            except Exception as error:  # a mistake in one adapter must not take the others with it
                sentence = type(error).__name__
                if sentence != door.logged:
                    log.exception("door.internal", account=door.account.id)
            if sentence and sentence != door.logged:
                log.warning("door.trouble", account=door.account.id, error=sentence)
            door.logged = sentence
            await self._sleep(REQUESTS_S)

    async def look(self, account: AccountId) -> None:
        """Look who asks and, when it is time, who follows; decide what the mapping file decides. Raises `SendError`."""
        door = self._doors[account]
        async with door.lock:
            known = await self._store.read(lambda tx: people.known(tx, account))
            asking = await door.people.requests()
            everybody = self._engine.now() >= door.look_through_at or bool(changes(Seen(asking, None), known).vanished)
            followers = await door.people.followers() if everybody else None
            await self._note(door, Seen(asking, followers), known)
            if everybody:
                door.look_through_at = self._engine.now() + FOLLOWERS_S
            await self._let_in(door, asking)
            await self._finish(door, followers if followers is not None else _to_go(known))

    async def _note(self, door: _Door, seen: Seen, known: dict[UserId, Known]) -> None:
        account, now, new = door.account.id, self._engine.now(), changes(seen, known)
        if seen.followers is None and new == Changes():
            return

        def note(tx: Tx) -> set[int]:
            first = account not in people.following(tx)
            write_down(tx, account, new, seen, known, now)
            news = [each for each in new.arrived if not first or each.user in known]
            self._tell(tx, account, seen, now)
            return {lane for each in news for lane in self._welcome(tx, account, each, now)}

        self._wake(await self._store.write(note))
        await self._changed()

    def _tell(self, tx: Tx, account: AccountId, seen: Seen, now: float) -> None:
        """What admins should know of: who asks and may not simply come in, and who of ours has moved."""
        known = people.known(tx, account)
        for each in seen.asking:
            if self._invited(account, each) is None:
                said = notices.asks_to_follow(account, people.handle_of(each), each.name, moved=each.moved)
                alerts.add(tx, Alert(f"asks:{account}:{each.user}:{known[each.user].at}", account, said), now)
        for each in seen.followers or ():
            if each.moved and self._person(account, each):
                said = notices.seems_moved(account, people.handle_of(each), each.name)
                alerts.add(tx, Alert(f"moved:{account}:{each.user}", account, said), now)

    # ------------------------------------------------------------ deciding

    async def _let_in(self, door: _Door, asking: Sequence[Follower]) -> None:
        """Let in whom the mapping file names, unless something else was decided about them."""
        await self._finish(door, asking)
        known = await self._store.read(lambda tx: people.known(tx, door.account.id))
        for each in asking:
            if is_in(known[each.user], FollowState.ASKING) and self._invited(door.account.id, each):
                await self._try(door, each, Deed.APPROVE, BY_FILE)

    async def _finish(self, door: _Door, here: Sequence[Follower]) -> None:
        """Do what was decided about those who are still there, where we were interrupted or the platform was away."""
        known = await self._store.read(lambda tx: people.known(tx, door.account.id))
        for each in here:
            if (wish := known[each.user].wish) is not None:
                await self._try(door, each, wish, known[each.user].by)

    async def _try(self, door: _Door, follower: Follower, deed: Deed, by: str) -> None:
        """As `_do`; who took their request back meanwhile holds up nobody else."""
        try:
            await self._do(door, follower, deed, by, later=True)
        except Rejected as error:
            log.warning("door.refused", account=door.account.id, deed=deed, error=error.sentence)
            if deed is Deed.REMOVE:  # it was decided elsewhere, so nobody sees that it came to nothing
                now, account = self._engine.now(), door.account.id
                said = notices_members.not_removed(account, people.handle_of(follower), error.sentence)
                await self._store.write(
                    lambda tx: alerts.add(tx, Alert(f"stays:{account}:{follower.user}:{now}", account, said), now)
                )

    async def _do(self, door: _Door, follower: Follower, deed: Deed, by: str, *, later: bool = False) -> None:
        """Do it and write it down: first what is wanted, so that after a crash the log still says by whom.

        `later`: where a human must mend something first, it is done once they have.
        """
        account, user = door.account.id, follower.user
        await self._store.write(lambda tx: people.wish(tx, account, user, deed, by))
        call = {Deed.APPROVE: door.people.approve, Deed.REJECT: door.people.reject, Deed.REMOVE: door.people.remove}[deed]
        try:
            await call(user)
        except (Rejected, NeedsOperator) as error:
            if isinstance(error, Rejected) or not later:
                await self._store.write(lambda tx: people.unwish(tx, account, user))
            raise
        now = self._engine.now()

        def done(tx: Tx) -> set[int]:
            news = people.decided(tx, account, follower, deed, by, now)
            return self._welcome(tx, account, follower, now) if news and deed is Deed.APPROVE else set()

        self._wake(await self._store.write(done))
        log.info("door.decided", account=account, deed=deed, by_file=by == BY_FILE)
        await self._changed()

    async def decide(self, account: AccountId, handle: str, deed: Deed, by: str) -> Follower:
        """Do what an admin wants with whom `handle` names (any of their handles, any case); who that is.

        Raises `Nobody` where there is none for it, `SendError` where the platform refuses or can't be reached.
        """
        door = self._doors.get(account)
        if door is None:
            names = ", ".join(self._doors) or "none"
            raise Nobody(f"There is no account {account} whose followers are approved. Those that have some: {names}.")
        await self.look(account)
        async with door.lock:
            known = await self._store.read(lambda tx: people.known(tx, account))
            state = FollowState.FOLLOWING if deed is Deed.REMOVE else FollowState.ASKING
            found = [each.follower for each in known.values() if each.state is state and _named(each.follower, handle)]
            if len(found) != 1:
                does = "follows" if deed is Deed.REMOVE else "asks to follow"
                raise Nobody(f"Nobody called {handle} {does} {account}: see `viabridge followers`.")
            await self._do(door, found[0], deed, by)
            return found[0]

    # ------------------------------------------------------------ who they are

    def _person(self, account: AccountId, follower: Follower) -> Person | None:
        return self._world().mappings.person_by_handles(account, (follower.user, *follower.handles))

    def _invited(self, account: AccountId, follower: Follower) -> Person | None:
        """The person of the mapping file who asks; None also where they moved, so it may be somebody else, or were offboarded."""
        person = None if follower.moved else self._person(account, follower)
        return None if person is not None and person.id in self._world().leaving else person

    def _welcome(self, tx: Tx, account: AccountId, follower: Follower, now: float) -> set[int]:
        """Once for ever per person, as its key does not change. The lanes with new work."""
        groups = self._groups(account)
        if not groups:
            return set()
        person = self._person(account, follower)
        writes = frozenset(way for group in groups if _may_write(group, person) for way in group.relay)
        return notify(tx, notices.welcome(direct(account, follower.user), groups, writes), now)

    def _groups(self, account: AccountId) -> list[Group]:
        groups = self._world().mappings.groups
        return [group for group in groups if any(entry.account == account for entry in group.places)]


def _to_go(known: dict[UserId, Known]) -> Sequence[Follower]:
    """Who is to be removed, as we saw them last."""
    return tuple(each.follower for each in known.values() if each.wish is Deed.REMOVE)


def _may_write(group: Group, person: Person | None) -> bool:
    return group.followers_write or (person is not None and person.id in group.writers)


def _named(follower: Follower, handle: str) -> bool:
    wanted = handle.lower()
    return wanted in {each.lower() for each in (follower.user, *follower.handles)}
