"""Golden pairs of rich_text blocks, beside the mrkdwn ones that the conformance suite reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import adapters.slack
from adapters.slack.rich_text import read_blocks
from adapters.slack.sandbox_refusing import content_of
from adapters.slack.write_rich_text import write_blocks
from bridge.text import from_json, to_json

FOLDER = Path(adapters.slack.__file__).parent / "golden" / "rich_text"


def pairs(direction: str) -> list[Any]:
    return [pytest.param(found, id=found.name.partition(".")[0]) for found in sorted(FOLDER.glob(f"*.{direction}.native.json"))]


def tree(native: Path) -> Any:
    return json.loads(native.with_name(native.name.replace(".native.", ".text.")).read_text())


@pytest.mark.scenario("H03")
@pytest.mark.parametrize("native", pairs("read"))
def test_blocks_are_read_as_the_golden_tree(native: Path) -> None:
    assert to_json(read_blocks(json.loads(native.read_text()))) == tree(native)


@pytest.mark.scenario("H03")
@pytest.mark.parametrize("native", pairs("write"))
def test_the_golden_tree_is_written_as_the_blocks(native: Path) -> None:
    assert write_blocks(from_json(tree(native))) == json.loads(native.read_text())


@pytest.mark.parametrize("native", pairs("write"))
def test_written_blocks_are_ones_that_slack_takes(native: Path) -> None:
    assert content_of({"text": "x", "blocks": json.loads(native.read_text())})


def test_every_file_has_its_partner() -> None:
    names = {found.name for found in FOLDER.iterdir()}
    assert names == {name.replace(".native.", ".text.") for name in names} | {
        name.replace(".text.", ".native.") for name in names
    }
