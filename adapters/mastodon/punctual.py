"""A session whose requests are not sent after their time, and end with it: requests itself bounds only each single read."""

from __future__ import annotations

import contextlib
import math
import socket
import threading
import time
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError

CONNECT_TIMEOUT: Final = 5.0
"""Seconds for reaching one of the server's addresses. Together with the answer's time-out it bounds a request."""


class Session(requests.Session):
    """For one thread; only `abort` may be called from others. Remembers how long the server last asked us to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.after: float | None = None
        self._lock = threading.Lock()
        self._end = math.inf
        self._aborted = False
        self._socket: socket.socket | None = None
        self.hooks["response"].append(self._note)
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Punctual(self))

    def begin(self, end: float) -> None:
        """What is requested from now on must be sent before `end` (`time.monotonic()`)."""
        with self._lock:
            self._end, self._aborted, self._socket = end, False, None

    def abort(self, end: float) -> None:
        """End the request that must end by `end`; none that was begun later."""
        with self._lock:
            if self._end == end:
                self._aborted = True
                _shut(self._socket)

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request; `timeout` (seconds for the answer) gets the connect time-out beside it, and no more than is left."""
        self.after = None
        left = self._left()
        timeout = kwargs.get("timeout")
        answer = min(left, timeout) if isinstance(timeout, int | float) else left
        kwargs["timeout"] = (min(CONNECT_TIMEOUT, answer), answer)
        return super().request(*args, **kwargs)

    def connected(self, connection: HTTPConnection) -> None:
        """Called before anything is sent over a new connection: there may be many addresses, and a slow name server."""
        try:
            self._left()
        except requests.ConnectTimeout as error:
            connection.close()
            raise ConnectTimeoutError(connection, "too late to send anything") from error

    def sent(self, connection: HTTPConnection) -> None:
        """Called when the request is sent and its answer awaited."""
        with self._lock:
            self._socket = connection.sock
            if self._aborted:
                _shut(self._socket)

    def _left(self) -> float:
        if (left := self._end - time.monotonic()) <= 0:
            raise requests.ConnectTimeout("too late to send anything")
        return left

    def _note(self, response: requests.Response, *_: object, **__: object) -> None:
        asked = response.headers.get("Retry-After", "")
        self.after = float(asked) if asked.isdigit() else None


class _Punctual(HTTPAdapter):
    """Has the session asked once a connection stands: urllib3 knows time-outs only, no end."""

    def __init__(self, session: Session) -> None:
        self._session = session
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        session = self._session

        class Plain(HTTPConnection):
            def connect(self) -> None:
                super().connect()
                session.connected(self)

            def getresponse(self) -> Any:
                session.sent(self)
                return super().getresponse()

        class Secure(HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                session.connected(self)

            def getresponse(self) -> Any:
                session.sent(self)
                return super().getresponse()

        class PlainPool(HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(HTTPSConnectionPool):
            ConnectionCls = Secure

        self.poolmanager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def _shut(waiting: socket.socket | None) -> None:
    """Wake the thread that reads from it; closing alone would not."""
    if waiting is not None:
        with contextlib.suppress(OSError, ValueError):
            waiting.shutdown(socket.SHUT_RDWR)
