"""`/mail/ACCOUNT/leave/WORD`: how a reader leaves by a link. Looking changes nothing; a press, or a program's POST, does."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from adapters.email.parse import LEAVE
from adapters.email.tokens import Signer
from bridge.contract import Inbox
from bridge.errors import BridgeError
from bridge.post import AccountId, Raw

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><h1>{title}</h1>{body}</html>"""
_NOBODY = "This link is not one of ours, or no longer. Open it from the newest message you got."


def router(signers: Mapping[AccountId, Signer], inbox: Inbox) -> APIRouter:
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

    return routes


def _reader(signers: Mapping[AccountId, Signer], account: str, word: str) -> tuple[str, str] | None:
    signer = signers.get(AccountId(account))
    try:
        return signer.leaver(word) if signer else None
    except ValueError:
        return None


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(_PAGE.format(title=title, body=body), status_code=status, headers={"Cache-Control": "no-store"})
