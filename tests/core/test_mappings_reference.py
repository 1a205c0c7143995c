"""The shipped example and the generated reference stay true."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from adapters import available
from bridge.mappings import Code, load, reference
from bridge.mappings.schema import names

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / reference.FOLDER
STALE = "stale: run `python -m bridge.mappings.reference`"


@pytest.mark.scenario("L02")
def test_the_example_is_valid() -> None:
    platforms = {name: manifest.settings for name, manifest in available().items()}
    mappings = load(ROOT / "mappings.yaml", platforms, {}, need_secrets=False)
    assert {account.platform for account in mappings.accounts.values()} == set(platforms)
    assert len(mappings.groups) == 1


def test_the_page_is_fresh() -> None:
    assert (FOLDER / reference.PAGE).read_text(encoding="utf-8") == reference.page(), STALE


def test_the_schema_is_fresh() -> None:
    assert (FOLDER / reference.SCHEMA).read_text(encoding="utf-8") == reference.schema(), STALE


def test_the_page_has_every_key_and_every_code() -> None:
    page = reference.page()
    for _, model in reference.SECTIONS:
        for key, name in names(model).items():
            assert f"| `{key}` |" in page
            assert model.model_fields[name].description, f"{model.__name__}.{name} needs a description"
    for code in Code:
        assert f"| {code.value} | {code.meaning} |" in page


def test_the_example_names_the_schema() -> None:
    first = (ROOT / "mappings.yaml").read_text(encoding="utf-8").split("\n")[0]
    named = first.partition("$schema=")[2]
    assert (ROOT / named).resolve() == FOLDER / reference.SCHEMA
    assert json.loads((ROOT / named).read_text(encoding="utf-8"))["additionalProperties"] is False


def test_writing_makes_both_files(tmp_path: Path) -> None:
    reference.write(tmp_path / "new")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [reference.PAGE, reference.SCHEMA]
