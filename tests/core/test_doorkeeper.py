"""The door of a protected account: who is let in, who is asked about, what the log says, whatever happens in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest
from sqlalchemy import select

from bridge.contract import Follower
from bridge.doorkeeper import FOLLOWERS_S, Doorkeeper, Nobody
from bridge.engine import Account, Engine
from bridge.errors import NeedsOperator, Rejected, Retryable
from bridge.post import AccountId, UserId
from bridge.store import alerts, people, sql
from bridge.store.people import Deed, Known
from bridge.store.tables_people import FollowState
from tests.core.desk import Desk
from tests.core.worlds import ALL, NOW, entry, group, world

LYNN = Follower(UserId("11"), "Lynn", ("11", "@MissLynn13@social.example"))
KARL = Follower(UserId("12"), "Karl", ("12", "@karl@social.example"))
STRANGER = Follower(UserId("99"), "A stranger", ("99", "@stranger@social.example"))


@dataclass
class Door:
    """A platform's door. `broken` is raised once by the next deed, before or after it was done."""

    asking: dict[UserId, Follower] = field(default_factory=dict)
    inside: dict[UserId, Follower] = field(default_factory=dict)
    deeds: list[tuple[str, str]] = field(default_factory=list)
    looked_through: int = 0
    shut: list[AccountId] = field(default_factory=list)
    refusal: Exception | None = None
    broken: Exception | None = None
    done_all_the_same: bool = False

    def ask(self, *them: Follower) -> None:
        self.asking |= {each.user: each for each in them}

    def let_in(self, *them: Follower) -> None:
        for each in them:
            self.asking.pop(each.user, None)
            self.inside[each.user] = each

    async def requests(self) -> Sequence[Follower]:
        if self.refusal:
            raise self.refusal
        return tuple(self.asking.values())

    async def followers(self) -> Sequence[Follower]:
        self.looked_through += 1
        return tuple(self.inside.values())

    async def approve(self, user: UserId) -> None:
        await self._do("approve", user, lambda: self.let_in(self.asking[user]))

    async def reject(self, user: UserId) -> None:
        await self._do("reject", user, lambda: self.asking.pop(user))

    async def remove(self, user: UserId) -> None:
        await self._do("remove", user, lambda: self.inside.pop(user))

    async def _do(self, what: str, user: UserId, deed: Callable[[], object]) -> None:
        self.deeds.append((what, user))
        broken, self.broken = self.broken, None
        if broken is None or self.done_all_the_same:
            deed()
        if broken:
            raise broken


@dataclass
class Kept:
    """A doorkeeper at work; `restart` makes a new one over the same store."""

    desk: Desk
    door: Door
    keeper: Doorkeeper
    woken: list[int]
    clock: SimpleNamespace

    async def look(self, seconds: float = 0.0) -> None:
        self.clock.now += seconds
        await self.keeper.look(ALL)

    async def known(self) -> dict[UserId, Known]:
        return await self.desk.read(lambda tx: people.known(tx, ALL))

    async def log(self) -> list[tuple[str, str, str]]:
        return [(each.what, each.handle, each.by) for each in reversed(await self.desk.read(people.decisions))]

    async def alerts(self) -> list[str]:
        return [each.text for each in await self.desk.read(alerts.current)]

    async def welcomed(self) -> list[str]:
        p = sql.post.c
        rows = await self.desk.read(lambda tx: tx.execute(select(p.person).where(p.native.like("notice:welcome:%"))).all())
        return sorted(row.person for row in rows)

    def restart(self) -> None:
        self.keeper = made(self.desk, self.door, self.woken, self.clock)


def made(desk: Desk, door: Door, woken: list[int], clock: SimpleNamespace) -> Doorkeeper:
    account = Account(ALL, SimpleNamespace(people=door))  # type: ignore[arg-type]
    account.opened.set()
    engine = Engine({ALL: account}, now=lambda: clock.now)

    def wake(lanes: Iterable[int]) -> None:
        woken.extend(lanes)

    async def changed() -> None:
        pass

    async def shut(account: AccountId) -> None:
        door.shut.append(account)

    return Doorkeeper(desk.store, engine, lambda: desk.world, wake, changed, shut)


