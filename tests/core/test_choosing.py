"""What readers ask of us by mail: less, a pause, taking back a post; joining, invitations, the welcome."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest

from bridge.mappings import Deliver
from bridge.post import Wished
from bridge.routing import World
from bridge.store import sql
from tests.core.asking import NEW, answer, ask, look, told, wish
from tests.core.desk import Desk
from tests.core.letters import CHAIR, EIGHT, LEES, NOON, Letters, reads, said, serve
from tests.core.worlds import LEE, MAIL, MAILS


@pytest.fixture
def each(desk: Desk) -> Desk:
    desk.world, desk.now = reads(), NOON
    return desk


# ---------------------------------------------------------------- less


@pytest.mark.parametrize(
    ("wished", "deliver", "says"),
    [
        (Wished.DAILY, Deliver.DAILY, "you get one mail a day, at 08:00 (Europe/London)"),
        (Wished.WEEKLY, Deliver.WEEKLY, "one mail a week, on Mondays"),
        (Wished.HOURLY, Deliver.HOURLY, "one mail an hour"),
        (Wished.ANNOUNCEMENTS, Deliver.ANNOUNCEMENTS, "announcements only"),
    ],
)
async def test_a_reader_chooses_less(each: Desk, wished: Wished, deliver: Deliver, says: str) -> None:
    await ask(each, wish(wished))
    assert each.world.choices[MAIL, CHAIR].deliver is deliver
    [words] = await told(each, CHAIR)
    assert says in words


async def test_a_reader_can_not_choose_more_than_the_file_says(desk: Desk) -> None:
    desk.world, desk.now = reads(Deliver.DAILY), NOON
    await ask(desk, wish(Wished.EACH))
    [words] = await told(desk, CHAIR)
    assert "one mail a day" in words
    assert "no more than this" in words
    await desk.hear(said(desk, "one"), said(desk, "two"))
    desk.now += 180
    assert await serve(desk, Letters(), CHAIR) == []


async def test_a_choice_goes_back_as_far_as_the_file_allows(each: Desk) -> None:
    await ask(each, wish(Wished.ANNOUNCEMENTS))
    await ask(each, wish(Wished.EACH))
    await each.hear(said(each, "hi"))
    each.now += 60
    assert await serve(each, Letters(), CHAIR) == ["hi"]


async def test_a_choice_survives_a_changed_file(each: Desk) -> None:
    await ask(each, wish(Wished.DAILY))
    each.world = reads()
    await look(each)
    await each.hear(said(each, "one"), said(each, "two"))
    each.now = EIGHT
    assert await serve(each, Letters(), CHAIR) == ["one || two"]


@pytest.mark.parametrize(
    ("until", "ends"),
    [
        ("2026-11-30", "2026-11-30T08:00+00:00"),
        ("", "2026-12-09T08:00+00:00"),
        ("2020-01-01", "2026-11-26T08:00+00:00"),
        ("2099-01-01", "2027-11-26T08:00+00:00"),
    ],
)
async def test_a_pause_ends_in_the_morning_of_its_date(each: Desk, until: str, ends: str) -> None:
    await ask(each, wish(Wished.PAUSE, until=until))
    assert each.world.choices[MAIL, CHAIR].paused_until == datetime.fromisoformat(ends).timestamp()


async def test_what_came_in_a_pause_comes_in_one_mail_when_it_ends_or_is_ended(each: Desk) -> None:
    await ask(each, wish(Wished.PAUSE))
    await each.hear(said(each, "one"), said(each, "📣 two"))
    each.now += 3600
    letters = Letters()
    assert await serve(each, letters, CHAIR) == []
    await ask(each, wish(Wished.RESUME))
    assert await serve(each, letters, CHAIR) == ["one || 📣 two"]


async def test_what_nothing_proves_is_asked_about_once_a_day_and_done_when_answered(each: Desk) -> None:
    await ask(each, wish(Wished.DAILY, doubt="who knows"))
    await ask(each, wish(Wished.DAILY, doubt="who knows"))
    assert each.world.choices == {}
    [words] = await told(each, CHAIR)
    assert "If it was you, just answer" in words
    await answer(each, CHAIR, by=LEES)
    assert each.world.choices == {}
    await answer(each, CHAIR)
    assert each.world.choices[MAIL, CHAIR].deliver is Deliver.DAILY


async def test_who_reads_nothing_chooses_nothing_and_is_not_answered(each: Desk) -> None:
    await ask(each, wish(Wished.DAILY, NEW), wish(Wished.PAUSE, NEW), wish(Wished.WHICH, NEW))
    assert await told(each, NEW) == []
    assert each.world.choices == {}


# ---------------------------------------------------------------- taking back


@pytest.mark.scenario("E08")
async def test_the_last_post_is_taken_back_and_no_other(each: Desk) -> None:
    first = said(each, "first", author=LEE, place=MAILS, gated=False)
    last = said(each, "last", author=LEE, place=MAILS, gated=False)
    await each.hear(first)
    await each.hear(last)
    await each.hear(said(each, "somebody else's"))
    await ask(each, wish(Wished.TAKE_BACK, LEES))
    gone = [row.native for row in await each.rows(sql.post) if row.deleted_at is not None]
    assert gone == [last.ref.id]
    [words] = await told(each, LEES)
    assert "“last” is taken back" in words
    each.now += 60
    assert await serve(each, Letters(), CHAIR) == ["first", "somebody else's"]


async def test_without_proof_nothing_is_taken_back(each: Desk) -> None:
    await each.hear(said(each, "mine", author=LEE, place=MAILS, gated=False))
    await ask(each, wish(Wished.TAKE_BACK, LEES, doubt="who knows"))
    assert [row.deleted_at for row in await each.rows(sql.post) if row.place == MAILS.id] == [None]
    [words] = await told(each, LEES)
    assert "no post of yours" in words


# ---------------------------------------------------------------- welcome


def fresh() -> World:
    """A world whose readers were told nothing yet."""
    return replace(reads(), welcomed=frozenset())


async def test_a_new_reader_is_welcomed_once_for_all_their_groups_in_four_sentences(each: Desk) -> None:
    each.world = fresh()
    await each.hear(said(each, "hi"))
    await look(each)
    await each.hear(said(each, "hi again"))
    [words] = await told(each, CHAIR)
    assert "“All-Hands” and “Leaders”" in words
    assert words.count(". ") + 1 == 4
    assert len(await told(each, LEES)) == 1


async def test_who_got_posts_before_welcomes_were_said_is_not_new(each: Desk) -> None:
    await each.hear(said(each, "hi"))
    each.now += 60
    await serve(each, Letters(), CHAIR)
    each.world = fresh()
    await each.hear(said(each, "hi again"))
    assert await told(each, CHAIR) == []
