"""WebSocket streaming, the only transport some servers have: opens it, answers its pings, and decodes its messages."""

from __future__ import annotations

import json
from typing import Final

import aiohttp

from adapters.mastodon.sse import decoded
from adapters.mastodon.stream import SILENCE, Connected, Ended, Follow, Tell, Told, headers, session

PATH: Final = "/api/v1/streaming"
_PING: Final = 15.0
"""Seconds between two pings of ours; half as long unanswered, and the connection is dead."""
_LARGEST: Final = 2**22


def following(base: str, token: str, silence: float = SILENCE) -> Follow:
    """How to follow the WebSocket of the server at `base` (http or https: the upgrade is an ordinary request)."""
    ping = min(_PING, silence / 2)

    async def follow(tell: Tell) -> Ended:
        async with (
            await session(base, silence) as client,
            client.ws_connect(
                base + PATH, params={"stream": "user"}, headers=headers(token), heartbeat=ping, max_msg_size=_LARGEST
            ) as socket,
        ):
            tell(Connected())
            async for message in socket:
                match _read(message):
                    case Ended() as ended:
                        return ended
                    case told:
                        tell(told)
        return Ended("the server closed the stream")

    return follow


def _read(message: aiohttp.WSMessage) -> Told | Ended:
    """One message. What cannot be read is told without a name: nothing a server says may end the listening."""
    if message.type is aiohttp.WSMsgType.ERROR:  # a ping that was not answered, among others
        return Ended(type(message.data).__name__)
    if message.type is not aiohttp.WSMsgType.TEXT:
        return Told("", None)
    try:
        said = json.loads(message.data)
    except (ValueError, RecursionError):
        return Told("", message.data)
    if not isinstance(said, dict):
        return Told("", said)
    if "error" in said and "event" not in said:
        status = said.get("status")
        return Ended("refused in the stream", status if isinstance(status, int) else None)
    name = str(said.get("event") or "")
    return Told(name, decoded(name, said.get("payload")))
