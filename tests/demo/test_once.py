"""`viabridge demo --once` as anybody runs it: a process of its own, judged by its exit code and what it prints."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from bridge.demo import run, script, stage
from bridge.demo.verdict import Verdict

pytestmark = pytest.mark.timeout(180)  # it starts the whole town, and plays an outage

ROOT = Path(__file__).resolve().parents[2]

STEPS = {
    "new post", "direct message", "as the account", "new mail", "thread reply", "email reply", "before the edit", "edit",
    "before the deletion", "deletion", "early echo", "event twice", "outage",
}  # fmt: skip


async def started(folder: Path, *words: str) -> asyncio.subprocess.Process:
    surroundings = os.environ | {"TMPDIR": str(folder), "PYTHONPATH": str(ROOT)}
    piped = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "bridge.cli", "demo", *words)
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=surroundings, stdout=piped, stderr=piped)


async def test_every_post_stands_exactly_once_in_every_other_place(tmp_path: Path) -> None:
    process = await started(tmp_path, "--once", "--json")
    out, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, ""), out.decode()
    told: dict[str, Any] = json.loads(out)
    assert (told["ok"], told["lost"], told["doubled"], told["breaches"]) == (True, 0, 0, [])
    assert {row["step"] for row in told["rows"]} == STEPS
    assert {row["origin"] for row in told["rows"]} == {row["destination"].partition(",")[0] for row in told["rows"]}
    assert all(row["ms"] >= 0 for row in told["rows"])
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib's way is refused in async code


async def test_the_page_ends_on_sigterm_with_a_stream_open_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = await started(tmp_path, "--port", "0")
    assert process.stdout is not None
    url = await asyncio.wait_for(address(process.stdout), 40)
    host, _, port = url.removeprefix("http://").rstrip("/").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(f"GET /events?since=x HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert b"200" in await reader.readline()
        process.send_signal(signal.SIGTERM)
        _, err = await asyncio.wait_for(process.communicate(), 10)
    finally:
        writer.close()
    assert process.returncode in {0, run.INTERRUPTED}, err.decode()
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - pathlib's way is refused in async code


async def address(lines: asyncio.StreamReader) -> str:
    """The page's address, as the terminal shows it once everything runs."""
    async for line in lines:
        if line.strip().startswith(b"http://"):
            return line.decode().strip()
    raise AssertionError("the demo ended before it was ready")


@pytest.mark.parametrize(
    ("verdict", "code"), [(Verdict(), 0), (Verdict(doubled=1), 1), (Verdict(lost=1), 1), (Verdict(breaches=("x",)), 1)]
)
def test_a_breach_makes_it_exit_1(
    verdict: Verdict, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class NoStage:
        async def __aenter__(self) -> None: ...
        async def __aexit__(self, *exc: object) -> None: ...

    async def perform(_play: script.Play) -> Verdict:
        return verdict

    monkeypatch.setattr(stage, "opened", NoStage)
    monkeypatch.setattr(script.Play, "perform", perform)
    assert run.once(as_json=True) == code
    assert json.loads(capsys.readouterr().out)["ok"] is (code == 0)
