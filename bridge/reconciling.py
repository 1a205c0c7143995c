"""Looking back: each place's recent past is read directly and held against the ledger, whatever the live connection told.

What was missed is taken; what stands twice is removed. A connection that stood and kept something back is made anew.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import structlog

from bridge.contract import History, Inbox, Page, Seen
from bridge.engine import Account, Engine
from bridge.errors import BridgeError, Rejected, SendError
from bridge.places import is_unpinned
from bridge.post import AccountId, Place
from bridge.routing import World
from bridge.store import Store, looking_back
from bridge.store.looking_back import DOUBLE, GAP, Finding

PERIOD_S = 300.0
"""Seconds between two looks at a place: a connection that is silent is noticed within two of them."""
DEEP_EVERY = 12
"""Every so-many-th look goes back the whole way, the others read the newest page."""
DEPTH_S = 24 * 3600.0
GRACE_S = 30.0
"""What is newer may still be on its way by itself."""
ELSEWHERE_S = 5.0
"""How soon it is noticed that this replica has come to be the one that listens to an account."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Mark:
    """How far a place was looked through. `first` is when it was looked at first: what stood there before is none of ours.

    `next` is where an unfinished look goes on, empty where the last one was finished.
    """

    first: float
    next: str = ""
    looks: int = 0

    @staticmethod
    def load(source: str | None) -> _Mark | None:
        return _Mark(**json.loads(source)) if source else None

    def dump(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True)
class Reconciler:
    """The duty, for every account whose past can be read and to which this replica `listens`: it alone can listen anew."""

    store: Store
    engine: Engine
    world: Callable[[], World]
    inbox: Inbox
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    listens: Callable[[AccountId], bool] = lambda _: True

    async def run(self) -> None:
        """Look at every account's places again and again, until cancelled; accounts don't wait for one another."""
        async with asyncio.TaskGroup() as tasks:
            for account in self.engine.accounts.values():
                tasks.create_task(self._keep_looking(account), name=f"looking back {account.id}")

    async def _keep_looking(self, account: Account) -> None:
        while await self.engine.ready(account.id):
            if not self.listens(account.id):
                await self.sleep(ELSEWHERE_S)
                continue
            try:
                await self.look(account)
            except BridgeError as error:
                log.info("reconciler.not_now", account=account.id, error=error.sentence)
            except Exception:  # a mistake here must not stop the posts
                log.exception("reconciler.internal", account=account.id)
            await self.sleep(PERIOD_S)

    async def look(self, account: Account, *, deep: bool = False) -> tuple[Finding, ...]:
        """Look at all places of the account; what was found. Raises `SendError` where a place can't be read now."""
        history = account.adapter.history
        if history is None:
            return ()
        found: list[Finding] = []
        for place in sorted(set(_places(account, self.world()))):
            found += await self._place(account, history, place, deep=deep)
        gaps = sum(each.kind == GAP for each in found)
        if gaps:
            log.warning("reconciler.gaps", account=account.id, gaps=gaps)
            await self.inbox.kept_back(account.id, gaps)
            account.relisten.set()
        return tuple(found)

    async def _place(self, account: Account, history: History, place: Place, *, deep: bool) -> list[Finding]:
        name, now = f"looked-back:{place.id}", self.engine.now()
        mark = _Mark.load(await self.inbox.cursor(account.id, name))
        if mark is None:
            await self.inbox.take_page(account.id, (), name, _Mark(now).dump())
            return []
        found: list[Finding] = []
        deep = deep or bool(mark.next) or mark.looks % DEEP_EVERY == 0
        since = datetime.fromtimestamp(max(mark.first, now - DEPTH_S), UTC)
        cursor = mark.next
        while True:
            try:
                page = await history.page(place.id, since, cursor)
            except Rejected:
                if cursor:  # the platform knows it no longer: begin anew next time
                    await self.inbox.take_page(account.id, (), name, replace(mark, next="").dump())
                raise
            following = page.next if deep else None
            mark = replace(mark, next=following or "", looks=mark.looks + (following is None))
            found += await self._page(account, place, page, name, mark)
            if following is None:
                return found
            cursor = following

    async def _page(self, account: Account, place: Place, page: Page, name: str, mark: _Mark) -> list[Finding]:
        """Take what was missed together with how far we looked, and remove what stands twice."""
        now = self.engine.now()
        settled = [
            each for each in page.seen if each.raw.at.timestamp() <= now - GRACE_S and each.raw.at.timestamp() >= mark.first
        ]
        missed = await self.store.read(lambda tx: looking_back.unknown(tx, account.id, place, settled))
        await self.inbox.take_page(account.id, [each.raw for each in missed], name, mark.dump())
        found = [_finding(now, place, GAP, each, "taken") for each in missed if not each.key]
        doubles = await self.store.read(lambda tx: looking_back.twice(tx, place, settled))
        found += [_finding(now, place, DOUBLE, each, await _remove(account, each)) for each in doubles]
        if found:
            await self.store.write(lambda tx: looking_back.note(tx, found))
        return found


async def _remove(account: Account, each: Seen) -> str:
    try:
        await account.adapter.delete(each.ref)
    except SendError as error:
        return f"it stands twice: {error.sentence}"
    return "removed"


def _finding(now: float, place: Place, kind: str, seen: Seen, outcome: str) -> Finding:
    return Finding(now, place.account, place.id, kind, seen.ref.id, outcome)


def _places(account: Account, world: World) -> Iterable[Place]:
    entries = [entry for group in world.mappings.groups for entry in group.places if entry.account == account.id]
    return (place for place in map(world.place_of, entries) if not is_unpinned(place.id))
