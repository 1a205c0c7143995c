"""A Slack sandbox, and the real adapter signed in to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.slack.adapter import SlackAdapter
from adapters.slack.sandbox import SlackSandbox
from adapters.slack.settings import SlackSettings
from bridge.post import Destination, Place
from tests.slack.desk import TEAM, Box, Desk


@pytest.fixture
async def sandbox() -> AsyncIterator[SlackSandbox]:
    async with SlackSandbox(ack_timeout=0.3) as running:
        yield running


@pytest.fixture
def adapter(sandbox: SlackSandbox) -> SlackAdapter:
    return SlackAdapter(TEAM, SlackSettings.model_validate(dict(sandbox.account)))


@pytest.fixture
async def desk(sandbox: SlackSandbox, adapter: SlackAdapter) -> AsyncIterator[Desk]:
    box = Box()
    async with adapter.open():
        place = Place(TEAM, await adapter.pin("all-hands"))
        listening = asyncio.create_task(adapter.listen(box))
        yield Desk(sandbox, adapter, box, Destination(place))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
