"""Members who are offboarded, the whole way: told by Slack or found out, asked or done at once, everywhere, and taken back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from ruamel.yaml import YAML

from adapters.email.sandbox import PEOPLE, EmailSandbox
from adapters.mastodon.sandbox import MastodonSandbox
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.sandbox_server import Server
from adapters.slack.sandbox_values import Member
from bridge import doorkeeper, main, members, offboarding, telling
from bridge.demo.town import Town
from bridge.post import AccountId
from bridge.service import Service
from bridge.store import people
from tests.core.test_api import MEANT, ask
from tests.flow.house import PATIENCE, QUICK, House, unique, until, write_mappings

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.scenario("K06")]

OFTEN_S = 0.2
MASTODON = AccountId("mastodon")
PLACES = [{"at": "slack/all-hands"}, {"at": "mastodon/timeline"}, {"at": "email/all-hands", "readers": ["chair", "lee", "karl"]}]
MORE = [f"member{n}" for n in range(1, 8)]
"""More members of the workspace. The first ones read nothing, so nothing of them is elsewhere."""
KARLS = PEOPLE["karl"].address


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes minutes and hours takes less than a second."""
    for module, name in ((doorkeeper, "REQUESTS_S"), (telling, "LOOK_S"), (members, "LOOK_S"), (offboarding, "SURE_AFTER_S")):
        monkeypatch.setattr(module, name, OFTEN_S)
    monkeypatch.setattr(members, "ALL_S", 2 * OFTEN_S)


def more_members(server: Server) -> None:
    for name in MORE:
        found = Member(f"U0{name.upper()}", name, name.title(), "", f"{name}@example.org")
        server.workspace.members[found.id] = found


def write(town: Town, readers: list[str], how: str) -> Path:
    path = write_mappings(town, QUICK, places=[*PLACES[:2], {"at": "email/all-hands", "readers": readers}])
    yaml = YAML(typ="safe")
    document = yaml.load(path.read_text("utf-8"))
    document |= {"admins": ["chair"], "offboarded": how}
    for name in MORE:
        document["people"][name] = {"slack": f"{name}@example.org", "email": f"{name}@elsewhere.example"}
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
    return path


@asynccontextmanager
async def lived_in(folder: Path, how: str = "ask", readers: tuple[str, ...] = (), url: str = "") -> AsyncIterator[House]:
    """Karl is everywhere; it is known who everybody is, and who follows."""
    async with Town(folder) as town:
        office = town.sandboxes[AccountId("email")]
        assert isinstance(office, EmailSandbox)
        office.secret = "only-for-this-machine"
        house = House(town, write(town, ["chair", "lee", "karl", *readers], how), url or f"sqlite:///{folder / 'bridge.db'}")
        await slack(house).with_server(more_members)
        await house.start()
        try:
            await house.warm_up()
            await until(lambda: house.world.followers.get(MASTODON), "the first look at the door")
            await found_out(house)
            yield house
            await house.settle()
        finally:
            await house.stop()


async def found_out(house: House) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(await house.store.read(lambda tx: people.meant(tx, AccountId("slack")))) < 2 + len(MORE):
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture(loop_scope="session")
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with lived_in(tmp_path) as made:
        yield made


def slack(house: House) -> SlackSandbox:
    found = house.sandbox("slack")
    assert isinstance(found, SlackSandbox)
    return found


def mastodon(house: House) -> MastodonSandbox:
    found = house.sandbox("mastodon")
    assert isinstance(found, MastodonSandbox)
    return found


def office(house: House) -> EmailSandbox:
    found = house.sandbox("email")
    assert isinstance(found, EmailSandbox)
    return found


async def followers(house: House) -> set[str]:
    """Who follows, as the server itself says."""
    door = house.service.engine.accounts[MASTODON].adapter.people
    assert door is not None
    return {handle for each in await door.followers() for handle in each.handles if handle.count("@") == 1 and handle[0] == "@"}


async def listed(service: Service) -> list[dict[str, Any]]:
    answer = await ask(service, "GET", "/api/held", {})
    return [each for each in answer.json()["held"] if each["reason"] == "offboarded"]


async def asked(house: House) -> dict[str, Any]:
    """What is to be decided about the one who went."""
    async with asyncio.timeout(PATIENCE):
        while not (found := await listed(house.service)):
            await asyncio.sleep(0.05)
    return found[0]


async def decide(service: Service, name: str, deed: str) -> Any:
    return await ask(service, "POST", "/api/held", MEANT, content=json.dumps({"id": name, "deed": deed, "by": "Chair"}))


