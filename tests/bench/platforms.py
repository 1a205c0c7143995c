"""The platforms' side of the bench, in a process of its own: they cost little, speak HTTP, SSE and SMTP, and keep count.

`python -m tests.bench.platforms` prints its ports as one JSON line and ends when its input does. What people write is ordered
over `POST /control/run`; the answer says what arrived where, how late, how often and in which order.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Final

import aiohttp
import uvloop
from aiohttp import web

from tests.bench.journal import Journal
from tests.bench.mail import Mail
from tests.bench.mastodon import Mastodon
from tests.bench.slack import Slack

_IN_FLIGHT: Final = 64  # events that Slack delivers at once; of a channel one after the other, so that they have an order


class Control:
    """Has people write, and waits for the copies."""

    def __init__(self, slack: Slack, mastodon: Mastodon, journal: Journal) -> None:
        self._slack = slack
        self._mastodon = mastodon
        self._journal = journal
        self._number = 0

    async def run(self, request: web.Request) -> web.Response:
        """`source` slack or mastodon; `places` there; `posts`; `rate` a second, 0 as fast as it goes; `patience` in seconds.

        With `outage` Mastodon answers 503 until the last post was written.
        """
        order = await request.json()
        self._slack.events_url = order.get("events_url", self._slack.events_url)
        self._journal.begin(order["posts"])
        gate = asyncio.Semaphore(_IN_FLIGHT)
        begun = time.perf_counter()
        self._mastodon.down = bool(order.get("outage"))
        async with asyncio.TaskGroup() as tasks:
            for n in range(order["posts"]):
                if order["rate"]:
                    await asyncio.sleep(max(0.0, begun + n / order["rate"] - time.perf_counter()))
                await gate.acquire()
                place = order["places"][n % len(order["places"])]
                tasks.create_task(self._say(order["source"], place, gate))
        self._mastodon.down = False
        try:
            async with asyncio.timeout(order["patience"]):
                await self._journal.came.wait()
                await asyncio.sleep(0.3)  # one that is doubled comes a little later
        except TimeoutError:
            pass  # what is missing is counted as lost
        return web.json_response(self._journal.verdict())

    async def _say(self, source: str, place: str, gate: asyncio.Semaphore) -> None:
        self._number += 1
        try:
            if source == "slack":
                await self._slack.say(self._number, place)
            else:
                self._mastodon.say(self._number, place)
        finally:
            gate.release()


async def serve() -> None:
    journal = Journal()
    slack, mastodon = Slack(journal), Mastodon(journal)
    control = Control(slack, mastodon, journal)
    app = web.Application(client_max_size=2**22)
    app.router.add_post("/control/run", control.run)
    app.router.add_post("/slack/api/{method}", slack.call)
    app.router.add_get("/slack/api/{method}", slack.call)
    app.router.add_get("/slack/socket", slack.socket)
    app.router.add_route("*", "/api/{path:.*}", mastodon.call)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    mail = await asyncio.get_running_loop().create_server(lambda: Mail(journal), "127.0.0.1", 0)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_IN_FLIGHT)) as client:
        slack.client = client
        print(json.dumps({"http": runner.addresses[0][1], "smtp": mail.sockets[0].getsockname()[1]}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
    mail.close()
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(serve())
