"""The whole way, on good days: posts, answers and direct messages arrive everywhere else, once, and look right."""

from __future__ import annotations

import itertools

import pytest

from bridge.contract import Standing
from bridge.post import DIRECT, Audience
from tests.flow.house import House, unique, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def one_at(copies: dict[object, Standing], account: str) -> Standing:
    return next(copy for to, copy in copies.items() if getattr(to, "account", "") == account)


@pytest.mark.scenario("A01")
async def test_a_channels_post_becomes_one_followers_only_status_and_mails(house: House) -> None:
    _, copies = await house.says("slack", "hi")
    status = one_at(copies, "mastodon")
    assert status.audience is Audience.GROUP
    assert status.text.startswith("via Lynn: hi")


@pytest.mark.scenario("A03")
@pytest.mark.scenario("A04")
async def test_what_people_write_as_the_account_reaches_everyone_else(house: House) -> None:
    _, copies = await house.says("mastodon", "doors open at nine")
    assert {to.account for to in copies} == {"slack", "email"}


async def test_a_readers_mail_reaches_everyone_but_them(house: House) -> None:
    said, copies = await house.says("email", "the board will come")
    assert [to.reader for to in copies if to.reader] == [
        each.reader for each in house.at("email") if each.reader != "chair@board.example"
    ]
    assert all("Chair" in copy.text for copy in copies.values() if not copy.reader)
    assert len(said.to) == 4


@pytest.mark.scenario("A02")
async def test_an_answer_is_an_answer_to_the_copy(house: House) -> None:
    root, at_first = await house.says("slack", "who comes?", place="all-hands")
    _, copies = await house.says("slack", "I do", place="all-hands", person="karl", reply_to=root.native)
    for to, copy in copies.items():
        assert copy.reply_to == at_first[to].id, to


async def test_an_answer_to_a_copy_is_an_answer_to_the_original(house: House) -> None:
    root, at_first = await house.says("slack", "who comes?", place="all-hands")
    mine = one_at(at_first, "mastodon")
    _, copies = await house.says("mastodon", "we all do", reply_to=mine.id)
    here = {str(to.place): copy for to, copy in copies.items() if to.account == "slack"}
    assert here[str(house.place("slack", "all-hands"))].reply_to == root.native
    there = house.place("slack", "dev-chatter")
    assert here[str(there)].reply_to == next(copy.id for to, copy in at_first.items() if to.place == there)


async def test_a_mails_answer_loses_its_quote_and_joins_the_thread(house: House) -> None:
    root, at_first = await house.says("slack", "lunch at one?", place="all-hands")
    mine = next(copy for copy in at_first.values() if copy.reader == "chair@board.example")
    _, copies = await house.says("email", "gladly", person="chair", reply_to=mine.id)
    answer = next(copy for to, copy in copies.items() if to.place == house.place("slack", "all-hands"))
    assert answer.reply_to == root.native
    assert "lunch" not in answer.text


@pytest.mark.scenario("A11")
async def test_threads_are_tracked_per_channel(house: House) -> None:
    root, at_first = await house.says("mastodon", "two channels, one thread each")
    mine = {to.place: copy for to, copy in at_first.items() if to.account == "slack"}
    _, copies = await house.says(
        "slack", "answered in one", place="dev-chatter", reply_to=mine[house.place("slack", "dev-chatter")].id
    )
    other = next(copy for to, copy in copies.items() if to.place == house.place("slack", "all-hands"))
    assert other.reply_to == mine[house.place("slack", "all-hands")].id
    assert one_at(copies, "mastodon").reply_to == root.native


# ---------------------------------------------------------------- direct messages


@pytest.mark.scenario("A07")
async def test_a_writers_direct_message_is_posted_as_the_account(house: House) -> None:
    said = await house.say_directly("mastodon", "meet at 2?")
    copies = await house.arrives(said)
    status = one_at(copies, "mastodon")
    assert status.text.startswith("via Lynn: meet at 2?")
    assert status.audience is Audience.GROUP
    ticked = await until(lambda: house.told("mastodon", "✓"), "Lynn is told that it goes out")
    assert len(ticked) == 1
    assert ticked[0].audience is Audience.DIRECT
    assert ticked[0].reply_to == said.native


async def test_an_answer_to_the_copy_of_a_direct_message_joins_it(house: House) -> None:
    said = await house.say_directly("mastodon", "any questions?")
    copies = await house.arrives(said)
    mine = next(copy for to, copy in copies.items() if to.place == house.place("slack", "all-hands"))
    _, answers = await house.says("slack", "yes, one", place="all-hands", reply_to=mine.id)
    assert one_at(answers, "mastodon").reply_to == one_at(copies, "mastodon").id


