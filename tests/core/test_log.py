"""Logs say who is in trouble and where; never what an exception quotes."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bridge.log import NoWords

ROOT = Path(__file__).parents[2]
SECRET = "secret body"

WAYS = {
    "a library's log line": """
        try:
            fail()
        except ValueError:
            logging.getLogger("some.library").exception("while handling secret body")
    """,
    "a task that nobody awaited": """
        async def main():
            task = asyncio.create_task(afail())
            await asyncio.wait({task})
            del task
            gc.collect()

        asyncio.run(main())
    """,
    "a thread that died": """
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
    """,
    "the end of the process": "fail()",
    "our own line, inside the handler": """
        try:
            fail()
        except ValueError:
            structlog.get_logger().exception("lane.trouble", lane=7)
    """,
    "our own line, with the exception itself": """
        try:
            fail()
        except ValueError as error:
            caught = error
        structlog.get_logger().error("lane.trouble", exc_info=caught)
    """,
}
BEGINNING = """
import asyncio, gc, logging, sys, threading
import structlog
from bridge import log

def fail():
    raise ValueError("secret body")

async def afail():
    fail()

logging.basicConfig()  # as some library may have done
log.configure(json=sys.argv[1] == "json")
log.catch_uncaught()
"""


def said(way: str, form: str) -> str:
    program = BEGINNING + textwrap.dedent(way)
    ended = subprocess.run(
        [sys.executable, "-c", program, form], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    return ended.stdout + ended.stderr


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_exception_is_its_type_and_where_it_came_from(way: str, form: str) -> None:
    words = said(way, form)
    assert "ValueError" in words
    assert " fail" in words, "where it came from"
    assert "secret" not in words


def test_our_own_exceptions_are_fields() -> None:
    line = json.loads(said(WAYS["our own line, with the exception itself"], "json"))
    assert line["error"] == "ValueError"
    assert line["where"]


def test_what_another_handler_left_in_the_record_stays_there() -> None:
    with pytest.raises(ValueError, match=SECRET) as caught:
        int(SECRET)
    thrown = (caught.type, caught.value, caught.tb)
    record = logging.LogRecord("some.library", logging.ERROR, __file__, 1, SECRET, None, thrown)
    assert SECRET in logging.Formatter().format(record), "it keeps the traceback in the record"
    line = NoWords().format(record)
    assert line.startswith("some.library: ERROR ValueError at ")
    assert SECRET not in line
    assert "\n" not in line


def test_a_line_without_an_exception_is_who_and_how_bad() -> None:
    record = logging.LogRecord("some.library", logging.ERROR, __file__, 1, SECRET, None, None)
    assert NoWords().format(record) == "some.library: ERROR"
