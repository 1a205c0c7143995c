"""`/mail/ACCOUNT/…`: `leave/WORD`, where looking changes nothing and a press, or a program's POST, does; `file/WORD/NAME`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from adapters.email.parse import LEAVE
from adapters.email.tokens import Signer
from bridge.contract import Taker
from bridge.errors import BridgeError
from bridge.post import AccountId, Raw

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><h1>{title}</h1>{body}</html>"""
_ONLY_SAVED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
"""A stranger's file is saved, never shown: nothing in it runs in our name."""
_NOBODY = "This link is not one of ours, or no longer. Open it from the newest message you got."


def router(signers: Mapping[AccountId, Signer], inbox: Taker) -> APIRouter:
    """The routes for all mail accounts."""
    routes = APIRouter()

    @routes.get("/mail/{account}/leave/{word}", include_in_schema=False)
    async def ask(account: str, word: str) -> HTMLResponse:
        found = _reader(signers, account, word)
        if found is None:
            return _page("Unknown link", f"<p>{_NOBODY}</p>", 404)
        group, reader = found
        form = f'<p>{escape(reader)} reads “{escape(group)}”.</p><form method="post"><button>Get no more of it</button></form>'
        return _page("Leave?", form)

    @routes.post("/mail/{account}/leave/{word}", include_in_schema=False)
    async def leave(account: str, word: str) -> Response:
        if _reader(signers, account, word) is None:
            return _page("Unknown link", f"<p>{_NOBODY}</p>", 404)
        key = f"leave/{hashlib.sha256(word.encode()).hexdigest()[:40]}/{int(datetime.now(UTC).timestamp())}"
        try:
            await inbox.take(Raw(AccountId(account), key, b"-", datetime.now(UTC), {LEAVE: word}))
        except BridgeError:
            return _page("Not now", "<p>It could not be written down. Please try again later.</p>", 503)
        return _page("Done", "<p>You get no more of it. An admin of the group can let you back in.</p>")

    @routes.get("/mail/{account}/file/{word}/{name:path}", include_in_schema=False)
    async def file(account: str, word: str, name: str) -> Response:
        blob = _blob(signers.get(AccountId(account)), word, name)
        try:
            body = await inbox.file(blob) if blob else None
        except BridgeError:
            return _page("Not now", "<p>It could not be looked up. Please try again later.</p>", 503)
        if body is None:
            return _page("No such file", "<p>The link is over, or its message was deleted. Ask whoever sent it.</p>", 404)
        return Response(
            body, media_type="application/octet-stream", headers=_ONLY_SAVED | {"Content-Disposition": _as_file(name)}
        )

    return routes


def _blob(signer: Signer | None, word: str, name: str) -> str | None:
    try:
        return signer.filed(word, name, datetime.now(UTC)) if signer else None
    except ValueError:
        return None


def _as_file(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def _reader(signers: Mapping[AccountId, Signer], account: str, word: str) -> tuple[str, str] | None:
    signer = signers.get(AccountId(account))
    try:
        return signer.leaver(word) if signer else None
    except ValueError:
        return None


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=title, body=body), status_code=status, headers={"Cache-Control": "no-store"})
