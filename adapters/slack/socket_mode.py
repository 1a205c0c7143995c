"""Socket Mode: one WebSocket to Slack kept alive, each event acknowledged only after it was taken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import structlog
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import Asked, ended
from adapters.slack.ingress import bolt_app, quiet
from bridge.contract import Inbox
from bridge.errors import NeedsOperator, SendError
from bridge.post import AccountId

log = structlog.get_logger(__name__)

TICK: Final = 0.25
"""Seconds between two looks at the connection. The SDK would notice a dropped one only at its next ping."""

PING: Final = 5.0
"""Seconds between pings; four unanswered ones mean the stream is dead."""

WAITS: Final = (0.25, 0.5, 1.0, 2.0, 5.0)
"""Seconds before the first, second, … attempt to connect again."""


@dataclass(frozen=True, slots=True)
class Socket:
    """An account's way to hear by socket. `asked` runs a call to Slack and raises only `SendError`s."""

    account: AccountId
    app_token: str
    web: AsyncWebClient
    asked: Asked

    async def listen(self, inbox: Inbox, caught_up: Callable[[], Awaitable[None]]) -> None:
        """Hear events until cancelled, reconnecting alone; after each connect `caught_up` brings what was missed before.

        Raises `NeedsOperator` where Slack lets us connect no more: the token was revoked, or the app removed.
        The SDK's own reconnecting is off: it repeats a used-up address for ever when the first try to reach it fails.
        """
        app = bolt_app(self.account, inbox)
        failures = 0
        while True:
            handler = AsyncSocketModeHandler(app, self.app_token, logger=quiet(), web_client=self.web, ping_interval=PING)
            client = handler.client
            client.proxy = self.web.proxy
            client.auto_reconnect_enabled = client.default_auto_reconnect_enabled = False
            try:
                with inbox.catching_up(self.account):  # from before the first event can come
                    await self._connect(client)
                    if failures:
                        log.info("slack socket connected again", account=self.account)
                    failures = 0
                    await caught_up()
                await _until_lost(client)
                log.info("slack socket lost", account=self.account)
            except NeedsOperator:
                raise  # no outage: trying again in a second mends nothing, and somebody must be told
            except (SendError, TimeoutError) as error:
                if failures < 2:  # the outage is said once, not at every attempt
                    log.warning("slack socket can't connect", account=self.account, error=type(error).__name__)
            finally:
                await _close(client)
            await asyncio.sleep(WAITS[min(failures, len(WAITS) - 1)])
            failures += 1

    async def _connect(self, client: SocketModeClient) -> None:
        client.wss_uri = await self.asked(client.issue_new_wss_url())
        async with asyncio.timeout(PING * 0.9):  # after a whole PING the SDK would try the same address again
            await client.connect()  # type: ignore[no-untyped-call]  # the SDK leaves it bare


async def _until_lost(client: SocketModeClient) -> None:
    while await client.is_connected():  # noqa: ASYNC110 - the SDK offers no event for it
        await asyncio.sleep(TICK)


async def _close(client: SocketModeClient) -> None:
    """Close what the SDK opened, and wait for its tasks; a peer that does not say goodbye is left after a second."""
    try:
        async with asyncio.timeout(1):
            await client.close()  # type: ignore[no-untyped-call]  # the SDK leaves it bare
    except TimeoutError:
        await client.aiohttp_client_session.close()
    tasks = (client.message_processor, client.current_session_monitor, client.message_receiver)
    await ended(task for task in tasks if task)
