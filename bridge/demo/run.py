"""The two ways to run the demo: with its page, or once through the scripted conversation."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Coroutine
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.demo.verdict import Verdict

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells have it."""


def page(host: str, port: int) -> int:
    """Serve the page until Ctrl-C or SIGTERM; the exit code."""
    began = time.perf_counter()
    return _run(_page(host, port, began))


def once(*, as_json: bool) -> int:
    """Play the scripted conversation; 0 only if every post stands exactly once in every other place, and nothing else does."""
    began = time.perf_counter()
    return _run(_once(began, as_json=as_json))


def _run(work: Coroutine[Any, Any, int]) -> int:
    try:
        return asyncio.run(_until_told(work))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return INTERRUPTED


async def _until_told(work: Coroutine[Any, Any, int]) -> int:
    """SIGTERM ends it as Ctrl-C does: everything is taken down, the folder removed."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await work


async def _page(host: str, port: int, began: float) -> int:
    from bridge.demo import stage  # noqa: PLC0415 - the clock starts before what is heavy loads

    _quiet(logging.WARNING)
    print("Starting a small town: three tools, four people, one bridge …", flush=True)
    async with stage.opened() as ready:
        from bridge.demo import serving  # noqa: PLC0415 - FastAPI came with the service

        await serving.serve(ready, host, port, began)
    return 0


async def _once(began: float, *, as_json: bool) -> int:
    from bridge.demo import stage  # noqa: PLC0415 - as above

    _quiet(logging.CRITICAL)
    async with stage.opened() as ready:
        from bridge.demo.script import Play  # noqa: PLC0415 - as above

        started = time.perf_counter() - began
        if not as_json:
            print(f"ready in {started:.1f} s", flush=True)
        verdict = await Play(ready, lambda _row: None).perform()
    if as_json:
        print(json.dumps(_as_json(verdict), ensure_ascii=False))
    else:
        _print(verdict)
    return 0 if verdict.ok else 1


def _quiet(level: int) -> None:
    """Only trouble is worth a line beside the result."""
    from bridge import log  # noqa: PLC0415 - as above

    log.configure(level=level)


def _as_json(verdict: Verdict) -> dict[str, object]:
    rows = [asdict(row) for row in verdict.rows]
    return {"ok": verdict.ok, "lost": verdict.lost, "doubled": verdict.doubled, "breaches": list(verdict.breaches), "rows": rows}


def _print(verdict: Verdict) -> None:
    """What arrived where after how long: a line per step of a post, a column per destination."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415 - only this needs it
    from rich.console import Console  # noqa: PLC0415 - only this needs it
    from rich.table import Table  # noqa: PLC0415

    from bridge.demo.script import median  # noqa: PLC0415

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else 120)
    places = sorted({row.destination for row in verdict.rows})
    table = Table(title="What arrived where, after how many milliseconds", title_justify="left", box=SIMPLE_HEAD)
    for title in ("step", "post", "from"):
        table.add_column(title)
    for place in places:
        table.add_column(place, justify="right")
    lines: dict[tuple[str, str, str], dict[str, float]] = {}
    for row in verdict.rows:
        lines.setdefault((row.step, row.post, row.origin), {})[row.destination] = row.ms
    for said, arrived in lines.items():
        table.add_row(*said, *(f"{arrived[place]:,.0f}" if place in arrived else "" for place in places))
    console.print(table)
    for breach in verdict.breaches:
        console.print(f"✗ {breach}", markup=False, highlight=False)
    usual = f"usually there after {median(verdict.rows):.0f} ms"
    console.print(f"lost {verdict.lost}, doubled {verdict.doubled}; {usual}", highlight=False)
