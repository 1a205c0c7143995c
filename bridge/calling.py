"""Asking the running service: what commands use that act on it. Over HTTP on this machine, without any proxy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from bridge.errors import BridgeError, ConfigError

PATIENCE_S = 90.0
"""Longer than a platform takes to answer the service."""


class Refused(BridgeError):
    """The service did not do it."""


def ask(url: str, path: str, body: Mapping[str, object] | None = None) -> Any:
    """The service's answer. Raises `ConfigError` where none runs there, `Refused` where it says no."""
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Content-Type": "application/json", "X-Viabridge": "1"} if data else {}
    try:
        request = Request(_base(url) + path, data=data, headers=headers)  # noqa: S310 - `_base` lets only HTTP through
        with build_opener(ProxyHandler({})).open(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)
    except HTTPError as error:
        raise Refused(_said(error)) from error
    except (URLError, TimeoutError, ConnectionError) as error:
        raise ConfigError(
            f"No viabridge answers at {url}. Start it with `viabridge serve`, or say where it is with --url."
        ) from error
    except ValueError as error:
        raise ConfigError(f"What answers at {url} is no viabridge; say where it is with --url.") from error


def _base(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ConfigError(f"--url must start with http://, as http://127.0.0.1:8080; not {url}.")
    return url.rstrip("/")


def _said(error: HTTPError) -> str:
    """The service's own sentence, where it gave one."""
    words = error.read(100_000).decode("utf-8", "replace").strip()
    try:
        found = json.loads(words)
    except ValueError:
        return words.splitlines()[0] if words and "<" not in words else f"The service answers {error.code}."
    return str(found["error"]) if isinstance(found, dict) and "error" in found else f"The service answers {error.code}."
