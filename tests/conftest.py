"""For all tests: what a process of theirs needs once only."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import pytest
import structlog

from adapters.mastodon.nursery import NURSERY
from tests.postgresql import fresh, serving


def pytest_configure() -> None:
    """Logs are plain: structlog's own way draws each traceback with all its values, for half a second."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])


def pytest_collection_finish() -> None:
    """What was imported by now is no garbage: the collector need not look through it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def nursery() -> Iterator[None]:
    """One process imports mastodon-mock for all sandboxes."""
    with NURSERY.held():
        yield


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[str], str]]:
    """A PostgreSQL server of the tests' own; gives the URL of a named database."""
    with serving() as url_of:
        yield url_of


@pytest.fixture(scope="session")
def make_postgresql(postgresql: Callable[[str], str]) -> Callable[[], str]:
    """Makes a fresh, migrated PostgreSQL database; its URL."""
    return lambda: fresh(postgresql)
