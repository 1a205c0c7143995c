"""The real adapter speaks to the sandbox: what stands there afterwards, and what goes wrong."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from aiohttp import ClientTimeout

from adapters.slack.adapter import SlackAdapter
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.settings import SlackSettings
from bridge.contract import Absent, Attempt, Fault, Found, Thread
from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain
from bridge.post import Destination, NativeId, Own, Place, PlaceId, Ref, UserId, direct
from tests.slack.desk import PART, TEAM, Desk


def attempt(desk: Desk, key: str, thread: Thread | None = None) -> Attempt:
    return Attempt(key, desk.here, PART, thread or Thread(), datetime.now(UTC))


async def test_the_echo_has_the_ref_that_send_returned(desk: Desk) -> None:
    ref = await desk.say("hello")
    echo = await desk.created()
    assert (echo.ref, echo.own) == (ref, Own.SURELY)


async def test_an_early_echo_is_the_same_post(desk: Desk) -> None:
    desk.sandbox.fault(Fault.EARLY_ECHO)
    ref = await desk.say("hello")
    assert len(desk.box.takes) == 1  # it was heard before send returned
    assert (await desk.created()).ref == ref


async def test_an_answer_goes_into_its_thread(desk: Desk) -> None:
    root = Ref(desk.here.place, await desk.sandbox.write("lynn", "question"))
    await desk.say("answer", thread=Thread(root=root, parent=root))
    assert desk.sandbox.standing()[-1].reply_to == root.id


async def test_an_edit_and_a_deletion_may_be_repeated(desk: Desk) -> None:
    ref = await desk.say("hello")
    for _ in range(2):
        await desk.adapter.edit(ref, PART)
    assert [(message.text, message.edited) for message in desk.sandbox.standing()] == [("via Karl: hi", True)]
    for _ in range(2):
        await desk.adapter.delete(ref)
    assert desk.sandbox.standing() == ()


async def test_an_edit_of_a_deleted_copy_is_rejected_in_words(desk: Desk) -> None:
    with pytest.raises(Rejected, match="gone; somebody deleted it"):
        await desk.adapter.edit(Ref(desk.here.place, NativeId("1.000000")), PART)


@pytest.mark.parametrize("threaded", [False, True])
async def test_a_lost_answer_is_uncertain_and_the_message_is_found_once(desk: Desk, *, threaded: bool) -> None:
    root = Ref(desk.here.place, await desk.sandbox.write("lynn", "question")) if threaded else None
    thread = Thread(root=root, parent=root)
    desk.sandbox.fault(Fault.REPLY_LOST)
    with pytest.raises(Uncertain):
        await desk.say("hello", "k1", thread)
    copies = [message for message in desk.sandbox.standing() if message.by_bridge]
    assert await desk.adapter.find(attempt(desk, "k1", thread)) == Found(Ref(desk.here.place, copies[0].id))
    assert len(copies) == 1
    assert await desk.adapter.find(attempt(desk, "k2", thread)) == Absent()


async def test_a_key_is_found_behind_a_page_of_others(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.slack.history.PAGE", 2)
    ref = await desk.say("first", "k1")
    for number in range(5):
        await desk.sandbox.write("lynn", f"word {number}")
    assert await desk.adapter.find(attempt(desk, "k1")) == Found(ref)


async def test_a_busy_slack_names_the_wait_also_in_fractions(desk: Desk) -> None:
    desk.sandbox.fault(Fault.BUSY, seconds=1.5)
    with pytest.raises(Retryable) as busy:
        await desk.say("hello")
    assert busy.value.after == 1.5


async def test_a_broken_slack_leaves_a_send_uncertain_and_an_edit_retryable(desk: Desk) -> None:
    ref = await desk.say("hello")
    desk.sandbox.fault(Fault.BROKEN, times=2)
    with pytest.raises(Uncertain):
        await desk.say("hello", "k2")
    with pytest.raises(Retryable):
        await desk.adapter.edit(ref, PART)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("invalid_auth", NeedsOperator),
        ("token_revoked", NeedsOperator),
        ("account_inactive", NeedsOperator),
        ("missing_scope", NeedsOperator),
        ("not_in_channel", NeedsOperator),
        ("is_archived", NeedsOperator),
        ("channel_not_found", NeedsOperator),
        ("msg_too_long", Rejected),
        ("invalid_blocks", Rejected),
        ("no_text", Rejected),
        ("something_new", Rejected),
        ("ratelimited", Retryable),
        ("service_unavailable", Retryable),
        ("fatal_error", Uncertain),
        ("internal_error", Uncertain),
    ],
)
async def test_each_refusal_is_translated(code: str, error: type[SendError]) -> None:
    async with SlackSandbox(refusal=code) as sandbox:
        adapter = SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))
        async with adapter.open():
            sandbox.fault(Fault.REFUSED)
            with pytest.raises(error) as refused:
                await adapter.send(PART, Destination(Place(TEAM, PlaceId("C0ALLHANDS1"))), Thread(), "k")
            assert isinstance(refused.value, error)
            assert refused.value.sentence.endswith(".")


async def test_an_unreachable_slack_is_retryable_because_nothing_left(desk: Desk) -> None:
    await desk.sandbox.unplug()
    with pytest.raises(Retryable):
        await desk.say("hello")
    assert desk.sandbox.standing() == ()


async def test_a_page_instead_of_slack_is_retryable_at_sign_in(stranger: str) -> None:
    account = {"platform": "slack", "bot_token": "x", "signing_secret": "x", "api_url": stranger}
    with pytest.raises(Retryable):
        async with SlackAdapter(TEAM, SlackSettings.model_validate(account)).open():
            pass


async def test_a_send_that_is_never_answered_ends_as_uncertain(desk: Desk, stranger: str) -> None:
    desk.adapter._web.base_url = stranger
    assert desk.adapter._web.session is not None
    desk.adapter._web.session._timeout = ClientTimeout(total=0.2)
    with pytest.raises(Uncertain):
        await desk.say("hello")


@pytest.mark.parametrize(("where", "error"), [("here", Uncertain), ("direct", Retryable)])
async def test_all_that_one_send_asks_of_slack_has_one_time_out(
    desk: Desk, stranger: str, where: str, error: type[SendError]
) -> None:
    # no single request has one of its own here, so that only the common one can end it
    assert desk.adapter._web.session is not None
    desk.adapter._web.session._timeout = ClientTimeout()
    desk.adapter._web.base_url = stranger
    desk.adapter._settings = desk.adapter._settings.model_copy(update={"timeout": 0.3})
    place = desk.here if where == "here" else Destination(direct(TEAM, UserId("U0KARL00001")))
    async with asyncio.timeout(10):
        with pytest.raises(error) as raised:
            await desk.say("hello", where=place)
    assert type(raised.value) is error


async def test_an_edit_and_a_deletion_that_are_never_answered_may_be_repeated(desk: Desk, stranger: str) -> None:
    assert desk.adapter._web.session is not None
    desk.adapter._web.session._timeout = ClientTimeout()
    desk.adapter._web.base_url = stranger
    desk.adapter._settings = desk.adapter._settings.model_copy(update={"timeout": 0.3})
    ref = Ref(desk.here.place, NativeId("1.000000"))
    async with asyncio.timeout(10):
        with pytest.raises(Retryable):
            await desk.adapter.edit(ref, PART)
        with pytest.raises(Retryable):
            await desk.adapter.delete(ref)
