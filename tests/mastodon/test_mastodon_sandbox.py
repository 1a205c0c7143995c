"""The sandbox keeps its word: what its server accepts is in the journal."""

from __future__ import annotations

import asyncio

import pytest

from adapters.mastodon.mockserver import BRIDGE_TOKEN
from adapters.mastodon.reading import read_text
from adapters.mastodon.sandbox import MastodonSandbox
from adapters.mastodon.upstream import STATUSES, Call, Reply
from bridge.text import plain
from tests.mastodon.conftest import client_of, eventually


async def test_what_a_dead_client_wrote_is_in_the_journal(sandbox: MastodonSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream = sandbox._mocked
    forward, accepted = upstream._forward, asyncio.Event()

    async def accepts(call: Call) -> Reply:
        reply = await forward(call)
        if call.posts:
            accepted.set()
            await asyncio.sleep(0.05)  # the answer is on its way
        return reply

    async def dies() -> None:
        body = b"status=said+by+the+dead&visibility=private"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        client = asyncio.create_task(upstream.exchange(Call("POST", STATUSES, token=BRIDGE_TOKEN, body=body, headers=headers)))
        await accepted.wait()
        client.cancel()
        await asyncio.wait({client})
        assert client.cancelled()

    monkeypatch.setattr(upstream, "_forward", accepts)
    await sandbox._there(dies())
    await eventually(lambda: [one for one in sandbox.standing() if one.text == "said by the dead"], "the journal's entry", 5)


async def test_a_strangers_view_shows_each_leak_and_nothing_that_is_none(sandbox: MastodonSandbox) -> None:
    account, karl = (client_of(sandbox, handle) for handle in ("allhands", "karl"))
    posted = [
        (karl, "The lake is open to all", "public"),
        (account, "too wide", "public"),
        (account, "@stranger is told of this", "private"),
        (account, "for followers only", "private"),
    ]
    statuses = [(by, await asyncio.to_thread(by.status_post, words, visibility=width)) for by, words, width in posted]
    try:
        seen = {plain(read_text(html)) for html in await sandbox.stranger_view()}
        assert seen == {"too wide", "@stranger is told of this"}
    finally:
        for by, status in statuses:
            await asyncio.to_thread(by.status_delete, status["id"])
    assert not await sandbox.stranger_view()
