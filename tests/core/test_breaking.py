"""The loop breaker: relays that bring posts back are stopped in time, people never, and nothing is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bridge import keeper as duties
from bridge import listings
from bridge.breaking import MAILS_AN_HOUR
from bridge.mappings import Loops
from bridge.post import Author, Created, NativeId, Ref, UserId
from bridge.reasons import Reason
from bridge.store import alerts, origins, sql
from bridge.store.tables import DeliveryState
from tests.core.desk import Desk
from tests.core.test_api import MEANT, Doorkeeper, ask, service  # noqa: F401 - a fixture
from tests.core.test_loops import LONG
from tests.core.worlds import (
    CHANNEL,
    LYNN,
    MAILS,
    NOW,
    OTHER_CHANNEL,
    READERS,
    TIMELINE,
    at,
    created,
    deleted,
    edited,
    entry,
    group,
    world,
)

PLACES = (entry("team/all-hands"), entry("team/dev"), entry("allhands/timeline"))
KARL = Author(UserId("U2"), "Karl", ("u2",))


def relay(number: int) -> Author:
    return Author(UserId(f"R{number}"), f"Relay {number}", (f"r{number}",))


@pytest.fixture
def keeper() -> Doorkeeper:
    return Doorkeeper()


@pytest.fixture(autouse=True)
def three_places(desk: Desk) -> None:
    desk.world = world(group(*PLACES))


async def states(desk: Desk, said: Created) -> set[tuple[str, str]]:
    """How the post's copies stand; empty for one that has none."""
    [row] = await desk.rows(sql.post, sql.post.c.native == said.ref.id)
    return {(each.state, each.reason) for each in await desk.rows(sql.delivery, sql.delivery.c.post_id == row.id)}


GOES, WAITS = {("waiting", "")}, {("held", Reason.LOOP)}


async def hear(desk: Desk, words: str, author: Author, **more: Any) -> set[tuple[str, str]]:
    said = created(words, author=author, at=at(desk.now - NOW), **more)
    await desk.hear(said)
    return await states(desk, said)


# ---------------------------------------------------------------- the breaker


@pytest.mark.scenario("B06")
@pytest.mark.parametrize("words", ["ok", LONG])
async def test_a_ring_of_three_relays_that_rewrite_prefixes_is_stopped_at_the_second_hop(desk: Desk, words: str) -> None:
    assert await hear(desk, words, LYNN) == GOES
    assert await hear(desk, f"[bridge] lynn.example: {words}", relay(1), place=OTHER_CHANNEL) == GOES
    assert await hear(desk, f"[bridge] lynn.example: {words}", relay(2)) == WAITS
    assert await hear(desk, f"<Relay 2> [bridge] lynn.example: {words}", relay(3), place=OTHER_CHANNEL) == WAITS


async def test_people_who_write_the_same_are_not_stopped(desk: Desk) -> None:
    for author in (LYNN, KARL, relay(1), relay(2)):
        assert await hear(desk, "ok", author) == GOES
    for _ in range(5):
        assert await hear(desk, "Please fill in the form by five o'clock today!", KARL) == GOES


async def test_a_person_who_is_stopped_stops_nobody_else(desk: Desk) -> None:
    await stopped_relay(desk)
    assert await hear(desk, "something else", relay(2)) == WAITS
    assert await hear(desk, "something else entirely", KARL) == GOES


async def stopped_relay(desk: Desk) -> None:
    await hear(desk, LONG, LYNN)
    await hear(desk, f"[bridge] {LONG}", relay(1))
    assert await hear(desk, f"[bridge] {LONG}", relay(2)) == WAITS


async def test_what_is_older_than_the_window_does_not_count(desk: Desk) -> None:
    await hear(desk, LONG, LYNN)
    desk.now += 3601
    await hear(desk, f"[bridge] {LONG}", relay(1))
    assert await hear(desk, f"[bridge] {LONG}", relay(2)) == GOES


