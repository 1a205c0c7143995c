#!/usr/bin/env python3
"""One command for everything: builds `.venv` from requirements.lock, then runs a part of the project in it.

Standard library only. Nothing outside this folder is written. Knows nothing of the bridge itself.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
SITE = VENV / "site"  # used only where this Python has no venv module
LOCK = ROOT / "requirements.lock"
STAMP = VENV / "installed"
PYTHON = VENV / "bin" / "python"

USAGE = """\
python3 run.py demo     the bridge with three sandboxes and a page to try it (--once: a scripted run)
python3 run.py serve    the service (--mappings FILE --database URL --host HOST --port PORT)
python3 run.py viabridge  any other command of the bridge: check, schema, version
python3 run.py test     the tests; further words go to pytest
python3 run.py check    format, lint, types, import rules, tests (--static: all but the tests)
python3 run.py drills   the long tests: repeated crashes, soak
python3 run.py bench    the measurements (--quick, --json)
python3 run.py lock     rewrite requirements.lock from pyproject.toml (needs uv)
"""
TOO_OLD = "viabridge needs Python 3.11 or newer; this is {}.{}. Name a newer one: python3.11 run.py, for example."
NO_PIP = "This Python has no pip. Install it (Debian, Ubuntu: apt install python3-pip) or install uv, then run this again."
NOT_INSTALLED = "The packages could not be installed: see the lines above. Nothing is broken; run the same command again."

# Of the caller's environment: another Python's, and that nothing compiled be kept, which costs each of many processes seconds.
FOREIGN = ("PYTHONHOME", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
PYTEST = ["-m", "pytest", "-q"]
# Much of a test is waiting for sandboxes, so six share two cores; a file's tests share its sandboxes. In their own order:
# the quickest folders come last, so that no worker is left alone with a long file.
WORKERS = ["-n", "6", "--dist", "loadfile", "--no-loadscope-reorder"]
STATIC = {
    "format": ["-m", "ruff", "format", "--check", "."],
    "lint": ["-m", "ruff", "check", "."],
    "types": ["-m", "mypy"],
    "imports": ["-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"],
}
COMPILE = ["--universal", "--generate-hashes", "--no-header", "--all-extras", "--python-version", "3.11"]


def environment() -> dict[str, str]:
    """The caller's environment, with the checkout as the only import path besides the installed packages."""
    env = {key: value for key, value in os.environ.items() if key not in FOREIGN}
    path = [ROOT] if PYTHON.exists() else [ROOT, SITE]
    # Safe path: a call from inside adapters/ must not let adapters/email stand in for the standard library's.
    return env | {"PYTHONPATH": os.pathsep.join(map(str, path)), "PYTHONSAFEPATH": "1", "PIP_USER": "0"}


def call(*command: str | Path) -> int:
    """Run a program in the checkout; its exit code."""
    return subprocess.run([str(word) for word in command], cwd=ROOT, env=environment(), check=False).returncode


def python() -> Path:
    """The project's interpreter."""
    return PYTHON if PYTHON.exists() else Path(sys.executable)


def become(*arguments: str) -> NoReturn:
    """Turn into the project's Python, so that signals and exit codes are its own."""
    sys.stdout.flush()
    os.execve(python(), [str(python()), *arguments], environment())


def installers() -> Iterator[list[str | Path]]:
    """Make an empty `.venv`; the command that installs packages into it. Asked again, it finds another way if there is one."""
    uv = shutil.which("uv")
    if uv and not call(uv, "venv", "--quiet", "--no-cache", "--clear", "--no-project", "--python", sys.executable, VENV):
        # Compiled now, as pip does: else each of the first processes would do it on its own.
        yield [uv, "pip", "install", "--quiet", "--no-cache", "--compile-bytecode", "--python", PYTHON]
        print("uv could not; trying pip.", file=sys.stderr, flush=True)  # whose settings for this network are its own
    pip = ["-m", "pip", "--disable-pip-version-check"]
    install = ["install", "-qq", "--no-cache-dir", "--no-warn-script-location"]
    has_pip = importlib.util.find_spec("pip")
    if importlib.util.find_spec("venv"):
        # Made without pip, so a Python without ensurepip will do. The system's pip then installs into it, which no
        # EXTERNALLY-MANAGED mark forbids.
        bare = ["--without-pip"] if has_pip else []
        if not call(sys.executable, "-m", "venv", "--clear", *bare, VENV):
            yield [sys.executable, *pip, "--python", PYTHON, *install] if has_pip else [PYTHON, *pip, *install]
            return
    shutil.rmtree(VENV, ignore_errors=True)
    if not has_pip:
        sys.exit(NO_PIP)
    yield [sys.executable, *pip, *install, "--target", SITE]


def prepare() -> None:
    """Install the locked packages, unless that was done already for this lock and this Python."""
    with LOCK.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two first runs at once take turns
        state = "{} {}.{}\n".format(hashlib.sha256(lock.read()).hexdigest(), *sys.version_info)
        if STAMP.exists() and STAMP.read_text() == state:
            return
        print("Installing the locked packages into .venv: once, about a minute.", file=sys.stderr, flush=True)
        if all(call(*install, "--require-hashes", "-r", LOCK) for install in installers()):
            sys.exit(NOT_INSTALLED)
        STAMP.write_text(state)


def check(words: list[str]) -> int:
    """Run every check, say how each ended, and fail if any did."""
    steps = STATIC if "--static" in words else {**STATIC, "tests": [*PYTEST, *WORKERS]}
    failed = []
    for name, command in steps.items():
        print(f"== {name}", flush=True)
        if call(python(), *command):
            failed.append(name)
    for name in steps:
        print(f"{'FAILED' if name in failed else 'ok':7} {name}")
    return 1 if failed else 0


def lock() -> int:
    """Resolve pyproject.toml anew for every supported Python, with hashes and without any address."""
    uv = shutil.which("uv") or sys.exit("`lock` needs uv on the PATH.")
    return call(uv, "pip", "compile", "--quiet", "--no-config", *COMPILE, "pyproject.toml", "-o", LOCK.name)


def main(name: str = "help", *rest: str) -> int:
    """Run one command; its exit code."""
    if sys.version_info < (3, 11):
        sys.exit(TOO_OLD.format(*sys.version_info))
    if name == "lock":
        return lock()
    if name not in ("demo", "serve", "viabridge", "test", "check", "drills", "bench"):
        print(USAGE, end="")
        return 0 if name in ("help", "-h", "--help") else 2
    prepare()
    if name == "check":
        return check([*rest])
    if name in ("demo", "serve"):
        become("-m", "bridge.cli", name, *rest)  # in the caller's folder, where its files are
    if name == "viabridge":
        become("-m", "bridge.cli", *rest)
    os.chdir(ROOT)
    if name == "test":
        become(*PYTEST, *(rest or WORKERS))  # a chosen few start quicker in one process
    if name == "bench":
        become("-m", "tests.bench", *rest)
    become(*PYTEST, "-m", "drill", "--timeout=1800", "-n0", *rest)


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
