"""The Slack adapter: one signed-in app. What it sends is in `sending`, what it hears in `listening`, errors in `refusals`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack import channels, commands, people, reactions, scopes
from adapters.slack.asides import Asides, dress, shown_at
from adapters.slack.catching_up import Channels
from adapters.slack.changes import CLOSING, Change, changes_of
from adapters.slack.client import SignedIn, client_of
from adapters.slack.completing import LOOKING, Completer
from adapters.slack.directory import Remembered, User
from adapters.slack.fileobjects import id_of
from adapters.slack.gate import Gate
from adapters.slack.links import located
from adapters.slack.listening import Departure, Listening, Prompt
from adapters.slack.looking_back import Past
from adapters.slack.media import COUNT, LARGEST, Files, Hosts
from adapters.slack.parse import Identity, message_of, parse
from adapters.slack.refusals import Unsupported, asked
from adapters.slack.render import LIMIT, render
from adapters.slack.sending import FILE_TIMEOUTS, Sender
from adapters.slack.settings import SlackSettings
from bridge.contract import (
    Attempt,
    Bundler,
    Capabilities,
    Checked,
    Commands,
    Context,
    Directory,
    FileLimits,
    Finding,
    History,
    Inbox,
    Limits,
    Part,
    People,
    Thread,
)
from bridge.errors import Retryable
from bridge.post import AccountId, Created, Destination, Event, Heard, Ignored, Media, Own, Place, PlaceId, Post, Raw, Ref, UserId


class SlackAdapter:
    """One Slack app in one workspace."""

    def __init__(self, account: AccountId, settings: SlackSettings) -> None:
        self._account = account
        self._settings = settings
        self._now: SignedIn | None = None
        self._identity = Identity(account)
        self._bot_name = "viabridge"
        self._team = ""
        self._pinned: dict[PlaceId, str] = {}
        self._departure, self._prompt = Departure(), Prompt()
        self._rooms: Remembered[channels.Channel] = Remembered(self._ask_channel, time.monotonic)
        self._users: Remembered[User] = Remembered(self._ask_user, time.monotonic)
        self._gate = Gate(self._ask_channel, lambda room: channels.refuse(room, self._bot_name), time.monotonic)
        self._places_changed: Callable[[], None] = lambda: None  # nobody listens yet
        token = settings.bot_token.get_secret_value()
        self._files = Files(Hosts(settings.api_url), token, lambda: self._web, lambda: self._signed_in.session, asked)
        self._completer = Completer(
            account, self._users, self._rooms, self._files, min(LOOKING, settings.timeout), self._learn_direct
        )
        self._desk = commands.Desk(self._users, settings.timeout)
        self._asides = Asides(settings.api_url, asked, lambda: self._web, self._channel, settings.timeout)
        self._home = ""
        self._sender = Sender(
            lambda: self._web,
            asked,
            self._files,
            settings.timeout,
            self._channel,
            self._writable,
            self._me,
            elsewhere=lambda: self._pinned,
        )

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            edit=True,
            delete=True,
            webhooks=True,
            catch_up=True,
            asides=True,
            summaries=True,
            deadline=self._settings.timeout + 2,
            per_file=self._settings.timeout * FILE_TIMEOUTS,
            pace=self._settings.pace,
        )

    @property
    def limits(self) -> Limits:
        granted = self._sender.scopes
        none = bool(self._files.refused) or (granted is not None and "files:write" not in granted)
        return Limits(characters=LIMIT, files=None if none else FileLimits(COUNT, LARGEST, LARGEST))

    @property
    def signing_secret(self) -> str:
        """With which Slack signs for this account; empty where it is not reached over HTTP."""
        return self._settings.signing_secret.get_secret_value() if self._settings.signing_secret else ""

    def team(self) -> str:
        """The workspace's id; empty until it was signed in to."""
        return self._team

    @property
    def people(self) -> People | None:
        return None

    @property
    def directory(self) -> Directory | None:
        return people.Members(lambda: self._web, self.team, asked)

    @property
    def bundler(self) -> Bundler | None:
        return None

    @property
    def history(self) -> History | None:
        return Past(self._channels, lambda: self._web, asked)

    @property
    def _channels(self) -> Channels:
        return Channels(self._account, lambda: self._web, asked, self._is_shared, self._sender.known)

    @property
    def commands(self) -> Commands | None:
        return self._desk

    async def ping(self, place: PlaceId) -> None:
        await asked(self._web.conversations_info(channel=place))

    def locate(self, words: str) -> Ref | None:
        return located(words, self._account, self._home)

    async def members(self, place: PlaceId) -> int | None:
        return await people.count(self._web, place, asked)

    async def look_up(self, handle: str) -> UserId | None:
        return await people.find(self._web, handle, asked)

    async def fetch(self, media: Media, most: int) -> bytes:
        return await self._files.fetch(media, most)

    # ------------------------------------------------------------ life

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Sign in. Raises `Retryable` or `NeedsOperator`."""
        timeout = aiohttp.ClientTimeout(total=self._settings.timeout, sock_connect=self._settings.timeout)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            client = client_of(self._settings, session)
            who = await asked(client.auth_test())
            known = self._identity.people_by_channel
            self._identity = Identity(self._account, str(who.get("user_id") or ""), str(who.get("bot_id") or ""), known)
            self._bot_name = str(who.get("user") or self._bot_name)
            self._team, self._home = str(who.get("team_id") or ""), str(who.get("url") or "")
            self._sender.scopes = scopes.granted_by(who)
            self._files.refused = ""
            self._departure.forget()
            self._now = SignedIn(client, session)
            try:
                yield
            finally:
                self._now = None

    @property
    def _signed_in(self) -> SignedIn:
        if self._now is None:
            raise Retryable("Slack has not let us sign in yet.")
        return self._now

    @property
    def _web(self) -> AsyncWebClient:
        return self._signed_in.web

    def _me(self) -> frozenset[str]:
        return frozenset({self._identity.user, self._identity.bot} - {""})

    async def listen(self, inbox: Inbox) -> None:
        """Hear everything until cancelled: by Socket Mode where there is an app token, else Slack calls us."""
        socket = None
        if self._settings.app_token is not None:
            from adapters.slack.socket_mode import Socket  # noqa: PLC0415 - bolt is heavy, and needed by those who listen

            socket = Socket(self._account, self._settings.app_token.get_secret_value(), self._web, asked)
        self._places_changed = partial(inbox.places_changed, self._account)
        await Listening(self._channels, lambda: self._pinned, self._departure, self._prompt, socket).run(inbox)

    async def stand_by(self, inbox: Inbox) -> None:  # noqa: ARG002 - the contract's
        """Nothing to do: what must be known before sending is asked before sending."""
        await asyncio.Event().wait()

    # ------------------------------------------------------------ inwards

    def parse(self, raw: Raw) -> tuple[Heard, ...]:
        if (asks := commands.heard(raw, self._asides.listen)) is not None:
            return asks
        events = reactions.heard(raw, self._identity) or parse(raw, self._identity)
        changes = tuple(changes_of(raw))
        for change in changes:
            self._note(change)
        if doubts := tuple(PlaceId(each.channel) for each in changes if each.channel and self._is_ours(each)):
            events = tuple(replace(event, doubts=doubts) if isinstance(event, Ignored) else event for event in events)
        if told := [each for each in changes if people.is_gone(each.profile, self._team) is not None]:
            events = tuple(people.telling(event, told[0].profile) if isinstance(event, Ignored) else event for event in events)
        for event in events:
            self._sender.known.something |= isinstance(event, Created)
            if isinstance(event, Created) and event.own is Own.SURELY:
                self._files.hear(map(id_of, event.post.media), event.ref.place.id, event.ref.id)
                self._sender.hear(message_of(raw))
        return events

    def _is_ours(self, change: Change) -> bool:
        """Whether it is the channel itself that changed, or that we came in: not that others came or went."""
        return change.joined in ("", self._identity.user)

    def doubt(self, place: PlaceId) -> None:
        self._gate.forget(place)
        self._rooms.forget(place)

    def _note(self, change: Change) -> None:
        """Something of the workspace changed that we remember otherwise."""
        if change.channel and self._is_ours(change):
            self.doubt(PlaceId(change.channel))
            if change.kind and (change.kind not in CLOSING or change.channel in self._pinned):
                self._places_changed()
        if change.user:
            self._users.put(change.user, channels.user_of(change.profile))
        if change.kept_back:
            self._prompt.tell(thorough=True)
        if change.departed and (not change.tokens or self._identity.user in change.tokens):
            self._departure.tell(change.departed)

    async def complete(self, event: Event) -> Event:
        """With the author's, mentioned people's and channels' names, finished files, and the person of a direct conversation.

        Raises `Retryable` where nobody can say now who wrote a direct message.
        """
        return await self._completer.complete(event)

    def _learn_direct(self, channel: str, person: str) -> None:
        self._identity = replace(self._identity, people_by_channel={**self._identity.people_by_channel, channel: person})

    async def _ask_user(self, user: str) -> User:
        return channels.user_of((await asked(self._web.users_info(user=user))).get("user") or {})

    async def _ask_channel(self, channel: str) -> channels.Channel:
        try:
            found = (await asked(self._web.conversations_info(channel=channel))).get("channel") or {}
        except Unsupported:  # something less than Slack, which has no other company either
            return channels.Channel(channel, self._pinned.get(PlaceId(channel), channel), is_member=True)
        return channels.channel_of({"id": channel, **found})

    async def _is_shared(self, channel: str) -> bool:
        return (await self._ask_channel(channel)).is_shared

    # ------------------------------------------------------------ outwards

    def render(self, post: Post, destination: Destination, context: Context) -> tuple[Part, ...]:
        return dress(render(post, destination, context, shows_authors=self._sender.shows_authors), post)

    async def pin(self, name: str) -> PlaceId:
        """The id of a channel by its name, with or without #, or by its id."""
        room = await channels.find(self._web, name, self._bot_name, asked)
        if PlaceId(room.id) not in self._pinned:
            self._prompt.tell()  # from now on nothing of it is to be missed
        self._pinned[PlaceId(room.id)] = room.name
        self._gate.put(room)
        return PlaceId(room.id)

    async def send(self, part: Part, destination: Destination, thread: Thread, key: str) -> Ref:
        left = await self._asides.bring(part, destination, key)
        if isinstance(left, Ref):
            return left
        ref = await self._sender.send(left, destination, thread, key)
        return Ref(shown_at(ref.place), ref.id)

    async def edit(self, ref: Ref, part: Part) -> None:
        await self._sender.edit(ref, part)

    async def delete(self, ref: Ref) -> None:
        await self._sender.delete(ref)

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
        opened = channels.channel_of((await asked(self._web.conversations_open(users=place.person))).get("channel") or {})
        # learned before posting, so that the echo is read as standing in this person's place
        self._learn_direct(opened.id, place.person)
        return opened.id

    async def find(self, attempt: Attempt) -> Finding:
        return await self._asides.find(attempt) or await self._sender.find(attempt)

    async def check(self) -> tuple[Checked, ...]:
        """The token, its scopes, and each mapped channel's gate."""
        return await channels.check(self._web, self._settings, self._pinned, self._bot_name, asked)
