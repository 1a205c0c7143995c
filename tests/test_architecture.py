"""The map of the house, kept true: who may import whom, what stands in a platform's folder, what stays pure."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLATFORMS = sorted(folder.name for folder in (ROOT / "adapters").iterdir() if (folder / "__init__.py").is_file())
IN_EACH_FOLDER = {"__init__.py", "settings.py", "parse.py", "render.py", "adapter.py", "sandbox.py", "golden", "README.md"}
LONGEST_FILE = 350

SDKS = ("aiosmtpd", "aiosmtplib", "imapclient", "mastodon", "mastodon_mock", "slack_bolt", "slack_sdk")

VOCABULARY = ("post", "text", "errors", "reasons")
PURE = (*VOCABULARY, "audience", "places", "retry", "rhythm", "routing", "rules", "timing")
IMPURE_MODULES = {"asyncio", "os", "random", "secrets", "socket", "subprocess", "threading", "time"}
OWN_CLOCKS = {"now", "today", "utcnow"}

BRIDGE = sorted((ROOT / "bridge").rglob("*.py"))
COMPOSITION_ROOTS = re.compile(r"main|demo(_\w+)?")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), path)


def files(module: str) -> list[Path]:
    """The files of a module of `bridge`, whether it is one or a folder of them."""
    single = ROOT / "bridge" / f"{module}.py"
    return [single] if single.is_file() else sorted((ROOT / "bridge" / module).rglob("*.py"))


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.partition(".")[0] for alias in names)
            case ast.ImportFrom(module=str(source)):
                yield source.partition(".")[0]


def words(module: ast.Module) -> Iterator[str]:
    """Every identifier and every string in the code; docstrings and comments may tell of anything."""
    told = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)}
    for node in ast.walk(module):
        for _, value in ast.iter_fields(node):
            if isinstance(value, str) and id(node) not in told:
                yield value


def test_imports_run_downwards_only() -> None:
    lint = "from importlinter.cli import lint_imports_command as run; run()"
    done = subprocess.run([sys.executable, "-c", lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", BRIDGE, ids=name)
def test_the_core_knows_no_platform_by_name(path: Path) -> None:
    if COMPOSITION_ROOTS.fullmatch(path.relative_to(ROOT / "bridge").parts[0].removesuffix(".py")):
        pytest.skip("a composition root")
    known = re.compile("|".join([*PLATFORMS, "smtp", "imap"]), re.IGNORECASE)
    assert [word for word in words(tree(path)) if known.search(word)] == []


def test_no_file_is_long() -> None:
    lengths = {
        name(path): len(path.read_text().splitlines())
        for room in ("bridge", "adapters", "tests")
        for path in (ROOT / room).rglob("*.py")
    }
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_each_platform_has_the_same_file_names(platform: str) -> None:
    assert IN_EACH_FOLDER - {path.name for path in (ROOT / "adapters" / platform).iterdir()} == set()


@pytest.mark.parametrize("module", PURE)
def test_pure_modules_never_wait_and_have_no_clock(module: str) -> None:
    assert files(module)
    for path in files(module):
        nodes = list(ast.walk(tree(path)))
        assert [node for node in nodes if isinstance(node, ast.Await | ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith)] == []
        assert [node.attr for node in nodes if isinstance(node, ast.Attribute) and node.attr in OWN_CLOCKS] == []
        assert IMPURE_MODULES.intersection(imported(tree(path))) == set()


@pytest.mark.parametrize("module", VOCABULARY)
def test_the_vocabulary_needs_only_the_standard_library(module: str) -> None:
    foreign = {found for path in files(module) for found in imported(tree(path))} - sys.stdlib_module_names
    assert foreign <= {"bridge"}


@pytest.mark.parametrize("statement", ["import bridge.cli", "import adapters; adapters.available()"])
def test_platform_libraries_load_only_when_their_adapter_opens(statement: str) -> None:
    program = f"import sys; {statement}; print(sorted(set({SDKS!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_the_adapters_folder_is_not_on_the_path() -> None:
    assert ROOT / "adapters" not in [Path(entry).resolve() for entry in sys.path]


def test_every_locked_package_has_hashes_and_no_address() -> None:
    lock = (ROOT / "requirements.lock").read_text()
    packages = re.split(r"^(?=\w)", lock, flags=re.MULTILINE)[1:]
    assert "://" not in lock
    assert [package.split()[0] for package in packages if "--hash=sha256:" not in package] == []
