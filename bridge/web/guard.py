"""Who may see the pages: a browser on this machine, until there is a sign-in. Health and the platforms' routes are for all.

What changes something asks for more: no web page that this machine's browser shows may be able to call it.
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse

SENTENCE = "This page is shown only to a browser on the machine that viabridge runs on.\n"
MEANT = "X-Viabridge"
"""The header that says that a request is meant."""

_PROXIED = re.compile(r"x-forwarded(-.*)?|forwarded|via|x-real-ip")
# A name that somebody else's DNS can point at 127.0.0.1 would let their page read ours.
_HOST = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)


class Elsewhere(Exception):
    """The request does not come straight from this machine."""


def only_from_here(request: Request) -> None:
    """A dependency of the pages. Raises `Elsewhere`."""
    client = request.client.host if request.client else ""
    proxied = any(_PROXIED.fullmatch(name) for name in request.headers)
    if not is_loopback(client) or proxied or not _HOST.fullmatch(request.headers.get("host", "")):
        raise Elsewhere


class ByAccident(Exception):
    """Perhaps it was not meant: a web page could have sent it."""


def on_purpose(request: Request) -> None:
    """A dependency of what changes something. Raises `ByAccident`.

    A page of another origin can send neither JSON nor a header of its own without asking first, and nobody here answers that.
    """
    headers = request.headers
    is_json = headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
    origin, here = headers.get("origin"), f"http://{headers.get('host', '')}"
    foreign = origin not in (None, here) or headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
    if foreign or not is_json or headers.get(MEANT) != "1":
        raise ByAccident


def refuse_accident(_request: Request, _error: Exception) -> JSONResponse:
    """What such a request gets."""
    said = f"This is only for the viabridge command: POST JSON with the header {MEANT}: 1, from no web page."
    return JSONResponse({"error": said}, status_code=403)


def refuse(_request: Request, _error: Exception) -> PlainTextResponse:
    """What everybody else gets: as if there were no page, with the reason."""
    return PlainTextResponse(SENTENCE, status_code=404)


def is_loopback(host: str) -> bool:
    """Whether this is a loopback address, also where IPv6 carries IPv4."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    inner = getattr(address, "ipv4_mapped", None)
    return (inner or address).is_loopback
