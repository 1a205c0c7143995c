"""For all tests: what was imported before the first of them is no garbage, and the collector need not look through it again."""

from __future__ import annotations

import gc


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()
