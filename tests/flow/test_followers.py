"""The door of the account, the whole way: asked, told elsewhere, decided on the command line, welcomed, logged."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import uvicorn
from ruamel.yaml import YAML

from adapters.mastodon.sandbox import MastodonSandbox
from bridge import doorkeeper, main, telling
from bridge.demo.town import Town
from bridge.store import people
from bridge.web.app import make_app
from tests.flow.conftest import EVERYWHERE
from tests.flow.house import QUICK, House, until, write_mappings

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRANGER = "@stranger@social.example"
OFTEN_S = 0.2


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lived_in(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """As elsewhere, with an admin who has a mail address, and a doorkeeper who looks often."""
    folder = tmp_path_factory.mktemp("door")
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((doorkeeper, "REQUESTS_S"), (telling, "LOOK_S"), (telling, "WELL_AFTER_S")):
            patch.setattr(module, name, OFTEN_S)
        async with Town(folder) as town:
            path = write_mappings(town, QUICK, **EVERYWHERE)
            name_admin(path, "chair")
            house = House(town, path, f"sqlite:///{folder / 'bridge.db'}")
            await house.start()
            try:
                await house.warm_up()
                await until(lambda: house.world.followers.get(main.AccountId("mastodon")), "the first look")
                yield house
            finally:
                await house.stop()


def name_admin(path: Path, admin: str) -> None:
    yaml = YAML(typ="safe")
    document = yaml.load(path.read_text("utf-8"))
    with path.open("w", encoding="utf-8") as file:
        yaml.dump({**document, "admins": [admin]}, file)


@pytest.fixture
def sandbox(house: House) -> MastodonSandbox:
    found = house.sandbox("mastodon")
    assert isinstance(found, MastodonSandbox)
    return found


@dataclass
class Ended:
    exit_code: int
    output: str


@dataclass
class Command:
    """The command line in a process of its own, against the house's API."""

    url: str

    async def __call__(self, *words: str) -> Ended:
        program = [sys.executable, "-m", "bridge.cli", *words, "--url", self.url]
        process = await asyncio.create_subprocess_exec(*program, stdout=PIPE, stderr=STDOUT)
        output, _ = await process.communicate()
        return Ended(process.returncode or 0, output.decode())


@pytest_asyncio.fixture(loop_scope="session")
async def command(house: House) -> AsyncIterator[Command]:
    with main.listen("127.0.0.1", 0) as listening:
        config = uvicorn.Config(make_app(house.service, [], asyncio.Event()), log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        serving = asyncio.create_task(server._serve([listening]))
        yield Command(f"http://127.0.0.1:{listening.getsockname()[1]}")
        server.should_exit = True
        await serving


async def log(house: House) -> list[tuple[str, str, str]]:
    return [(each.what, each.handle, each.by) for each in reversed(await house.store.read(people.decisions))]


@pytest.mark.scenario("K07")
async def test_a_strangers_request_waits_for_an_admin_who_is_told_by_mail(
    house: House, sandbox: MastodonSandbox, command: Command
) -> None:
    await sandbox.ask_to_follow("stranger")
    [mail] = await until(lambda: house.told("email", f"{STRANGER} (A stranger) asks to follow mastodon"), "the mail")
    assert mail.reader == house.sandbox("email").people["chair"]
    listed = await command("followers", "list")
    assert "asks     @stranger@social.example (A stranger) since" in listed.output
    assert not await log(house)  # not accepted by itself
    said = await command("followers", "approve", "mastodon", STRANGER, "--as", "Chair")
    assert (said.exit_code, said.output) == (0, f"{STRANGER} (A stranger) now follows mastodon.\n")
    assert await log(house) == [("approve", STRANGER, "Chair")]
    await until(lambda: house.told("mastodon", "Welcome to"), "the welcome")
    audit = await command("followers", "audit")
    assert f"approve  {STRANGER} at mastodon, by Chair" in audit.output
    listed = await command("followers", "list")
    assert "Not in the mapping file: remove them" in listed.output
    assert (await command("followers", "remove", "mastodon", STRANGER)).exit_code == 0
    assert "remove" in (await command("followers", "audit", "--json")).output
    again = await command("followers", "remove", "mastodon", STRANGER)
    assert (again.exit_code, "Nobody called" in again.output) == (1, True)


@pytest.mark.scenario("K07")
async def test_a_member_who_asks_is_let_in_and_welcomed_once(house: House, sandbox: MastodonSandbox) -> None:
    karl = house.sandbox("mastodon").people["karl"]
    for _ in range(2):
        await sandbox.stop_following("karl")
        known = len(await log(house))
        await sandbox.ask_to_follow("karl")
        async with asyncio.timeout(20):
            while ("approve", karl, "file") not in (await log(house))[known:]:
                await asyncio.sleep(0.02)
    await house.settle()
    mine = [each for each in house.told("mastodon", "Welcome to") if "write to me directly" in each.text]
    assert len(mine) == 1


@pytest.mark.scenario("K02")
@pytest.mark.scenario("L08")
async def test_an_account_that_is_unlocked_while_running_is_told_of_elsewhere_and_its_recovery_too(
    house: House, sandbox: MastodonSandbox
) -> None:
    await sandbox.set_locked(locked=False)
    try:
        await until(lambda: house.told("email", "mastodon needs you: The account does not ask"), "the alert")
        said = await house.say("slack", "not for strangers")
    finally:
        await sandbox.set_locked(locked=True)
    await house.arrives(said)
    await until(lambda: house.told("email", "mastodon works again"), "the recovery")
    await house.settle()
    assert len(house.told("email", "mastodon needs you")) == 2  # the alert, and the recovery that quotes it


@pytest.mark.scenario("A08")
async def test_what_a_stranger_wrote_is_held_and_an_admin_sees_it(house: House, command: Command) -> None:
    await house.sandbox("mastodon").write_direct("stranger", "let me in, please")
    await until(lambda: house.told("email", "(A stranger) wrote to mastodon is held"), "the mail")
    listed = await command("held")
    assert "A stranger" in listed.output
    assert "let me in, please" in listed.output
    assert not [each for to in house.destinations for each in house.copies("let me in", to)]


async def test_how_many_read_a_place_is_known(house: House) -> None:
    timeline = house.place("mastodon")
    await until(lambda: timeline in house.world.sizes, "a count")
    assert house.world.sizes[timeline] >= 1
    assert await until(lambda: house.world.sizes.get(house.place("slack")), "a count in the other place") >= 1
