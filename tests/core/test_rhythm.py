"""When a reader gets what: times of day in their zone, bundles, digests, quiet hours, what matters at once."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from bridge import rhythm, timing
from bridge.mappings import Deliver, Rhythm
from bridge.rhythm import NOTHING_CHOSEN, Choice, Form, Slot, Weight
from bridge.text import Mention, Paragraph, Quote, Str, Text
from tests.core.worlds import TEAM, person, post


def moment(words: str) -> float:
    """A moment written as 2026-03-29T08:00+01:00."""
    return datetime.fromisoformat(words).timestamp()


def in_utc(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


# ---------------------------------------------------------------- times of day


@pytest.mark.scenario("J16")
@pytest.mark.parametrize(
    ("now", "zone", "at", "due"),
    [
        ("2026-11-25T07:59:59+00:00", "Europe/London", "08:00", "2026-11-25 08:00"),
        ("2026-11-25T08:00:00+00:00", "Europe/London", "08:00", "2026-11-26 08:00"),
        ("2026-07-01T06:00:00+00:00", "Europe/London", "08:00", "2026-07-01 07:00"),
        ("2026-11-25T20:00:00+00:00", "Pacific/Auckland", "08:00", "2026-11-26 19:00"),
        ("2026-03-28T12:00:00+00:00", "Europe/Paris", "02:30", "2026-03-29 01:30"),  # 02:30 is skipped: it comes at 03:30
        ("2026-10-24T12:00:00+00:00", "Europe/Paris", "02:30", "2026-10-25 00:30"),  # 02:30 comes twice: the first counts
        ("2026-10-25T00:45:00+00:00", "Europe/Paris", "02:30", "2026-10-26 01:30"),
        ("2026-03-28T12:00:00+00:00", "America/St_Johns", "08:00", "2026-03-29 10:30"),
    ],
)
def test_a_time_of_day_is_the_readers_own(now: str, zone: str, at: str, due: str) -> None:
    hours, minutes = map(int, at.split(":"))
    assert in_utc(timing.next_at(time(hours, minutes), zone, moment(now))) == due


def test_a_year_of_days_has_one_digest_each() -> None:
    now, days = moment("2026-01-01T00:00+01:00"), []
    for _ in range(365):
        now = timing.next_at(time(2, 30), "Europe/Paris", now)
        days.append(timing.day_of("Europe/Paris", now))
    assert len(set(days)) == 365


def test_hours_are_full_on_the_readers_clock() -> None:
    assert in_utc(timing.next_hour("Asia/Kolkata", moment("2026-11-25T10:10+00:00"))) == "2026-11-25 10:30"
    assert in_utc(timing.next_hour("UTC", moment("2026-11-25T10:00+00:00"))) == "2026-11-25 11:00"


NIGHT = (time(22), time(7))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-25T21:59:59+00:00", None),
        ("2026-11-25T22:00:00+00:00", "2026-11-26 07:00"),
        ("2026-11-26T06:59:59+00:00", "2026-11-26 07:00"),
        ("2026-11-26T07:00:00+00:00", None),
    ],
)
def test_quiet_may_span_midnight(now: str, until: str | None) -> None:
    found = timing.quiet_until(NIGHT, "Europe/London", moment(now))
    assert (in_utc(found) if found is not None else None) == until


# ---------------------------------------------------------------- slots

NOON = moment("2026-11-25T12:00+00:00")  # a Wednesday
EACH = Rhythm(zone="Europe/London")


def reads(deliver: Deliver, *, quiet: tuple[time, time] | None = None) -> Rhythm:
    return Rhythm(deliver, time(8), "Europe/London", quiet)


def due(slot: Slot | None) -> tuple[str, Form] | None:
    return (in_utc(slot.ready_at), slot.form) if slot else None


@pytest.mark.parametrize(
    ("deliver", "expected"),
    [
        (Deliver.EACH, ("2026-11-25 12:01", Form.BUNDLE)),
        (Deliver.HOURLY, ("2026-11-25 13:00", Form.DIGEST)),
        (Deliver.DAILY, ("2026-11-26 08:00", Form.DIGEST)),
        (Deliver.WEEKLY, ("2026-11-30 08:00", Form.DIGEST)),
        (Deliver.ANNOUNCEMENTS, None),
    ],
)
def test_a_post_is_due_as_its_reader_wants(deliver: Deliver, expected: tuple[str, Form] | None) -> None:
    assert due(rhythm.slot(reads(deliver), NOTHING_CHOSEN, Weight.PLAIN, NOON)) == expected


@pytest.mark.parametrize("weight", [Weight.FOR_THEM, Weight.ANNOUNCEMENT])
def test_what_matters_to_them_comes_at_once(weight: Weight) -> None:
    assert rhythm.slot(EACH, NOTHING_CHOSEN, weight, NOON) == Slot(NOON, Form.ALONE)


def test_without_patience_nothing_is_bundled() -> None:
    assert rhythm.slot(EACH, NOTHING_CHOSEN, Weight.PLAIN, NOON, patient=False) == Slot(NOON, Form.ALONE)


@pytest.mark.scenario("L17")
@pytest.mark.parametrize("deliver", [Deliver.EACH, Deliver.HOURLY])
def test_at_night_posts_wait_for_the_morning_and_announcements_pass(deliver: Deliver) -> None:
    night = moment("2026-11-25T23:30+00:00")
    wanted = reads(deliver, quiet=NIGHT)
    assert due(rhythm.slot(wanted, NOTHING_CHOSEN, Weight.PLAIN, night)) == ("2026-11-26 07:00", Form.DIGEST)
    assert due(rhythm.slot(wanted, NOTHING_CHOSEN, Weight.FOR_THEM, night)) == ("2026-11-26 07:00", Form.DIGEST)
    assert rhythm.slot(wanted, NOTHING_CHOSEN, Weight.ANNOUNCEMENT, night) == Slot(night)


def test_an_hourly_mail_that_falls_into_the_night_waits_for_the_morning() -> None:
    wanted = reads(Deliver.HOURLY, quiet=NIGHT)
    late = moment("2026-11-25T21:30+00:00")
    assert due(rhythm.slot(wanted, NOTHING_CHOSEN, Weight.PLAIN, late)) == ("2026-11-26 07:00", Form.DIGEST)


@pytest.mark.parametrize("weight", list(Weight))
def test_a_pause_holds_everything_until_its_end(weight: Weight) -> None:
    assert rhythm.slot(EACH, Choice(paused_until=NOON + 9), weight, NOON) == Slot(NOON + 9, Form.DIGEST)
    assert rhythm.slot(EACH, Choice(paused_until=NOON), Weight.PLAIN, NOON) == Slot(NOON + 60, Form.BUNDLE)


@pytest.mark.parametrize("in_file", list(Deliver))
@pytest.mark.parametrize("chosen", list(Deliver))
def test_a_choice_can_only_reduce(in_file: Deliver, chosen: Deliver) -> None:
    assert rhythm.reduced(reads(in_file), Choice(chosen)).rank == max(in_file.rank, chosen.rank)


def test_a_bundle_waits_for_silence_and_never_too_long() -> None:
    assert rhythm.bundle_due([NOON], NOON) == NOON + 60
    assert rhythm.bundle_due([NOON, NOON + 50], NOON + 50) == NOON + 110
    assert rhythm.bundle_due([NOON, NOON + 50, NOON + 160], NOON + 160) == NOON + 180


# ---------------------------------------------------------------- what matters

KARL = person("karl", team="u7 karl@example.org", mail="karl@example.org")


@pytest.mark.parametrize(
    "words",
    [
        "Karl, can you?",
        "ask @karl",
        "thanks @karl@example.org",
        (Paragraph((Str("see "), Mention("u7", "K."))),),
        (Paragraph((Mention("U99", "Karl@example.org"),)),),
        (Paragraph((Mention("U99", "karl"),)),),
    ],
)
def test_a_post_names_somebody(words: str | Text) -> None:
    assert rhythm.names(post(words), KARL, TEAM)


@pytest.mark.parametrize(
    "words",
    [
        "Karlsruhe",
        "karl is lower case, a word like any other",
        "mail x@karl.example",
        (Quote((Paragraph((Mention("U7", "K"),)),)),),
    ],
)
def test_a_post_that_only_looks_so_names_nobody(words: str | Text) -> None:
    assert not rhythm.names(post(words), KARL, TEAM)


@pytest.mark.parametrize(("words", "says"), [("📣 All doors open at 9", True), ("  📣 x", True), ("see 📣", False), ("", False)])
def test_an_announcement_says_so_first(words: str, *, says: bool) -> None:
    assert rhythm.is_announcement(post(words)) is says


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-25T12:00+00:00", "2026-11-25 18:00"),
        ("2026-11-25T18:30+00:00", "2026-11-26 08:00"),
        ("2026-11-25T23:30+00:00", "2026-11-26 08:00"),
    ],
)
def test_the_rest_of_a_full_day_comes_in_the_evening_or_else_the_next_morning(now: str, due: str) -> None:
    assert in_utc(rhythm.evening(Rhythm(Deliver.EACH, zone="Europe/London"), moment(now))) == due
