"""The Mastodon sandbox: mastodon-mock in a child process, our proxy in a thread of its own, and four people."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlencode, urlsplit

from adapters.mastodon.darkroom import Attached, Darkroom, multipart
from adapters.mastodon.dialects import DIALECTS, MASTODON
from adapters.mastodon.faults import Faults
from adapters.mastodon.identity import TIMELINE
from adapters.mastodon.mockserver import BRIDGE_TOKEN, DOMAIN, GROUP, TOKENS, USERNAMES
from adapters.mastodon.nursery import NURSERY
from adapters.mastodon.proxy import Proxy
from adapters.mastodon.upstream import STATUSES, Call, Reply, Upstream
from bridge.contract import Act, Emitted, Fault, Standing
from bridge.post import NativeId

T = TypeVar("T")

_START: Final = 60.0  # seconds the mock may take to start on a slow machine
_PAGE: Final = 40  # statuses asked for at once
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


class MastodonSandbox:
    """A protected account `@allhands`, its approved followers Lynn and Karl, and a stranger who follows nobody.

    Its methods may be called from any loop; nothing of it runs in the caller's.
    """

    def __init__(self, dialect: str = MASTODON.name) -> None:
        """`dialect`: whose kind of server it is, one of `DIALECTS`."""
        self._dialect = DIALECTS[dialect]
        self._faults = Faults()
        self._loop = asyncio.SelectorEventLoop()  # whatever the bridge beside it runs on
        self._thread = threading.Thread(target=self._loop.run_forever, name="mastodon-sandbox", daemon=True)
        self._proxy: Proxy | None = None
        self._mock = 0

    async def __aenter__(self) -> Self:
        self._thread.start()
        await self._there(self._start())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._there(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        self._loop.close()

    # ------------------------------------------------ what it is

    @property
    def account(self) -> Mapping[str, object]:
        return {"platform": "mastodon", "server": self._front.base_url, "access_token": BRIDGE_TOKEN, "scan": 2}

    @property
    def places(self) -> Sequence[str]:
        return (TIMELINE,)

    @property
    def people(self) -> Mapping[str, str]:
        return {person: f"@{USERNAMES[person]}@{DOMAIN}" for person in ("lynn", "karl")}

    @property
    def native_writer(self) -> str:
        return GROUP

    @property
    def joining(self) -> Mapping[str, str]:
        tokens = {f"access token of @{USERNAMES[person]}": token for person, token in TOKENS.items()}
        return {"server": self._front.base_url, "group account": f"@{GROUP}", **tokens}

    @property
    def can(self) -> frozenset[Act]:
        return frozenset(Act)

    # ------------------------------------------------ what people do

    async def write(self, person: str, text: str, place: str | None = None, reply_to: NativeId | None = None) -> NativeId:
        """Post as the account itself (`allhands`), or answer it as a follower: followers only, mentioning it."""
        if place not in (None, TIMELINE):
            raise ValueError(f"A Mastodon account has one place, {TIMELINE}; there is no {place}.")
        if person != self.native_writer and reply_to is None:
            raise ValueError(f"{person} can only answer on {GROUP}'s timeline, or use write_direct.")
        words = text if person == self.native_writer else f"@{GROUP} {text}"
        return await self._post(person, words, "private", reply_to)

    async def write_direct(self, person: str, text: str, reply_to: NativeId | None = None) -> NativeId:
        return await self._post(person, f"@{GROUP} {text}", "direct", reply_to)

    async def write_with_file(
        self, person: str, text: str, name: str, mime: str, body: bytes, alt: str = "", *, directly: bool = True
    ) -> NativeId:
        """Write to the account directly, or post as the account itself, with a file."""
        made, kind = multipart(name, mime, body, alt)
        headers = {"Content-Type": kind, "Host": urlsplit(self._front.base_url).netloc}  # its address is made of the host
        call = Call("POST", "/api/v2/media", token=TOKENS[person], body=made, headers=headers)
        media = str((await self._answered(call)).json["id"])
        words = f"@{GROUP} {text}" if directly else text
        return await self._post(person, words, "direct" if directly else "private", None, media)

    async def attached(self, id: NativeId) -> Sequence[Attached]:  # noqa: A002
        """The files of a status of the account."""
        status = (await self._answered(Call("GET", f"{STATUSES}/{id}", token=TOKENS[GROUP]))).json
        found: list[Attached] = []
        for media in status["media_attachments"]:
            reply = await self._there(self._mocked.exchange(Call("GET", urlsplit(str(media["url"])).path)))
            kind = reply.headers.get("Content-Type", "")
            found.append(
                Attached(str(media["id"]), kind, str(media["description"] or ""), reply.body if reply.status == 200 else b"")
            )
        return tuple(found)

    async def file_stands(self, path: str) -> bool:
        """Whether a file can be had at a path of the server, by anybody."""
        return (await self._there(self._mocked.exchange(Call("GET", path)))).status == 200

    @property
    def darkroom(self) -> Darkroom:
        """What becomes of files that are uploaded."""
        return self._mocked.darkroom

    async def edit(self, id: NativeId, text: str) -> None:  # noqa: A002 - the contract's word
        """As its author; the mention with which a follower's post starts stays."""
        author = self._author(id)
        words = text if author == self.native_writer else f"@{GROUP} {text}"
        await self._do(author, "PUT", f"{STATUSES}/{id}", {"status": words, "media_ids[]": self.darkroom.files_of(id)})

    async def delete(self, id: NativeId) -> None:  # noqa: A002
        await self._do(self._author(id), "DELETE", f"{STATUSES}/{id}")

    async def stranger_view(self) -> Sequence[str]:
        """What somebody who follows nobody can read of the group, signed in or not: must be nothing.

        What others post for everybody under their own names is theirs, and not meant.
        """
        pages = [Call("GET", "/api/v1/timelines/public"), Call("GET", f"/api/v1/accounts/{self._mocked.account}/statuses")]
        ids = [("id[]", str(one.id)) for one in self.standing()]
        pages += [Call("GET", STATUSES, urlencode(ids[n : n + _PAGE])) for n in range(0, len(ids), _PAGE)]
        seen: list[str] = []
        for token in (TOKENS["stranger"], ""):
            for page in pages:
                reply = await self._there(self._mocked.exchange(replace(page, token=token)))
                found = reply.json if reply.status == 200 else []
                seen += [str(status["content"]) for status in found if not self._is_somebodys_own(status)]
        return tuple(seen)

    def _is_somebodys_own(self, status: Any) -> bool:
        return status["visibility"] in ("public", "unlisted") and str(status["account"]["id"]) != self._mocked.account

    # ------------------------------------------------ the journal, the faults

    def standing(self, place: str | None = None) -> Sequence[Standing]:
        return self._mocked.journal.standing(place)

    def emitted(self) -> Sequence[Emitted]:
        return self._mocked.journal.emitted()

    def fault(self, fault: Fault, times: int = 1, seconds: float = 0.0) -> None:
        self._faults.set(fault, times, seconds)

    async def unplug(self) -> None:
        await self._there(self._front.unplug())

    async def plug(self) -> None:
        await self._there(self._front.plug())

    async def set_locked(self, locked: bool) -> None:  # noqa: FBT001 - reads as a sentence
        """Have somebody switch follow approval of the account on or off."""
        await self._do(self.native_writer, "PATCH", "/api/v1/accounts/update_credentials", {"locked": str(locked).lower()})

    async def ask_to_follow(self, person: str) -> None:
        """Have somebody press Follow: the account is locked, so this only asks."""
        await self._do(person, "POST", f"/api/v1/accounts/{self._mocked.account}/follow")

    async def stop_following(self, person: str) -> None:
        """Have a follower leave, or take their request back."""
        await self._do(person, "POST", f"/api/v1/accounts/{self._mocked.account}/unfollow")

    def revoke(self, *, revoked: bool = True) -> None:
        """Accept the bridge's token no more, or again. A stream that stands stays open."""
        self._front.revoked = revoked

    def refuse_streams(self, status: int) -> None:
        """Answer every request for a stream with this HTTP status; 0: serve them again."""
        self._front.stream_refusal = status

    def refuse_reads(self, status: int) -> None:
        """Answer whatever the bridge wants to read with this HTTP status, while streams stand; 0: let it read again."""
        self._front.read_refusal = status

    def connects(self) -> Sequence[float]:
        """When streams were asked for, by `time.monotonic()`."""
        return tuple(self._front.connects)

    # ------------------------------------------------ inside

    @property
    def _front(self) -> Proxy:
        if self._proxy is None:
            raise RuntimeError("The sandbox is not entered: use `async with`.")
        return self._proxy

    @property
    def _mocked(self) -> Upstream:
        if self._front.upstream is None:
            raise RuntimeError("The sandbox has not started.")
        return self._front.upstream

    async def _there(self, work: Coroutine[Any, Any, T]) -> T:
        """Have the sandbox's own loop do it."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _start(self) -> None:
        self._proxy = Proxy(self._faults, self._dialect)
        async with asyncio.timeout(_START):
            self._mock, port = await asyncio.to_thread(NURSERY.start, self._proxy.base_url)
        await self._proxy.start(port)

    async def _stop(self) -> None:
        if self._proxy is not None:
            await self._proxy.stop()
        if self._mock:
            await asyncio.to_thread(NURSERY.end, self._mock)

    async def _post(self, person: str, text: str, visibility: str, reply_to: NativeId | None, media: str = "") -> NativeId:
        fields = {"status": text, "visibility": visibility, **({"in_reply_to_id": reply_to} if reply_to else {})}
        fields |= {"media_ids[]": media} if media else {}
        return NativeId(str((await self._do(person, "POST", STATUSES, fields)).json["id"]))

    async def _do(self, person: str, method: str, path: str, fields: Mapping[str, str | Sequence[str]] | None = None) -> Reply:
        """As that person, past the plug: people in the sandbox can write while the bridge is cut off."""
        body = urlencode(fields, doseq=True).encode() if fields else b""
        return await self._answered(
            Call(method, path, token=TOKENS[person], body=body, headers=_FORM if body else {}, unbounded=True)
        )

    async def _answered(self, call: Call) -> Reply:
        reply = await self._there(self._mocked.exchange(call))
        if reply.status != 200:
            raise ValueError(f"The sandbox's server answers {reply.status}: {reply.json.get('error')}")
        return reply

    def _author(self, id: NativeId) -> str:  # noqa: A002
        written = self._mocked.journal.find(id)
        if written is None:
            raise ValueError(f"No message {id} was ever written here.")
        return next(person for person, name in USERNAMES.items() if name == written.standing.user)
