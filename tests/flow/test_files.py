"""Files on the whole way: with a writer's direct message to the timeline, its edit and deletion, and never as a link."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from adapters.mastodon.sandbox import MastodonSandbox
from adapters.slack.sandbox import SlackSandbox
from bridge.contract import Fault, Standing
from bridge.post import AccountId, Audience
from tests.flow.house import House, Said, unique, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.fixture
def sandbox(house: House) -> MastodonSandbox:
    found = house.sandbox("mastodon")
    assert isinstance(found, MastodonSandbox)
    return found


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def ready_at_once(sandbox: MastodonSandbox) -> AsyncIterator[None]:
    yield
    sandbox.darkroom.slow(0)
    sandbox.darkroom.refuse(0)


async def picture(house: House, sandbox: MastodonSandbox, words: str, alt: str = "The lake at dawn") -> Said:
    """Lynn writes to the account directly, with a picture."""
    words = unique(words)
    native = await sandbox.write_with_file("lynn", words, "lake.png", "image/png", PNG, alt)
    said = Said(AccountId("mastodon"), words, native, house.destinations)
    house.said.append(said)
    return said


async def status_of(house: House, said: Said) -> Standing:
    copies = await house.arrives(said)
    return next(copy for to, copy in copies.items() if to.account == "mastodon")


@pytest.mark.scenario("I01")
@pytest.mark.scenario("A07")
async def test_a_direct_messages_picture_stands_on_the_timeline_with_its_description(
    house: House, sandbox: MastodonSandbox
) -> None:
    said = await picture(house, sandbox, "look at this")
    status = await status_of(house, said)
    [file] = await sandbox.attached(status.id)
    assert (file.alt, file.body, file.mime) == ("The lake at dawn", PNG, "image/png")
    assert status.audience is Audience.GROUP
    [original] = await sandbox.attached(said.native)
    assert file.id != original.id, "uploaded again, not shared"


@pytest.mark.scenario("K01")
async def test_no_copy_names_where_the_file_stands(house: House, sandbox: MastodonSandbox) -> None:
    said = await picture(house, sandbox, "no links")
    copies = await house.arrives(said)
    server = str(sandbox.account["server"]).removeprefix("http://")
    for copy in copies.values():
        assert "/media/" not in copy.native
        assert server not in copy.native
    elsewhere = [copy for to, copy in copies.items() if to.account not in ("mastodon", "slack")]
    assert elsewhere
    assert all("The lake at dawn" in copy.text for copy in elsewhere), "where it cannot stand it is named, with its description"


@pytest.mark.scenario("I07")
async def test_a_picture_without_words_is_no_empty_copy(house: House, sandbox: MastodonSandbox) -> None:
    alt, before = unique("only a picture"), {each.id for each in sandbox.standing("timeline")}
    native = await sandbox.write_with_file("lynn", "", "lake.png", "image/png", PNG, alt)
    slack = house.sandbox("slack")
    assert isinstance(slack, SlackSandbox)

    def in_the_channel() -> list[str]:
        here = [each for each in slack.standing("all-hands") if each.by_bridge]
        return [file.title for each in here for file in slack.files_of(each.id)]

    await until(lambda: alt in in_the_channel(), "its copy in the channel")

    def on_the_timeline() -> list[Standing]:
        return [each for each in sandbox.standing("timeline") if each.by_bridge and each.id not in before]

    await until(on_the_timeline, "its copy on the timeline")
    [status] = on_the_timeline()
    [file] = await sandbox.attached(status.id)
    assert status.text.startswith("via Lynn")
    assert (file.alt, file.body) == (alt, PNG)
    assert native != status.id


@pytest.mark.scenario("I04")
async def test_a_status_never_goes_up_without_its_picture(house: House, sandbox: MastodonSandbox) -> None:
    sandbox.darkroom.slow(2)
    said = await picture(house, sandbox, "a slow picture")
    status = await status_of(house, said)
    assert [file.body for file in await sandbox.attached(status.id)] == [PNG]


@pytest.mark.scenario("I06")
async def test_a_picture_that_the_server_refuses_is_named(house: House, sandbox: MastodonSandbox) -> None:
    sandbox.darkroom.refuse(1)
    said = await picture(house, sandbox, "refused there")
    status = await status_of(house, said)
    assert not await sandbox.attached(status.id)
    assert "The lake at dawn" in status.text


@pytest.mark.scenario("C04")
async def test_a_lost_reply_neither_doubles_nor_strips_the_status(house: House, sandbox: MastodonSandbox) -> None:
    sandbox.fault(Fault.REPLY_LOST)
    said = await picture(house, sandbox, "lost reply")
    status = await status_of(house, said)
    await house.settle()
    assert [file.body for file in await sandbox.attached(status.id)] == [PNG]


@pytest.mark.scenario("E08")
async def test_an_edit_keeps_the_picture_and_a_deletion_removes_it(house: House, sandbox: MastodonSandbox) -> None:
    said = await picture(house, sandbox, "before")
    status = await status_of(house, said)
    changed = await house.edit(said, "after")
    changed.to = house.destinations
    assert (await status_of(house, changed)).id == status.id
    assert [(file.alt, file.body) for file in await sandbox.attached(status.id)] == [("The lake at dawn", PNG)]
    await house.delete(changed)
    await until(lambda: status.id not in [each.id for each in sandbox.standing()], "the copy's removal")


async def test_pictures_follow_a_restart(house: House, sandbox: MastodonSandbox) -> None:
    said = await picture(house, sandbox, "before the restart")
    status = await status_of(house, said)
    await house.restart()
    changed = await house.edit(said, "after the restart")
    changed.to = house.destinations
    await status_of(house, changed)
    assert [(file.alt, file.body) for file in await sandbox.attached(status.id)] == [("The lake at dawn", PNG)]
