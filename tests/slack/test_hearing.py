"""The real adapter hears the sandbox: who said what, where, and nothing lost or doubled."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.adapter import SlackAdapter
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.settings import SlackSettings
from bridge.contract import Fault
from bridge.errors import NeedsOperator
from bridge.post import Created, Deleted, Destination, Edited, Ignored, Own, UserId, direct
from bridge.text import plain
from tests.slack.desk import PART, TEAM, Box, Desk


@pytest.mark.scenario("G01")
@pytest.mark.parametrize(("display", "real", "shown"), [("Lynn", "Lynn Marsh", "Lynn"), ("", "Lynn Marsh", "Lynn Marsh")])
async def test_people_are_called_by_their_display_name_else_their_real_one(
    desk: Desk, display: str, real: str, shown: str
) -> None:
    await desk.sandbox.rename("lynn", display, real)
    await desk.sandbox.write("lynn", "<@U0LYNN00001> was here, says <@U0LYNN00001>")
    found = await desk.created()
    assert found.post.author.name == shown
    assert plain(found.post.text) == f"@{shown} was here, says @{shown}"


async def test_people_are_found_by_id_address_and_handle(desk: Desk) -> None:
    await desk.sandbox.write("lynn", "hi")
    assert (await desk.created()).post.author.handles == ("U0LYNN00001", "lynn@example.org", "@lynn")


async def test_a_named_channel_is_shown_by_its_name(desk: Desk) -> None:
    section = {
        "type": "rich_text_section",
        "elements": [{"type": "channel", "channel_id": "C0DEVCHAT01"}, {"type": "text", "text": "!"}],
    }
    await desk.sandbox.write_rich("lynn", "see <#C0DEVCHAT01>!", [{"type": "rich_text", "elements": [section]}])
    assert plain((await desk.created()).post.text) == "#dev-chatter!"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("see <#C0DEVCHAT01|an old name>", "see #dev-chatter"),
        ("see <#C0LEADERS01>", "see #private-channel"),
        ("see <#C0LEADERS01|leaders>", "see #private-channel"),
        ("see <#C0NOWHERE01|>", "see #private-channel"),
        ("see #C0LEADERS01 and #C0DEVCHAT01", "see #C0LEADERS01 and #C0DEVCHAT01"),
        ("see <slack://channel?id=C0DEVCHAT01|this>", "see <slack://channel?id=C0DEVCHAT01|this>"),
    ],
)
async def test_only_public_channels_that_slack_itself_points_to_are_named(desk: Desk, words: str, shown: str) -> None:
    await desk.sandbox.write("lynn", words)
    assert plain((await desk.created()).post.text) == shown


async def test_a_link_leaf_is_no_way_to_ask_for_a_channels_name(desk: Desk) -> None:
    leaf = {"type": "link", "url": "slack://channel?id=C0DEVCHAT01", "text": "this"}
    section = {"type": "rich_text_section", "elements": [leaf]}
    await desk.sandbox.write_rich("lynn", "this", [{"type": "rich_text", "elements": [section]}])
    assert plain((await desk.created()).post.text) == "this"


async def test_nothing_is_taken_from_a_channel_that_came_to_be_shared(desk: Desk) -> None:
    await desk.sandbox.share("all-hands")
    await desk.sandbox.write("lynn", "hi")
    reasons = [event.reason for event in await desk.events(2) if isinstance(event, Ignored)]
    assert reasons == ["not a message: channel_shared", "channel-shared"]


async def test_somebody_who_cannot_be_looked_up_is_not_called_by_an_id(desk: Desk) -> None:
    await desk.sandbox.write("lynn", "hi <@U0NOBODY001>")
    found = await desk.created()
    assert plain(found.post.text) == "hi @someone"


@pytest.mark.scenario("G02")
async def test_a_guest_whom_the_app_may_not_look_up_has_the_name_that_came_with_the_message(desk: Desk) -> None:
    await desk.sandbox.with_server(lambda server: server.absent.add("users.info"))
    await desk.sandbox.write("lynn", "hi")
    (raw,) = await desk.box.heard(1)
    callback = json.loads(raw.body)
    callback["event"]["user_profile"] = {"display_name": "", "real_name": "Gail Guest", "team": "T0PARTNER1"}
    (event,) = desk.adapter.parse(replace(raw, body=json.dumps(callback).encode()))
    assert isinstance(event, Created)
    found = await desk.adapter.complete(event)
    assert isinstance(found, Created)
    assert found.post.author.name == "Gail Guest"


async def test_a_new_name_is_known_as_soon_as_slack_tells_it(desk: Desk) -> None:
    await desk.sandbox.write("lynn", "one")
    assert (await desk.created()).post.author.name == "Lynn"
    await desk.sandbox.rename("lynn", "Lynn M.", "Lynn Marsh", is_told=True)
    await desk.sandbox.write("lynn", "two")
    assert (await desk.created(3)).post.author.name == "Lynn M."


async def test_removal_of_the_app_ends_listening_with_the_cure(desk: Desk) -> None:
    listening = asyncio.create_task(desk.adapter.listen(desk.box))
    await desk.box.until(lambda: desk.box.caught_up == 2)  # both who listen stand
    await desk.sandbox.with_server(lambda server: server.uninstall())
    (raw,) = await desk.box.heard(1)
    desk.adapter.parse(raw)
    with pytest.raises(NeedsOperator, match="install it again"):
        await listening


@pytest.mark.scenario("L08")
async def test_a_token_that_came_to_be_worthless_ends_listening_with_the_cure(desk: Desk) -> None:
    await desk.box.until(lambda: desk.box.caught_up == 1)
    await desk.sandbox.unplug()
    await desk.sandbox.with_server(lambda server: server.uninstall())
    listening = asyncio.create_task(desk.adapter.listen(desk.box))
    await desk.sandbox.plug()
    async with asyncio.timeout(10):
        with pytest.raises(NeedsOperator, match="token"):
            await listening


async def test_a_failed_look_up_falls_back_to_the_name_known_before(desk: Desk) -> None:
    await desk.sandbox.write("lynn", "one")
    await desk.created()
    await desk.sandbox.write("karl", "two")
    await desk.box.heard(2)
    await desk.sandbox.unplug()
    assert [event.post.author.name for event in await desk.events(2) if isinstance(event, Created)] == ["Lynn", "someone"]


@pytest.mark.scenario("C01")
async def test_an_event_handed_out_twice_has_one_key(desk: Desk) -> None:
    desk.sandbox.fault(Fault.TWICE)
    await desk.sandbox.write("lynn", "once")
    await desk.box.until(lambda: len(desk.box.takes) == 2)
    assert [raw.hints.get("retry", "0") for raw in desk.box.takes] == ["0", "1"]
    assert list(desk.box.raws) == [desk.sandbox.emitted()[0].key]


@pytest.mark.scenario("C02")
async def test_an_event_that_could_not_be_stored_comes_again(desk: Desk) -> None:
    desk.box.failures = 1
    await desk.sandbox.write("lynn", "again")
    (raw,) = await desk.box.heard(1)
    assert raw.hints == {"transport": "socket", "retry": "1"}


async def test_an_edit_a_deletion_and_a_preview_are_told_apart(desk: Desk) -> None:
    native = await desk.sandbox.write("lynn", "see https://example.org")
    await desk.sandbox.unfurl(native)
    await desk.sandbox.edit(native, "see nothing")
    await desk.sandbox.unfurl(native)
    await desk.sandbox.delete(native)
    events = sorted(await desk.events(5), key=lambda event: type(event).__name__)
    assert [type(event) for event in events] == [Created, Deleted, Edited, Ignored, Ignored]


async def test_a_deleted_first_message_of_a_thread_is_a_deletion(desk: Desk) -> None:
    root = await desk.sandbox.write("lynn", "question")
    answer = await desk.sandbox.write("karl", "answer", reply_to=root)
    await desk.sandbox.delete(root)
    events = await desk.events(3)
    assert [event.ref.id for event in events if isinstance(event, Deleted)] == [root]
    assert [message.id for message in desk.sandbox.standing()] == [answer]


async def test_a_human_deleting_our_copy_is_heard(desk: Desk) -> None:
    ref = await desk.say("copy")
    await desk.box.heard(1)
    await desk.sandbox.delete(ref.id)
    found = await desk.event(2)
    assert isinstance(found, Deleted)
    assert (found.ref, found.own) == (ref, Own.SURELY)


async def test_the_socket_comes_back_by_itself_and_nothing_is_lost(desk: Desk) -> None:
    await desk.sandbox.write("lynn", "before")
    await desk.box.heard(1)
    await desk.sandbox.unplug()
    await desk.sandbox.write("lynn", "meanwhile")
    await desk.sandbox.plug()
    assert plain((await desk.created(2)).post.text) == "meanwhile"


async def test_slack_may_ask_to_connect_anew(desk: Desk) -> None:
    await desk.sandbox.write("lynn", "before")
    await desk.box.heard(1)
    await desk.sandbox.refresh()
    await desk.sandbox.write("lynn", "after")
    assert len(await desk.box.heard(2)) == 2


async def test_a_silent_socket_speaks_again_in_order(desk: Desk) -> None:
    desk.sandbox.fault(Fault.SILENT, seconds=0.2)
    for word in ("one", "two", "three"):
        await desk.sandbox.write("lynn", word)
    assert [plain(event.post.text) for event in await desk.events(3) if isinstance(event, Created)] == ["one", "two", "three"]


async def test_listening_ends_at_once_when_cancelled(sandbox: SlackSandbox, adapter: SlackAdapter) -> None:
    async with adapter.open():
        box = Box()
        listening = asyncio.create_task(adapter.listen(box))
        await adapter.pin("all-hands")
        await sandbox.write("lynn", "hi")
        await box.heard(1)
        listening.cancel()
        async with asyncio.timeout(2):
            await asyncio.gather(listening, return_exceptions=True)


async def test_an_ordinary_client_joins_in_as_lynn(desk: Desk) -> None:
    client = AsyncWebClient(token=desk.sandbox.joining["lynn's token"], base_url=desk.sandbox.joining["api url"])
    await client.chat_postMessage(channel="#all-hands", text="Can everyone meet @ 2pm?")
    found = await desk.created()
    assert (found.post.author.name, found.own) == ("Lynn", Own.NO)


# ---------------------------------------------------------------- direct conversations


async def test_a_direct_message_is_answered_in_the_same_place(desk: Desk) -> None:
    await desk.sandbox.write_direct("karl", "psst")
    place = direct(TEAM, UserId("U0KARL00001"))
    assert (await desk.created()).ref.place == place
    ref = await desk.say("heard", where=Destination(place))
    echo = await desk.created(2)
    assert (echo.ref, echo.own) == (ref, Own.SURELY)
    assert [message.by_bridge for message in desk.sandbox.standing("@direct")] == [False, True]
    await desk.adapter.edit(ref, PART)
    await desk.adapter.delete(ref)


async def test_a_direct_conversation_that_nobody_remembers_is_looked_up(desk: Desk) -> None:
    ref = await desk.say("hello", where=Destination(direct(TEAM, UserId("U0KARL00001"))))
    (raw,) = await desk.box.heard(1)
    forgetful = SlackAdapter(TEAM, SlackSettings.model_validate(dict(desk.sandbox.account)))
    async with forgetful.open():
        (event,) = forgetful.parse(raw)
        assert isinstance(event, Created)
        assert (await forgetful.complete(event)).ref == ref
