"""The Slack adapter: the SDK's calls, and its exceptions translated. What is said and how it looks is decided elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from yarl import URL

from adapters.slack import channels, history, people
from adapters.slack.completing import LOOKING, Completer
from adapters.slack.directory import Remembered, User
from adapters.slack.gate import Gate
from adapters.slack.ingress import quiet
from adapters.slack.parse import METADATA, Identity, parse, sharing_changed
from adapters.slack.refusals import LATER, OPERATOR, PERHAPS, REJECTED
from adapters.slack.render import LIMIT, Message, render
from adapters.slack.settings import SlackSettings
from bridge.contract import Attempt, Capabilities, Checked, Context, Finding, Inbox, Limits, Part, People, Thread
from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain
from bridge.post import (
    AccountId,
    Destination,
    Event,
    Ignored,
    Media,
    NativeId,
    Place,
    PlaceId,
    Post,
    Raw,
    Ref,
    UserId,
)

V = TypeVar("V")


@dataclass(slots=True)
class _Outcome:
    """What it means that the time is up: `Uncertain` as soon as a message may have left."""

    lost: type[SendError] = Retryable


class SlackAdapter:
    """One Slack app in one workspace."""

    def __init__(self, account: AccountId, settings: SlackSettings) -> None:
        self._account = account
        self._settings = settings
        self._client: AsyncWebClient | None = None
        self._identity = Identity(account)
        self._bot_name = "viabridge"
        self._pinned: dict[PlaceId, str] = {}
        rooms: Remembered[channels.Channel] = Remembered(self._ask_channel, time.monotonic)
        users: Remembered[User] = Remembered(self._ask_user, time.monotonic)
        self._completer = Completer(account, users, rooms, min(LOOKING, settings.timeout), self._learn_direct)
        self._gate = Gate(self._ask_channel, time.monotonic)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(edit=True, delete=True, webhooks=True, deadline=self._settings.timeout + 2, pace=self._settings.pace)

    @property
    def limits(self) -> Limits:
        return Limits(characters=LIMIT)

    @property
    def signing_secret(self) -> str:
        """With which Slack signs for this account; empty where it is not reached over HTTP."""
        return self._settings.signing_secret.get_secret_value() if self._settings.signing_secret else ""

    @property
    def people(self) -> People | None:
        return None

    async def members(self, place: PlaceId) -> int | None:
        return await people.count(self._web, place, asked)

    async def look_up(self, handle: str) -> UserId | None:
        return await people.find(self._web, handle, asked)

    async def fetch(self, media: Media, most: int) -> bytes:  # noqa: ARG002 - the contract's
        raise Rejected("Files are not copied from Slack yet.")

    # ------------------------------------------------------------ life

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Sign in. Raises `Retryable` or `NeedsOperator`."""
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout, sock_connect=self._settings.timeout)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            client = AsyncWebClient(
                token=self._settings.bot_token.get_secret_value(),
                base_url=self._settings.api_url,
                session=session,
                logger=quiet(),
                retry_handlers=[],  # the default ones post again when an answer is lost
            )
            if URL(self._settings.api_url).host in ("127.0.0.1", "::1", "localhost"):
                client.proxy = None  # the SDK takes a proxy from the environment and knows no exceptions
            who = await asked(client.auth_test())
            self._identity = Identity(self._account, str(who["user_id"] or ""), str(who["bot_id"] or ""))
            self._bot_name = str(who["user"] or self._bot_name)
            self._client = client
            try:
                yield
            finally:
                self._client = None

    @property
    def _web(self) -> AsyncWebClient:
        if self._client is None:
            raise Retryable("Slack has not let us sign in yet.")
        return self._client

    async def listen(self, inbox: Inbox) -> None:
        """Hear everything until cancelled: by Socket Mode where there is an app token, else Slack calls us."""
        if self._settings.app_token is None:
            await asyncio.Event().wait()
            return
        from adapters.slack import socket_mode  # noqa: PLC0415 - bolt is heavy, and needed by those who listen

        await socket_mode.listen(self._account, inbox, self._settings.app_token.get_secret_value(), self._web, asked)

    # ------------------------------------------------------------ inwards

    def parse(self, raw: Raw) -> tuple[Event | Ignored, ...]:
        events = parse(raw, self._identity)
        if channel := sharing_changed(raw):
            self._gate.forget(channel)
        return events

    async def complete(self, event: Event) -> Event:
        """With the author's, mentioned people's and channels' names, and the person of a direct conversation.

        Raises `Retryable` where nobody can say now who wrote a direct message.
        """
        return await self._completer.complete(event)

    def _learn_direct(self, channel: str, person: str) -> None:
        self._identity = replace(self._identity, people_by_channel={**self._identity.people_by_channel, channel: person})

    async def _ask_user(self, user: str) -> User:
        return channels.user_of((await asked(self._web.users_info(user=user))).get("user", {}))

    async def _ask_channel(self, channel: str) -> channels.Channel:
        return channels.channel_of((await asked(self._web.conversations_info(channel=channel))).get("channel", {}))

    # ------------------------------------------------------------ outwards

    def render(self, post: Post, destination: Destination, context: Context) -> tuple[Part, ...]:
        return render(post, destination, context)

    async def pin(self, name: str) -> PlaceId:
        """The id of a channel by its name, with or without #, or by its id."""
        room = await channels.find(self._web, name, self._bot_name, asked)
        self._pinned[PlaceId(room.id)] = room.name
        self._gate.put(room)
        return PlaceId(room.id)

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        message = Message.of(part)
        root = thread.root or thread.parent
        async with self._in_time() as outcome:
            channel = await self._writable(destination.place)
            outcome.lost = Uncertain
            said = self._web.chat_postMessage(
                channel=channel,
                text=message.text,
                blocks=message.blocks or None,
                thread_ts=root.id if root else None,
                metadata={"event_type": METADATA, "event_payload": {"delivery_id": key}},
                link_names=False,
                parse="none",
                unfurl_links=False,
                unfurl_media=False,
            )
            return Ref(destination.place, NativeId(str((await asked(said, sending=True))["ts"])))

    async def edit(self, ref: Ref, part: Part) -> None:
        message = Message.of(part)
        async with self._in_time():
            channel = await self._writable(ref.place)
            said = self._web.chat_update(
                channel=channel, ts=ref.id, text=message.text, blocks=message.blocks, link_names=False, parse="none"
            )
            await asked(said)

    async def delete(self, ref: Ref) -> None:
        async with self._in_time():
            channel = await self._channel(ref.place)
            await asked(self._web.chat_delete(channel=channel, ts=ref.id), fine=frozenset({"message_not_found"}))

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[_Outcome]:
        """One time-out over all that one send, edit or deletion asks of Slack: `capabilities.deadline` promises it."""
        outcome = _Outcome()
        try:
            async with asyncio.timeout(self._settings.timeout):
                yield outcome
        except TimeoutError as error:
            raise outcome.lost("Slack did not answer in time.") from error

    async def _writable(self, place: Place) -> str:
        """Where to post, if only those may read it who should. Raises `NeedsOperator`."""
        channel = await self._channel(place)
        if not place.is_direct:
            await self._gate.ensure(channel)
        return channel

    async def _channel(self, place: Place) -> str:
        """Where to post: a channel's own id, or that of the direct conversation with a person."""
        if place.person is None:
            return place.id
        known = next((room for room, user in self._identity.people_by_channel.items() if user == place.person), None)
        if known or place.person.startswith("D"):
            return known or place.person
        opened = channels.channel_of((await asked(self._web.conversations_open(users=place.person))).get("channel", {}))
        # learned before posting, so that the echo is read as standing in this person's place
        self._learn_direct(opened.id, place.person)
        return opened.id

    async def find(self, attempt: Attempt) -> Finding:
        """Whether a message with the attempt's key stands there, by the metadata of the channel's history."""
        return await history.find(self._web, await self._channel(attempt.destination.place), attempt, asked)

    async def check(self) -> tuple[Checked, ...]:
        """The token, its scopes, and each mapped channel's gate."""
        return await channels.check(self._web, self._settings, self._pinned, self._bot_name, asked)


