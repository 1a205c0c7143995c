"""The one thread that writes: it runs many callers' operations in one transaction and commits them together."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from bridge.store.session import Session

T = TypeVar("T")

_BATCH = 200
_TRIES = 4  # of one operation that lost a deadlock or a lock; each try is a transaction of its own


@dataclass(frozen=True, slots=True)
class _Job:
    operation: Callable[[Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]

    def finish(self, value: Any) -> None:
        """Hand the value over, in the caller's own thread; nothing if nobody waits any more."""
        if not self.future.done():
            self.future.set_result(value)

    def fail(self, error: BaseException) -> None:
        """As `finish`, where there is none."""
        if not self.future.done():
            self.future.set_exception(error)

    def reject(self, error: BaseException) -> None:
        _tell(self.loop, partial(self.fail, error))


def _resolve(done: Iterable[tuple[_Job, Any]]) -> None:
    """Hand each job's value over, in this order; all at once, as waking a loop costs more than what it is told."""
    for loop, some in groupby(done, key=lambda each: each[0].loop):
        _tell(loop, partial(_finish, list(some)))


def _finish(done: Iterable[tuple[_Job, Any]]) -> None:
    for job, value in done:
        job.finish(value)


def _tell(loop: asyncio.AbstractEventLoop, words: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(words)


class Writer:
    """Runs operations in the order they came, up to 200 per commit; each caller resumes after the commit, never before.

    An operation gets the connection and must do nothing but read and write through it: when one of a batch fails, the
    batch is rolled back and its operations are run again one by one.
    """

    def __init__(self, engine: Engine) -> None:
        self._session = Session(engine)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="viabridge-writer", daemon=True)
        self._thread.start()

    async def run(self, operation: Callable[[Connection], T]) -> T:
        """Run `operation` in a transaction; its result, once committed. Raises what it raised, nothing kept."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(operation, loop, future))
        return await future

    def close(self) -> None:
        """Finish what is queued, then end the thread."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            batch, last = [job], False
            while len(batch) < _BATCH and not last:
                try:
                    following = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    last = True
                else:
                    batch.append(following)
            self._commit(batch)
            if last:
                break
        self._session.close()

    def _commit(self, batch: list[_Job]) -> None:
        try:
            with self._session.transaction() as connection:
                results = [job.operation(connection) for job in batch]
        except Exception as error:  # noqa: BLE001 - whatever it was, its own caller gets it, and nobody else
            self._separately(batch, error)
            return
        _resolve(zip(batch, results, strict=True))

    def _separately(self, batch: list[_Job], error: Exception | None) -> None:
        """Run what failed together again, each in its own transaction; where the database is gone, none has to wait for it."""
        if len(batch) == 1 and error is not None and not _passing(error):
            batch[0].reject(error)
            return
        for number, job in enumerate(batch):
            if error is not None and _unreachable(error):
                for left in batch[number:]:
                    left.reject(error)
                return
            error = self._alone(job, _TRIES - (len(batch) == 1))

    def _alone(self, job: _Job, tries: int) -> Exception | None:
        """Settle the job; why it failed, if it did."""
        error: Exception | None = None
        for _ in range(tries):
            try:
                with self._session.transaction() as connection:
                    result = job.operation(connection)
            except Exception as failed:  # noqa: BLE001 - as above
                error = failed
                if not _passing(failed):
                    break
            else:
                _resolve([(job, result)])
                return None
        if error is not None:
            job.reject(error)
        return error


def _unreachable(error: Exception) -> bool:
    """Whether not even a connection could be made; an operation that failed has a statement that did."""
    return isinstance(error, DBAPIError) and error.statement is None and not error.connection_invalidated


def _passing(error: Exception) -> bool:
    """Whether the database itself says that another try may do: a deadlock, a serialisation failure, a dead connection."""
    if not isinstance(error, DBAPIError):
        return False
    code = getattr(error.orig, "sqlstate", "") or ""
    return (
        error.connection_invalidated
        or code in {"40P01", "40001"}
        or (isinstance(error, OperationalError) and "locked" in str(error.orig))
    )
