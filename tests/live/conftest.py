"""The scenes: the sandbox in both dialects, always; the environment's server, where asked for (`-m live`)."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.live.scene import URL, Scene, in_environment, in_sandbox

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    """Whoever names a server in the environment wants the tests to run there, without being asked for it again."""
    if os.environ.get(URL):
        config.option.markexpr = config.option.markexpr.replace("not drill and not live", "not drill")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A scene outlives a test, so the tests here share their loop."""
    for item in items:
        if item.path.is_relative_to(HERE) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(
    scope="module", loop_scope="session", params=["mastodon", "gotosocial", pytest.param("environment", marks=pytest.mark.live)]
)
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    async with in_environment() if request.param == "environment" else in_sandbox(request.param) as found:
        yield found
