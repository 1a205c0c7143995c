"""Erasing a person: copies go where they can be taken back, the database forgets, and a report says what cannot be recalled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from bridge.accept import recall
from bridge.engine import Engine
from bridge.errors import BridgeError
from bridge.mappings import Person
from bridge.post import AccountId, PersonId, Place, UserId
from bridge.routing import World, name_of
from bridge.store import Store, Tx, erasing, ledger
from bridge.store.erasing import Standing, Theirs

log = structlog.get_logger()

Them = tuple[tuple[AccountId, UserId], ...]


class Unknown(BridgeError):
    """Nobody like that is known: name a key of `people`, or ACCOUNT/HANDLE, as in `allhands/@karl@social.example`."""


@dataclass(slots=True)
class Report:
    """What is, or would be, done. Places are as people call them; `cannot` are copies that nobody can take back."""

    posts: int = 0
    notices: int = 0
    copies: Counter[str] = field(default_factory=Counter)
    cannot: Counter[str] = field(default_factory=Counter)
    originals: Counter[str] = field(default_factory=Counter)
    under_way: int = 0
    accounts: tuple[str, ...] = ()
    mapped: bool = False

    def as_json(self) -> dict[str, object]:
        return {
            "posts": self.posts,
            "notices": self.notices,
            "copies": dict(self.copies),
            "cannot_recall": dict(self.cannot),
            "originals": dict(self.originals),
            "under_way": self.under_way,
            "accounts": list(self.accounts),
            "in_mapping_file": self.mapped,
        }


@dataclass(frozen=True, slots=True)
class Eraser:
    """The deed. `wake` is told of lanes with removals to do."""

    store: Store
    engine: Engine
    world: Callable[[], World]
    wake: Callable[[Iterable[int]], None]

    async def erase(self, who: str, by: str, *, really: bool) -> Report:
        """Erase them, or only say what that would mean. Raises `Unknown`."""
        person, them, words = await self.store.read(lambda tx: _find(tx, self.world(), who))
        if not them and person is None:
            raise Unknown
        report = Report(accounts=tuple(sorted({account for account, _ in them})), mapped=person is not None)
        after = 0
        while page := await self.store.read(lambda tx, after=after: erasing.posts(tx, them, after)):  # type: ignore[misc]
            await self._page(page, report, really=really)
            after = page[-1].id
        if really:
            await self.store.write(lambda tx: erasing.scrub_person(tx, them, words))
            for account, address in [each for each in them if each[0] in self.world().by_reader]:
                await self._reader(account, address)
            log.warning("person.erased", posts=report.posts, cannot_recall=sum(report.cannot.values()), by=by)
        return report

    async def _reader(self, account: AccountId, address: str) -> None:
        """Forget the address of somebody whose id it is, wherever it stands."""
        now, after = self.engine.now(), 0
        await self.store.write(lambda tx: erasing.scrub_reader(tx, account, address, now))
        while True:
            found, end = await self.store.read(lambda tx, after=after: erasing.raws_with(tx, account, address, after))  # type: ignore[misc]
            if found:
                await self.store.write(lambda tx, found=found: erasing.empty_raws(tx, found))  # type: ignore[misc]
            if end is None:
                return
            after = end

    async def _page(self, page: Sequence[Theirs], report: Report, *, really: bool) -> None:
        ids = [each.id for each in page]
        copies, busy = await self.store.read(lambda tx: (erasing.standing(tx, ids), erasing.under_way(tx, ids)))
        self._count(page, copies, report)
        report.under_way += len(busy)
        if not really:
            return
        now, world = self.engine.now(), self.world()

        def erase(tx: Tx) -> set[int]:
            lanes: set[int] = set()
            for each in page:
                known = ledger.find_post(tx, each.ref)
                if each.said and not each.deleted and known is not None:
                    lanes |= recall(tx, world, known, each.ref, now)
            erasing.scrub(tx, [each.id for each in page if each.id not in busy])
            return lanes

        self.wake(await self.store.write(erase))

    def _count(self, page: Sequence[Theirs], copies: Sequence[Standing], report: Report) -> None:
        said = {each.id for each in page if each.said}
        report.posts += len(said)
        report.notices += len(page) - len(said)
        for each in page:
            if each.said and not each.deleted:
                report.originals[self._where(each.ref.place)] += 1
        for copy in copies:
            if copy.post not in said:
                continue
            account = self.engine.accounts.get(copy.destination.account)
            removable = account is not None and account.adapter.capabilities.delete
            where = self._where(copy.destination.place) + (f" for {copy.destination.reader}" if copy.destination.reader else "")
            (report.copies if removable else report.cannot)[where] += 1

    def _where(self, place: Place) -> str:
        return f"{place.account}, directly" if place.is_direct else name_of(self.world(), place)


def _find(tx: Tx, world: World, who: str) -> tuple[Person | None, Them, frozenset[str]]:
    """Whom the words mean: the person of the mapping file, where they write, and by what words they are named."""
    person = world.whole.people.get(PersonId(who))
    if person is not None:
        handles = {account: frozenset(named) for account, named in person.handles.items()}
    else:
        account, _, handle = who.partition("/")
        handles = {AccountId(account): frozenset({handle.lower()})} if handle else {}
    them: set[tuple[AccountId, UserId]] = set()
    words: set[str] = {handle for named in handles.values() for handle in named}
    for account in world.by_reader & handles.keys():
        them |= {(account, UserId(address)) for address in handles[account] if erasing.is_reader(tx, account, address)}
    for account, named in handles.items():
        them |= {(account, user) for user in erasing.named(tx, account, named)}
    for each in erasing.writers(tx):
        wanted = handles.get(each.account, frozenset())
        seen = {each.user.lower(), *(handle.lower() for handle in (each.author.handles if each.author else ()))}
        if not wanted.isdisjoint(seen):
            them.add((each.account, each.user))
            words |= {handle for handle in (each.author.handles if each.author else ()) if "@" in handle}
    return person, tuple(sorted(them)), frozenset(words)