async def log(house: House) -> list[tuple[str, str, str]]:
    found = await house.store.read(people.decisions)
    return [(each.what, each.handle.partition("@social")[0], each.by) for each in reversed(found)]


async def reads(house: House, address: str, words: str = "hear, hear") -> bool:
    """Whether somebody gets what is said now, once Lee has it."""
    said = await house.say("slack", words)
    got = lambda who: [each for each in office(house).standing() if each.reader == who and said.mark in each.text]  # noqa: E731
    await until(lambda: got(PEOPLE["lee"].address), "Lee reads it")
    await house.settle()
    return bool(got(address))


async def gone(house: House, handle: str = "@karl") -> None:
    async with asyncio.timeout(PATIENCE):
        while handle in await followers(house):
            await asyncio.sleep(0.05)


REMOVED = [
    ("offboarded", "karl", "{by}"),
    ("remove", KARLS, "{by} (offboarded at slack)"),
    ("remove", "@karl", "{by} (offboarded at slack)"),
]


async def is_audited(house: House, by: str) -> None:
    wanted = [tuple(word.format(by=by) for word in line) for line in REMOVED]
    async with asyncio.timeout(PATIENCE):
        while await log(house) != wanted:
            await asyncio.sleep(0.05)


# ---------------------------------------------------------------- asked


async def test_who_slack_says_is_gone_stays_until_an_admin_answers_and_then_follows_and_reads_no_more(house: House) -> None:
    assert await reads(house, KARLS)
    mine = next(each for each in reversed(office(house).standing()) if each.reader == KARLS and "hear, hear" in each.text)
    await slack(house).offboard("karl")
    alert = "Karl is no member of slack any more, and still follows mastodon, reads email/all-hands, may write to “All hands”"
    [mail] = await until(lambda: house.told("email", alert), "the chair is asked")
    assert mail.reader == PEOPLE["chair"].address
    assert await reads(house, KARLS, "nothing is decided yet")
    assert ("@karl" in await followers(house), await log(house)) == (True, [])
    await office(house).reply("chair", mail.id, "approve")
    await gone(house)
    await is_audited(house, "an admin, by mail")
    assert not await reads(house, KARLS, "not for Karl")
    words = unique("let me in again")
    await office(house).reply("karl", mine.id, words)  # by the address that was made for him
    await house.settle()
    assert not [each for to in house.at("slack") for each in house.copies(words, to)]
    native = await mastodon(house).write_direct("karl", unique("or this way"))
    assert native
    await house.settle()
    assert not [each for to in house.destinations for each in house.copies("or this way", to)]
    await house.restart()
    assert not await reads(house, KARLS, "after a restart")
    assert "@karl" not in await followers(house)


async def test_no_stays_no_over_a_restart_and_on_the_page_it_is_decided_by_a_press(house: House) -> None:
    await slack(house).offboard("karl")
    found = await asked(house)
    page = (await ask(house.service, "GET", "/waiting", {})).text
    assert "Karl is no member of slack any more" in page
    assert "Still follows mastodon" in page
    assert "Leave it as it is" in page
    answer = await decide(house.service, found["id"], "discard")
    assert (answer.status_code, answer.json()) == (200, {"done": "member:karl:1 stays as it is."})
    assert (await decide(house.service, found["id"], "approve")).status_code == 409
    await house.restart()
    await slack(house).offboard("karl")  # told again
    await asyncio.sleep(5 * OFTEN_S)
    assert (await listed(house.service), await log(house)) == ([], [("kept", "karl", "Chair")])
    assert await reads(house, KARLS)
    await slack(house).offboard("karl", is_gone=False)
    await asyncio.sleep(5 * OFTEN_S)
    await slack(house).offboard("karl")
    assert (await asked(house))["id"] == "member:karl:2"


async def test_what_no_event_told_of_is_found_out_and_taken_back_as_well(house: House) -> None:
    await house.stop()
    await slack(house).offboard("karl", is_told=False)
    await house.start()
    found = await asked(house)
    assert found["line"] == "follows mastodon, reads email/all-hands, may write to “All hands”"
    await slack(house).offboard("karl", is_gone=False, is_told=False)
    async with asyncio.timeout(PATIENCE):
        while await listed(house.service):
            await asyncio.sleep(0.05)
    await until(lambda: house.told("email", "Karl is a member of slack again. So I ask no more"), "the chair is told")
    assert (await decide(house.service, found["id"], "approve")).status_code == 409
    assert ("@karl" in await followers(house), await log(house)) == (True, [])


