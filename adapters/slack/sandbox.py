"""A Slack workspace on this machine, for the demo, the tests and a newcomer's first day: Slack's protocol, a journal, faults."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar

from adapters.slack import sandbox_acts as acts
from adapters.slack import sandbox_asking as asking
from adapters.slack.sandbox_commands import Whisper
from adapters.slack.sandbox_delivery import Delivery
from adapters.slack.sandbox_server import APP_TOKEN, BOT_TOKEN, SCOPES, Server
from adapters.slack.sandbox_values import Json, StoredFile
from adapters.slack.sandbox_workspace import stored
from bridge.contract import Act, Emitted, Fault, Standing
from bridge.post import NativeId

SIGNING_SECRET: Final = "sandbox-signing-secret"  # noqa: S105 - signs for nothing but this sandbox

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class _Running:
    """The server, and what it runs on."""

    server: Server
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread


class SlackSandbox:
    """A workspace with Lynn and Karl, served from a thread and loop of its own, so that it outlives any bridge beside it.

    `events_url` empty: events go by Socket Mode. Else they are posted there, signed with `signing_secret`, and given up
    after `retry_delays` (seconds). An unacknowledged event is repeated after `ack_timeout` seconds; by socket for ever.
    `refusal` is the error code of `Fault.REFUSED`; `scopes` are the bot's permissions, None where Slack does not tell them.
    """

    def __init__(
        self,
        events_url: str = "",
        signing_secret: str = SIGNING_SECRET,
        ack_timeout: float = 2.0,
        retry_delays: Sequence[float] = (0.0, 1.0, 5.0),
        refusal: str = "msg_too_long",
        scopes: str | None = SCOPES,
    ) -> None:
        self._make: Callable[[], Server] = lambda: Server(
            Delivery(events_url, signing_secret, ack_timeout, retry_delays), refusal, scopes
        )
        self._by_http = bool(events_url)
        self._signing_secret = signing_secret
        self._running: _Running | None = None

    async def __aenter__(self) -> Self:
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="slack-sandbox", daemon=True)
        self._running = _Running(self._make(), loop, thread)
        thread.start()
        await self._run(self._server.plug())
        return self

    async def __aexit__(self, *exc: object) -> None:
        running = self._entered()
        await self._run(running.server.close())
        running.loop.call_soon_threadsafe(running.loop.stop)
        await asyncio.to_thread(running.thread.join)
        running.loop.close()

    def _entered(self) -> _Running:
        if self._running is None:
            raise RuntimeError("enter the sandbox first: async with SlackSandbox() as sandbox")
        return self._running

    @property
    def _server(self) -> Server:
        return self._entered().server

    async def _run(self, work: Coroutine[Any, Any, V]) -> V:
        """Work done in the sandbox's own thread, awaited in ours."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._entered().loop))

    def _now(self, work: Callable[[Server], V]) -> V:
        """A short look or change made in the sandbox's own thread; ours waits, that one never waits for ours."""
        running = self._entered()

        async def done() -> V:
            return work(running.server)

        return asyncio.run_coroutine_threadsafe(done(), running.loop).result(10)

    # ------------------------------------------------------------ how to join

    @property
    def account(self) -> Mapping[str, object]:
        common = {"platform": "slack", "bot_token": BOT_TOKEN, "api_url": self.api_url, "timeout": 2, "pace": 0}
        return {**common, **({"signing_secret": self._signing_secret} if self._by_http else {"app_token": APP_TOKEN})}

    @property
    def api_url(self) -> str:
        """The base address for `slack_sdk.WebClient(base_url=…)`."""
        return f"http://127.0.0.1:{self._server.port}/api/"

    @property
    def places(self) -> Sequence[str]:
        return ("all-hands", "dev-chatter")

    @property
    def people(self) -> Mapping[str, str]:
        return {"lynn": "lynn@example.org", "karl": "karl@example.org"}

    @property
    def native_writer(self) -> str:
        return ""

    @property
    def joining(self) -> Mapping[str, str]:
        tokens = {"bot token": BOT_TOKEN, "app token": APP_TOKEN, "lynn's token": "xoxp-lynn", "karl's token": "xoxp-karl"}
        return {"api url": self.api_url, **tokens, "signing secret": self._signing_secret}

    @property
    def can(self) -> frozenset[Act]:
        return frozenset({Act.EDIT, Act.DELETE, Act.DIRECT})

    # ------------------------------------------------------------ what people do

    async def write(
        self, person: str, text: str, place: str | None = None, reply_to: NativeId | None = None, *, broadcast: bool = False
    ) -> NativeId:
        where = place or self.places[0]
        return await self._do(lambda server: acts.write(server, person, text, where, reply_to, broadcast=broadcast))

    async def write_direct(self, person: str, text: str, reply_to: NativeId | None = None) -> NativeId:
        return await self._do(lambda server: acts.write(server, person, text, server.workspace.direct(person).id, reply_to))

    async def write_rich(self, person: str, text: str, blocks: Sequence[Json], place: str | None = None) -> NativeId:
        """Post as Slack's own composer does: rich_text blocks, with `text` as their fallback."""
        return await self._do(lambda server: acts.write(server, person, text, place or self.places[0], None, blocks))

    async def write_with_file(
        self, person: str, text: str, name: str, body: bytes, alt: str = "", *, finished: bool = True, place: str | None = None
    ) -> NativeId:
        """Post a file with words; with `finished` off Slack still takes it in, until `finish`."""
        where, files = place or self.places[0], [(name, body, alt)]
        return await self._do(lambda server: acts.write_files(server, person, text, where, files, finished=finished))

    async def write_with_files(self, person: str, text: str, files: Mapping[str, bytes], place: str | None = None) -> NativeId:
        """Post several files, by name, with words."""
        where, named = place or self.places[0], [(name, body, "") for name, body in files.items()]
        return await self._do(lambda server: acts.write_files(server, person, text, where, named, finished=True))

    async def remove_file(self, native: NativeId, name: str) -> None:
        """Take a file away from a message; the message stays."""
        await self._do(lambda server: acts.remove_file(server, native, name))

    async def write_as_bot(self, name: str, text: str, bot_id: str = "B0FOREIGN01") -> NativeId:
        """Post as somebody else's app does."""
        return await self._do(lambda server: acts.write_as_bot(server, name, text, bot_id, self.places[0]))

    async def finish(self) -> None:
        """Let Slack have taken in all files."""
        await self._do(acts.finish)

    def files_of(self, native: NativeId) -> Sequence[StoredFile]:
        """The files that a standing message carries."""
        return self._now(lambda server: acts.files_of(server, native))

    async def with_server(self, work: Callable[[Server], V]) -> V:
        """Something done in the sandbox's own thread; what happens by it is handed out."""
        return await self._do(work)

    async def edit(self, native: NativeId, text: str) -> None:
        await self._do(lambda server: server.workspace.change(server.workspace.by_ts(native), stored(text, typed=True)))

    async def delete(self, native: NativeId) -> None:
        await self._do(lambda server: server.workspace.remove(server.workspace.by_ts(native)))

    async def unfurl(self, native: NativeId) -> None:
        """Let a link's preview come: a change of the message that is no edit."""
        await self._do(lambda server: server.workspace.unfurl(server.workspace.by_ts(native)))

    async def command(self, person: str, text: str, place: str | None = None) -> None:
        """Type `/via` and `text` in a channel (by name), or to the app directly (`@direct`)."""
        await self._do(lambda server: asking.command(server, person, text, place or self.places[0]))

    async def shortcut(self, person: str, native: NativeId, callback_id: str = "via_why") -> None:
        """Choose a message shortcut on a message."""
        await self._do(lambda server: asking.shortcut(server, person, native, callback_id))

    async def react(self, person: str, native: NativeId, name: str, *, is_there: bool = True) -> None:
        """Put an emoji on a message, or take it back."""
        await self._do(lambda server: asking.react(server, person, native, name, is_there=is_there))

    def whispers(self, person: str) -> Sequence[Whisper]:
        """What only this person saw, oldest first."""
        return self._now(lambda server: asking.whispers(server, person))

    def reactions(self, native: NativeId) -> Mapping[str, Sequence[str]]:
        """The emoji on a message, each with the handles of who put it there."""
        return self._now(lambda server: asking.reactions(server, native))

    async def use_up_answers(self) -> None:
        """Let the addresses for answers to the commands so far be good no longer."""
        await self._do(lambda server: server.counter.forget_ways())

    async def rename(self, person: str, display_name: str, real_name: str, *, is_told: bool = False) -> None:
        """Give a person other names; with `is_told` Slack tells it."""
        await self._do(lambda server: acts.rename(server, person, display_name, real_name, is_told=is_told))

    async def offboard(self, person: str, *, is_gone: bool = True, is_told: bool = True) -> None:
        """Deactivate a member, or let them come back; with `is_told` off, the event of it is lost."""
        await self._do(lambda server: acts.offboard(server, person, is_gone=is_gone, is_told=is_told))

    async def share(self, place: str, *, is_shared: bool = True, is_told: bool = True) -> None:
        """Share a channel with another company, or stop; with `is_told` off, the event of it is lost."""
        await self._do(lambda server: acts.share(server, place, is_shared=is_shared, is_told=is_told))

    async def refresh(self) -> None:
        """Ask the bridge to connect anew, as Slack does every few hours."""
        await self._run(self._server.delivery.refresh())

    async def babble(self, frames: Sequence[str | bytes]) -> None:
        """Send anything at all over the bridge's sockets."""
        await self._run(self._server.delivery.babble(frames))

    async def _do(self, work: Callable[[Server], V]) -> V:
        async def done() -> V:
            result = work(self._server)
            self._server.emit_all()
            return result

        return await self._run(done())

    # ------------------------------------------------------------ what stands, and what goes wrong

    def standing(self, place: str | None = None) -> Sequence[Standing]:
        return self._now(lambda server: acts.standing(server, place))

    def emitted(self) -> Sequence[Emitted]:
        return self._now(lambda server: tuple(server.delivery.journal))

    def dropped(self) -> Sequence[Emitted]:
        """Events that Slack would have given up, after its last HTTP retry."""
        return self._now(lambda server: tuple(server.delivery.dropped))

    def fault(self, fault: Fault, times: int = 1, seconds: float = 0.0) -> None:
        self._now(lambda server: acts.fault(server, fault, times, seconds))

    def slow(self, method: str, seconds: float) -> None:
        """Let a method take its time."""
        self._now(lambda server: server.slow.update({method: seconds}))

    def busy(self, method: str, times: int, seconds: float) -> None:
        """Let a method be refused for now, so many times."""
        self._now(lambda server: server.busy.update({method: [seconds] * times}))

    async def unplug(self) -> None:
        await self._run(self._server.unplug())

    async def plug(self) -> None:
        await self._run(self._server.plug())