async def test_another_group_s_posts_do_not_count(desk: Desk) -> None:
    other = group(entry("team/dev"), entry("mail/leaders", readers=READERS), name="dev")
    desk.world = world(group(entry("team/all-hands"), entry("allhands/timeline")), other)
    await hear(desk, LONG, LYNN)
    await hear(desk, f"[bridge] {LONG}", relay(1))
    assert await hear(desk, f"[bridge] {LONG}", relay(2), place=OTHER_CHANNEL) == GOES
    [row] = await desk.rows(sql.post, sql.post.c.place == OTHER_CHANNEL.id)
    assert row.hops == 0


async def test_what_waits_follows_its_changes_and_goes_with_its_deletion(desk: Desk) -> None:
    await stopped_relay(desk)
    said = created("more of it", author=relay(2))
    await desk.hear(said)
    await desk.hear(edited(said, "changed"))
    assert await states(desk, said) == WAITS | {("filtered", Reason.FOLDED)}
    await desk.hear(deleted(said))
    assert {state for state, _ in await states(desk, said)} == {"filtered"}


@pytest.mark.scenario("F01")
async def test_an_answer_waits_for_what_it_answers(desk: Desk) -> None:
    await stopped_relay(desk)
    [root] = await desk.rows(sql.post, sql.post.c.hops == 2)
    assert await hear(desk, "what is this?", KARL, reply_to=Ref(CHANNEL, NativeId(root.native))) == WAITS
    await let_go(desk)
    for native in ("1", "2", "3"):
        copy = await desk.deliver(TIMELINE, native)
    job = await desk.job(await desk.lane(TIMELINE))
    assert "what is this?" in str(job.post)
    assert job.thread.root == copy


async def let_go(desk: Desk) -> int:
    [each] = await desk.read(origins.stopped)
    assert await desk.write(lambda tx: origins.let_go(tx, each.id))
    freed, _ = await desk.write(lambda tx: origins.settle(tx, desk.now))
    return freed


@pytest.mark.scenario("B15")
async def test_a_flood_waits_whole_and_is_delivered_in_order_when_it_may_go_on(desk: Desk) -> None:
    limits = Loops(budget=3, per=timedelta(minutes=1))
    desk.world = world(group(*PLACES[:1], PLACES[2], loops=limits))
    sent = [await hear(desk, f"number {n}", relay(1)) for n in range(6)]
    assert sent == [GOES] * 3 + [{("held", Reason.FLOOD)}] * 3
    desk.now += 600
    assert await hear(desk, "number 6", relay(1)) == {("held", Reason.FLOOD)}, "the queue is kept until somebody looked"
    assert await hear(desk, "and I?", KARL) == GOES
    [each] = await desk.read(origins.stopped)
    assert (each.reason, each.name, each.waiting) == (Reason.FLOOD, "Relay 1", 4)
    assert await let_go(desk) == 4
    words = []
    for native in range(8):
        words.append(str((await desk.job(await desk.lane(TIMELINE))).post))
        await desk.deliver(TIMELINE, str(native))
    assert [n for n in range(7) if f"number {n}" in words[n]] == list(range(7))
    assert await hear(desk, "number 7", relay(1)) == GOES, "they may post again"


async def test_a_period_that_is_over_begins_anew(desk: Desk) -> None:
    desk.world = world(group(*PLACES, loops=Loops(budget=2, per=timedelta(minutes=1))))
    for _ in range(5):
        assert await hear(desk, "one", KARL) == GOES
        assert await hear(desk, "two", KARL) == GOES
        desk.now += 61


async def test_without_a_budget_anybody_may_post_as_much_as_they_like(desk: Desk) -> None:
    desk.world = world(group(*PLACES, loops=Loops(budget=None)))
    for n in range(30):
        assert await hear(desk, f"{n}", KARL) == GOES


