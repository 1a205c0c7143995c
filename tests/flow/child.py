"""The bridge in child processes that can be killed at any step. Run as a script: one JSON line in, one life of a child.

Everything heavy is imported once, here; each command forks. The parent of the children only waits for them.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from bridge import log, main
from bridge.engine import Step

HEAVY = (
    *("adapters.slack.adapter", "adapters.slack.socket_mode", "adapters.mastodon.adapter", "adapters.email.adapter"),
    *("pydantic.v1", "sqlite3", "uvicorn.protocols.http.auto", "uvicorn.protocols.websockets.auto", "uvloop"),
)
"""What a life would import late, on its own."""

FATES = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def fated(order: Path) -> Callable[[Step], None]:
    """A hook that ends or stops the process at the n-th pass of a step, counted from when `order` was given.

    The order is how, at which step, and n. Of several replicas with one order, the first to come so far obeys.
    """
    passed = 0

    def at_step(step: Step) -> None:
        nonlocal passed
        try:
            how, wanted, number = order.read_text().split()
        except (FileNotFoundError, ValueError):
            return
        if wanted in (step, "any"):
            passed += 1
            if passed >= int(number):
                try:
                    order.rename(order.with_suffix(f".{os.getpid()}"))
                except FileNotFoundError:
                    return  # another obeyed
                os.kill(os.getpid(), FATES[how])

    return at_step


def live(command: dict[str, str]) -> None:
    """Be the service, until killed or told to end."""
    errors = os.open(command["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    if skew := float(command["skew"]):
        right = time.time
        time.time = lambda: right() + skew  # this machine's clock is wrong
    log.configure(json=True)
    loaded = main.load(Path(command["mappings"]))
    with asyncio.Runner(loop_factory=main._loop_factory()) as runner:
        at_step = fated(Path(command["order"]))
        port = int(command["port"])
        runner.run(main.serve(loaded, command["database"], "127.0.0.1", port, at_step=at_step, patient=False))


def tell(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def begin(command: dict[str, str]) -> None:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            live(command)
            code = 0
        except Exception:  # noqa: BLE001 - whatever ended it stands in its log
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    tell(began=child)


def reap() -> None:
    """Say which children have ended, and how."""
    while True:
        try:
            child, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not child:
            return
        tell(ended=child, status=os.waitstatus_to_exitcode(status))


def lives() -> None:
    """One child per line; its number when it begins, its exit status when it ended."""
    for module in HEAVY:
        importlib.import_module(module)
    gc.freeze()  # shared by all children, until one of them writes to it
    ended, end = os.pipe()
    os.set_blocking(end, False)
    signal.set_wakeup_fd(end)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    waiting = selectors.DefaultSelector()
    for readable in (0, ended):
        waiting.register(readable, selectors.EVENT_READ)
    rest = b""
    while True:
        for key, _ in waiting.select():
            if key.fd == ended:
                os.read(ended, 4096)
                reap()
                continue
            if not (read := os.read(0, 65536)):
                return
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                begin(json.loads(line))


if __name__ == "__main__":
    lives()
