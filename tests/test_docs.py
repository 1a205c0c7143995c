"""The documents say what is so: snippets run, links lead somewhere, reasons and commands are named."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bridge import main
from bridge.mappings import MappingError
from bridge.orders import Verb
from bridge.reasons import Reason

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted(
    path for pattern in ("*.md", "docs/**/*.md", "adapters/*/README.md", "deploy/*.md") for path in ROOT.glob(pattern)
)


def _names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def test_the_readme_mapping_file_is_valid(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text()
    (snippet,) = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    (tmp_path / "mappings.yaml").write_text(snippet)
    loaded = main.load(tmp_path / "mappings.yaml", need_secrets=False)
    assert [group.id for group in loaded.groups] == ["all-hands"]
    assert set(loaded.accounts) == {"team", "allhands", "mail"}


def test_the_first_set_up_of_mail_is_valid(tmp_path: Path) -> None:
    (snippet,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/email.md").read_text(), re.DOTALL)
    (tmp_path / "mappings.yaml").write_text(snippet)
    loaded = main.load(tmp_path / "mappings.yaml", need_secrets=False)
    assert [reader.address for group in loaded.groups for place in group.places for reader in place.readers] == [
        "lee@gmail.example",
        "chair@board.example",
    ]


@pytest.mark.scenario("L02")
def test_the_example_mapping_file_is_valid() -> None:
    assert main.load(ROOT / "mappings.yaml", need_secrets=False).groups


def test_the_example_without_credentials_names_each_missing_secret() -> None:
    with pytest.raises(MappingError) as caught:
        main.load(ROOT / "mappings.yaml")
    variables = set(re.findall(r"env: ([A-Z_]+)", (ROOT / "mappings.yaml").read_text()))
    assert variables
    assert [name for name in variables if name not in str(caught.value)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=_names(DOCUMENTS))
def test_links_lead_to_files_that_are_there(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())
    missing = [target for target in targets if not (document.parent / target).exists()]
    assert missing == []


def test_the_readme_names_every_command_of_run_py() -> None:
    usage = subprocess.run([sys.executable, ROOT / "run.py"], capture_output=True, text=True, check=False).stdout
    commands = set(re.findall(r"python3 run\.py (\w+)", (ROOT / "README.md").read_text()))
    assert {"demo", "test", "serve"} <= commands
    assert [command for command in commands if f"run.py {command}" not in usage] == []


def test_the_house_map_names_folders_that_are_there() -> None:
    readme = (ROOT / "README.md").read_text()
    house = readme.split("## The house")[1]
    named = re.findall(r"([a-z_]+\.py|[a-z_]+/)", house.split("[CONTRIBUTING")[0])
    missing = [name for name in named if not any(ROOT.glob(f"{name}*")) and not any(ROOT.glob(f"*/{name.rstrip('/')}*"))]
    assert missing == []


def test_every_reason_is_documented() -> None:
    page = (ROOT / "docs/reference/reasons.md").read_text()
    assert [str(reason) for reason in Reason if f"| `{reason}` | {reason.sentence} |" not in page] == []


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs/reference/commands.md").read_text()
    assert [str(verb) for verb in Verb if f"`{verb}" not in page] == []


def test_contributing_names_files_that_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = re.findall(r"`((?:bridge|adapters|tests)/[\w/.]+)`", text)
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []
