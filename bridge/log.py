"""Logs: one line per thing that happened, with ids and keys as fields; never a body, never a token."""

from __future__ import annotations

import logging
import sys
import traceback

import structlog


def configure(*, json: bool = False, level: int = logging.INFO) -> None:
    """Send our own log lines to standard error, as JSON or for a person to read; libraries speak up only in trouble."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _frames_only,
            structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries' own lines may show headers, addresses or bodies: only that they are in trouble, and who, is said.
    logging.basicConfig(level=logging.ERROR, format="%(name)s: %(levelname)s", stream=sys.stderr)


def _frames_only(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An exception as its type and where it came from; its message may quote a body, so it is left out."""
    if event.pop("exc_info", None):
        kind, _, where = sys.exc_info()
        event["error"] = kind.__name__ if kind else ""
        event["where"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(where)]
    return event
