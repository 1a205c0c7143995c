"""Socket Mode: one WebSocket to Slack kept alive, each event acknowledged only after it was taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app, send_async_response
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.calls import Asked, ended
from adapters.slack.ingress import bolt_app, quiet
from bridge.contract import Inbox
from bridge.errors import NeedsOperator, SendError
from bridge.post import AccountId

if TYPE_CHECKING:
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

log = structlog.get_logger(__name__)

TICK: Final = 0.25
"""Seconds between two looks at the connection. The SDK would notice a dropped one only at its next ping."""

PING: Final = 5.0
"""Seconds between pings; four unanswered ones mean the stream is dead."""

WAITS: Final = (0.25, 0.5, 1.0, 2.0, 5.0)
"""Seconds before the first, second, … attempt to connect again."""

GOODBYE: Final = 1.0
"""Seconds for the other side to say goodbye, and then for its connection to end."""


class _Client(SocketModeClient):
    """The SDK's client, but when Slack asks to connect anew, as it does every few hours, that is left to `Socket.listen`.

    The SDK would do so in a task that it forgets: nobody could end it, it would ask on for as long as Slack wants it to wait,
    and where it takes long, two would connect at once.
    """

    async def connect_to_new_endpoint(self, force: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - the SDK's signature
        self.stale = True  # so `is_connected` says no


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
            client = self._client(app)
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

    def _client(self, app: AsyncApp) -> SocketModeClient:
        async def hear(client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
            began = time.time()
            await send_async_response(client, request, await run_async_bolt_app(app, request), began)

        client = _Client(self.app_token, quiet(), self.web, auto_reconnect_enabled=False, ping_interval=PING)
        client.proxy = self.web.proxy
        client.socket_mode_request_listeners.append(hear)
        return client

    async def _connect(self, client: SocketModeClient) -> None:
        client.wss_uri = await self.asked(client.issue_new_wss_url())
        async with asyncio.timeout(PING * 0.9):  # after a whole PING the SDK would try the same address again
            await client.connect()  # type: ignore[no-untyped-call]  # the SDK leaves it bare


async def _until_lost(client: SocketModeClient) -> None:
    while await client.is_connected():  # noqa: ASYNC110 - the SDK offers no event for it
        await asyncio.sleep(TICK)


async def _close(client: SocketModeClient) -> None:
    """End what the SDK opened and began, whatever the other side does, and also when told to end once more meanwhile."""
    try:
        await _for_a_moment(client.close())  # type: ignore[no-untyped-call]  # the SDK leaves it bare
    finally:
        tasks = (client.message_processor, client.current_session_monitor, client.message_receiver)
        await ended(task for task in tasks if task)
        await _for_a_moment(client.aiohttp_client_session.close())


async def _for_a_moment(goodbye: Awaitable[None]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(GOODBYE):
            await goodbye
