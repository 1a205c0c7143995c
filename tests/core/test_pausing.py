"""Pauses: nothing leaves, nothing is lost, and all goes on in order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.post import Author, UserId
from bridge.reasons import Reason
from bridge.store import sql
from bridge.store.tables import DeliveryState
from bridge.text import plain
from tests.core.office import LEE, Office
from tests.core.worlds import ALL, CHANNEL, MAIL, MAILS, TEAM, TIMELINE, created, deleted, edited


@pytest.mark.scenario("L20")
async def test_nothing_of_a_paused_group_leaves_and_all_goes_on_in_order(office: Office) -> None:
    desk = office.desk
    await desk.hear(created("before"))
    assert (await office.say("pause all-hands")).startswith("The group all-hands is paused.")
    await desk.hear(created("during"))
    assert set(await office.states()) == {(DeliveryState.HELD, Reason.PAUSED)}
    claim = await desk.lane(TIMELINE)
    assert await desk.next(claim) is None
    assert any("paused it" in each for each in await office.whispers(kind="waits"))
    give_up = [row.give_up_at for row in await desk.rows(sql.delivery, sql.delivery.c.state == DeliveryState.HELD)]
    desk.now += 3600
    await office.say("resume all-hands")
    assert {state for state, _ in await office.states()} == {DeliveryState.WAITING}
    rows = await desk.rows(sql.delivery, sql.delivery.c.kind == "created")
    assert [row.give_up_at for row in rows] == [each + 3600 for each in give_up]
    order = []
    for native in ("1", "2"):
        job = await desk.job(await desk.lane(TIMELINE))
        assert job.post is not None
        order.append(plain(job.post.text))
        await desk.deliver(TIMELINE, native)
    assert order == ["before", "during"]
    assert office.woken


@pytest.mark.scenario("L20")
async def test_a_pause_survives_a_restart(office: Office) -> None:
    await office.say("pause team/all-hands")
    office.desk.world = replace(office.desk.world, halts=())  # as a fresh start knows nothing
    await office.commander.halter.look()
    assert [halt.place for halt in office.desk.world.halts] == [CHANNEL]
    await office.desk.hear(created("hi"))
    assert {state for state, _ in await office.states()} == {DeliveryState.HELD}


async def test_a_paused_place_neither_gives_nor_takes(office: Office) -> None:
    await office.say("pause here")
    await office.desk.hear(created("from it"))
    mail = created("for it", place=MAILS, author=Author(UserId(LEE), "Lee", (LEE,)))
    await office.desk.hear(mail)
    lanes = {row.id: (row.account, row.person) for row in await office.desk.rows(sql.lane)}
    rows = await office.desk.rows(sql.delivery, sql.delivery.c.kind == "created")
    held = [lanes[row.lane_id][0] for row in rows if row.state == DeliveryState.HELD]
    going = [lanes[row.lane_id][0] for row in rows if row.state == DeliveryState.WAITING]
    assert sorted(held) == [ALL, MAIL, MAIL, TEAM]
    assert sorted(going) == [ALL, MAIL]


async def test_a_removal_is_never_held_up(office: Office) -> None:
    post = created("hi")
    await office.desk.hear(post)
    await office.desk.deliver(TIMELINE, "1")
    await office.say("pause all-hands")
    await office.desk.hear(deleted(post))
    rows = await office.desk.rows(sql.delivery, sql.delivery.c.kind == "deleted", sql.delivery.c.state == DeliveryState.WAITING)
    assert len(rows) == 1
    created_rows = await office.desk.rows(
        sql.delivery, sql.delivery.c.kind == "created", sql.delivery.c.state == DeliveryState.HELD
    )
    assert created_rows == []  # what waited was withdrawn


async def test_an_edit_of_what_is_held_is_part_of_it(office: Office) -> None:
    await office.say("pause all-hands")
    post = created("frist")
    await office.desk.hear(post)
    await office.desk.hear(edited(post, "first"))
    await office.say("resume all-hands")
    job = await office.desk.job(await office.desk.lane(TIMELINE))
    assert job.post is not None
    assert plain(job.post.text) == "first"


async def test_what_was_begun_to_be_sent_is_finished(office: Office) -> None:
    await office.desk.hear(created("hi"))
    claim = await office.desk.lane(TIMELINE)
    job, part = await office.desk.attempting(claim)
    await office.say("pause all-hands")
    await office.desk.settle(claim, job, part, "1")
    states = [state for state, _ in await office.states()]
    assert sorted(states) == [DeliveryState.DELIVERED, DeliveryState.HELD, DeliveryState.HELD]


async def test_a_pause_that_nobody_understands_pauses_nothing(office: Office) -> None:
    assert (await office.say("pause everything")).startswith("Say what: pause GROUP")
    assert (await office.say("resume all-hands")) == "The group all-hands is not paused."
