"""The bridge in child processes that can be killed at any step. Run as a script: one JSON line in, one life of a child.

Everything heavy is imported once, here; each command forks. The parent of the children only waits for them.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from bridge import log, main
from bridge.engine import Step

HEAVY = (
    *("adapters.slack.adapter", "adapters.slack.socket_mode", "adapters.mastodon.adapter", "adapters.email.adapter"),
    *("pydantic.v1", "sqlite3", "uvicorn.protocols.http.auto", "uvicorn.protocols.websockets.auto", "uvloop"),
)
"""What a life would import late, on its own."""


def killing(order: Path) -> Callable[[Step], None]:
    """A hook that ends the process at the n-th pass of a step, counted from when `order` (its name and n) was given."""
    passed = 0

    def at_step(step: Step) -> None:
        nonlocal passed
        try:
            wanted, number = order.read_text().split()
        except (FileNotFoundError, ValueError):
            return
        if wanted in (step, "any"):
            passed += 1
            if passed >= int(number):
                order.unlink()
                os.kill(os.getpid(), signal.SIGKILL)

    return at_step


def live(command: dict[str, str]) -> None:
    """Be the service, until killed or told to end."""
    errors = os.open(command["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    log.configure(json=True)
    loaded = main.load(Path(command["mappings"]))
    with asyncio.Runner(loop_factory=main._loop_factory()) as runner:
        runner.run(
            main.serve(loaded, command["database"], "127.0.0.1", 0, at_step=killing(Path(command["order"])), patient=False)
        )


def tell(**words: int) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def lives() -> None:
    """One child per line; its number when it begins, its exit status when it ended."""
    for module in HEAVY:
        importlib.import_module(module)
    gc.freeze()  # shared by all children, until one of them writes to it
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                live(json.loads(line))
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        tell(began=child)
        tell(ended=child, status=os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    lives()