@pytest.mark.scenario("A09")
async def test_a_direct_message_of_nothing_is_answered_with_help(house: House) -> None:
    before = len(house.told("mastodon", "Write your message here"))
    await house.sandbox("mastodon").write_direct("karl", "")
    await until(lambda: len(house.told("mastodon", "Write your message here")) == before + 1, "help")


async def test_a_direct_answer_to_a_group_post_stays_between_the_two(house: House) -> None:
    _, copies = await house.says("slack", "who can drive?")
    said = await house.say_directly("mastodon", "not me, I'm ill", reply_to=one_at(copies, "mastodon").id)
    said.to = ()
    await until(lambda: house.told("mastodon", "stayed between us"), "Lynn is told")


@pytest.mark.scenario("A08")
async def test_a_strangers_direct_message_is_shown_to_nobody_and_answered_once(house: House) -> None:
    for words in ("psst", "psst again"):
        said = await house.say_directly("mastodon", words, person="stranger")
        said.to = ()
    await until(lambda: house.told("mastodon", "Only the group's writers"), "the stranger is told")
    await house.settle()
    assert len(house.told("mastodon", "Only the group's writers")) == 1


async def test_a_stranger_cannot_read_what_is_mirrored(house: House) -> None:
    said, _ = await house.says("slack", "for us alone")
    seen = await house.sandbox("mastodon").stranger_view()  # type: ignore[attr-defined]
    assert [each for each in seen if said.mark in each or "via" in each] == []


async def test_a_slack_direct_message_of_a_writer_goes_out_too(house: House) -> None:
    said = await house.say_directly("slack", "from the train", person="karl")
    copies = await house.arrives(said)
    assert len(copies) == 5
    await until(lambda: house.told("slack", "✓"), "Karl is told that it goes out")


# ---------------------------------------------------------------- how it looks


@pytest.mark.scenario("G01")
async def test_people_are_called_as_the_mapping_file_calls_them(house: House) -> None:
    for account, person in (("slack", "karl"), ("email", "lee")):
        _, copies = await house.says(account, "hello", person=person)
        for copy in copies.values():
            assert person.capitalize() in copy.text or copy.reader
            assert "U0" not in copy.text


@pytest.mark.scenario("G05")
@pytest.mark.parametrize("loud", ["@channel", "@here", "@everyone", "<!channel>", "<!here>", "@all"])
async def test_nobody_is_alarmed_from_another_platform(house: House, loud: str) -> None:
    for account in ("mastodon", "email"):
        _, copies = await house.says(account, f"{loud} wake up")
        for to, copy in copies.items():
            if to.account == "slack":
                assert "<!" not in copy.native
                assert "'type': 'broadcast'" not in copy.native


async def test_markup_arrives_as_markup(house: House) -> None:
    _, copies = await house.says("slack", "*bold* and `code` and <https://example.org/a?b=c|a link> &lt;script&gt;")
    mail = next(copy for copy in copies.values() if copy.reader)
    assert "https://example.org/a?b=c" in mail.text
    assert "<script>" in one_at(copies, "mastodon").text
    assert "*bold*" not in one_at(copies, "mastodon").text


@pytest.mark.scenario("H05")
async def test_a_long_post_is_split_into_a_thread_without_losing_a_word(house: House) -> None:
    link = "https://example.org/a/very/long/path?with=arguments#and-a-fragment"
    numbers = [f"word{n:03}" for n in range(150)]
    text = " ".join([*numbers[:60], link, *numbers[60:]])
    said = await house.say("slack", text)
    assert len(said.words) > 1200
    last = said.words.rsplit(" ", 1)[-1]
    timeline = next(iter(house.at("mastodon")))
    await until(lambda: house.copies(last, timeline), "the last part")
    parts = house.copies("word", timeline)
    parts = [part for part in parts if part.at >= house.copies("word000", timeline)[-1].at]
    assert len(parts) >= 3
    joined = " ".join(part.text for part in parts)
    assert [word for word in joined.split() if word.startswith("word")] == numbers
    assert joined.count(link) == 1
    for before, after in itertools.pairwise(parts):
        assert after.reply_to == before.id
    assert all(len(part.text.replace(link, "x" * 23)) <= 500 for part in parts)
    said.to, said.words = (), unique("judged above")


async def test_what_is_posted_elsewhere_goes_nowhere(house: House) -> None:
    words = unique("between the two of us")
    await house.sandbox("mastodon").write("karl", words, reply_to=(await house.says("mastodon", "a question"))[0].native)
    await house.settle()
    assert [each for each in house.told("mastodon") if words in each.text] == []
    assert all(each.place != DIRECT for each in house.sandbox("slack").standing() if words in each.text)
