"""Slack on the whole way: files, downtimes, odd repetitions, the app's own leave: what only Slack can do to the bridge."""

from __future__ import annotations

import asyncio

import pytest

from adapters.mastodon.sandbox import MastodonSandbox
from adapters.slack.sandbox import SlackSandbox
from bridge.contract import Fault
from bridge.post import AccountId
from tests.flow.house import House, Said, unique, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture
def slack(house: House) -> SlackSandbox:
    found = house.sandbox("slack")
    assert isinstance(found, SlackSandbox)
    return found


@pytest.fixture
def mastodon(house: House) -> MastodonSandbox:
    found = house.sandbox("mastodon")
    assert isinstance(found, MastodonSandbox)
    return found


@pytest.mark.scenario("I01")
@pytest.mark.scenario("I10")
async def test_a_picture_goes_from_slack_to_the_timeline_with_its_description(
    house: House, slack: SlackSandbox, mastodon: MastodonSandbox
) -> None:
    words = unique("look at this")
    native = await slack.write_with_file("lynn", words, "lake.png", PNG, "The lake at dawn")
    said = Said(AccountId("slack"), words, native, tuple(to for to in house.destinations if to.place != house.place("slack")))
    house.said.append(said)
    copies = await house.arrives(said)
    status = next(copy for to, copy in copies.items() if to.account == "mastodon")
    [file] = await mastodon.attached(status.id)
    assert (file.alt, file.body) == ("The lake at dawn", PNG)
    assert not [copy for copy in copies.values() if "/files/" in copy.native], "no copy names where the file stands"


@pytest.mark.scenario("I01")
async def test_a_writers_picture_stands_in_the_channel(house: House, slack: SlackSandbox, mastodon: MastodonSandbox) -> None:
    words = unique("look")
    native = await mastodon.write_with_file("lynn", words, "lake.png", "image/png", PNG, "The lake at noon")
    said = Said(AccountId("mastodon"), words, native, house.destinations)
    house.said.append(said)
    copies = await house.arrives(said)
    message = next(copy for to, copy in copies.items() if to.account == "slack")
    [file] = slack.files_of(message.id)
    assert (file.title, file.body) == ("The lake at noon", PNG)


async def test_a_file_taken_away_leaves_its_copies(house: House, slack: SlackSandbox, mastodon: MastodonSandbox) -> None:
    words = unique("two of them")
    native = await slack.write_with_files("lynn", words, {"lake.png": PNG, "hill.png": PNG + b"2"})
    said = Said(AccountId("slack"), words, native, (*house.at("mastodon"), house.at("slack")[1]))
    copies = await house.arrives(said)
    status = next(copy for to, copy in copies.items() if to.account == "mastodon").id
    message = next(copy for to, copy in copies.items() if to.account == "slack").id
    assert len(await mastodon.attached(status)) == len(slack.files_of(message)) == 2
    await slack.remove_file(native, "hill.png")
    await house.settle()
    assert [file.body for file in await mastodon.attached(status)] == [PNG]
    assert [file.name for file in slack.files_of(message)] == ["lake.png"]


@pytest.mark.scenario("D01")
async def test_what_was_said_while_the_bridge_was_away_arrives_in_order(house: House, slack: SlackSandbox) -> None:
    root, _ = await house.says("slack", "before")
    await house.stop()
    await slack.with_server(lambda server: setattr(server.delivery, "deaf", True))
    words = [unique(f"word {number}") for number in range(5)]
    for each in words:
        await slack.write("lynn", each)
    answer = unique("an answer")
    await slack.write("karl", answer, reply_to=root.native)
    await slack.with_server(lambda server: setattr(server.delivery, "deaf", False))
    await house.start()
    later = await house.say("slack", "said live")
    await house.arrives(later)
    marks = [each.rsplit(" ", 1)[-1] for each in (*words, answer)]
    for to in house.destinations:
        if to.account != "slack":
            stands = house.marks()[to]
            assert [mark for mark in stands if mark in (*marks, later.mark)] == [*marks, later.mark], str(to)


