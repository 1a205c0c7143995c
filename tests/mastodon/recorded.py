"""What real Mastodon servers said, out of the recordings in Mastodon.py's source distribution (MIT). Downloaded, never kept here.

No tests. The distribution is fetched by name, checked by its hash, and read once; what was found stays in pytest's cache.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PACKAGE = "Mastodon.py==2.3.3"
SHA256 = "a3cda3db86d65809957c978aef8ac7fb3dfc93abfeda3f1c6bdef4c79090ab7b"
LARGEST = 400_000  # bytes of one recording: the larger ones are pictures
PATIENCE = 25.0  # seconds for the download, of a test that may take 60
FORMAT = 1  # of our own file of findings

_BODY = re.compile(r"^      string: '((?:[^']|'')*)'", re.MULTILINE)
_FOLD = re.compile(r"[ \t]*\n[ \t\n]*")

Json = dict[str, Any]


@dataclass(frozen=True)
class Recorded:
    """The statuses that stand anywhere in the answers, and the stream's events in their order, each by the recording's name."""

    statuses: tuple[tuple[str, Json], ...]
    events: tuple[tuple[str, str, object], ...]

    def of(self, recording: str) -> list[Json]:
        return [status for name, status in self.statuses if name == recording]

    def told(self, recording: str) -> list[tuple[str, object]]:
        return [(event, payload) for name, event, payload in self.events if name == recording]


def recorded(keep: Path) -> Recorded:
    """From `keep`, or downloaded into it. Skips the test where no package can be had."""
    found = keep / f"{SHA256[:16]}-{FORMAT}.json"
    if not found.exists():
        found.write_text(json.dumps(_read(_downloaded(keep))))
    data = json.loads(found.read_text())
    return Recorded(tuple(map(tuple, data["statuses"])), tuple(map(tuple, data["events"])))  # type: ignore[arg-type]


def _downloaded(folder: Path) -> Path:
    base = getattr(sys, "_base_executable", sys.executable)
    pip = shutil.which("pip3") or shutil.which("pip")
    options = [
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-binary",
        "Mastodon.py",
        "--dest",
        str(folder),
    ]
    for command in ([base, "-m", "pip"], [pip] if pip else []):
        if not command:
            continue
        try:
            done = subprocess.run([*command, *options, PACKAGE], capture_output=True, check=False, timeout=PATIENCE)
        except (OSError, subprocess.TimeoutExpired):
            continue
        archive = next(iter(sorted(folder.glob("*astodon*.tar.gz"))), None)
        if done.returncode == 0 and archive:
            assert hashlib.sha256(archive.read_bytes()).hexdigest() == SHA256, "not the distribution that was looked at"
            return archive
    pytest.skip(f"the recordings of {PACKAGE} cannot be downloaded here")


def _read(archive: Path) -> Json:
    found = Json(statuses=[], events=[])
    with tarfile.open(archive) as files:
        for member in sorted(files, key=lambda member: member.name):
            if "/cassettes/" in member.name and member.name.endswith(".yaml") and member.size < LARGEST:
                source = files.extractfile(member)
                _gather(Path(member.name).name.removesuffix(".yaml"), source.read() if source else b"", found)
    archive.unlink()
    return found


def _gather(name: str, source: bytes, found: Json) -> None:
    for answer in _answers(source.decode()):
        try:
            statuses = [(name, status) for status in _statuses(json.loads(answer))]
        except ValueError:
            events = list(_events(answer))
            found["events"] += [(name, *event) for event in events]
            statuses = [(name, status) for _, payload in events for status in _statuses(payload)]
        found["statuses"] += [one for one in statuses if one not in found["statuses"]]


def _answers(recording: str) -> Iterator[str]:
    """The bodies of the answers: quoted, folded YAML scalars. Read by rule, for YAML in Python takes ten times as long."""
    for body in _BODY.finditer(recording):
        unfolded = _FOLD.sub(lambda fold: "\n" * (fold.group().count("\n") - 1) or " ", body[1])
        yield unfolded.replace("''", "'")


def _events(stream: str) -> Iterator[tuple[str, object]]:
    """Server-sent events: an id alone is JSON too, but must stay the text that a server sends."""
    name = ""
    for line in stream.splitlines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: ") and name:
            words = line.removeprefix("data: ")
            yield name, words if name == "delete" else json.loads(words)


def _statuses(value: object) -> Iterator[Json]:
    if isinstance(value, dict):
        if value.keys() >= {"id", "visibility", "account", "content"}:
            yield value
        for inner in value.values():
            yield from _statuses(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _statuses(inner)
