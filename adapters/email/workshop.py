"""A child process in which strangers' mail is taken apart: when that takes too long, or too much memory, only the child ends."""

from __future__ import annotations

import os
import pickle
import resource
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from bridge.errors import Retryable, Unparsable

T = TypeVar("T")

SECONDS: Final = 20.0
"""How long one mail may take. Honest ones take milliseconds."""
START_SECONDS: Final = 60.0
"""How long the child may take to be ready for its first work."""
MEMORY: Final = 2_000_000_000
"""Bytes of address space that the child may use."""
_HEAD: Final = 8
_READY: Final = b"ready"
_CLOSED: Final = "The account was closed while its mail was read; it is read again."
_TOO_MUCH: Final = "The mail takes too long or too much memory to read, as if made for that; it is kept and held."


class Workshop:
    """One child, started with the first work and after each that ended it. Calls block; they come from worker threads."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._closed = threading.Event()

    def do(self, work: Callable[..., T], *given: Any) -> T:
        """What `work(*given)` returns, done in the child; raises what it raised, or `Unparsable` where it did not end.

        `Retryable` where the account was closed meanwhile: that says nothing of the mail.
        """
        task = pickle.dumps((work, given))
        with self._lock:
            if self._closed.is_set():
                raise Retryable(_CLOSED)
            try:
                answer = self._ask(task)
            except (OSError, EOFError, TimeoutError) as problem:
                self._end()
                raise (Retryable(_CLOSED) if self._closed.is_set() else Unparsable(_TOO_MUCH)) from problem
        returned, value = pickle.loads(answer)  # noqa: S301 - written by our own code in the child
        if not returned:
            raise value
        result: T = value
        return result

    def open(self) -> None:
        """From now on a child may be started."""
        self._closed.clear()

    def start(self) -> None:
        """Have the child ready; without harm where that fails."""
        with self._lock, suppress(OSError, EOFError, TimeoutError):
            if not self._closed.is_set():
                self._ready()

    def close(self) -> None:
        """End the child, also one that is at work or still starting; a start that comes too late starts nothing."""
        self._closed.set()
        child = self._child
        if child is not None:
            child.kill()  # whoever waits for it hears that it ended, and lets go of the lock
        with self._lock:
            self._end()

    def _ask(self, task: bytes) -> bytes:
        child = self._ready()
        if child.stdin is None:
            raise EOFError
        until = time.monotonic() + self._seconds
        child.stdin.write(len(task).to_bytes(_HEAD, "big"))
        _write_all(child.stdin, task)
        length = int.from_bytes(self._read(child, _HEAD, until), "big")
        return self._read(child, length, until)

    def _ready(self) -> subprocess.Popen[bytes]:
        """The child, started where there is none."""
        child = self._child
        if child is None or child.poll() is not None:
            self._end()
            child = self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", "adapters.email.workshop"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},  # it sees the modules that we see
            )
            if self._closed.is_set():  # just then: whoever closed it saw no child to end
                raise EOFError
            self._read(child, len(_READY), time.monotonic() + START_SECONDS)
        return child

    @staticmethod
    def _read(child: subprocess.Popen[bytes], count: int, until: float) -> bytes:
        pipe = child.stdout
        if pipe is None:
            raise EOFError
        data = bytearray()
        while len(data) < count:
            ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            piece = pipe.read(min(count - len(data), 1_000_000))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()


def _write_all(pipe: Any, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[pipe.write(view) :]


def main() -> None:
    """The child: do what is asked, one after the other, until the parent hangs up."""
    import adapters.email.parse  # noqa: F401, PLC0415 - what most work needs, before the first of it is timed

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    inward, outward = sys.stdin.buffer, sys.stdout.buffer
    outward.write(_READY)
    outward.flush()
    while head := inward.read(_HEAD):
        work, given = pickle.loads(inward.read(int.from_bytes(head, "big")))  # noqa: S301 - from our own parent
        try:
            answer = pickle.dumps((True, work(*given)))
        except Unparsable as problem:
            answer = pickle.dumps((False, problem))
        except (MemoryError, RecursionError):
            answer = pickle.dumps((False, Unparsable(_TOO_MUCH)))
        except Exception as problem:  # noqa: BLE001 - it belongs to whoever asked
            answer = pickle.dumps((False, RuntimeError(type(problem).__name__)))
        outward.write(len(answer).to_bytes(_HEAD, "big") + answer)
        outward.flush()


if __name__ == "__main__":
    main()
