"""The whole way through a protected account: answers that reach everyone, direct messages, and who stays outside."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.contract import Standing
from bridge.post import Audience, Destination, NativeId
from tests.flow.house import House, Said, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def timeline(house: House) -> Destination:
    return next(iter(house.at("mastodon")))


def seen_again(house: House, said: Said) -> list[Standing]:
    """What the account posted of it at its own timeline."""
    return house.copies(said.mark, timeline(house))


async def answer(house: House, words: str, to: NativeId, person: str = "karl") -> Said:
    """Somebody answers at the account, for their own followers."""
    said = await house.say("mastodon", words, person=person, reply_to=to)
    said.to = house.destinations
    return said


async def post(house: House, person: str, words: str, visibility: str, to: NativeId | None = None) -> NativeId:
    """Somebody posts with their own app, as visible as they like."""
    sandbox: Any = house.sandbox("mastodon")
    native: NativeId = await sandbox._post(person, words, visibility, to)
    return native


# ---------------------------------------------------------------- press Reply, answer everyone


@pytest.mark.scenario("F07")
async def test_an_answer_that_only_its_writers_followers_see_reaches_everyone_once_in_the_thread(house: House) -> None:
    root, at_first = await house.says("slack", "who can drive?", place="all-hands")
    said = await answer(house, "I can", at_first[timeline(house)].id)
    copies = await house.arrives(said)
    again = copies[timeline(house)]
    assert again.text.startswith("via Karl: I can")
    assert again.reply_to == at_first[timeline(house)].id
    assert again.audience is Audience.GROUP
    channel = next(copy for to, copy in copies.items() if to.place == house.place("slack", "all-hands"))
    assert channel.reply_to == root.native
    await house.settle()
    assert len(seen_again(house, said)) == 1


@pytest.mark.scenario("F07")
async def test_an_answer_to_what_a_human_wrote_as_the_account_stands_under_it(house: House) -> None:
    native, _ = await house.says("mastodon", "doors open at nine")
    copies = await house.arrives(await answer(house, "see you there", native.native))
    assert copies[timeline(house)].reply_to == native.native


@pytest.mark.scenario("F07")
@pytest.mark.scenario("F01")
async def test_answers_to_the_answer_and_to_its_copy_are_one_thread_after_a_restart(house: House) -> None:
    root, at_first = await house.says("slack", "who brings cake?", place="all-hands")
    said = await answer(house, "I do", at_first[timeline(house)].id)
    copies = await house.arrives(said)
    await house.restart()
    tops = {house.place("slack", "all-hands"): root.native}
    tops |= {to.place: copy.id for to, copy in at_first.items() if to.account == "slack"}
    for to in (said.native, copies[timeline(house)].id):
        _, thanks = await house.says("mastodon", "thank you", reply_to=to)
        threads = {to.place: copy.reply_to for to, copy in thanks.items() if to.account == "slack"}
        assert threads == tops


@pytest.mark.scenario("F07")
@pytest.mark.scenario("E02")
async def test_the_edit_and_the_deletion_of_an_answer_follow_after_a_restart(house: House) -> None:
    _, at_first = await house.says("slack", "who brings tea?", place="all-hands")
    said = await answer(house, "I do", at_first[timeline(house)].id)
    before = await house.arrives(said)
    await house.restart()
    changed = await house.edit(said, "I don't")
    changed.to = house.destinations
    after = await house.arrives(changed)
    assert after[timeline(house)].id == before[timeline(house)].id
    assert after[timeline(house)].text.startswith("via Karl: I don't")
    everywhere = changed.to
    await house.delete(changed)
    await until(lambda: not any(house.copies(changed.mark, to) for to in everywhere if not to.reader) or None, "the copies go")
    assert seen_again(house, changed) == []


@pytest.mark.scenario("K01")
@pytest.mark.parametrize("visibility", ["public", "unlisted"])
async def test_an_answer_that_all_can_see_goes_elsewhere_and_is_not_posted_again(house: House, visibility: str) -> None:
    _, at_first = await house.says("slack", "who can lift?", place="all-hands")
    words = f"openly zq{visibility}x"
    await post(house, "karl", f"@allhands {words}", visibility, at_first[timeline(house)].id)
    others = [to for to in house.destinations if to != timeline(house)]
    await until(lambda: all(house.copies(words, to) for to in others), "it reaches the others")
    await house.settle()
    assert house.copies(words, timeline(house)) == []


async def test_a_strangers_answer_goes_nowhere_and_is_not_answered(house: House) -> None:
    native, _ = await house.says("mastodon", "dear all")
    before = len(house.told("mastodon"))
    for visibility in ("private", "public"):
        await post(house, "stranger", f"@allhands buy zqstrange{visibility}x", visibility, native.native)
    await house.settle()
    assert not any(house.copies("zqstrange", to) for to in house.destinations)
    assert len(house.told("mastodon")) == before


async def test_a_stranger_cannot_read_what_was_posted_again(house: House) -> None:
    native, _ = await house.says("mastodon", "for us alone")
    said = await answer(house, "and us", native.native)
    await house.arrives(said)
    seen = await house.sandbox("mastodon").stranger_view()  # type: ignore[attr-defined]
    assert not any(said.mark in each for each in seen)


# ---------------------------------------------------------------- direct messages


@pytest.mark.scenario("E02")
@pytest.mark.scenario("H05")
async def test_a_long_direct_message_shrinks_grows_and_goes_with_its_writers_edits(house: House) -> None:
    long = " ".join(f"word{n:03}" for n in range(150))
    said = await house.say_directly("mastodon", long)
    await house.arrives(said)
    await house.restart()
    short = await house.edit(said, "in short")
    short.to = house.destinations
    await house.arrives(short)
    await house.settle()
    assert house.copies("word", timeline(house)) == []
    await house.delete(short)
    await until(lambda: not house.copies(short.mark, timeline(house)) or None, "the status goes")


@pytest.mark.scenario("A10")
async def test_a_direct_message_arrives_as_it_was_written_but_for_the_address(house: House) -> None:
    words = "see https://example.org/a?b=c&d=1\nand <this> @nobody"
    said = await house.say_directly("mastodon", words)
    copies = await house.arrives(said)
    text = copies[timeline(house)].text
    assert text.startswith("via Lynn: see https://example.org/a?b=c&d=1")
    assert "and <this>" in text
    assert "@allhands" not in text


@pytest.mark.scenario("F02")
async def test_an_answer_to_what_the_group_never_saw_says_that_it_is_one(house: House) -> None:
    elsewhere = await post(house, "stranger", "not for you", "public")
    _, copies = await house.says("mastodon", "we disagree", reply_to=elsewhere)
    for copy in copies.values():
        assert "answering an earlier post" in copy.text
        assert "not for you" not in copy.text


async def test_who_answers_the_tick_writes_a_post_and_quotes_no_notice(house: House) -> None:
    first = await house.say_directly("mastodon", "the first", person="karl")
    await house.arrives(first)
    ticked = await until(lambda: house.told("mastodon", "as via Karl"), "Karl is told that it goes out")
    said = await house.say_directly("mastodon", "the second", person="karl", reply_to=ticked[0].id)
    for copy in (await house.arrives(said)).values():
        assert "✓" not in copy.text
