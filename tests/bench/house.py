"""The bridge as its users run it, `viabridge serve` in a process of its own, between the bench's platforms."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.bench.slack import SECRET

ROOT = Path(__file__).resolve().parents[2]
_ENV = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
_PATIENCE = 30.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Platforms:
    """The other process: where its servers are, and how it is told what to do."""

    http: int
    smtp: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    def run(self, source: str, places: Sequence[str], posts: int, rate: float, patience: float = 60.0, **more: object) -> Any:
        """Have people write `posts` posts, `rate` a second (0: as fast as it goes); what came of it."""
        order = {"source": source, "places": list(places), "posts": posts, "rate": rate, "patience": patience, **more}
        return _post(f"{self.url}/control/run", order, patience + posts / (rate or 50) + 10)


@dataclass
class Bridge:
    """The running service. `start_s` is from its start until it is ready."""

    process: subprocess.Popen[bytes]
    url: str
    start_s: float

    @property
    def rss_mb(self) -> float:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * _PAGE / 2**20

    @property
    def cpu_s(self) -> float:
        """Seconds of processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


@contextmanager
def platforms() -> Iterator[Platforms]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.platforms"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_ENV
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield Platforms(**json.loads(process.stdout.readline()))
    finally:
        process.stdin.close()
        _end(process)
        process.stdout.close()


@contextmanager
def bridge(folder: Path, mappings: dict[str, Any], database: str = "", port: int = 0) -> Iterator[Bridge]:
    """`viabridge serve`, ready."""
    folder.mkdir(parents=True, exist_ok=True)
    file, port = folder / "mappings.yaml", port or free_port()
    with file.open("w", encoding="utf-8") as out:
        YAML(typ="safe").dump(mappings, out)
    words = [
        "serve",
        "--mappings",
        str(file),
        "--database",
        database or f"sqlite:///{folder}/bench.db",
        "--port",
        str(port),
        "--no-waiting",
    ]
    began = time.perf_counter()
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "bridge.cli", *words], cwd=folder, stdout=log, stderr=log, env=_ENV)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, folder / "log")
        yield Bridge(process, url, time.perf_counter() - began)
    finally:
        process.terminate()
        _end(process)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.perf_counter() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=1) as answer:  # noqa: S310 - loopback alone
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            pass
        if process.poll() is not None or time.perf_counter() > deadline:
            raise RuntimeError(f"viabridge serve did not become ready:\n{log.read_text()[-3000:]}")
        time.sleep(0.02)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _post(url: str, said: object, patience: float) -> Any:
    request = urllib.request.Request(url, json.dumps(said).encode(), {"Content-Type": "application/json"})  # noqa: S310 - loopback alone
    with urllib.request.urlopen(request, timeout=patience) as answer:  # noqa: S310 - loopback alone
        return json.loads(answer.read())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def mappings_for(world: Platforms, folder: Path, pairs: int, *, mail: bool = False, by_socket: bool = False) -> dict[str, Any]:
    """`pairs` groups of one Slack channel and one Mastodon account each; with `mail` one more of a channel and a reader."""
    secrets = folder / "secrets"
    secrets.mkdir(parents=True, exist_ok=True)
    (secrets / "bot").write_text("xoxb-bench")
    (secrets / "signing").write_text(SECRET)
    (secrets / "app").write_text("xapp-bench")
    heard = {"app_token": {"file": "secrets/app"}} if by_socket else {"signing_secret": {"file": "secrets/signing"}}
    accounts: dict[str, Any] = {
        "team": {
            "platform": "slack",
            "api_url": f"{world.url}/slack/api/",
            "bot_token": {"file": "secrets/bot"},
            **heard,
            "pace": 0,
        }
    }
    groups: dict[str, Any] = {}
    for n in range(pairs):
        (secrets / f"m{n}").write_text(f"m{n}")
        accounts[f"m{n}"] = {"platform": "mastodon", "server": world.url, "access_token": {"file": f"secrets/m{n}"}}
        places = [{"at": f"team/{channel(n)}"}, {"at": f"m{n}/timeline"}]
        groups[f"g{n}"] = {"about": "The bench", "places": places, "loops": {"budget": "off"}}
    people: dict[str, Any] = {"lynn": {"team": "UBENCH01"}}
    if mail:
        listen = f"smtp:127.0.0.1:{free_port()}"
        accounts["mail"] = {"platform": "email", "domain": "bench.example", "smtp": f"127.0.0.1:{world.smtp}", "listen": listen}
        people["lee"] = {"mail": "lee@reader.example"}
        places = [{"at": f"team/{channel(pairs)}"}, {"at": "mail/all", "readers": ["lee"]}]
        groups["mail"] = {"about": "The bench", "places": places, "loops": {"budget": "off"}}
    return {"accounts": accounts, "people": people, "groups": groups}


def channel(number: int) -> str:
    """The id of the `number`th Slack channel."""
    return f"CBENCH{number:05d}"
