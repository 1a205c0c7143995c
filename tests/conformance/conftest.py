"""One sandbox per platform, and in each test module a new rig beside it: every test here runs over every adapter there is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from adapters import available
from bridge.contract import Manifest, Sandbox
from tests.conformance.rig import MemoryInbox, Rig, plugged_in

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sandboxes and rigs outlive a test, so all tests here share their loop."""
    for item in items:
        if item.path.is_relative_to(HERE) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session", params=tuple(available()))
def manifest(request: pytest.FixtureRequest) -> Manifest:
    return available()[request.param]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sandbox(manifest: Manifest) -> AsyncIterator[Sandbox]:
    async with manifest.sandbox() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def rig(manifest: Manifest, sandbox: Sandbox) -> AsyncIterator[Rig]:
    async with plugged_in(manifest, sandbox, MemoryInbox()) as ready:
        yield ready