async def test_what_is_given_up_is_not_delivered_and_answers_to_it_are(desk: Desk) -> None:
    await stopped_relay(desk)
    [row] = await desk.rows(sql.post, sql.post.c.hops == 2)
    await hear(desk, "what is this?", KARL, reply_to=Ref(CHANNEL, NativeId(row.native)))
    [each] = await desk.read(origins.stopped)
    assert await desk.write(lambda tx: origins.drop(tx, each.id, "no", desk.now)) == 2
    assert await let_go(desk) == 2
    dropped = await desk.rows(sql.delivery, sql.delivery.c.post_id == row.id)
    assert {(each.state, each.reason) for each in dropped} == {(DeliveryState.FILTERED, Reason.DROPPED)}


@pytest.mark.scenario("B06")
async def test_a_bot_that_repeats_is_not_relayed_and_admins_are_told_once_a_day(desk: Desk) -> None:
    bot = replace(relay(1), name="Zapier", is_bot=True)
    await hear(desk, LONG, LYNN)
    for n in range(3):
        said = created(f"[zap{n}] lynn.example: {LONG}", author=bot)
        await desk.hear(said)
        assert await states(desk, said) == set()
    [told] = await desk.read(alerts.current)
    assert "Zapier, a bot at team, repeats" in told.text
    said = created("I have something of my own", author=bot)
    await desk.hear(said)
    assert len(await desk.read(alerts.current)) == 1


# ---------------------------------------------------------------- the command line's questions


async def test_who_is_stopped_is_listed_and_let_go_on(service: Any, desk: Desk) -> None:  # noqa: F811
    woken: list[int] = []
    service.inbox = type("Inbox", (), {"wake": staticmethod(woken.extend)})
    await stopped_relay(desk)
    answer = (await ask(service, "GET", "/api/loops", {})).json()
    lines = list(listings.stopped(answer))
    assert "Relay 2 (R2) at team/all-hands, group all-hands: 2 copies wait." in lines[0]
    number = answer["stopped"][0]["id"]
    wanted = {"deed": "resume", "number": number, "by": "lynn"}
    assert (await ask(service, "POST", "/api/loops", {}, json=wanted)).status_code == 403
    done = await ask(service, "POST", "/api/loops", MEANT, json=wanted)
    assert done.json()["queued"] == 2
    assert len(woken) == 2
    assert (await ask(service, "POST", "/api/loops", MEANT, json=wanted)).status_code == 409
    assert list(listings.stopped((await ask(service, "GET", "/api/loops", {})).json())) == ["Nobody is stopped."]


async def test_what_is_remembered_of_the_words_is_forgotten_with_them(desk: Desk) -> None:
    await hear(desk, LONG, LYNN)
    for place in (OTHER_CHANNEL, TIMELINE):
        await desk.deliver(place, "1")
    await duties.forget_bodies(desk.store, NOW + 90 * 24 * 3600)
    assert [(row.body, row.mark) for row in await desk.rows(sql.post)] == [("", "")]


async def test_a_post_that_is_held_keeps_its_body(desk: Desk) -> None:
    await stopped_relay(desk)
    await duties.forget_bodies(desk.store, NOW + 90 * 24 * 3600)
    assert all(row.body for row in await desk.rows(sql.post, sql.post.c.hops == 2))


@pytest.mark.scenario("J18")
async def test_two_mail_robots_that_answer_each_other_are_stopped_and_readers_go_on(desk: Desk) -> None:
    desk.world = replace(world(group(entry("team/all-hands"), entry("mail/all-hands", readers=READERS))), patient=True)
    lee, chair = (Author(UserId(each.address), each.person, (each.address,)) for each in READERS)
    for number in range(MAILS_AN_HOUR):
        await desk.hear(created(f"I am away, ticket {number}", place=MAILS, author=lee))
    last, other = created("I am away, ticket 60", place=MAILS, author=lee), created("hello", place=MAILS, author=chair)
    await desk.hear(last)
    await desk.hear(other)
    assert await states(desk, last) == {(DeliveryState.HELD, Reason.FLOOD)}
    assert {state for state, _ in await states(desk, other)} == {DeliveryState.WAITING}