async def test_who_is_reinstated_after_all_reads_again_and_may_ask_to_follow(house: House) -> None:
    await slack(house).offboard("karl")
    await decide(house.service, (await asked(house))["id"], "approve")
    await gone(house)
    await slack(house).offboard("karl", is_gone=False)
    await until(lambda: not house.world.removed, "his lines count again")
    assert await reads(house, KARLS)
    await mastodon(house).ask_to_follow("karl")
    async with asyncio.timeout(PATIENCE):
        while ("approve", "@karl", "file") not in await log(house):
            await asyncio.sleep(0.05)


async def test_who_is_asked_about_is_not_let_in_by_the_file(house: House) -> None:
    await mastodon(house).stop_following("karl")
    await slack(house).offboard("karl")
    await asked(house)
    await mastodon(house).ask_to_follow("karl")
    await until(lambda: house.told("email", "asks to follow mastodon"), "the chair is asked")
    assert "@karl" not in await followers(house)


def a_bot(server: Server) -> None:
    server.workspace.members["U0ROBOT0001"] = Member("U0ROBOT0001", "member1", "A robot", "", "member1@example.org", is_bot=True)
    del server.workspace.members["U0MEMBER1"]


async def test_nobody_is_asked_about_who_has_nothing_elsewhere_or_is_nobodys_member(house: House) -> None:
    await slack(house).with_server(a_bot)
    for name in (*MORE[:3], "U0ROBOT0001"):
        await slack(house).offboard(name)
    stranger = Member("U0ABROAD001", "karl", "Karl", "", "karl@example.org", deleted=True, team="T0PARTNER1")
    await slack(house).with_server(lambda server: server.tell({"type": "user_change", "user": stranger.to_json()}))
    slack(house).busy("users.info", 3, 0.1)
    await asyncio.sleep(8 * OFTEN_S)
    assert await listed(house.service) == []
    assert not house.told("email", "is no member of")


# ---------------------------------------------------------------- at once


async def test_where_the_file_says_so_they_are_removed_at_once_and_from_a_server_that_is_away_as_soon_as_it_is_back(
    tmp_path: Path,
) -> None:
    async with lived_in(tmp_path, "remove") as house:
        await mastodon(house).unplug()
        await slack(house).offboard("karl")
        await until(lambda: house.world.removed, "karl is removed")
        await until(lambda: house.told("email", "Karl is no member of slack any more, so they were removed"), "the chair is told")
        assert await log(house) == [tuple(word.format(by="file") for word in line) for line in REMOVED[:2]]
        await mastodon(house).plug()
        await gone(house)
        await is_audited(house, "file")
        assert not await reads(house, KARLS)
        assert len(await log(house)) == 3


async def test_where_very_many_are_gone_at_once_nobody_is_removed_by_itself(tmp_path: Path) -> None:
    async with lived_in(tmp_path, "remove", tuple(MORE)) as house:
        await house.stop()
        for name in MORE:
            await slack(house).offboard(name, is_told=False)
        await house.start()
        await until(lambda: house.world.leaving >= set(MORE), "they are asked about")
        assert (house.world.removed, await log(house)) == (frozenset(), [])
        assert {each["id"] for each in await listed(house.service)} == {f"member:{name}:1" for name in MORE}
        await until(lambda: house.told("email", "Very many people are no members of slack any more"), "the chair is told")
        assert len(house.told("email", "no member")) == 1


# ---------------------------------------------------------------- replicas


async def test_of_two_replicas_one_decides_and_both_keep_to_it(tmp_path: Path, make_postgresql: Callable[[], str]) -> None:
    url = make_postgresql()
    async with lived_in(tmp_path, url=url) as house, main.bridge(main.load(house.mappings), url, patient=False) as (other, _):
        await until(lambda: other.world.followers.get(MASTODON), "the other looked around")
        await slack(house).offboard("karl")
        name = (await asked(house))["id"]
        answers = await asyncio.gather(decide(house.service, name, "approve"), decide(other, name, "approve"))
        assert sorted(each.status_code for each in answers) == [200, 409]
        await gone(house)
        await is_audited(house, "Chair")
        await until(lambda: house.world.removed == other.world.removed == {"karl"}, "both know")
        assert not await reads(house, KARLS)
        await asyncio.sleep(5 * OFTEN_S)
        assert len(await log(house)) == 3
