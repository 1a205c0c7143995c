"""The duty that asks platforms, where they list their own people, whether those of the mapping file are still members there.

What an answer means is `offboarding`'s business. Nobody counts as gone for want of an answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from bridge import offboarding, standing
from bridge.contract import Directory
from bridge.engine import Account, Engine
from bridge.errors import BridgeError, Rejected, SendError
from bridge.mappings import Person
from bridge.post import AccountId, PersonId, UserId
from bridge.routing import World
from bridge.store import Store, Tx, offboarded, people

LOOK_S = 10.0
"""How often those are asked about of whom there is a doubt."""
ALL_S = 3600.0
"""How often everybody is asked about, as an event may have been missed; at first when the duty begins."""
MOST = 10
"""How many are asked about in one look, so that a platform's patience is left for the posts."""

log = structlog.get_logger()


@dataclass(slots=True)
class Members:
    """The duty. `changed` is told when others have a say, or read, than before."""

    store: Store
    engine: Engine
    world: Callable[[], World]
    changed: Callable[[], Awaitable[None]]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _left: list[PersonId] = field(default_factory=list)
    """Of those who are asked about in this round, who is still to be."""
    _again_at: float = 0.0
    _logged: str = ""

    async def run(self) -> None:
        """Ask until cancelled: the duty of one replica."""
        self._again_at = 0.0
        while True:
            sentence = ""
            try:
                sentence = await self.look()
            except BridgeError as error:
                sentence = error.sentence
            except Exception as error:  # a mistake in one adapter must not take the others with it
                sentence = type(error).__name__
                if sentence != self._logged:
                    log.exception("members.internal")
            if sentence and sentence != self._logged:
                log.warning("members.trouble", error=sentence)
            self._logged = sentence
            await self.sleep(LOOK_S)

    async def look(self) -> str:
        """Ask about whoever it is time for; the last trouble with it. Whom nobody could tell of now is asked about next time."""
        now, here = self.engine.now(), self._members()
        if now >= self._again_at:
            self._left, self._again_at = list(here), now + ALL_S
        known = {each.person: each for each in await self.store.read(offboarded.known)}
        due = [person for person, each in known.items() if offboarding.is_due(each, now)]
        silent: dict[AccountId, str] = {}
        asked = 0
        for person in [here[each] for each in dict.fromkeys([*due, *self._left]) if each in here]:
            accounts = self._accounts(person)
            if any(each.id in silent or not each.opened.is_set() for each in accounts):
                continue
            if (asked := asked + 1) > MOST:
                break
            try:
                await self._ask_about(person, accounts, noted=person.id in known)
            except SendError as error:
                silent |= {each.id: error.sentence for each in accounts}
                self._later(person)
        return next(iter(silent.values()), "")

    async def _ask_about(self, person: Person, accounts: Sequence[Account], *, noted: bool) -> None:
        """Ask, and write down what that means; nothing where they are a member and always were. Raises `SendError`."""
        try:
            gone = await self._is_gone(person, accounts)
        except Rejected:
            gone = None  # that is no word either, and asking again would not help
        if gone or noted:
            await self._note(person, accounts[0].id, gone=gone)
        self._left = [each for each in self._left if each != person.id]

    def _later(self, person: Person) -> None:
        """Ask about them when all others were asked about."""
        if person.id in self._left:
            self._left = [*(each for each in self._left if each != person.id), person.id]

    def _members(self) -> dict[PersonId, Person]:
        """Everybody of the file who can be asked about."""
        return {name: person for name, person in self.world().whole.people.items() if self._accounts(person)}

    def _accounts(self, person: Person) -> Sequence[Account]:
        accounts = self.engine.accounts.values()
        return [each for each in accounts if each.adapter.directory is not None and person.handles.get(each.id)]

    async def _is_gone(self, person: Person, accounts: Sequence[Account]) -> bool | None:
        """Whether they are a member of none of the accounts any more; None where one of them does not say. Raises `SendError`."""
        said: list[bool | None] = []
        for account in accounts:
            if account.adapter.directory is not None:
                said += await self._ask(account, account.adapter.directory, person.handles[account.id])
        if False in said:
            return False
        return True if said and None not in said else None

    async def _ask(self, account: Account, directory: Directory, handles: Iterable[str]) -> Sequence[bool | None]:
        """What the account says of each whom the handles mean. Somebody else may have their handle by now, and is a member."""
        meant = await self.store.read(lambda tx: people.meant(tx, account.id))
        said: dict[UserId, bool | None] = {}
        for handle in handles:
            user = meant.get(handle)
            if user is not None and user not in said:
                said[user] = await directory.is_gone(user)
            if user is None or said[user]:
                found = await account.adapter.look_up(handle)
                if found is not None and found not in said:
                    await self.store.write(lambda tx, h=handle, u=found: people.remember(tx, account.id, h, u))  # type: ignore[misc]
                    said[found] = await directory.is_gone(found)
        return tuple(said.values())

    async def _note(self, person: Person, account: AccountId, *, gone: bool | None) -> None:
        now, world = self.engine.now(), self.world()

        def note(tx: Tx) -> None:
            if gone is None:
                offboarding.untold(tx, person.id)
            else:
                today = standing.today(tx, world)
                offboarding.note(tx, person, account, today, now, gone=gone, known=self._known(tx))

        await self.store.write(note)
        await self.changed()

    def _known(self, tx: Tx) -> int:
        """Of how many people it was found out who they are, at any of their accounts."""
        meant = {name: people.meant(tx, name) for name, each in self.engine.accounts.items() if each.adapter.directory}
        return sum(
            any(handle in users for at, users in meant.items() for handle in each.handles.get(at, ()))
            for each in self._members().values()
        )
