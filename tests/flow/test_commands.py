"""The whole way of commands and of what authors are told: typed in one place, carried out, answered to one person alone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.mastodon.sandbox import MastodonSandbox
from adapters.slack.sandbox import SlackSandbox
from bridge.contract import Fault
from bridge.demo.town import Town
from bridge.post import NativeId
from bridge.store import commands, people
from tests.flow.conftest import EVERYWHERE
from tests.flow.house import QUICK, House, Said, until, write_mappings
from tests.flow.test_followers import name_admin

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lived_in(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """As elsewhere, with Lynn as the admin, in a group that confirms all."""
    folder = tmp_path_factory.mktemp("commands")
    async with Town(folder) as town:
        path = write_mappings(town, QUICK, **EVERYWHERE, confirm="all")
        name_admin(path, "lynn")
        house = House(town, path, f"sqlite:///{folder / 'bridge.db'}")
        await house.start()
        try:
            await house.warm_up()
            yield house
        finally:
            await house.stop()


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


async def answered(slack: SlackSandbox, person: str, words: str, place: str = "all-hands") -> str:
    """What the person alone is answered to `/via words`."""
    before = len(replies(slack, person))
    await slack.command(person, words, place)
    return (await until(lambda: replies(slack, person)[before:], f"an answer to {words}"))[0]


def replies(slack: SlackSandbox, person: str) -> list[str]:
    return [each.text for each in slack.whispers(person) if each.by_url and not each.text.startswith(("✅", "⚠", "↪"))]


def link(said: Said) -> str:
    return f"https://sandbox.slack.com/archives/C0ALLHANDS1/p{said.native.replace('.', '')}"


def told(slack: SlackSandbox, person: str, words: str) -> list[str]:
    return [each.text for each in slack.whispers(person) if words in each.text]


async def marked(slack: SlackSandbox, native: NativeId, mark: str) -> None:
    await until(lambda: slack.reactions(native).get(mark) == ("viabridge",), f"the mark {mark}")


@pytest.mark.scenario("L11")
async def test_why_answers_with_the_story_and_so_does_the_shortcut(house: House, slack: SlackSandbox) -> None:
    said, copies = await house.says("slack", "where does this go", person="karl")
    await house.settle()
    story = await answered(slack, "karl", f"why {link(said)}")
    assert "wrote this at slack/all-hands" in story
    assert story.count("handed over on") == len(copies)
    assert "lee@" not in story
    before = len(replies(slack, "karl"))
    await slack.shortcut("karl", said.native)
    assert (await until(lambda: replies(slack, "karl")[before:], "an answer"))[0] == story
    copy = next(each for to, each in copies.items() if to.account == "mastodon")
    assert "wrote this at slack/all-hands" in await answered(slack, "lynn", f"why {copy.id}")


@pytest.mark.scenario("L12")
async def test_a_failure_is_marked_and_told_to_the_author_alone(house: House, slack: SlackSandbox) -> None:
    house.sandbox("mastodon").fault(Fault.REFUSED)
    said = await house.say("slack", "too much for it", person="karl")
    said.to = tuple(each for each in said.to if each.account != "mastodon")
    await house.arrives(said)
    await marked(slack, said.native, "warning")
    [line] = await until(lambda: told(slack, "karl", "did not get to mastodon/timeline"), "the line")
    assert "⚠ This message did not get to" in line
    assert not told(slack, "lynn", "did not get to")


async def test_an_arrival_is_confirmed_where_the_group_wants_that(house: House, slack: SlackSandbox) -> None:
    said, _ = await house.says("slack", "all well", person="karl")
    await marked(slack, said.native, "white_check_mark")
    [line] = [each for each in await until(lambda: told(slack, "karl", said.mark), "the line") if "✅" in each]
    assert "✅ Handed to slack/dev-chatter at" in line
    assert "UTC" in line


@pytest.mark.scenario("L20")
@pytest.mark.scenario("K09")
async def test_a_pause_keeps_everything_here_through_a_restart_until_it_is_resumed(house: House, slack: SlackSandbox) -> None:
    assert (await answered(slack, "karl", "pause all-hands")).startswith("Only the group's admins")
    assert "is paused" in await answered(slack, "lynn", "pause all-hands")
    said = await house.say("slack", "not yet", person="karl")
    await marked(slack, said.native, "double_vertical_bar")
    await until(lambda: told(slack, "karl", "Lynn paused it"), "the line beside the mark")
    await house.restart()
    second = await house.say("slack", "nor this", person="karl")
    await marked(slack, second.native, "double_vertical_bar")
    await house.settle()
    assert not any(house.copies(each.mark, to) for each in (said, second) for to in each.to)
    assert "goes on" in await answered(slack, "lynn", "resume all-hands")
    for each in (said, second):
        await house.arrives(each)
        await until(lambda each=each: "double_vertical_bar" not in slack.reactions(each.native), "the mark's end")  # type: ignore[misc]
    for to in said.to:
        assert house.copies(said.mark, to)[0].at <= house.copies(second.mark, to)[0].at
    log = await house.store.read(commands.log)
    assert ("pause all-hands", "refused") in {(each.words, each.outcome) for each in log}


async def test_a_recall_takes_copies_back_and_offers_a_note_where_it_cannot(house: House, slack: SlackSandbox) -> None:
    said, copies = await house.says("slack", "never mind", person="karl")
    answer = await answered(slack, "karl", f"recall {link(said)}")
    assert "2 mails had left" in answer
    said.to = tuple(each for each in said.to if each.reader)
    for to in copies:
        if not to.reader:
            await until(lambda to=to: not house.copies(said.mark, to), f"its removal from {to}")  # type: ignore[misc]
    assert "2 readers" in await answered(slack, "karl", f"recall {link(said)} note")
    mails = house.sandbox("email")
    notes = await until(lambda: [e for e in mails.standing() if "took this message back" in e.text], "the notes")
    await house.settle()
    assert len([each for each in mails.standing() if "took this message back" in each.text]) == 2
    assert notes[0].reply_to


@pytest.mark.scenario("K07")
async def test_an_admin_lets_a_stranger_in_from_where_they_are(
    house: House, slack: SlackSandbox, mastodon: MastodonSandbox
) -> None:
    await mastodon.ask_to_follow("stranger")
    handle = "@stranger@social.example"
    assert (await answered(slack, "karl", f"approve {handle}")).startswith("Only the group's admins")
    assert await answered(slack, "lynn", f"approve {handle}") == f"{handle} (A stranger) now follows mastodon."
    decisions = await house.store.read(people.decisions)
    assert [(each.what, each.by) for each in decisions if each.handle == handle] == [("approve", "Lynn")]


@pytest.mark.scenario("L21")
async def test_every_place_answers_a_ping(house: House, slack: SlackSandbox) -> None:
    lines = (await answered(slack, "lynn", "ping all")).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "✓ slack/all-hands",
        "✓ slack/dev-chatter",
        "✓ mastodon/timeline",
        "✓ email/all-hands",
    ]
    assert all(line.endswith(" ms") for line in lines)


async def test_who_reads_is_told_with_the_first_post(house: House, slack: SlackSandbox) -> None:
    await house.says("slack", "hello", person="lynn", place="dev-chatter")
    [line] = await until(
        lambda: [e.text for e in slack.whispers("lynn") if e.room == "C0DEVCHAT01" and "mirrored" in e.text], "it"
    )
    assert "2 people in Email (email/all-hands)" in line
    await house.says("slack", "hello again", person="lynn", place="dev-chatter")
    await house.settle()
    assert len([e for e in slack.whispers("lynn") if e.room == "C0DEVCHAT01" and "mirrored" in e.text]) == 1


@pytest.mark.scenario("G09")
@pytest.mark.scenario("C14")
async def test_reactions_are_told_with_names_under_copies_and_originals(house: House, slack: SlackSandbox) -> None:
    said, copies = await house.says("slack", "lunch today", person="karl")
    [copy] = [each for to, each in copies.items() if to.account == "slack"]

    def below(native: NativeId) -> list[str]:
        return [each.text for each in slack.standing() if each.by_bridge and each.reply_to == native]

    slack.fault(Fault.TWICE)
    await slack.react("lynn", said.native, "tada")
    await until(lambda: below(copy.id) == ["🎉 Lynn"], "the summary under the copy")
    await slack.react("karl", copy.id, "+1")
    await until(lambda: below(said.native) == ["👍 Karl"], "the summary under the original")
    await slack.react("karl", said.native, "tada")
    await until(lambda: below(copy.id) == ["🎉 Lynn, Karl"], "the summary brought up to date")
    await house.settle()
    assert not slack.reactions(copy.id).keys() - {"+1"}  # the bridge votes for nobody
    assert "viabridge" not in slack.reactions(said.native).get("tada", ())
