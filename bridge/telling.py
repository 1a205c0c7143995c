"""Telling the admins what needs a human: each trouble once until it was well, elsewhere than where the trouble is."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

import structlog

from bridge import notices, reasons
from bridge.engine import Account, Engine
from bridge.errors import BridgeError, SendError
from bridge.mappings import Person
from bridge.post import AccountId, Place, direct
from bridge.reasons import Reason
from bridge.routing import World
from bridge.saying import notify
from bridge.store import Store, Tx, alerts, held, origins, people
from bridge.store.alerts import Alert
from bridge.store.held import Held
from bridge.store.origins import Stopped

LOOK_S = 5.0
WELL_AFTER_S = 30.0
"""A trouble that was not there for so long is over. Less would tell of each pause between two tries."""
TOLD_WITHIN_S = 24 * 3600.0
"""Whoever could not be told within a day is not told any more: the status page still shows what lasts."""
HELD_WITHIN_S = 24 * 3600.0
_DAY_S = 24 * 3600.0
HELD_A_DAY = 20
"""Alerts about what one account holds, in a day; that there is more is one more."""

log = structlog.get_logger()


class No(Enum):
    """Why an admin is not told over any account."""

    WAY_NOW = auto()
    """An account by which they could be told is not open."""
    WAY = auto()
    """There is none: the mapping file names nobody for them elsewhere."""


@dataclass(frozen=True, slots=True)
class Teller:
    """The duty. `wake` is told of lanes with new work; `clock` of the engine is the only one."""

    store: Store
    engine: Engine
    world: Callable[[], World]
    wake: Callable[[Iterable[int]], None]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def run(self) -> None:
        """Look and tell until cancelled: the duty of one replica."""
        await self._keep(self.look)

    async def watch(self) -> None:
        """Write down what is new until cancelled: of each replica, as some troubles are seen by one alone."""
        await self._keep(self.note)

    async def _keep(self, duty: Callable[[], Awaitable[object]]) -> None:
        troubled = False
        while True:
            try:
                await duty()
                troubled = False
            except BridgeError as error:
                if not troubled:
                    log.warning("telling.trouble", error=error.sentence)
                troubled = True
            except Exception as error:  # a mistake here must not stop the posts
                if not troubled:
                    log.exception("telling.internal", error=type(error).__name__)
                troubled = True
            await self.sleep(LOOK_S)

    async def look(self) -> None:
        """Write down what is new, end what is over, and tell what is still to be told."""
        now, found = self.engine.now(), await self.note()
        for alert in await self.store.read(alerts.current):
            if alert.lasting and not alert.well and alert.key not in found:
                await self._end(alert, now)
        for alert in await self.store.read(alerts.current):
            if alert.open:
                await self._tell(alert, now)

    async def note(self) -> Mapping[str, Alert]:
        """Write down what is new; what there is now, by key."""
        now = self.engine.now()
        found = {alert.key: alert for alert in troubles(self.engine, await self.store.read(alerts.paused))}
        found |= await self._held(now)
        found |= await self._stopped()
        if found:
            await self.store.write(lambda tx: _add(tx, found.values(), now))
        return found

    async def _held(self, now: float) -> dict[str, Alert]:
        """What was held and told of to nobody yet: once per author and day."""

        def find(tx: Tx) -> dict[str, Alert]:
            new = {
                _held_key(each): each
                for each in held.posts(tx, now - HELD_WITHIN_S)
                if each.account in self.engine.accounts and each.reason != Reason.UNPROVEN  # of that its author is asked
            }
            for key in alerts.known(tx, new):
                del new[key]
            return _fewer(tx, {key: Alert(key, each.account, _held_words(each), about=each.id) for key, each in new.items()}, now)

        return await self.store.read(find)

    async def _stopped(self) -> dict[str, Alert]:
        """Whose posts wait because they went in circles."""
        titles = {group.id: group.title for group in self.world().mappings.groups}
        found = await self.store.read(origins.stopped)
        return {alert.key: alert for alert in (_circle(each, titles.get(each.group, each.group)) for each in found)}

    async def _end(self, alert: Alert, now: float) -> None:
        account = self.engine.accounts.get(alert.account)
        if account is not None and (not account.opened.is_set() or now - alert.seen_at < WELL_AFTER_S):
            return
        well = Alert(f"{alert.outbreak}:well", alert.account, notices.well_again(alert.account, alert.text))

        def end(tx: Tx) -> None:
            if alerts.end(tx, alert, now) and alert.told and account is not None:
                alerts.add(tx, well, now)

        await self.store.write(end)

    # ------------------------------------------------------------ telling

    async def _tell(self, alert: Alert, now: float) -> None:
        """Tell every admin who was not told yet and can be now."""
        ways: dict[str, Place] = {}
        later = False
        for admin in self._admins():
            if admin.id in alert.told:
                continue
            way = await self._way(admin, alert)
            if isinstance(way, Place):
                ways[admin.id] = way
            else:
                later = later or way is No.WAY_NOW
        still = later and now - alert.at < TOLD_WITHIN_S
        if not ways and still:
            return
        secret = secrets.token_hex(16)
        if not ways and not alert.told:
            log.error("admin.not_told", account=alert.account, alert=alert.key)

        def tell(tx: Tx) -> set[int]:
            if not alerts.told(tx, alert, ways, still=still):
                return set()  # somebody else tells it
            said = [notices.alert(alert.outbreak, way, alert.text, secret if alert.about else "") for way in ways.values()]
            return {lane for notice in said for lane in notify(tx, notice, now)}

        self.wake(await self.store.write(tell))

    def _admins(self) -> list[Person]:
        """Not one of whom the others are to decide."""
        mappings, leaving = self.world().mappings, self.world().leaving
        return [mappings.people[admin] for admin in mappings.admins if admin in mappings.people and admin not in leaving]

    async def _way(self, admin: Person, alert: Alert) -> Place | No:
        """The direct conversation by which they are told: a mail first, then whatever they have elsewhere.

        News may be told where they are from, if there is no other way; a trouble never.
        """
        elsewhere = [each for each in self.engine.accounts if each in admin.handles and each != alert.account]
        ways = sorted(elsewhere, key=lambda each: each not in self.world().by_reader)
        if not alert.lasting and alert.account in admin.handles:
            ways.append(alert.account)
        missing = No.WAY
        for way in ways:
            found = await self._user(self.engine.accounts[way], admin.handles[way]) if way in self.engine.accounts else No.WAY
            if isinstance(found, Place):
                return found
            missing = No.WAY_NOW if found is No.WAY_NOW else missing
        return missing

    async def _user(self, account: Account, handles: Iterable[str]) -> Place | No:
        if not account.opened.is_set():
            return No.WAY_NOW
        missing = No.WAY
        for handle in handles:
            user = await self.store.read(lambda tx, handle=handle: people.user_of(tx, account.id, handle))  # type: ignore[misc]
            try:
                user = user or await account.adapter.look_up(handle)
            except SendError:
                missing = No.WAY_NOW
                continue
            if user is not None:
                await self.store.write(lambda tx, h=handle, u=user: people.remember(tx, account.id, h, u))  # type: ignore[misc]
                return direct(account.id, user)
        return missing


# ---------------------------------------------------------------- what there is to tell


def troubles(engine: Engine, paused: Iterable[tuple[Place, str]]) -> Iterator[Alert]:
    """What needs a human now. One sentence about one account is one trouble, however many places it stops."""
    for account in engine.accounts.values():
        for sentence in (account.needs_human, account.gate, *account.unpinned.values()):
            if sentence:
                yield _trouble(account.id, sentence)
    for place, sentence in paused:
        if place.account in engine.accounts:
            yield _trouble(place.account, sentence)


def _trouble(account: AccountId, sentence: str) -> Alert:
    key = hashlib.sha256(sentence.encode()).hexdigest()[:16]
    return Alert(f"trouble:{account}:{key}", account, notices.needs_human(account, sentence), lasting=True)


def _circle(each: Stopped, title: str) -> Alert:
    key = f"loop:{each.group}:{each.account}:{each.place}:{each.user}"
    said = notices.stopped(each.account, each.name, title, reasons.sentence_of(each.reason))
    return Alert(key, each.account, said, lasting=True)


def _fewer(tx: Tx, found: dict[str, Alert], now: float) -> dict[str, Alert]:
    """The alerts of one day, each for itself up to `HELD_A_DAY` an account; that there are more is one alert."""
    kept: dict[str, Alert] = {}
    day, told = int(now // _DAY_S), dict[AccountId, int]()
    for key, alert in found.items():
        so_far = told.setdefault(alert.account, alerts.count(tx, f"held:{alert.account}:", now - _DAY_S))
        told[alert.account] += 1
        if so_far < HELD_A_DAY:
            kept[key] = alert
        else:
            more = f"held-more:{alert.account}:{day}"
            kept[more] = Alert(more, alert.account, notices.more_is_held(alert.account))
    return kept


def _held_key(each: Held) -> str:
    return f"held:{each.account}:{each.user}:{int(each.at // _DAY_S)}"


def _held_words(each: Held) -> str:
    line = each.line if each.reason == Reason.UNKNOWN_SENDER else ""  # that was for the group; a direct message was not
    return notices.was_held(each.id, each.account, each.handle, each.who, reasons.sentence_of(each.reason), line)


def _add(tx: Tx, found: Iterable[Alert], now: float) -> None:
    for alert in found:
        if alerts.add(tx, alert, now):
            log.warning("admin.alert", account=alert.account, alert=alert.key)