@pytest.fixture
def kept(desk: Desk) -> Kept:
    desk.world = world(group(entry("allhands/timeline"), entry("team/all-hands")))
    door, woken, clock = Door(), list[int](), SimpleNamespace(now=NOW)
    return Kept(desk, door, made(desk, door, woken, clock), woken, clock)


# ---------------------------------------------------------------- who is let in


@pytest.mark.scenario("K07")
async def test_whom_the_mapping_file_names_is_let_in_and_welcomed(kept: Kept) -> None:
    kept.door.ask(KARL)
    await kept.look()
    assert kept.door.deeds == [("approve", "12")]
    assert await kept.log() == [("approve", "@karl@social.example", "file")]
    assert await kept.welcomed() == ["12"]
    assert kept.woken
    assert await kept.alerts() == []


@pytest.mark.scenario("K07")
async def test_anybody_else_waits_and_the_admins_are_told_once(kept: Kept) -> None:
    kept.door.ask(STRANGER)
    for _ in range(3):
        await kept.look(60)
    kept.restart()
    await kept.look()
    assert kept.door.deeds == []
    [said] = await kept.alerts()
    assert "@stranger@social.example (A stranger) asks to follow allhands" in said
    assert "viabridge followers approve allhands @stranger@social.example" in said


async def test_who_moved_is_not_let_in_by_the_file(kept: Kept) -> None:
    kept.door.ask(Follower(KARL.user, KARL.name, KARL.handles, moved=True))
    await kept.look()
    assert kept.door.deeds == []
    assert "Karl seems to have moved" in (await kept.alerts())[0]


async def test_a_follower_of_the_file_who_moved_is_told_of_once(kept: Kept) -> None:
    kept.door.let_in(KARL)
    await kept.look()
    kept.door.let_in(Follower(KARL.user, KARL.name, KARL.handles, moved=True))
    for _ in range(2):
        await kept.look(FOLLOWERS_S)
    [said] = await kept.alerts()
    assert said.startswith("Karl seems to have moved")
    assert (await kept.known())[KARL.user].follower.moved


@pytest.mark.scenario("K07")
@pytest.mark.parametrize(("deed", "state"), [(Deed.APPROVE, FollowState.FOLLOWING), (Deed.REJECT, FollowState.GONE)])
@pytest.mark.parametrize("handle", ["@stranger@social.example", "@STRANGER@Social.Example", "99"])
async def test_an_admin_decides_and_the_log_says_who(kept: Kept, deed: Deed, state: FollowState, handle: str) -> None:
    kept.door.ask(STRANGER)
    await kept.keeper.decide(ALL, handle, deed, "lynn")
    assert kept.door.deeds == [(str(deed), "99")]
    assert await kept.log() == [(str(deed), "@stranger@social.example", "lynn")]
    assert (await kept.known())[STRANGER.user].state is state
    assert await kept.welcomed() == (["99"] if deed is Deed.APPROVE else [])
    await kept.look(FOLLOWERS_S)
    assert len(await kept.log()) == 1


async def test_a_follower_is_removed_only_by_an_admin(kept: Kept) -> None:
    kept.door.let_in(STRANGER)
    await kept.look()
    assert kept.door.deeds == []
    await kept.keeper.decide(ALL, "@stranger@social.example", Deed.REMOVE, "lynn")
    await kept.look(FOLLOWERS_S)
    assert await kept.log() == [("remove", "@stranger@social.example", "lynn")]
    assert kept.door.inside == {}


@pytest.mark.parametrize("deed", list(Deed))
async def test_nothing_is_done_about_who_is_not_there(kept: Kept, deed: Deed) -> None:
    kept.door.ask(KARL)  # is let in by the file
    with pytest.raises(Nobody, match="viabridge followers"):
        await kept.keeper.decide(ALL, "@nobody@social.example", deed, "lynn")
    with pytest.raises(Nobody, match="Those that have some: allhands"):
        await kept.keeper.decide(kept.desk.world.mappings.groups[0].places[1].account, "@karl", deed, "lynn")
    assert kept.door.deeds == [("approve", "12")]


# ---------------------------------------------------------------- what was decided past us


async def test_the_first_look_welcomes_nobody(kept: Kept) -> None:
    kept.door.let_in(LYNN, STRANGER)
    await kept.look()
    assert await kept.welcomed() == []
    assert await kept.log() == []
    assert (await kept.desk.read(people.following))[ALL] == {"11", "99"}


