"""A session whose requests are not sent after their time, and end with it: requests itself bounds only each single read."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import threading
import time
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError

from adapters.mastodon.pace import Pace, kind_of

CONNECT_TIMEOUT: Final = 5.0
"""Seconds for reaching one of the server's addresses. Together with the answer's time-out it bounds a request."""


_AUTHORITIES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


def authority() -> str:
    """The file or folder of certificate authorities that the environment names; empty where it names none."""
    return next((found for name in _AUTHORITIES if (found := os.environ.get(name))), "")


class Paced(requests.RequestException):
    """Not asked: the server has said that it allows no more calls of this kind for `after` seconds."""

    def __init__(self, after: float) -> None:
        super().__init__("no calls of this kind are left")
        self.after = after


class Session(requests.Session):
    """For one thread; only `abort` may be called from others. Remembers how long the server last asked us to wait."""

    def __init__(self, pace: Pace | None = None) -> None:
        super().__init__()
        self._pace = pace or Pace()
        self._answer: float | None = None
        self.after: float | None = None
        self._lock = threading.Lock()
        self._end = math.inf
        self._aborted = False
        self._socket: socket.socket | None = None
        self.hooks["response"].append(self._note)
        self.verify = authority() or True  # requests itself knows only the first two
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Punctual(self))

    def begin(self, end: float, answer: float | None = None) -> None:
        """What is requested from now on must be sent before `end` (`time.monotonic()`).

        `answer` is how many seconds its answer may take, instead of what is asked for with the request.
        """
        with self._lock:
            self._end, self._answer, self._aborted, self._socket = end, answer, False, None

    def abort(self, end: float) -> None:
        """End the request that must end by `end`; none that was begun later."""
        with self._lock:
            if self._end == end:
                self._aborted = True
                _shut(self._socket)

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request; `timeout` (seconds for the answer) gets the connect time-out beside it, and no more than is left."""
        self.after = None
        if wait := self._pace.wait(kind_of(str(args[0]), str(args[1]))):
            raise Paced(wait)
        left = self._left()
        timeout = self._answer or kwargs.get("timeout")
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
        kind = kind_of(str(response.request.method), str(response.request.url))
        self.after = self._pace.heard(kind, response.status_code, response.headers)


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
