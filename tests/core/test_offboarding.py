"""Members who are gone: what it takes until it is believed, what is asked, decided, removed, and taken back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.errors import Rejected, Retryable, SendError
from bridge.members import ALL_S, LOOK_S, MOST
from bridge.offboarding import SURE_AFTER_S, NotOffboarded
from bridge.post import Author, PersonId, UserId
from bridge.store import alerts, joining, readers, sql
from bridge.store.joining import Joining
from bridge.store.joining import Step as Joined
from bridge.store.offboarded import Step
from bridge.store.people import Deed
from bridge.store.readers import Standing
from tests.core.asking import look
from tests.core.desk import Desk
from tests.core.letters import outcomes
from tests.core.staff import LYNNS_MAIL, Office, made, staffed
from tests.core.worlds import LYNN, MAILS, NOW, STRANGER, TEAM, created, entry, group

pytestmark = pytest.mark.scenario("K06")


@pytest.fixture
async def office(desk: Desk) -> Office:
    return await staffed(desk)


# ---------------------------------------------------------------- what it takes


async def test_a_member_who_is_gone_is_asked_about_with_all_that_they_have_elsewhere(office: Office) -> None:
    await office.goes("U1")
    has = "follows allhands, reads mail/all-hands, may write to “All-Hands”"
    assert await office.waiting() == [("member:lynn:1", has)]
    [said] = await office.told()
    assert f"Lynn is no member of team any more, and still {has}. Answer “approve”" in said
    assert "@" not in said
    assert (await office.wish(), await office.log()) == ((None, ""), [])
    assert office.desk.world.removed == frozenset()


async def test_one_word_is_not_enough_and_an_event_is_one(office: Office) -> None:
    await office.hear()
    assert await office.step() is Step.SAID
    office.workspace.asked.clear()
    await office.look(LOOK_S)
    assert office.workspace.asked == []  # a second word is worth something only a while later
    await office.look(SURE_AFTER_S)
    assert (office.workspace.asked, await office.step()) == ([UserId("U1")], Step.BACK)
    await office.hear()
    office.workspace.said[UserId("U1")] = True
    await office.look(SURE_AFTER_S)
    assert await office.step() is Step.WAITS


async def test_a_second_word_within_the_minute_is_as_the_first(office: Office) -> None:
    office.workspace.said[UserId("U1")] = True
    await office.look(ALL_S)
    office.members = made(office.desk, office.workspace)  # another replica begins at once, with everybody
    await office.look(1)
    assert await office.step() is Step.SAID


@pytest.mark.parametrize("answer", [None, Retryable("Slack's answer was lost.")], ids=["odd", "failed"])
async def test_for_want_of_an_answer_nobody_is_gone(office: Office, answer: SendError | None) -> None:
    office.workspace.said[UserId("U1")] = answer
    for _ in range(3):
        await office.settle()
    await office.hear()
    await office.look(SURE_AFTER_S)
    assert await office.waiting() == []
    assert await office.step() is (Step.BACK if answer is None else Step.SAID)  # a failed one is asked for again


async def test_whoever_could_not_be_asked_about_is_asked_about_after_the_others_and_soon(office: Office) -> None:
    office.workspace.said[UserId("U1")] = Retryable("Slack can't be reached.")
    office.desk.now += ALL_S
    office.workspace.asked.clear()
    assert await office.members.look() == "Slack can't be reached."
    assert office.workspace.asked == ["U1"]  # it is not asked about the others either now
    office.workspace.said[UserId("U1")] = True
    assert await office.look(LOOK_S) == ""
    assert office.workspace.asked[-1] == "U1"
    assert await office.step() is Step.SAID


async def test_somebody_whom_slack_will_not_speak_of_is_no_hindrance_to_the_others(office: Office) -> None:
    office.workspace.said |= {UserId("U1"): Rejected("Slack refused it (user_not_visible)."), UserId("U2X"): True}
    await office.settle()
    assert (await office.step(), await office.step("member2")) == (None, Step.WAITS)


async def test_one_look_asks_about_a_few(office: Office) -> None:
    office.workspace.asked.clear()
    office.desk.now += ALL_S
    await office.members.look()
    assert len(office.workspace.asked) == MOST
    await office.members.look()
    assert len(office.workspace.asked) == len(set(office.workspace.asked)) == 11


async def test_nobody_is_asked_while_the_account_is_not_open(office: Office) -> None:
    office.workspace.asked.clear()
    office.members.engine.accounts[TEAM].opened.clear()
    assert await office.look(ALL_S) == ""
    assert office.workspace.asked == []
    office.members.engine.accounts[TEAM].opened.set()
    await office.look(LOOK_S)
    assert "U1" in office.workspace.asked


async def test_somebody_with_the_same_address_and_a_new_account_is_a_member(office: Office) -> None:
    office.workspace.said[UserId("U1")] = True
    office.workspace.users["lynn@example.org"] = UserId("U1new")
    await office.settle()
    assert await office.step() is None


async def test_who_is_only_there_or_nobody_we_know_or_a_bot_is_no_matter(office: Office) -> None:
    await office.goes("U3")
    assert (await office.waiting(), await office.step("nina")) == ([], Step.GONE)
    await office.hear(STRANGER)
    await office.hear(replace(LYNN, is_bot=True))
    assert await office.step() is None
    assert await office.told() == []


# ---------------------------------------------------------------- deciding


async def test_who_is_removed_is_as_if_their_lines_were_deleted_and_the_log_says_who_and_why(office: Office) -> None:
    await office.desk.hear(created("before"))
    await office.goes("U1")
    await office.desk.hear(created("waits", author=STRANGER))
    await office.decide()
    assert await office.wish() == (Deed.REMOVE, "Chair (offboarded at team)")
    assert await office.log() == [
        ("offboarded", "team", "lynn", "Chair"),
        ("remove", "mail", "lynn@example.org", "Chair (offboarded at team)"),
    ]
    assert {each[2] for each in await outcomes(office.desk, "lynn@example.org")} == {"no-longer-mapped"}
    mappings = office.desk.world.mappings
    assert (PersonId("lynn") in mappings.people, PersonId("lynn") in mappings.groups[0].writers) == (False, False)
    assert [r.person for r in mappings.groups[0].places[2].readers] == ["lee", "chair"]
    mail = created("and I?", place=MAILS, author=Author(UserId("lynn@example.org"), "Lynn", ("lynn@example.org",)))
    await office.desk.hear(mail)
    [event] = await office.desk.rows(sql.event, sql.event.c.reason == "unknown-sender")
    assert event.verdict == "held"
    assert await office.told() == []  # it is settled


async def test_a_decision_is_made_once(office: Office) -> None:
    await office.goes("U1")
    await office.decide()
    for no in (True, False):
        with pytest.raises(NotOffboarded, match="see `viabridge held`"):
            await office.decide(no=no)
    assert len(await office.log()) == 2


@pytest.mark.parametrize("name", ["member:lynn:2", "member:lynn", "member:nobody:1", "member:", "member::"])
async def test_a_name_that_asks_nothing_decides_nothing(office: Office, name: str) -> None:
    await office.goes("U1")
    with pytest.raises(NotOffboarded):
        await office.decide(name)
    assert await office.step() is Step.WAITS


async def test_no_stays_no_until_they_came_back_and_went_again(office: Office) -> None:
    await office.goes("U1")
    await office.decide(no=True)
    office.members = made(office.desk, office.workspace)  # another replica has the duty
    await office.hear()
    await office.settle()
    await office.settle()
    assert (await office.step(), await office.waiting(), await office.wish()) == (Step.KEPT, [], (None, ""))
    assert await office.log() == [("kept", "team", "lynn", "Chair")]
    office.workspace.said[UserId("U1")] = False
    await office.hear(gone=False)
    await office.look(LOOK_S)
    assert await office.step() is Step.BACK
    await office.goes("U1")
    assert [name for name, _ in await office.waiting()] == ["member:lynn:2"]
    with pytest.raises(NotOffboarded):
        await office.decide("member:lynn:1")  # an answer to the first question


async def test_who_is_a_member_again_is_asked_about_no_more(office: Office) -> None:
    await office.goes("U1")
    [alert] = await office.desk.read(alerts.current)
    await office.desk.write(lambda tx: alerts.told(tx, alert, ["chair"], still=True))
    office.workspace.said[UserId("U1")] = False
    await office.look(ALL_S)
    assert (await office.waiting(), office.desk.world.leaving) == ([], frozenset())
    [said] = await office.told()
    assert "Lynn is a member of team again. So I ask no more" in said
    with pytest.raises(NotOffboarded):
        await office.decide()


async def test_who_was_removed_and_is_a_member_again_has_their_lines_back_and_what_was_not_done_is_not(office: Office) -> None:
    await office.goes("U1")
    await office.decide()
    office.workspace.said[UserId("U1")] = False
    await office.hear(gone=False)
    await office.look(LOOK_S)
    assert await office.wish() == (None, "")
    assert office.desk.world.mappings is office.desk.world.whole
    assert (await office.log())[-1] == ("reinstated", "team", "lynn", "native")
    [said] = await office.told()
    assert "ask to follow it again" in said


async def test_who_joined_by_themselves_reads_no_more_and_who_left_anyway_is_not_named(office: Office) -> None:
    office.desk.world = replace(office.desk.world, mappings=replace(office.desk.world.mappings, groups=(_joinable(),)))
    await office.desk.write(lambda tx: joining.put(tx, Joining(LYNNS_MAIL, "Lynn", Joined.READS, NOW)))
    await office.goes("U1")
    [(_, has)] = await office.waiting()
    assert "reads mail/all-hands" in has
    await office.desk.write(lambda tx: readers.put(tx, Standing(LYNNS_MAIL, left_at=NOW)))
    await look(office.desk)
    [(_, has)] = await office.waiting()
    assert "reads" not in has
    await office.desk.write(lambda tx: readers.put(tx, Standing(LYNNS_MAIL)))
    await look(office.desk)
    await office.decide()
    joined = await office.desk.read(lambda tx: joining.find(tx, LYNNS_MAIL))
    assert joined is not None
    assert joined.step is Joined.REFUSED


def _joinable() -> object:
    return group(entry("team/all-hands"), entry("allhands/timeline"), entry("mail/all-hands", join="ask"))
