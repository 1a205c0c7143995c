"""run.py where something is unusual: what the caller's environment says, and an installer that can't reach its index."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BROKEN_UV = f"""#!/bin/sh
# Makes the environment, as uv does, and then knows no way through this network.
[ "$1" = venv ] && exec {sys.executable} -m venv --without-pip "$PWD/.venv"
echo "error: invalid peer certificate" >&2
exit 2
"""


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`run.py` in a folder of its own, whose lock names no package."""
    shutil.copy(ROOT / "run.py", folder)
    (folder / "requirements.lock").write_text("# no package\n")
    command = [getattr(sys, "_base_executable", sys.executable), folder / "run.py", *words]
    return subprocess.run(
        command, env=os.environ | environment, cwd=folder, capture_output=True, text=True, timeout=50, check=False
    )


def test_where_uv_cannot_install_pip_does(tmp_path: Path) -> None:
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(BROKEN_UV)
    uv.chmod(0o755)
    said = run(tmp_path, "viabridge", "version", PATH=f"{uv.parent}{os.pathsep}{os.environ['PATH']}").stderr
    assert "invalid peer certificate" in said
    assert "trying pip" in said
    assert (tmp_path / ".venv" / "installed").exists(), said


def test_another_pythons_settings_do_not_reach_the_projects_own(tmp_path: Path) -> None:
    given = {"PYTHONDONTWRITEBYTECODE": "1", "VIRTUAL_ENV": "1", "PYTHONHOME": sys.base_prefix}  # else not even run.py starts
    (tmp_path / "bridge").mkdir()
    (tmp_path / "bridge" / "cli.py").write_text(f"import os\nprint([name for name in {[*given]} if name in os.environ])")
    ended = run(tmp_path, "viabridge", PATH="/usr/bin:/bin", **given)
    assert ended.stdout.strip() == "[]", ended.stderr
