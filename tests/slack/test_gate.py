"""Nothing is written into a channel that another company reads, from the moment it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.slack.adapter import SlackAdapter
from adapters.slack.channels import Channel, channel_of, refuse
from adapters.slack.gate import FRESH, Gate
from adapters.slack.settings import SlackSettings
from bridge.contract import Thread
from bridge.errors import NeedsOperator, Retryable
from bridge.post import Ignored
from tests.slack.desk import PART, TEAM, Desk

OURS = Channel("C1", "general", is_member=True)
SHARED = Channel("C1", "general", is_member=True, is_shared=True)


@dataclass
class Slack:
    """What Slack would say of the channel, when asked, and how often it was."""

    says: Channel = OURS
    asked: int = 0
    now: float = 1_000.0
    is_up: bool = True
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(self._look_up, lambda room: refuse(room, "viabridge"), lambda: self.now)

    async def _look_up(self, channel: str) -> Channel:
        self.asked += 1
        if not self.is_up:
            raise Retryable
        return self.says


@pytest.mark.parametrize(
    ("facts", "is_shared"),
    [
        ({}, False),
        ({"is_ext_shared": True, "is_shared": True}, True),
        ({"is_pending_ext_shared": True}, True),
        ({"is_shared": True}, True),
        ({"is_shared": True, "is_org_shared": True}, False),
        ({"is_shared": True, "is_org_shared": True, "is_ext_shared": True}, True),
    ],
)
def test_sharing_within_one_organisation_is_no_sharing(facts: dict[str, Any], is_shared: bool) -> None:  # noqa: FBT001 - a case
    assert channel_of({"id": "C1", **facts}).is_shared is is_shared


async def test_a_channel_is_asked_about_once_a_minute() -> None:
    slack = Slack()
    await slack.gate.ensure("C1")
    slack.now += FRESH - 1
    await slack.gate.ensure("C1")
    assert slack.asked == 1
    slack.now, slack.says = slack.now + 1, SHARED
    with pytest.raises(NeedsOperator):
        await slack.gate.ensure("C1")


async def test_what_slack_tells_of_its_sharing_counts_at_once() -> None:
    slack = Slack()
    await slack.gate.ensure("C1")
    slack.now, slack.says = slack.now + 1, SHARED
    slack.gate.forget("C1")
    with pytest.raises(NeedsOperator):
        await slack.gate.ensure("C1")
    slack.says = OURS
    await slack.gate.ensure("C1")  # mended: no waiting


async def test_where_nobody_can_say_nothing_is_written() -> None:
    slack = Slack(is_up=False)
    with pytest.raises(Retryable):
        await slack.gate.ensure("C1")


async def test_a_channel_that_came_to_be_shared_gets_no_posts_and_no_edits(desk: Desk) -> None:
    ref = await desk.say("before")
    await desk.box.heard(1)
    await desk.sandbox.share("all-hands")
    await desk.events(2)
    with pytest.raises(NeedsOperator, match="#all-hands is shared with another company"):
        await desk.say("after")
    with pytest.raises(NeedsOperator):
        await desk.adapter.edit(ref, PART)
    await desk.adapter.delete(ref)  # to take back is always right
    assert desk.sandbox.standing() == ()
    await desk.sandbox.share("all-hands", is_shared=False)
    await desk.say("again")


async def test_another_replica_that_hears_nothing_itself_is_told_of_a_channel_that_came_to_be_shared(desk: Desk) -> None:
    other = SlackAdapter(TEAM, SlackSettings.model_validate(dict(desk.sandbox.account)))
    async with other.open():
        place = await other.pin("all-hands")
        await other.send(PART, desk.here, Thread(), "one")
        await desk.box.heard(1)
        await desk.sandbox.share("all-hands")
        doubted = [each for heard in await desk.events(2) if isinstance(heard, Ignored) for each in heard.doubts]
        assert set(doubted) == {place}
        for each in doubted:
            other.doubt(each)
        with pytest.raises(NeedsOperator, match="#all-hands is shared with another company"):
            await other.send(PART, desk.here, Thread(), "two")


async def test_a_post_from_a_shared_channel_tells_of_it_where_the_event_was_lost(desk: Desk) -> None:
    await desk.sandbox.share("all-hands", is_told=False)
    await desk.sandbox.write("lynn", "hi")
    await desk.events(1)
    with pytest.raises(NeedsOperator):
        await desk.say("after")