# ---------------------------------------------------------------- errors


async def asked(call: Awaitable[V], *, sending: bool = False, fine: frozenset[str] = frozenset()) -> V:
    """The call's answer. Raises only `SendError`s: the one table from the SDK's exceptions to ours.

    `sending`: the call must not be repeated blindly, so whatever leaves its outcome open is `Uncertain`.
    `fine`: Slack's error codes that are no failure; then the refusal itself is the answer.
    """
    lost: type[SendError] = Uncertain if sending else Retryable
    try:
        return await call
    except SlackApiError as error:
        code, status, after = _refusal(error)
        if code in fine:
            answer: Any = error.response
            return answer  # type: ignore[no-any-return]
        raise _translated(code, status, after, lost, error.response) from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientProxyConnectionError) as error:
        raise Retryable("Slack can't be reached.") from error  # the request never left
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise lost("Slack's answer was lost.") from error
    except (SlackClientError, ValueError, AttributeError) as error:
        # the SDK stumbles over answers that are not Slack's (a proxy's page with status 200)
        raise lost("Something else than Slack answered.") from error


def _refusal(error: SlackApiError) -> tuple[str, int, float | None]:
    """Slack's error code, the HTTP status, and the seconds Slack asks to wait."""
    response = error.response
    status = getattr(response, "status_code", 0) or getattr(response, "status", 0)
    data = getattr(response, "data", None)
    code = data.get("error") if isinstance(data, dict) else None
    return str(code or ""), int(status), _seconds((getattr(response, "headers", None) or {}).get("Retry-After", ""))


def _seconds(header: str) -> float | None:
    try:
        return float(header)  # Slack sends whole seconds; proxies send fractions
    except ValueError:
        return None


def _translated(code: str, status: int, after: float | None, lost: type[SendError], response: AsyncSlackResponse) -> SendError:
    if status == 429 or code in LATER:
        return Retryable("Slack asks us to slow down.", after)
    if status >= 500 or code in PERHAPS:
        return lost("Slack had a fault of its own.")
    if code == "missing_scope":
        return NeedsOperator(f"{OPERATOR[code]} It is called {response.get('needed') or 'unknown'}.")
    if code in OPERATOR:
        return NeedsOperator(OPERATOR[code])
    if code in REJECTED:
        return Rejected(REJECTED[code])
    if not code:
        return lost("Something else than Slack answered.")
    return Rejected(f"Slack refused it ({code}).")
