"""Where the sandboxes' mock servers come from: one process for all of them that has imported the mock, as that takes a second."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from adapters.mastodon import mockserver


class Nursery:
    """Its process lives as long as one of its servers does, or somebody holds it. Calls block; they may come from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holds = 0
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Meanwhile the process stays when its last server ends, so that the next one need not wait for a new one."""
        with self._lock:
            self._holds += 1
        try:
            yield
        finally:
            self._release()

    def start(self, base_url: str) -> tuple[int, int]:
        """A new server for the proxy at that address: its process and its port. `end` it."""
        with self._lock:
            self._holds += 1
        try:
            answer = self._ask(start=base_url)
        except BaseException:
            self._release()
            raise
        return answer["pid"], answer["port"]

    def end(self, pid: int) -> None:
        """Have the server gone."""
        try:
            self._ask(end=pid)
        finally:
            self._release()

    def _ask(self, **words: object) -> dict[str, int]:
        line = json.dumps(words)
        with self._lock:
            is_new = self._process is None
            # One that was there before may have lost its folder, with whoever's temporary folder that was in.
            said = self._tell(line) or (b"" if is_new else self._tell(line))
        if not said:
            raise RuntimeError("mastodon-mock did not start: is viabridge[demo] installed?")
        answer: dict[str, int] = json.loads(said)
        return answer

    def _tell(self, line: str) -> bytes:
        """The process's answer; empty where it ended instead, so that the next one who asks gets a new one."""
        process = self._process = self._process or _begun()
        said = _told(process, line)
        if not said:
            self._process = None
            _end(process)
        return said

    def _release(self) -> None:
        with self._lock:
            self._holds -= 1
            if self._holds or self._process is None:
                return
            process, self._process = self._process, None
        _end(process)


def _begun() -> subprocess.Popen[bytes]:
    # -P: the folder's own names (parse, render …) must not shadow anybody's modules
    return subprocess.Popen(  # noqa: S603 - our own file
        [sys.executable, "-P", str(Path(mockserver.__file__))], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    )


def _told(process: subprocess.Popen[bytes], line: str) -> bytes:
    """Its answer, empty where it is no more."""
    if process.stdin is None or process.stdout is None:
        return b""
    with suppress(OSError):
        process.stdin.write(line.encode() + b"\n")
    return process.stdout.readline()


def _end(process: subprocess.Popen[bytes]) -> None:
    """It ends when its input does; a stuck one is killed."""
    with process:
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            process.kill()


NURSERY: Final = Nursery()