@pytest.mark.scenario("C01")
async def test_one_message_under_eleven_event_ids_is_one_post(house: House, slack: SlackSandbox) -> None:
    await slack.with_server(lambda server: setattr(server.delivery, "copies", 10))
    said = await house.say("slack", "once")
    await house.arrives(said)
    await house.check()


@pytest.mark.scenario("E01")
async def test_events_in_the_wrong_order_end_as_they_were_meant(house: House, slack: SlackSandbox) -> None:
    await slack.with_server(lambda server: setattr(server.delivery, "reversed", 1))
    words, other = unique("first"), unique("second")
    native = await slack.write("lynn", words)
    await slack.edit(native, other)
    said = Said(AccountId("slack"), other, native, tuple(to for to in house.at("mastodon")))
    await house.arrives(said)
    await house.settle()
    assert not house.copies(words.rsplit(" ", 1)[-1], house.at("mastodon")[0])


@pytest.mark.scenario("B01")
@pytest.mark.scenario("B04")
async def test_our_own_events_before_the_answers_are_never_said_again(house: House, slack: SlackSandbox) -> None:
    slack.fault(Fault.EARLY_ECHO, 3)
    for number in range(3):
        await house.says("mastodon", f"early {number}")
    await house.check()


@pytest.mark.scenario("L08")
@pytest.mark.scenario("L09")
async def test_an_app_that_was_removed_waits_and_comes_back(house: House, slack: SlackSandbox) -> None:
    account = house.service.engine.accounts[AccountId("slack")]
    await slack.with_server(lambda server: server.uninstall())
    await until(lambda: not account.opened.is_set() and "install" in account.trouble, "the account is closed, and says why")
    said = await house.say("mastodon", "waits for the app")
    await asyncio.sleep(0)
    assert not house.copies(said.mark, house.at("slack")[0])
    await slack.with_server(lambda server: server.install())
    await house.restart()  # an admin who does not want to wait for the next try
    await house.arrives(said)
    await house.says("slack", "both ways again")


@pytest.mark.scenario("E11")
async def test_who_wrote_a_post_is_told_when_somebody_removes_its_copy(house: House, slack: SlackSandbox) -> None:
    said = await house.say_directly("mastodon", "not for long")
    copies = await house.arrives(said)
    to, copy = next((to, copy) for to, copy in copies.items() if to.account == "slack")
    await slack.delete(copy.id)
    await until(lambda: house.told("mastodon", "The copy of your post at"), "its author is told")
    told = house.told("mastodon", "The copy of your post at")
    assert to.place.id not in "".join(each.text for each in told), "by name, not by id"
    said.to = tuple(each for each in said.to if each != to)
    await house.settle()
    assert len(house.told("mastodon", "The copy of your post at")) == 1


@pytest.mark.scenario("C11")
async def test_a_message_whose_link_is_unfurled_is_one_post(house: House, slack: SlackSandbox) -> None:
    said = await house.say("slack", "see https://example.org/")
    await slack.unfurl(said.native)
    await house.arrives(said)
    await slack.unfurl(said.native)
    await house.settle()


@pytest.mark.scenario("E05")
async def test_links_and_mentions_survive_an_edit(house: House, slack: SlackSandbox) -> None:
    said = await house.say("slack", "ask <@U0KARL00001>, see <https://example.org/a|this>")
    await house.arrives(said)
    changed = await house.edit(said, "do ask <@U0KARL00001>, see <https://example.org/b|that>")
    changed.to = house.at("mastodon")
    copies = await house.arrives(changed)
    assert all("@Karl" in copy.text.replace("\u2060", "").replace("\u200b", "") for copy in copies.values())
    assert all("https://example.org/b" in copy.native for copy in copies.values())
    house.said.remove(changed)
    house.said.remove(said)


@pytest.mark.scenario("G08")
async def test_a_bot_that_nobody_listed_is_not_heard(house: House, slack: SlackSandbox) -> None:
    words = unique("deployed")
    await slack.write_as_bot("deploys", words)
    await house.settle()
    assert not any(house.copies(words, to) for to in house.destinations)
