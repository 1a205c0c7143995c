"""Names are looked up together, within a few seconds, and what must be known is insisted on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from aiohttp import ClientTimeout

from adapters.slack.adapter import SlackAdapter
from adapters.slack.directory import FAILED, FRESH, Remembered, User
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.settings import SlackSettings
from bridge.errors import Rejected, Retryable, SendError
from bridge.post import Created, Edited, Own, UserId, direct
from bridge.text import plain
from tests.slack.desk import TEAM, Desk

LYNN = User("U0LYNN00001", "Lynn")


@dataclass
class Slack:
    """Users as Slack would tell of them; each of `failures` befalls one look-up."""

    failures: list[SendError] = field(default_factory=list)
    asked: int = 0
    now: float = 1_000.0

    async def look_up(self, user: str) -> User:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return LYNN

    def users(self) -> Remembered[User]:
        return Remembered(self.look_up, lambda: self.now)


async def test_a_failed_look_up_is_not_repeated_for_a_while() -> None:
    slack = Slack([Retryable()])
    users = slack.users()
    for _ in range(3):
        await users.learn("U1")
    assert (slack.asked, users.known("U1")) == (1, None)
    slack.now += FAILED
    await users.learn("U1")
    assert users.known("U1") == LYNN


async def test_a_name_known_before_outlives_a_failed_look_up() -> None:
    slack = Slack()
    users = slack.users()
    await users.learn("U1")
    slack.now += FRESH
    slack.failures.append(Retryable())
    await users.learn("U1")
    assert (slack.asked, users.known("U1"), users.may_be_known_later("U1")) == (2, LYNN, False)


async def test_what_must_be_known_is_asked_for_again_after_the_wait_that_slack_names() -> None:
    slack = Slack([Retryable(after=0.001), Retryable(after=0.001)])
    users = slack.users()
    await users.insist("U1", within=5)
    assert (slack.asked, users.known("U1")) == (3, LYNN)


@pytest.mark.parametrize(("failure", "later"), [(Retryable(after=60), True), (Rejected(), False)])
async def test_what_cannot_be_known_in_time_is_not_waited_for(failure: SendError, later: bool) -> None:  # noqa: FBT001 - a case
    slack = Slack([failure])
    users = slack.users()
    await users.insist("U1", within=5)
    assert (slack.asked, users.may_be_known_later("U1")) == (1, later)


# ---------------------------------------------------------------- with the real adapter


@pytest.fixture
async def hasty(sandbox: SlackSandbox) -> AsyncIterator[SlackAdapter]:
    """An adapter that looks nothing up for long, and knows nobody yet."""
    adapter = SlackAdapter(TEAM, SlackSettings.model_validate({**sandbox.account, "timeout": 0.3}))
    async with adapter.open():
        yield adapter


async def heard(desk: Desk, hasty: SlackAdapter) -> Created:
    (raw,) = await desk.box.heard(1)
    (event,) = hasty.parse(raw)
    assert isinstance(event, Created)
    return event


@pytest.mark.parametrize("is_edit", [False, True])
async def test_a_direct_message_waits_until_its_author_can_be_told(desk: Desk, hasty: SlackAdapter, *, is_edit: bool) -> None:
    await desk.sandbox.write_direct("lynn", "psst")
    created = await heard(desk, hasty)
    event = Edited(created.post, "2", created.at) if is_edit else created
    await desk.sandbox.unplug()
    with pytest.raises(Retryable):
        await hasty.complete(event)
    await desk.sandbox.plug()
    completed = await hasty.complete(event)  # the failure remembered for others does not hold it up
    assert isinstance(completed, Created | Edited)
    assert completed.post.author.handles == ("U0LYNN00001", "lynn@example.org", "@lynn")
    await desk.sandbox.unplug()
    assert await hasty.complete(event) == completed


async def test_elsewhere_an_unknown_author_holds_nothing_up(desk: Desk, hasty: SlackAdapter) -> None:
    await desk.sandbox.write("lynn", "hi")
    event = await heard(desk, hasty)
    await desk.sandbox.unplug()
    completed = await hasty.complete(event)
    assert isinstance(completed, Created)
    assert completed.post.author.name == "someone"


async def test_our_own_and_an_unknown_persons_direct_messages_do_not_wait(desk: Desk, hasty: SlackAdapter) -> None:
    await desk.sandbox.write_direct("lynn", "psst")
    event = await heard(desk, hasty)
    nobody = replace(event, post=replace(event.post, author=replace(event.post.author, user=UserId("U0NOBODY001"))))
    assert await hasty.complete(nobody) == nobody  # Slack knows nobody of that id, and never will
    await desk.sandbox.unplug()
    own = replace(event, own=Own.SURELY)
    assert await hasty.complete(own) == own
    assert own.ref.place == direct(TEAM, UserId("U0LYNN00001"))


async def test_look_ups_that_are_never_answered_end_together(desk: Desk, hasty: SlackAdapter, stranger: str) -> None:
    await desk.sandbox.write("lynn", "<@U0KARL00001> <@U0NOBODY001> <#C0DEVCHAT01>")
    event = await heard(desk, hasty)
    hasty._web.base_url = stranger
    assert hasty._web.session is not None
    hasty._web.session._timeout = ClientTimeout()  # no single look-up ends by itself here
    async with asyncio.timeout(10):
        completed = await hasty.complete(event)
    assert isinstance(completed, Created)
    assert plain(completed.post.text) == "@someone @someone #private-channel"
