"""Channels are looked at before it is time where something may be missed: a new one, or events that Slack kept back."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from adapters.slack.sandbox import SlackSandbox
from bridge.post import Ignored, Raw
from tests.slack.desk import TEAM, Box
from tests.slack.test_catching_up import hearing, meanwhile, said, words


async def test_of_a_channel_that_comes_later_nothing_is_missed_from_then_on(sandbox: SlackSandbox) -> None:
    box = Box()
    async with hearing(sandbox, box) as adapter:
        await adapter.pin("dev-chatter")
        await box.until(lambda: "history:C0DEVCHAT01" in box.cursors)
    await meanwhile(sandbox, is_deaf=True)
    await sandbox.write("lynn", "while it was away", "dev-chatter")
    await meanwhile(sandbox, is_deaf=False)
    async with hearing(sandbox, box) as adapter:
        await adapter.pin("dev-chatter")
        await box.until(lambda: words(said(adapter, box)) == ["while it was away"])


async def test_what_slack_kept_back_as_it_was_too_much_is_looked_for_at_once(sandbox: SlackSandbox) -> None:
    box = Box()
    async with hearing(sandbox, box) as adapter:
        await meanwhile(sandbox, is_deaf=True)
        root = await sandbox.write("lynn", "too much")
        await sandbox.write("karl", "an answer", reply_to=root)
        body = json.dumps({"type": "app_rate_limited", "team_id": "T1", "minute_rate_limited": 1518467820}).encode()
        [found] = adapter.parse(Raw(TEAM, "k", body, datetime.now(UTC)))
        assert isinstance(found, Ignored)
        await box.until(lambda: words(said(adapter, box)) == ["too much", "an answer"])
