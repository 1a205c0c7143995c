"""Golden pairs, found by glob: each adapter reads its platform's markup into our tree and writes our tree as markup."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

import adapters
from bridge.text import from_json, to_json

FOLDERS = tuple(sorted(Path(next(iter(adapters.__path__))).glob("*/golden/*")))
AT_LEAST = 10
"""Pairs per direction. One more for every formatting bug."""


def native_files(folder: Path) -> list[Path]:
    return [found for found in sorted(folder.iterdir()) if ".native." in found.name or found.name.endswith(".native")]


def text_file(native: Path) -> Path:
    return native.with_name(native.name.partition(".native")[0] + ".text.json")


def pairs(direction: str) -> list[object]:
    """Each pair by its native file; the other one may be missing, and then the test says so."""
    return [
        pytest.param(native, id=f"{folder.parts[-3]}-{native.name.partition('.native')[0]}")
        for folder in FOLDERS
        if folder.name == direction
        for native in native_files(folder)
    ]


def content(path: Path) -> str:
    """The file without its last newline, which editors add."""
    return path.read_bytes().decode().removesuffix("\n")


def module_beside(native: Path, name: str) -> ModuleType:
    return importlib.import_module(f"adapters.{native.parts[-4]}.{name}")


@pytest.mark.scenario("H03")
@pytest.mark.parametrize("native", pairs("read"))
def test_markup_is_read_as_the_golden_tree(native: Path) -> None:
    found = module_beside(native, "parse").read_text(content(native))
    assert to_json(found) == json.loads(content(text_file(native)))


@pytest.mark.scenario("H03")
@pytest.mark.parametrize("native", pairs("write"))
def test_the_golden_tree_is_written_as_the_markup(native: Path) -> None:
    found = module_beside(native, "render").write_text(from_json(json.loads(content(text_file(native)))))
    assert found.removesuffix("\n") == content(native)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: "-".join((folder.parts[-3], folder.name)))
def test_each_golden_file_has_its_other_half(folder: Path) -> None:
    natives = native_files(folder)
    assert {found.name for found in folder.iterdir()} == {
        found.name for native in natives for found in (native, text_file(native))
    }
    assert len(natives) == len({text_file(native) for native in natives})


@pytest.mark.parametrize("platform", adapters.available())
@pytest.mark.parametrize("direction", ["read", "write"])
def test_there_are_enough_pairs_each_way(platform: str, direction: str) -> None:
    folder = Path(next(iter(adapters.__path__)), platform, "golden", direction)
    assert len(native_files(folder)) >= AT_LEAST
