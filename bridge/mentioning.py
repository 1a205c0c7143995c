"""Whom a copy may really mention: people whom the mapping file knows at both ends, where the group lets them be called."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bridge import text
from bridge.engine import Engine
from bridge.errors import SendError
from bridge.post import AccountId, Destination, EventKind, UserId
from bridge.routing import World
from bridge.store import Store, people
from bridge.store.values import Job


class Mentions:
    """Finds people by the handles of the mapping file, at both ends; what was found is remembered."""

    def __init__(self, store: Store, engine: Engine, world: Callable[[], World]) -> None:
        self._store = store
        self._engine = engine
        self._world = world

    async def of(self, job: Job, destination: Destination) -> Mapping[str, UserId]:
        """Each mention of the post that may be a real one, with who that is where the copy goes."""
        mappings = self._world().mappings
        if job.post is None or not self.are_asked_for(job):
            return {}
        wanted, source = text.mentioned(job.post.text), job.post.ref.place.account
        found: dict[str, UserId] = {}
        for person in mappings.people.values():
            theirs, there = person.handles.get(source, ()), person.handles.get(destination.account, ())
            if not theirs or not there or source == destination.account:
                continue
            if (named := await self._named(source, theirs, wanted)) and (user := await self._user(destination.account, there)):
                found[named] = user
        return found

    def are_asked_for(self, job: Job) -> bool:
        """Whether the post mentions anybody where a mention may be a real one."""
        group = self._world().places.groups.get(job.group)
        if group is None or group.mentions != "people" or job.post is None or job.kind is EventKind.DELETED:
            return False
        return bool(text.mentioned(job.post.text))

    async def _named(self, account: AccountId, handles: tuple[str, ...], wanted: frozenset[str]) -> str:
        """Which of the mentions is theirs; empty where none is."""
        if written := next((one for one in wanted if one.lower() in handles), ""):
            return written
        user = await self._user(account, handles)
        return user if user is not None and user in wanted else ""

    async def _user(self, account_id: AccountId, handles: tuple[str, ...]) -> UserId | None:
        """Whom the handles mean at the account; None where nobody can tell now: then they are only named."""
        account = self._engine.accounts.get(account_id)
        for handle in handles:
            user = await self._store.read(lambda tx, handle=handle: people.user_of(tx, account_id, handle))  # type: ignore[misc]
            if user is not None or account is None or not account.opened.is_set():
                return user
            try:
                user = await account.adapter.look_up(handle)
            except SendError:
                continue
            if user is not None:
                await self._store.write(lambda tx, h=handle, u=user: people.remember(tx, account_id, h, u))  # type: ignore[misc]
                return user
        return None
