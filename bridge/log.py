"""Logs: one line per thing that happened, with ids and keys as fields; never a body, never a token."""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import traceback
from types import TracebackType
from typing import TextIO

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
        logger_factory=structlog.PrintLoggerFactory(Unfailing(sys.stderr)),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(NoWords())
    # Forced: what a library set up before us would print the words as well.
    logging.basicConfig(level=logging.ERROR, handlers=[handler], force=True)


class Unfailing:
    """A stream that can be written to whatever happens: a log on a full disk loses lines, never posts."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, words: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(words)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def catch_uncaught() -> None:
    """Log what nobody catches, in this process and its threads; Python itself would print the exception's text."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


class NoWords(logging.Formatter):
    """Libraries' lines may show headers, addresses or bodies: only who is in trouble is said, and where it came from."""

    def format(self, record: logging.LogRecord) -> str:
        """Without the message, and without `exc_text`, in which another handler may have left the whole traceback."""
        line = f"{record.name}: {record.levelname}"
        return f"{line} {self.formatException(record.exc_info)}" if record.exc_info and record.exc_info[0] else line

    def formatException(  # noqa: N802 - logging's own name
        self, ei: tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
    ) -> str:
        """The exception's type and frames, in the same line."""
        kind, where = _type_and_frames(ei[1])
        return f"{kind} at {', '.join(where)}" if where else kind


def _type_and_frames(error: BaseException | None) -> tuple[str, list[str]]:
    """What an exception is and where it came from, outermost frame first; its message may quote a body, so it is left out."""
    if error is None:
        return "", []
    frames = traceback.extract_tb(error.__traceback__)
    return type(error).__name__, [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]


def _frames_only(_logger: object, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An exception as its type and where it came from."""
    if given := event.pop("exc_info", None):
        error = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else sys.exc_info()[1]
        event["error"], event["where"] = _type_and_frames(error)
    return event


def _uncaught(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, where)  # a person pressed Ctrl-C: there is nothing to hide
    else:
        logging.getLogger("viabridge").critical("uncaught", exc_info=(kind, error, where))


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    logging.getLogger("viabridge").critical("uncaught in a thread", exc_info=args.exc_value)
