"""Files that are too large for a mail: linked to, signed, for a while; and who gets them by the link."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit

import httpx2
import pytest
from fastapi import FastAPI

from adapters.email.filelinks import LASTS, linker
from adapters.email.render import letter_of, render
from adapters.email.tokens import Signer
from adapters.email.webhooks import router
from bridge.contract import FileLimits, Limits
from bridge.post import Media
from tests.email.support import ACCOUNT, HOME, NOW, MemoryInbox, context, post, reader

SIGNER = Signer("only for this test")
SIGNED = replace(HOME, signer=SIGNER)
URL = "https://bridge.example"
BODY = b"<script>alert(1)</script>"
BLOB = hashlib.sha256(BODY).hexdigest()
FILM = Media("lake & sea ☀.html", "text/html", 25_000_000, "a lake", "f1", BLOB)
LIMITS = Limits(100_000, files=FileLimits(20, 10_000_000, 10_000_000, linked=40_000_000))


def written(*media: Media, url: str = URL) -> str:
    there = context(limits=LIMITS, public_url=url)
    (part,) = render(post(media=media), reader(), there, (), linker(SIGNED, url, NOW))
    assert not part.files
    letter = letter_of(part)
    if url and "https" in letter.text:
        assert f'href="{URL}/mail/' in letter.html, "also in the HTML it can be pressed"
    return letter.text


@pytest.mark.scenario("I06")
@pytest.mark.scenario("I10")
def test_what_is_too_large_is_named_with_a_link_and_until_when_it_holds() -> None:
    line = next(line for line in written(FILM).splitlines() if "lake & sea" in line)
    assert "(a lake) \N{EN DASH} 25 MB, until 16 November: https://bridge.example/mail/mail/file/" in line


@pytest.mark.parametrize(
    ("media", "url", "says"),
    [
        (FILM, "", "too large for mail"),
        (replace(FILM, size=41_000_000), URL, "too large for mail"),
        (replace(FILM, blob=""), URL, "too large for mail"),
        (replace(FILM, name="setup.exe"), URL, "a program"),
        (replace(FILM, missing="gone"), URL, "gone"),
    ],
    ids=["not-reached-from-outside", "larger-than-anything", "not-kept", "a-program", "missing"],
)
def test_without_a_link_the_reason_is_said(media: Media, url: str, says: str) -> None:
    text = written(media, url=url)
    assert says in text
    assert "https://" not in text


@pytest.mark.scenario("I10")
async def test_the_link_gives_the_file_to_be_saved_and_nothing_else_does() -> None:
    inbox, app = MemoryInbox(), FastAPI()
    inbox.files[BLOB] = BODY
    app.include_router(router({ACCOUNT: SIGNER}, inbox))
    where = written(FILM).partition("https://bridge.example")[2].split()[0]
    path = urlsplit(where).path
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=URL) as client:
        # The link holds 14 days from the post; these tests run much later or earlier than that.
        word = SIGNER.file(BLOB, FILM.name, (NOW + timedelta(days=9999)).date())
        got = await client.get(path.replace(path.split("/")[4], word))
        assert (got.status_code, got.content) == (200, BODY)
        assert got.headers["content-type"] == "application/octet-stream"
        assert got.headers["content-disposition"].startswith("attachment")
        assert got.headers["x-content-type-options"] == "nosniff"
        over = SIGNER.file(BLOB, FILM.name, (NOW - timedelta(days=1200)).date())
        for wrong in (
            over,
            word[:-1] + ("a" if word[-1] != "a" else "b"),
            Signer("other").file(BLOB, FILM.name, NOW.date()),
            "x",
        ):
            assert (await client.get(f"/mail/{ACCOUNT}/file/{wrong}/{FILM.name}")).status_code == 404
        assert (await client.get(f"/mail/{ACCOUNT}/file/{word}/other.exe")).status_code == 404, "its name is part of it"
        inbox.files.clear()
        assert (await client.get(f"/mail/{ACCOUNT}/file/{word}/x")).status_code == 404
    assert timedelta(days=14) == LASTS
