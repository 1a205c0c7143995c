"""Members who are gone where the mapping file says that they are removed at once, and where several look at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bridge import offboarding
from bridge.members import ALL_S
from bridge.post import PersonId, UserId
from bridge.store import Store
from bridge.store.offboarded import Step
from bridge.store.people import Deed
from bridge.telling import Teller
from tests.core.desk import Desk
from tests.core.staff import Office, house, made, staffed

pytestmark = pytest.mark.scenario("K06")


@pytest.fixture
async def office(desk: Desk) -> Office:
    return await staffed(desk)


# ---------------------------------------------------------------- at once


async def test_where_the_file_says_so_they_are_removed_at_once_and_admins_are_told(office: Office) -> None:
    office.desk.world = house(offboarded="remove")
    await office.goes("U1")
    assert (await office.step(), await office.wish()) == (Step.REMOVED, (Deed.REMOVE, "file (offboarded at team)"))
    assert (await office.log())[0] == ("offboarded", "team", "lynn", "file")
    [said] = await office.told()
    assert "so they were removed, as `offboarded: remove`" in said


async def test_an_admin_is_never_removed_without_another(office: Office) -> None:
    office.desk.world = house(offboarded="remove", admins=(PersonId("lynn"),))
    await office.goes("U1")
    assert await office.step() is Step.WAITS
    [(_, has)] = await office.waiting()
    assert has.endswith("is an admin of the bridge")


async def test_where_very_many_go_at_once_nobody_is_removed_and_admins_are_told_once(office: Office) -> None:
    office.desk.world = house(offboarded="remove")
    await office.goes(*(f"U{n}X" for n in range(1, 8)))
    assert {await office.step(f"member{n}") for n in range(1, 8)} == {Step.WAITS}
    assert [said for said in await office.told() if "Very many people" not in said] == []
    assert len(await office.told()) == 1
    assert await office.log() == []


async def test_they_may_also_go_one_after_another(office: Office) -> None:
    office.desk.world = house(offboarded="remove")
    for n in range(1, 5):
        await office.goes(f"U{n}X")
    steps = [await office.step(f"member{n}") for n in range(1, 5)]
    assert steps == [Step.REMOVED, Step.REMOVED, Step.REMOVED, Step.WAITS]  # a third of eleven is over


@pytest.mark.parametrize(
    ("gone", "known", "many"), [(1, 3, False), (1, 2, True), (5, 100, False), (6, 100, True), (4, 12, False)]
)
def test_many_are_more_than_five_or_a_third(gone: int, known: int, many: bool) -> None:  # noqa: FBT001 - a table
    assert offboarding.is_many(gone, known) is many


# ---------------------------------------------------------------- several at once


async def test_two_who_decide_or_look_at_the_same_time_do_it_once(office: Office) -> None:
    if not office.desk.store.coordinated:
        pytest.skip("an embedded database has one service")
    await office.goes("U1")
    other = replace(office.desk, store=Store(office.desk.store._url))
    try:
        both = [Office(each, office.workspace, made(each, office.workspace)) for each in (office.desk, other)]
        done = await asyncio.gather(both[0].decide(), both[1].decide(), return_exceptions=True)
        assert sorted(type(each).__name__ for each in done) == ["NoneType", "NotOffboarded"]
        office.workspace.said[UserId("U1")] = False
        await asyncio.gather(*(each.look(ALL_S) for each in both))
        assert [line[0] for line in await office.log()] == ["offboarded", "remove", "reinstated"]
    finally:
        other.store.close()


# ---------------------------------------------------------------- as if their lines were deleted


async def test_no_line_of_the_file_names_them_any_more(office: Office) -> None:
    named = frozenset({PersonId("lynn")})
    everywhere = house(admins=tuple(named)).mappings
    groups = tuple(replace(each, announcers=named, bots=named) for each in everywhere.groups)
    without = replace(everywhere, groups=groups).without(named)
    assert "lynn" not in repr(without)
    assert replace(everywhere, groups=groups).without(frozenset()).groups is groups


async def test_of_an_admin_who_is_gone_the_others_are_asked(office: Office) -> None:
    office.desk.world = house(admins=(PersonId("lynn"), PersonId("chair")))
    engine = office.members.engine
    teller = Teller(office.desk.store, engine, lambda: office.desk.world, lambda _: None)
    assert [each.id for each in teller._admins()] == ["lynn", "chair"]
    await office.goes("U1")
    assert [each.id for each in teller._admins()] == ["chair"]
