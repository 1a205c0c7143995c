"""Slack's channels come, go and are renamed while the bridge runs: it follows at once, and admins are told elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from adapters.slack.sandbox import SlackSandbox
from adapters.slack.sandbox_values import BOT_USER, Room
from adapters.slack.sandbox_workspace import Workspace
from bridge.demo.town import Town
from bridge.post import AccountId, Destination, Place, PlaceId
from tests.flow.house import QUICK, House, unique, until, write_mappings

pytestmark = pytest.mark.asyncio(loop_scope="session")

PLACES = [{"at": "slack/all-hands"}, {"at": "slack/random"}, {"at": "mastodon/timeline"}]


@pytest_asyncio.fixture(loop_scope="session")
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Slack and the account; Karl is admin. The app is in #all-hands, and not in #random yet."""
    async with Town(tmp_path, ("slack", "mastodon")) as town:
        path = write_mappings(town, QUICK, places=PLACES)
        path.write_text("admins: [karl]\n" + path.read_text("utf-8"), "utf-8")
        found = House(town, path, f"sqlite:///{tmp_path / 'bridge.db'}")
        await found.start()
        await found.warm_up()
        yield found
        await found.stop()


@pytest.fixture
def slack(house: House) -> SlackSandbox:
    found = house.sandbox("slack")
    assert isinstance(found, SlackSandbox)
    return found


def room(workspace: Workspace, name: str) -> Room:
    return workspace.room(name, BOT_USER)


def told(house: House, words: str) -> int:
    """How often Karl was told so, elsewhere than in Slack."""
    said = (each.text.replace("\u2060", "").replace("\u200b", "") for each in house.told("mastodon"))
    return sum(words in each for each in said)


@pytest.mark.scenario("A12")
async def test_a_channel_that_the_app_is_invited_to_is_mirrored_both_ways_without_a_restart(
    house: House, slack: SlackSandbox
) -> None:
    await until(lambda: told(house, "/invite @viabridge"), "an admin is told what is missing")
    random, first = Destination(Place(AccountId("slack"), PlaceId("C0RANDOM001"))), unique("the very first")

    def join(workspace: Workspace) -> None:
        workspace.invite(workspace.room("random", "lynn"), BOT_USER)

    before = await house.say("mastodon", "from before the invitation")
    await slack.with_server(lambda server: join(server.workspace))
    await slack.write("lynn", first, "random")  # at once: nobody waits until the bridge knows
    mark = first.rsplit(" ", 1)[-1]
    for to in (*house.at("mastodon"), Destination(house.place("slack", "all-hands"))):
        await until(lambda to=to: house.copies(mark, to), f"the first post stands at {to}")  # type: ignore[misc]
    assert house.place("slack", "random") == random.place
    await until(lambda: house.copies(before.mark, random), "what waited for the channel stands there")
    said, _ = await house.says("mastodon", "and back")
    assert random in said.to
    await house.settle()


async def test_an_archived_channel_waits_and_goes_on_once_it_is_open_again(house: House, slack: SlackSandbox) -> None:
    def archive(workspace: Workspace, *, is_archived: bool) -> None:
        workspace.archive(room(workspace, "all-hands"), is_archived=is_archived)

    await slack.with_server(lambda server: archive(server.workspace, is_archived=True))
    await until(lambda: told(house, "#all-hands is archived"), "an admin is told elsewhere, before anybody writes")
    said = await house.say("mastodon", "waits")
    said.to = (Destination(house.place("slack", "all-hands")),)
    await until(lambda: "archived" in paused(house), "the place waits, and says why")
    await slack.with_server(lambda server: archive(server.workspace, is_archived=False))
    await house.arrives(said)
    assert told(house, "#all-hands is archived") == 1


def paused(house: House) -> str:
    return house.service.engine.accounts[AccountId("slack")].unpinned.get("all-hands", "")


async def test_a_renamed_channel_goes_on_and_admins_are_told(house: House, slack: SlackSandbox) -> None:
    await slack.with_server(lambda server: server.workspace.call(room(server.workspace, "all-hands"), "everybody"))
    await until(lambda: told(house, "no Slack channel #all-hands"), "an admin is told that its name is another")
    there = Destination(house.place("slack", "all-hands"))
    said = await house.say("mastodon", "still mirrored")
    said.to = (there,)
    await house.arrives(said)
    await house.stop()
    await slack.with_server(lambda server: setattr(server.delivery, "deaf", True))
    missed = unique("said while it was away")
    await slack.write("lynn", missed, "everybody")
    await slack.with_server(lambda server: setattr(server.delivery, "deaf", False))
    await house.start()
    mark = missed.rsplit(" ", 1)[-1]
    await until(lambda: house.copies(mark, house.at("mastodon")[0]), "a channel with another name is caught up too")


async def test_a_channel_whose_id_changed_waits_for_an_admin(house: House, slack: SlackSandbox) -> None:
    def join(workspace: Workspace) -> None:
        found = room(workspace, "all-hands")
        found.is_shared = True
        workspace.renumber(found, "C0CONNECT01")

    await slack.with_server(lambda server: join(server.workspace))
    await until(lambda: told(house, "shared with another company"), "an admin is told elsewhere")
    said = await house.say("mastodon", "not for that company")
    await until(lambda: house.copies(said.mark, house.at("mastodon")[0]) or told(house, "all-hands"), "it went elsewhere")
    assert not [each for each in slack.standing("C0CONNECT01") if said.mark in each.text]


@pytest.mark.scenario("D17")
async def test_a_channel_that_the_app_had_to_leave_waits_for_an_invitation(house: House, slack: SlackSandbox) -> None:
    await slack.with_server(lambda server: server.workspace.expel(room(server.workspace, "all-hands")))
    await until(lambda: told(house, "not in the Slack channel #all-hands"), "an admin is told elsewhere")
    said = await house.say("mastodon", "waits for the app")
    said.to = (Destination(house.place("slack", "all-hands")),)
    await slack.with_server(lambda server: server.workspace.invite(room(server.workspace, "all-hands"), BOT_USER))
    await house.arrives(said)


@pytest.mark.scenario("L08")
async def test_an_app_that_was_removed_is_told_of_elsewhere_and_what_waits_for_it_is_kept(
    house: House, slack: SlackSandbox
) -> None:
    await slack.with_server(lambda server: server.uninstall())
    await until(lambda: told(house, "was removed from the workspace"), "an admin is told elsewhere, before anybody writes")
    said = await house.say("mastodon", "waits for the app")
    said.to = (Destination(house.place("slack", "all-hands")),)
    await slack.with_server(lambda server: server.install())
    await house.restart()  # an admin who does not want to wait for the next try
    await house.arrives(said)