async def test_who_follows_is_unknown_before_the_first_look(kept: Kept) -> None:
    assert await kept.desk.read(people.following) == {}


async def test_who_was_let_in_natively_is_welcomed_once_for_ever(kept: Kept) -> None:
    await kept.look()
    kept.door.ask(STRANGER)
    await kept.look(10)
    kept.door.let_in(STRANGER)
    await kept.look(10)  # at once: a request that vanishes was answered
    assert await kept.welcomed() == ["99"]
    kept.door.inside.clear()
    await kept.look(FOLLOWERS_S)
    kept.door.let_in(STRANGER)
    await kept.look(FOLLOWERS_S)
    assert await kept.welcomed() == ["99"]
    whom = "@stranger@social.example"
    assert await kept.log() == [("approve", whom, "native"), ("gone", whom, "native"), ("approve", whom, "native")]


async def test_a_request_that_was_taken_back_is_asked_about_again_when_it_returns(kept: Kept) -> None:
    kept.door.ask(STRANGER)
    await kept.look()
    kept.door.asking.clear()
    await kept.look(10)
    assert await kept.log() == [("gone", "@stranger@social.example", "native")]
    kept.door.ask(STRANGER)
    await kept.look(10)
    assert len(await kept.alerts()) == 2


async def test_all_followers_are_looked_through_only_now_and_then(kept: Kept) -> None:
    for _ in range(10):
        await kept.look(10)
    assert kept.door.looked_through == 1
    await kept.look(FOLLOWERS_S)
    assert kept.door.looked_through == 2


# ---------------------------------------------------------------- interruptions


@pytest.mark.parametrize("done", [False, True])
async def test_what_was_decided_is_done_after_an_outage_and_logged_for_who_decided(kept: Kept, done: bool) -> None:  # noqa: FBT001
    kept.door.ask(STRANGER)
    kept.door.broken, kept.door.done_all_the_same = Retryable("away"), done
    with pytest.raises(Retryable):
        await kept.keeper.decide(ALL, "99", Deed.APPROVE, "lynn")
    kept.restart()
    await kept.look()
    await kept.look(FOLLOWERS_S)
    assert kept.door.inside == {STRANGER.user: STRANGER}
    assert await kept.log() == [("approve", "@stranger@social.example", "lynn")]
    assert await kept.welcomed() == ["99"]


@pytest.mark.parametrize("done", [False, True])
async def test_a_removal_too(kept: Kept, done: bool) -> None:  # noqa: FBT001
    kept.door.let_in(STRANGER)
    kept.door.broken, kept.door.done_all_the_same = Retryable("away"), done
    with pytest.raises(Retryable):
        await kept.keeper.decide(ALL, "99", Deed.REMOVE, "lynn")
    kept.restart()
    await kept.look()
    assert kept.door.inside == {}
    assert await kept.log() == [("remove", "@stranger@social.example", "lynn")]


async def test_what_the_platform_refuses_is_not_logged_nor_tried_for_ever(kept: Kept) -> None:
    kept.door.let_in(STRANGER)
    kept.door.broken = Rejected("no such way")
    with pytest.raises(Rejected):
        await kept.keeper.decide(ALL, "99", Deed.REMOVE, "lynn")
    await kept.look(FOLLOWERS_S)
    assert kept.door.deeds == [("remove", "99")]
    assert await kept.log() == []


async def test_one_refusal_holds_up_nobody_else(kept: Kept) -> None:
    kept.door.ask(KARL, LYNN)
    kept.door.broken = Rejected("took it back")
    await kept.look()
    assert kept.door.deeds == [("approve", "12"), ("approve", "11")]
    assert list(kept.door.inside) == ["11"]


@pytest.mark.scenario("K02")
async def test_a_door_that_stands_open_is_the_accounts_trouble_until_it_is_shut(kept: Kept) -> None:
    rounds: list[str] = []
    account = kept.keeper._engine.accounts[ALL]

    async def sleep(_seconds: float) -> None:
        rounds.append(account.gate)
        kept.door.refusal = NeedsOperator("not locked") if len(rounds) == 1 else None
        if len(rounds) == 3:
            kept.keeper._engine.stopping.set()
            account.opened.clear()

    kept.keeper._sleep = sleep
    await kept.keeper.run()
    assert rounds == ["", "not locked", ""]
    assert kept.door.shut == [ALL]
