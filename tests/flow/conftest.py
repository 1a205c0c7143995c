"""One town and one bridge per test module; after each test the law is held against the sandboxes' journals."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.flow.house import House, running

EVERYWHERE: dict[str, Any] = {
    "places": [
        {"at": "slack/all-hands"},
        {"at": "slack/dev-chatter"},
        {"at": "mastodon/timeline"},
        {"at": "email/all-hands", "readers": ["chair", "lee"]},
    ]
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lived_in(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with running(tmp_path_factory.mktemp("town"), **EVERYWHERE) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def house(lived_in: House) -> AsyncIterator[House]:
    """All sandboxes, one group of four places, the bridge running."""
    await lived_in.settle()
    lived_in.said.clear()
    yield lived_in
    await lived_in.check()
