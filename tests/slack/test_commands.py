"""Commands and shortcuts in Slack, over both transports: kept before they are acknowledged, answered to one person alone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from urllib.parse import urlencode

import pytest
import uvicorn
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import commands
from adapters.slack.adapter import SlackAdapter
from adapters.slack.asides import Asides, dress, undress
from adapters.slack.links import located
from adapters.slack.sandbox import SIGNING_SECRET, SlackSandbox
from adapters.slack.settings import SlackSettings
from adapters.slack.signature import sign
from adapters.slack.webhooks import Door, router
from bridge import main
from bridge.contract import Absent, Attempt, Thread
from bridge.errors import Retryable
from bridge.post import Commanded, Destination, Ignored, Mark, NativeId, Place, PlaceId, Raw, Ref, UserId, aside, direct
from bridge.text import from_plain
from tests.slack.desk import PART, PATIENT, TEAM, Box, Desk, context, post

LYNN, KARL = UserId("U0LYNN00001"), UserId("U0KARL00001")
CHANNEL = Place(TEAM, PlaceId("C0ALLHANDS1"))


async def commanded(desk: Desk, number: int = 1) -> Commanded:
    """The `number`th thing heard, which is a command; with who said it."""
    raw = (await desk.box.heard(number))[number - 1]
    [found] = desk.adapter.parse(raw)
    assert isinstance(found, Commanded)
    assert desk.adapter.commands is not None
    return replace(found, author=await desk.adapter.commands.identify(found.author))


async def whisper(desk: Desk, words: str, to: Destination, key: str = "k") -> Ref:
    (part,) = desk.adapter.render(post(from_plain(words)), to, replace(context(), via=""))
    return await desk.adapter.send(part, to, Thread(), key)


# ---------------------------------------------------------------- hearing


async def test_a_slash_command_says_who_where_and_what(desk: Desk) -> None:
    await desk.sandbox.command("lynn", "why https://sandbox.slack.com/archives/C0ALLHANDS1/p1700000000000100")
    found = await commanded(desk)
    assert found.place == CHANNEL
    assert found.words == "why https://sandbox.slack.com/archives/C0ALLHANDS1/p1700000000000100"
    assert found.author.handles == (LYNN, "lynn@example.org", "@lynn")
    assert (await desk.box.heard(1))[0].hints["transport"] == "socket"


async def test_the_shortcut_asks_why_about_its_message(desk: Desk) -> None:
    native = await desk.sandbox.write("karl", "hi")
    await desk.sandbox.shortcut("lynn", native)
    found = await commanded(desk, 2)
    assert (found.words, found.about, found.author.user) == ("why", Ref(CHANNEL, native), LYNN)


async def test_a_foreign_shortcut_is_left_alone(desk: Desk) -> None:
    native = await desk.sandbox.write("karl", "hi")
    await desk.sandbox.shortcut("lynn", native, "somebody_elses")
    [found] = desk.adapter.parse((await desk.box.heard(2))[1])
    assert isinstance(found, Ignored)


async def test_a_command_that_could_not_be_kept_comes_again(desk: Desk) -> None:
    desk.box.failures = 1
    await desk.sandbox.command("lynn", "ping")
    assert (await commanded(desk)).words == "ping"
    assert len(desk.box.raws) == 1


async def test_the_same_command_typed_twice_is_two(desk: Desk) -> None:
    await desk.sandbox.command("lynn", "ping")
    await desk.sandbox.command("lynn", "ping")
    await desk.box.heard(2)
    assert (await commanded(desk, 1)).key != (await commanded(desk, 2)).key


async def test_who_asks_waits_until_slack_can_say(desk: Desk) -> None:
    await desk.sandbox.command("karl", "pause")
    await desk.box.heard(1)
    await desk.sandbox.unplug()
    with pytest.raises(Retryable):
        await commanded(desk)


# ---------------------------------------------------------------- over HTTP


@dataclass
class Door2:
    """A bridge's door for Slack's requests, without a bridge."""

    url: str
    box: Box


@pytest.fixture
async def door() -> AsyncIterator[Door2]:
    box, app = Box(), FastAPI()
    app.include_router(router((Door(TEAM, SIGNING_SECRET),), box))
    with main.listen("127.0.0.1", 0) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        serving = asyncio.create_task(server._serve([listening]))
        yield Door2(f"http://127.0.0.1:{listening.getsockname()[1]}/slack/events", box)
        server.should_exit = True
        await serving


async def test_over_http_the_same_is_heard(door: Door2) -> None:
    async with SlackSandbox(events_url=door.url) as sandbox:
        native = await sandbox.write("karl", "hi")
        await sandbox.command("lynn", "who")
        await sandbox.shortcut("lynn", native)
        raws = {raw.key: raw for raw in await door.box.heard(3)}
        adapter = SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))
        said = [event for key in (each.key for each in sandbox.emitted()) for event in adapter.parse(raws[key])]
    assert [(event.words, event.about) for event in said if isinstance(event, Commanded)] == [
        ("who", None),
        ("why", Ref(CHANNEL, native)),
    ]


async def test_over_http_what_was_not_kept_is_not_acknowledged(door: Door2) -> None:
    door.box.failures = 1
    async with SlackSandbox(events_url=door.url) as sandbox:
        await sandbox.command("lynn", "who")
        async with asyncio.timeout(10):
            while not sandbox.dropped():  # Slack tells the person, and does not try again
                await asyncio.sleep(0.01)
    assert door.box.raws == {}


async def posted(door: Door2, body: bytes, secret: str = SIGNING_SECRET, path: str = "/slack/events") -> int:
    import httpx2

    now = str(int(time.time()))
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Slack-Request-Timestamp": now,
        "X-Slack-Signature": sign(secret, now, body),
    }
    async with httpx2.AsyncClient() as session:
        return (await session.post(door.url.replace("/slack/events", path), content=body, headers=headers)).status_code


FORM = urlencode({"command": "/via", "text": "who", "channel_id": "C1", "user_id": "U1", "trigger_id": "1.2"}).encode()


@pytest.mark.parametrize("path", ["/slack/events", "/slack/commands", "/slack/interactive"])
async def test_a_form_that_slack_did_not_sign_is_nothing(door: Door2, path: str) -> None:
    assert await posted(door, FORM, "another secret", path) == 401
    assert door.box.raws == {}
    assert await posted(door, FORM, path=path) == 200
    assert len(door.box.raws) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"ssl_check=1&token=x", 200), (b"payload=nonsense", 400), (b"payload=[]", 400), (b"a=b", 400), (b"\xff\xfe=%ff", 400)],
)
async def test_signed_junk_is_answered_and_not_kept(door: Door2, body: bytes, status: int) -> None:
    assert await posted(door, body) == status
    assert door.box.raws == {}


@given(
    st.dictionaries(
        st.sampled_from(["command", "type", "channel", "user", "message", "callback_id", "text"]), st.from_type(object)
    )
)
@PATIENT
def test_no_payload_is_a_stumbling_block(payload: dict[str, object]) -> None:
    body = json.dumps(payload, default=repr).encode()
    found = commands.read(Raw(TEAM, "k", body, post(()).at))
    assert found is None or isinstance(found, commands.Asked | Ignored)


# ---------------------------------------------------------------- answering


async def test_an_answer_comes_by_the_commands_own_address_also_where_the_app_is_not(desk: Desk) -> None:
    await desk.sandbox.command("lynn", "why x", "random")
    asked = await commanded(desk)
    ref = await whisper(desk, "nothing is known of it", Destination(aside(asked.place, LYNN)))
    [found] = desk.sandbox.whispers("lynn")
    assert (found.text, found.room, found.by_url) == ("nothing is known of it", "C0RANDOM001", True)
    assert desk.sandbox.whispers("karl") == ()
    assert ref.place == aside(asked.place, LYNN)
    assert desk.sandbox.standing() == ()


async def test_where_that_address_is_used_up_it_is_said_at_the_place(desk: Desk) -> None:
    await desk.sandbox.command("lynn", "who")
    asked = await commanded(desk)
    await desk.sandbox.use_up_answers()
    await whisper(desk, "12 people", Destination(aside(asked.place, LYNN)))
    assert [(each.text, each.by_url) for each in desk.sandbox.whispers("lynn")] == [("12 people", False)]


async def test_where_nothing_can_be_said_at_the_place_it_is_said_directly(desk: Desk) -> None:
    ref = await whisper(desk, "psst", Destination(aside(Place(TEAM, PlaceId("C0RANDOM001")), LYNN)))
    [found] = desk.sandbox.standing("@direct")
    assert (found.text, found.id) == ("psst", ref.id)
    assert ref.place == direct(TEAM, LYNN)


@pytest.mark.parametrize(
    ("url", "is_taken"),
    [
        ("https://hooks.slack.com/commands/T/1/x", True),
        ("https://hooks.slack-gov.com/commands/T/1/x", True),
        ("http://127.0.0.1:9/commands/x", True),
        ("http://127.0.0.1:10/commands/x", False),
        ("http://hooks.slack.com/commands/x", False),
        ("https://hooks.slack.com.evil.example/x", False),
        ("https://evil.example/hooks.slack.com", False),
        ("https://hooks.slack.com@evil.example/x", False),
        ("https://hooks.slack.com:8443/x", False),
        ("https://[bad", False),
        ("", False),
    ],
)
def test_an_answer_goes_to_slacks_own_hosts_alone(url: str, is_taken: object) -> None:
    async def asked(call: object, **_: object) -> None:
        raise AssertionError

    asides = Asides("http://127.0.0.1:9/api/", asked, asked, asked, 1.0)  # type: ignore[arg-type]
    raw = Raw(
        TEAM, "k", json.dumps({"command": "/via", "channel_id": "C1", "user_id": "U1", "response_url": url}).encode(), post(()).at
    )
    [found] = commands.heard(raw, asides.listen) or ()
    assert isinstance(found, Commanded)
    assert bool(asides._ways) == is_taken


async def test_what_one_person_was_told_is_told_again_if_the_answer_was_lost(desk: Desk) -> None:
    attempt = Attempt("k", Destination(aside(CHANNEL, LYNN)), PART, Thread(), post(()).at)
    assert isinstance(await desk.adapter.find(attempt), Absent)


# ---------------------------------------------------------------- marks


async def mark(desk: Desk, native: NativeId, kind: Mark, words: str = "") -> None:
    to = Destination(aside(CHANNEL, KARL))
    notice = post(from_plain(words) if words else (), reply_to=Ref(CHANNEL, native), mark=kind)
    (part,) = desk.adapter.render(notice, to, replace(context(), via=""))
    for _ in range(2):  # as after a lost answer
        await desk.adapter.send(part, to, Thread(), "k")


@pytest.mark.scenario("L12")
async def test_a_message_has_one_mark_of_ours_at_a_time(desk: Desk) -> None:
    native = await desk.sandbox.write("karl", "hi")
    await mark(desk, native, Mark.FAILED, "⚠ It did not get there.")
    assert desk.sandbox.reactions(native) == {"warning": ("viabridge",)}
    assert {each.text for each in desk.sandbox.whispers("karl")} == {"⚠ It did not get there."}
    await mark(desk, native, Mark.DONE, "✅ After all.")
    assert desk.sandbox.reactions(native) == {"white_check_mark": ("viabridge",)}
    await mark(desk, native, Mark.WAITS, "It waits.")
    assert desk.sandbox.reactions(native) == {"double_vertical_bar": ("viabridge",)}


async def test_a_mark_that_goes_says_nothing(desk: Desk) -> None:
    native = await desk.sandbox.write("karl", "hi")
    await mark(desk, native, Mark.WAITS, "It waits.")
    said = len(desk.sandbox.whispers("karl"))
    await mark(desk, native, Mark.NONE)
    assert desk.sandbox.reactions(native) == {}
    assert len(desk.sandbox.whispers("karl")) == said


async def test_a_message_that_is_gone_is_not_marked_and_its_author_is_told_all_the_same(desk: Desk) -> None:
    native = await desk.sandbox.write("karl", "hi")
    await desk.sandbox.delete(native)
    await mark(desk, native, Mark.FAILED, "⚠ It did not get there.")
    assert desk.sandbox.whispers("karl")


async def test_others_reactions_stay(desk: Desk) -> None:
    native = await desk.sandbox.write("karl", "hi")
    await desk.sandbox.react("lynn", native, "warning")
    await mark(desk, native, Mark.DONE, "✅")
    assert desk.sandbox.reactions(native) == {"warning": ("lynn",), "white_check_mark": ("viabridge",)}


def test_a_mark_rides_on_the_first_part_only() -> None:
    notice = post(from_plain("hi"), reply_to=Ref(CHANNEL, NativeId("1.2")), mark=Mark.FAILED)
    first, second = dress((PART, PART), notice)
    assert undress(second) == (PART, None)
    plain, tag = undress(first)
    assert plain == PART
    assert tag is not None
    assert (tag.mark, tag.channel, tag.ts) == (Mark.FAILED, CHANNEL.id, "1.2")


# ---------------------------------------------------------------- links, ping


@pytest.mark.parametrize(
    ("words", "place", "ts"),
    [
        ("https://sandbox.slack.com/archives/C0ALLHANDS1/p1700000000000100", "C0ALLHANDS1", "1700000000.000100"),
        (
            "https://other.slack.com/archives/C0ALLHANDS1/p1700000000000100?thread_ts=1.2&cid=C1",
            "C0ALLHANDS1",
            "1700000000.000100",
        ),
        ("slack://channel?team=T1&id=C0ALLHANDS1&message=1700000000.000100", "C0ALLHANDS1", "1700000000.000100"),
    ],
)
def test_a_link_means_its_message(words: str, place: str, ts: str) -> None:
    assert located(words, TEAM, "https://sandbox.slack.com/") == Ref(Place(TEAM, PlaceId(place)), NativeId(ts))


@pytest.mark.parametrize(
    "words",
    [
        "https://evil.example/archives/C0ALLHANDS1/p1700000000000100",
        "http://sandbox.slack.com/archives/C0ALLHANDS1/p1700000000000100",
        "https://sandbox.slack.com/archives/C0ALLHANDS1",
        "https://[",
        "slack://channel?id=C0ALLHANDS1",
        "1700000000.000100",
        "",
    ],
)
def test_what_is_no_link_of_a_message_means_nothing(words: str) -> None:
    assert located(words, TEAM, "https://sandbox.slack.com/") is None


@pytest.mark.scenario("L21")
async def test_a_ping_asks_slack(desk: Desk) -> None:
    await desk.adapter.ping(CHANNEL.id)
    await desk.sandbox.unplug()
    with pytest.raises(Retryable):
        await desk.adapter.ping(CHANNEL.id)
