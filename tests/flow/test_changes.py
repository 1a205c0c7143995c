"""Edits, deletions and answers find their copies, after a restart too; what comes back is recognised."""

from __future__ import annotations

import pytest

from bridge.contract import Fault
from bridge.store.audit import claims
from tests.flow.house import House, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.scenario("E01")
@pytest.mark.scenario("B04")
async def test_an_edit_changes_the_copies_and_does_not_come_back(house: House) -> None:
    said, before = await house.says("slack", "meet at 2")
    changed = await house.edit(said, "meet at 3")
    after = await house.arrives(changed)
    for to, copy in after.items():
        if not to.reader:
            assert copy.id == before[to].id
    mails = [copy for copy in after.values() if copy.reader]
    assert all(copy.reply_to == before[to].id for to, copy in after.items() if to.reader)
    again = await house.edit(said, "meet at 4")
    again.to = tuple(to for to in again.to if not to.reader)  # at most one corrected note by mail
    changed.to = tuple(to for to in changed.to if to.reader)
    await house.arrives(again)
    await house.settle()
    assert len(mails) == 2


@pytest.mark.scenario("E02")
@pytest.mark.scenario("F01")
async def test_after_a_restart_changes_and_answers_find_their_copies(house: House) -> None:
    said, before = await house.says("slack", "an old post", place="all-hands")
    gone, _ = await house.says("slack", "an old mistake", place="all-hands")
    from_outside, seen = await house.says("mastodon", "an old status")
    await house.restart()
    changed = await house.edit(said, "an old post, changed")
    after = await house.arrives(changed)
    assert all(after[to].id == before[to].id for to in after if not to.reader)
    await house.delete(gone)
    await until(lambda: not any(house.copies(gone.mark, to) for to in gone.to if not to.reader) or None, "the copies go")
    _, answers = await house.says("slack", "a late answer", place="all-hands", reply_to=said.native)
    assert all(copy.reply_to == before[to].id for to, copy in answers.items() if not to.reader)
    mine = next(copy for to, copy in seen.items() if to.place == house.place("slack", "dev-chatter"))
    _, answers = await house.says("slack", "another", place="dev-chatter", reply_to=mine.id)
    status = next(copy for to, copy in answers.items() if to.account == "mastodon")
    assert status.reply_to == from_outside.native


@pytest.mark.scenario("E08")
@pytest.mark.parametrize("origin", ["slack", "mastodon"])
async def test_a_deletion_removes_the_copies_that_can_be_removed(house: House, origin: str) -> None:
    said, _ = await house.says(origin, "wrong channel")
    everywhere = said.to
    await house.delete(said)
    await until(lambda: not any(house.copies(said.mark, to) for to in everywhere if not to.reader) or None, "the copies go")
    assert {to.account for to in said.to} == {"email"}


async def test_a_deleted_direct_message_takes_its_copies_along(house: House) -> None:
    said = await house.say_directly("mastodon", "forget it")
    await house.arrives(said)
    everywhere = said.to
    await house.delete(said)
    await until(lambda: not any(house.copies(said.mark, to) for to in everywhere if not to.reader) or None, "the copies go")


@pytest.mark.scenario("E06")
async def test_an_edit_on_the_microblog_changes_the_others(house: House) -> None:
    said, before = await house.says("mastodon", "doors at nine")
    changed = await house.edit(said, "doors at ten")
    after = await house.arrives(changed)
    assert {after[to].id == before[to].id for to in after if to.account == "slack"} == {True}


async def test_an_edited_direct_message_changes_the_status(house: House) -> None:
    said = await house.say_directly("mastodon", "meet at 2?")
    before = await house.arrives(said)
    changed = await house.edit(said, "meet at 3?")
    changed.to = house.destinations
    after = await house.arrives(changed)
    assert {after[to].id == before[to].id for to in after if not to.reader} == {True}


@pytest.mark.scenario("E11")
async def test_somebodys_deletion_of_a_copy_leaves_the_post_and_the_other_copies(house: House) -> None:
    said, copies = await house.says("slack", "moderated elsewhere", place="all-hands")
    [to] = house.at("mastodon")
    await house.sandbox("mastodon").delete(copies[to].id)
    said.to = tuple(each for each in said.to if each != to)
    await until(lambda: house.told("slack", "mastodon/timeline was removed"), "its author is told")
    await house.settle()
    assert len(house.told("slack", said.mark)) == 1
    assert any(each.id == said.native for each in house.sandbox("slack").standing())
    changed = await house.edit(said, "and then edited")
    changed.to = tuple(each for each in changed.to if each != to)
    await house.arrives(changed)


@pytest.mark.scenario("B01")
@pytest.mark.parametrize("origin", ["slack", "mastodon", "email"])
async def test_our_own_copies_are_recognised_when_they_come_back_after_a_restart(house: House, origin: str) -> None:
    said = await house.say(origin, "into the restart")
    await house.restart()
    await house.arrives(said)
    await house.says(origin, "and on")


@pytest.mark.scenario("E09")
async def test_what_is_deleted_while_it_waits_is_never_sent(house: House) -> None:
    await house.sandbox("mastodon").unplug()
    try:
        first = await house.say("slack", "noticed to be away")
        [to] = house.at("mastodon")
        first_at_others = tuple(each for each in first.to if each != to)
        said = await house.say("slack", "never mind")
        said.to = tuple(each for each in said.to if each != to)
        await house.arrives(said)
        everywhere = said.to
        await house.delete(said)
        await until(lambda: not any(house.copies(said.mark, each) for each in everywhere if not each.reader) or None, "copies go")
        assert {each for each in first_at_others if house.copies(first.mark, each)} == set(first_at_others)
    finally:
        await house.sandbox("mastodon").plug()
    await house.arrives(first)


@pytest.mark.scenario("B02")
@pytest.mark.parametrize("account", ["slack", "mastodon"])
async def test_a_copy_whose_event_comes_before_its_receipt_is_no_new_post(house: House, account: str) -> None:
    house.sandbox(account).fault(Fault.EARLY_ECHO, 2)
    origin = "email"
    raws = (await house.service.store.read(claims)).raws
    said, copies = await house.says(origin, "answered by its own echo")
    assert len(copies) == len(said.to)
    _ = await house.says(origin, "and again")
    await house.settle()
    assert len((await house.service.store.read(claims)).raws) > len(raws), "the echoes were heard"
