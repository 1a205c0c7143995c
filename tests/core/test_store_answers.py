"""What is held and asked about: who wrote it, whether it may go out, whether somebody leaves; and what an answer does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bridge import notices, releasing, standing, text
from bridge.post import Author, Destination, Post, Ref, Undelivered, UserId, Wish, Wished, direct
from bridge.releasing import NotHeld
from bridge.saying import STRANGERS_A_DAY, notify
from bridge.store import Store, alerts, held, readers, sql
from bridge.store.alerts import Alert
from bridge.store.readers import THRESHOLD
from tests.core.desk import Desk
from tests.core.worlds import LEE, MAIL, MAILS, NOW, created, names

LEES = Destination(MAILS, "lee@gmail.example")
CHAIR = Author(UserId("chair@board.example"), "The chair", ("chair@board.example",))
STRANGER = Author(UserId("eve@elsewhere.example"), "Eve", ("eve@elsewhere.example",))
DAY = 24 * 3600.0


async def told(desk: Desk, address: str) -> list[Post]:
    """What the bridge said to somebody, oldest first."""
    place = direct(MAIL, UserId(address))
    rows = await desk.rows(sql.post, sql.post.c.person == place.person)
    from bridge.store.codec import load_post

    return [load_post(row.body) for row in rows if row.body]


async def deliver_notice(desk: Desk, address: str, native: str) -> Ref:
    return await desk.deliver(direct(MAIL, UserId(address)), native)


async def destinations(desk: Desk) -> set[str]:
    rows = await desk.rows(sql.lane, sql.lane.c.kind == "destination")
    waiting = {row.lane_id for row in await desk.rows(sql.delivery, sql.delivery.c.kind == "created")}
    return names(sql.destination_of(row) for row in rows if row.id in waiting)


@pytest.mark.scenario("J06")
async def test_a_post_that_nothing_proves_is_held_and_goes_out_once_its_author_answers(store: Store) -> None:
    desk = Desk(store)
    await desk.hear(created("hello", place=MAILS, author=LEE, doubt="nothing proves it"))
    assert await destinations(desk) == set()
    [asked] = await told(desk, LEE.user)
    assert "hello" in text.plain(asked.text)
    question = await deliver_notice(desk, LEE.user, "question@bridge.example")
    await desk.hear(created("", place=MAILS, author=LEE, doubt="nothing proves it", reply_to=replace(question, place=MAILS)))
    assert await destinations(desk) == {"team/C1", "allhands/timeline", "mail/all-hands>chair@board.example"}
    assert not await desk.read(held.posts)


async def test_who_did_not_write_it_says_no_and_it_is_thrown_away(store: Store) -> None:
    desk = Desk(store)
    await desk.hear(created("hello", place=MAILS, author=LEE, doubt="nothing proves it"))
    question = await deliver_notice(desk, LEE.user, "question@bridge.example")
    await desk.hear(created("No, not me", place=MAILS, author=LEE, reply_to=replace(question, place=MAILS)))
    assert await destinations(desk) == set()
    assert not await desk.read(held.posts)


async def test_another_persons_answer_confirms_nothing_and_is_posted_nowhere(store: Store) -> None:
    desk = Desk(store)
    await desk.hear(created("hello", place=MAILS, author=LEE, doubt="nothing proves it"))
    question = await deliver_notice(desk, LEE.user, "question@bridge.example")
    await desk.hear(created("yes", place=MAILS, author=CHAIR, reply_to=replace(question, place=MAILS)))
    assert await destinations(desk) == set()
    assert len(await desk.read(held.posts)) == 1


async def test_an_author_is_asked_about_a_few_posts_a_day_at_most(store: Store) -> None:
    desk = Desk(store)
    for number in range(9):
        await desk.hear(created(f"hello {number}", place=MAILS, author=LEE, doubt="nothing proves it"))
    assert len(await desk.read(held.posts)) == 9
    assert len(await told(desk, LEE.user)) == 5


@pytest.mark.scenario("J06")
async def test_an_answer_by_another_readers_address_is_refused_and_both_are_told(store: Store) -> None:
    desk = Desk(store)
    await desk.hear(created("root"))
    copy = await desk.deliver(MAILS, "copy-for-lee@bridge.example", "lee@gmail.example")
    await desk.hear(created("as Lee?", place=MAILS, author=CHAIR, reply_to=copy, by_ticket=copy))
    assert "not posted" in text.plain((await told(desk, CHAIR.user))[0].text)
    assert "chair@board.example" in text.plain((await told(desk, LEE.user))[0].text)
    [event] = await desk.rows(sql.event, sql.event.c.reason == "not-theirs")
    assert event.verdict == "dropped"


async def test_a_forged_answer_by_another_readers_address_is_not_answered(store: Store) -> None:
    desk = Desk(store)
    await desk.hear(created("root"))
    copy = await desk.deliver(MAILS, "copy-for-lee@bridge.example", "lee@gmail.example")
    await desk.hear(created("as Lee?", place=MAILS, author=STRANGER, by_ticket=copy, doubt="nothing proves it"))
    assert not await told(desk, STRANGER.user)
    assert len(await told(desk, LEE.user)) == 1


@pytest.mark.scenario("J07")
async def test_a_reader_answers_from_another_address_of_theirs(store: Store) -> None:
    desk = Desk(store)
    await desk.hear(created("root"))
    copy = await desk.deliver(MAILS, "copy-for-lee@bridge.example", "lee@gmail.example")
    work = Author(UserId("lee@work.example"), "Lee", ("lee@work.example",))
    await desk.hear(created("from work", place=MAILS, author=work, reply_to=copy, by_ticket=copy))
    [event] = await desk.rows(sql.event, sql.event.c.verdict == "relayed", sql.event.c.post_id == 2)
    assert event.kind == "created"


async def test_a_strangers_mail_goes_out_once_an_admin_answers_approve(store: Store) -> None:
    desk = Desk(store)
    await desk.hear(created("may I?", place=MAILS, author=STRANGER))
    [waiting] = await desk.read(held.posts)
    assert "waits" in text.plain((await told(desk, STRANGER.user))[0].text)
    alert = Alert("held:mail:eve:1", MAIL, "…", about=waiting.id)
    admin = direct(MAIL, CHAIR.user)
    await desk.write(lambda tx: alerts.add(tx, alert, NOW))
    await desk.write(lambda tx: notify(tx, notices.alert(alert.outbreak, admin, "…", "s3cret"), NOW))
    news = replace(await deliver_notice(desk, CHAIR.user, "news@bridge.example"), place=MAILS)
    await desk.hear(created("what is this?", place=MAILS, author=CHAIR, reply_to=news))
    assert "approve" in text.plain((await told(desk, CHAIR.user))[-1].text)
    await desk.hear(created("approve", place=MAILS, author=CHAIR, reply_to=news, doubt="nothing proves it"))
    assert await destinations(desk) == set()
    await desk.hear(created("approve, thanks", place=MAILS, author=CHAIR, reply_to=news))
    assert "team/C1" in await destinations(desk)


async def test_what_is_held_is_released_and_discarded_by_its_name(store: Store) -> None:
    desk = Desk(store)
    await desk.hear(created("one", place=MAILS, author=STRANGER))
    await desk.hear(created("two", place=MAILS, author=STRANGER))
    two, one = [each.id for each in await desk.read(held.posts)]
    lanes = await desk.write(lambda tx: releasing.release(tx, one, desk.world, NOW))
    assert len(lanes) == 4
    await desk.write(lambda tx: releasing.discard(tx, two))
    for name in (one, two, "post99", "raw1", "nonsense"):
        with pytest.raises(NotHeld):
            await desk.write(lambda tx, name=name: releasing.release(tx, name, desk.world, NOW))


# ---------------------------------------------------------------- readers


def returned(ref: Ref, seconds: float = 0.0) -> Undelivered:
    return Undelivered(ref, "550 no such mailbox", datetime.fromtimestamp(NOW + seconds, UTC))


async def hear(desk: Desk, *events: Wish | Undelivered) -> None:
    from bridge.store import inward

    raw = desk.raw(MAIL)
    await desk.write(lambda tx: inward.take(tx, raw, desk.now))
    [mine] = [each for each in await desk.waiting(MAIL) if each.raw.key == raw.key]
    assert await desk.judge(mine, *events)


@pytest.mark.scenario("J13")
async def test_a_reader_whose_mail_comes_back_for_days_is_spared_and_returns_by_answering(store: Store) -> None:
    desk = Desk(store)
    await desk.hear(created("root"))
    copy = await desk.deliver(MAILS, "copy-for-lee@bridge.example", "lee@gmail.example")
    for day in range(THRESHOLD):
        assert not await desk.read(readers.away)
        desk.now = NOW + day * DAY
        await hear(desk, returned(copy), returned(copy))  # one point a day, however often
    assert await desk.read(readers.away) == {LEES}
    [alert] = await desk.read(alerts.current)
    assert "lee@gmail.example" in alert.text
    [asked] = await told(desk, LEE.user)
    assert "mailbox works again" in text.plain(asked.text)
    question = await deliver_notice(desk, LEE.user, "question@bridge.example")
    await desk.hear(created("I am here", place=MAILS, author=LEE, reply_to=replace(question, place=MAILS)))
    assert not await desk.read(readers.away)


def test_old_points_count_no_more() -> None:
    standing_ = readers.Standing(LEES)
    for day in range(THRESHOLD - 1):
        standing_ = readers.scored(standing_, "gone", NOW + day * DAY)
    assert standing_.points == THRESHOLD - 1
    assert readers.scored(standing_, "gone", NOW + 30 * DAY).points == 1


async def test_a_spared_reader_is_asked_again_a_week_apart_and_not_for_ever(store: Store) -> None:
    desk = Desk(store)
    await desk.write(lambda tx: readers.put(tx, readers.Standing(LEES, suspended_at=NOW, asked=1, asked_at=NOW)))
    for week in range(10):
        await desk.write(lambda tx, week=week: standing.probe(tx, desk.world, NOW + week * 7 * DAY))
        await desk.write(lambda tx, week=week: standing.probe(tx, desk.world, NOW + week * 7 * DAY + 60))
    assert len(await told(desk, LEE.user)) == 3


@pytest.mark.scenario("J14")
async def test_who_leaves_gets_nothing_more(store: Store) -> None:
    desk = Desk(store)
    await hear(desk, Wish(Ref(MAILS, created().ref.id), "lee@gmail.example", Wished.LEAVE, datetime.fromtimestamp(NOW, UTC)))
    desk.world = replace(desk.world, away=await desk.read(readers.away))
    await desk.hear(created("after that"))
    assert await destinations(desk) == {"allhands/timeline", "mail/all-hands>chair@board.example"}


async def test_who_writes_stop_is_asked_once_a_day_and_leaves_by_answering(store: Store) -> None:
    desk = Desk(store)
    wish = Wish(Ref(MAILS, created().ref.id), "Lee@work.example", Wished.PERHAPS_LEAVE, datetime.fromtimestamp(NOW, UTC))
    await hear(desk, wish)
    await hear(desk, wish)
    [asked] = await told(desk, "Lee@work.example")
    assert "To leave" in text.plain(asked.text)
    question = await deliver_notice(desk, "Lee@work.example", "question@bridge.example")
    work = Author(UserId("lee@work.example"), "Lee", ("lee@work.example",))
    await desk.hear(created("", place=MAILS, author=work, reply_to=replace(question, place=MAILS)))
    assert await desk.read(readers.away) == {LEES}


async def test_a_stranger_who_writes_stop_is_told_nothing(store: Store) -> None:
    desk = Desk(store)
    at = datetime.fromtimestamp(NOW, UTC)
    await hear(desk, Wish(Ref(MAILS, created().ref.id), "eve@elsewhere.example", Wished.PERHAPS_LEAVE, at))
    assert not await told(desk, "eve@elsewhere.example")


# ---------------------------------------------------------------- answers that ask for nothing


async def test_an_answer_to_a_notice_is_not_posted_and_its_writer_is_told_so_once_a_day(store: Store) -> None:
    desk = Desk(store)
    await desk.write(lambda tx: notify(tx, notices.waits_for_admin(direct(MAIL, LEE.user), 1), NOW))
    said = replace(await deliver_notice(desk, LEE.user, "said@bridge.example"), place=MAILS)
    for words in ("Hello everyone!", "Is anybody there?"):
        await desk.hear(created(words, place=MAILS, author=LEE, reply_to=said))
    await desk.hear(created("as Lee", place=MAILS, author=CHAIR, reply_to=said))
    await desk.hear(created("forged", place=MAILS, author=STRANGER, reply_to=said, doubt="nothing proves it"))
    assert await destinations(desk) == set()
    assert ["not posted" in text.plain(each.text) for each in await told(desk, LEE.user)] == [False, True]
    assert len(await told(desk, CHAIR.user)) == 1
    assert not await told(desk, STRANGER.user)


# ---------------------------------------------------------------- floods


@pytest.mark.scenario("J18")
async def test_a_robot_that_changes_its_address_is_answered_a_few_times_a_day_and_nobody_else_waits_for_it(store: Store) -> None:
    desk = Desk(store)
    for number in range(STRANGERS_A_DAY + 10):
        robot = Author(UserId(f"r{number}@robots.example"), f"R{number}", (f"r{number}@robots.example",))
        await desk.hear(created("buy", place=MAILS, author=robot))
    assert len(await desk.read(held.posts)) == STRANGERS_A_DAY + 10, "nothing is lost"
    rows = await desk.rows(sql.post, sql.post.c.native.like("notice:waits:%"))
    assert len(rows) == STRANGERS_A_DAY
    await desk.hear(created("mine", place=MAILS, author=LEE, doubt="nothing proves it"))
    assert len(await told(desk, LEE.user)) == 1, "readers are asked all the same"
    desk.now += DAY + 1
    await desk.hear(created("hello again", place=MAILS, author=STRANGER))
    assert len(await told(desk, STRANGER.user)) == 1
