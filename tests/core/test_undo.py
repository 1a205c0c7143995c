"""The undo window, and what a late copy says of itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge import lateness
from bridge.contract import Absent
from bridge.errors import Retryable, Uncertain
from bridge.reasons import Reason
from bridge.store import sql
from bridge.store.tables import DeliveryState
from tests.core.desk import Desk
from tests.core.test_doubts import Fake, bring, outcome
from tests.core.worlds import NOW, OTHER_CHANNEL, TIMELINE, at, created, deleted, edited, entry, group, world

MINUTE = timedelta(seconds=60)
PLACES = (entry("team/all-hands"), entry("allhands/timeline"))


@pytest.fixture(autouse=True)
def window(desk: Desk) -> None:
    desk.world = world(group(*PLACES, undo=MINUTE))


async def brought(desk: Desk) -> list[str]:
    await bring(desk, fake := Fake())
    return fake.sent


@pytest.mark.scenario("E09")
async def test_a_post_waits_and_then_goes_as_it_is(desk: Desk) -> None:
    await desk.hear(created("hi"))
    assert await brought(desk) == []
    assert await desk.next(await desk.lane(TIMELINE)) == NOW + 60
    desk.now += 60
    assert await brought(desk) == ["hi"]


@pytest.mark.scenario("E09")
async def test_what_is_changed_in_the_window_goes_once_in_its_last_form(desk: Desk) -> None:
    said = created("hj")
    await desk.hear(said)
    for number, words in enumerate(("hk", "hi")):
        desk.now += 20
        await desk.hear(edited(said, words, str(number), seconds=20.0 * (number + 1)))
    assert await brought(desk) == []
    desk.now += 20
    assert await brought(desk) == ["hi"]
    assert await brought(desk) == []
    assert (await outcome(desk))[0] == DeliveryState.DELIVERED


@pytest.mark.scenario("E09")
async def test_what_is_deleted_in_the_window_never_goes(desk: Desk) -> None:
    said = created("oops")
    await desk.hear(said)
    await desk.hear(deleted(said))
    desk.now += 60
    assert await brought(desk) == []
    assert await outcome(desk) == (DeliveryState.FILTERED, Reason.WITHDRAWN)


async def test_a_window_holds_up_no_other_group_of_the_place(desk: Desk) -> None:
    at_once = group(entry("team/dev"), entry("allhands/timeline"), name="dev")
    desk.world = world(group(*PLACES, undo=MINUTE), at_once)
    await desk.hear(created("may be taken back"))
    await desk.hear(created("at once", place=OTHER_CHANNEL))
    assert await brought(desk) == ["at once"]
    desk.now += 60
    assert await brought(desk) == ["may be taken back"]


async def test_an_answer_never_comes_before_what_it_answers(desk: Desk) -> None:
    """Though it is of a group that waits for nothing."""
    both = (entry("team/dev"), entry("allhands/timeline"))
    desk.world = world(group(*PLACES, undo=MINUTE), group(*both, name="dev"))
    root = created("root")
    await desk.hear(root)
    await desk.hear(created("answer", place=OTHER_CHANNEL, reply_to=root.ref))
    assert await brought(desk) == []
    desk.now += 60
    assert [*await brought(desk), *await brought(desk)] == ["root", "answer"]


async def test_what_was_heard_late_has_waited_already(desk: Desk) -> None:
    await desk.hear(created("said a while ago", at=at(-45)))
    assert await desk.next(await desk.lane(TIMELINE)) == NOW + 15
    await desk.hear(created("said long ago", at=at(-600)))
    assert await brought(desk) == ["said long ago"]


async def test_the_window_does_not_shorten_the_group_s_patience(desk: Desk) -> None:
    await desk.hear(created("hi"))
    [row] = await desk.rows(sql.delivery)
    assert row.give_up_at == NOW + 60 + 48 * 3600


# ---------------------------------------------------------------- late copies


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (0, ""),
        (29, ""),
        (31, "(delayed 31 s) "),
        (600, "(delayed 10 min) "),
        (7200, "(written 2023-11-14 22:13 UTC) "),
        (-60, ""),
    ],
)
def test_a_late_copy_says_so(late: float, said: str) -> None:
    assert lateness.note(at(), 0.0, NOW + late, timedelta(seconds=30)) == said
    assert lateness.note(at(), 0.0, NOW + late, timedelta(0)) == ""
    assert lateness.note(at(), NOW + late, NOW + late, timedelta(seconds=30)) == "", "a wait that was asked for is no delay"


@pytest.mark.scenario("L14")
async def test_a_copy_that_waited_for_its_place_says_how_late_it_is(desk: Desk) -> None:
    desk.world = world(group(*PLACES, late_after=timedelta(seconds=30)))
    await desk.hear(created("hi"))
    await desk.hear(created("and so on"))
    await bring(desk, Fake(answers=[Retryable("Away.")]))
    desk.now += 31
    assert await brought(desk) == ["(delayed 31 s) hi", "(delayed 31 s) and so on"], "also where it was rendered in time"


@pytest.mark.scenario("D04")
async def test_what_was_found_after_an_outage_says_when_it_was_written(desk: Desk) -> None:
    desk.world = world(group(*PLACES, late_after=timedelta(seconds=30)))
    await desk.hear(created("hi", at=at(-7200)))
    assert await brought(desk) == ["(written 2023-11-14 20:13 UTC) hi"]


async def test_a_send_in_doubt_keeps_its_words(desk: Desk) -> None:
    """It is looked for by them."""
    desk.world = world(group(*PLACES, late_after=timedelta(seconds=30)))
    await desk.hear(created("hi"))
    await bring(desk, Fake(answers=[Uncertain()]))
    desk.now += 60
    await bring(desk, fake := Fake(findings=[Absent()]))
    assert fake.sent == ["hi"]
