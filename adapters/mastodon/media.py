"""Files both ways: read from our own server and no other, and uploaded, each once, until the server has made it ready."""

from __future__ import annotations

import asyncio
import mimetypes
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from mastodon.errors import MastodonNetworkError

from adapters.mastodon import unready
from adapters.mastodon.refusals import Missing
from bridge.contract import File
from bridge.errors import FileRejected, Rejected, Retryable, SendError
from bridge.post import Media

if TYPE_CHECKING:
    from mastodon import Mastodon

T = TypeVar("T")

ALT_CHARACTERS: Final = 1500
"""Characters of a description where the server names no limit of its own."""

UPLOAD_ANSWER: Final = 45.0
"""Seconds that the server may take to answer an upload: some make pictures ready before they do."""

FETCH_END: Final = 55.0
"""Seconds that one file may take to come, with all redirects."""

_CHUNK: Final = 64 * 1024
_REDIRECTS: Final = 3
_POLLS: Final = (0.5, 5.0)  # seconds between two looks whether a file is ready: at first, and at most
_REMEMBERED: Final = 500
_STILL_PROCESSING: Final = "The Mastodon server is still making a file of this post ready."
_NOT_READY: Final = "The Mastodon server has not made this file ready yet."
_NOT_OURS: Final = "This file stands on another server than the account's, and is not copied from there."


class Calls(Protocol):
    """How the server is asked: in a worker thread, over by `end` (`time.monotonic()`), errors translated.

    `answer` is how many seconds the answer may take where that is more than usual.
    """

    async def __call__(self, call: Callable[[Mastodon], T], *, end: float | None = None, answer: float | None = None) -> T: ...


def request(client: Mastodon, method: str, path: str, params: Mapping[str, object], **options: Any) -> Any:
    """A call that the SDK makes not at all, or dearly: an edit with a language, an upload without asking twice, a page."""
    return client._Mastodon__api_request(method, path, dict(params), **options)  # type: ignore[attr-defined] # noqa: SLF001


# ---------------------------------------------------------------- inwards


@dataclass(frozen=True, slots=True)
class Hosts:
    """From where files are read. `plain` allows http, which only a server on this machine is reached by."""

    names: frozenset[str]
    plain: bool

    @classmethod
    def of(cls, server: str, *entities: Mapping[str, Any]) -> Hosts:
        """The server itself, and where it keeps its own and the account's pictures: its media host, if it has one."""
        shown = [entity.get(key) for entity in entities for key in ("thumbnail", "avatar", "avatar_static", "header")]
        urls = [str(each.get("url") if isinstance(each, Mapping) else each) for each in shown if each]
        names = {urlsplit(url).netloc.lower() for url in (server, *urls)}
        return cls(frozenset(names - {""}), plain=urlsplit(server).scheme == "http")

    def check(self, url: str) -> None:
        """Raises `Rejected` for an address that is not ours to read."""
        parts = urlsplit(url)
        if parts.scheme not in (("https", "http") if self.plain else ("https",)) or parts.netloc.lower() not in self.names:
            raise Rejected(_NOT_OURS)


@dataclass(frozen=True, slots=True)
class _Came:
    """What came of one request: a file, or where it really is, or why there is none."""

    body: bytes = b""
    moved: str = ""
    problem: SendError | None = None


async def fetch(call: Calls, hosts: Hosts, media: Media, most: int) -> bytes:
    """The file's bytes, without our token: whoever keeps files for the server need not have it.

    Raises `Retryable` while it is not ready, `Rejected` where it is gone, larger than `most` bytes, no file, or not ours.
    """
    end = time.monotonic() + FETCH_END
    url = await _address(call, media.source, end)
    for _ in range(_REDIRECTS + 1):
        hosts.check(url)
        came = await call(lambda client, url=url: _get(client.session, url, most), end=end, answer=FETCH_END)  # type: ignore[misc]
        if came.problem:
            raise came.problem
        if not came.moved:
            return came.body
        url = urljoin(url, came.moved)
    raise Rejected("The Mastodon server sends us from one address to the next for this file.")


async def _address(call: Calls, source: str, end: float) -> str:
    """Where the file is. Raises `Retryable` while the server is still making it ready."""
    if (asked := unready.awaited(source)) is None:
        return source
    status_id, media_id = asked
    url = unready.address_in(await call(lambda client: client.status(status_id), end=end), media_id)
    if url is None:
        raise Rejected("This file is gone from the Mastodon server.")
    if not url:
        raise Retryable(_NOT_READY)
    return url


def _get(session: requests.Session, url: str, most: int) -> _Came:
    """One request, in a worker thread. Raises the SDK's error for a broken connection."""
    plain: dict[str, Any] = {"headers": {"Accept": "*/*"}, "auth": lambda asked: asked}  # nor what a .netrc holds for the host
    try:
        with session.get(url, stream=True, allow_redirects=False, timeout=FETCH_END, **plain) as answer:
            if answer.is_redirect:
                return _Came(moved=answer.headers.get("Location", ""))
            if answer.status_code != 200:
                return _Came(problem=_refused(answer.status_code, getattr(session, "after", None)))
            return _read(answer, most)
    except requests.RequestException as error:
        raise MastodonNetworkError("a file did not come") from error


def _read(answer: requests.Response, most: int) -> _Came:
    if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
        return _Came(problem=Rejected("The Mastodon server shows a page instead of this file."))
    body = bytearray()
    announced = answer.headers.get("Content-Length", "")
    if not (announced.isdigit() and int(announced) > most):
        for chunk in answer.iter_content(_CHUNK):
            body += chunk
            if len(body) > most:
                break
        else:
            return _Came(bytes(body))
    return _Came(problem=Rejected(f"This file is larger than the {most // 1_000_000} MB that are copied."))


def _refused(status: int, after: float | None) -> SendError:
    if status in (404, 410):
        return Rejected("This file is gone from the Mastodon server.")
    if status == 429 or status >= 500:
        return Retryable("The Mastodon server does not hand out files now.", after)
    return Rejected("The Mastodon server does not hand out this file.")


# ---------------------------------------------------------------- outwards

_Key = tuple[str, str]  # the blob, and the description it was uploaded with


class Uploads:
    """Uploads files, and remembers which attachment each became: a repeat goes on where the last try ended."""

    def __init__(self, call: Calls) -> None:
        self._call = call
        self.alt_characters = ALT_CHARACTERS
        self._loose: OrderedDict[str, dict[int, str]] = OrderedDict()  # by purpose: uploaded, and not yet part of a status
        self._standing: OrderedDict[str, dict[_Key, str]] = OrderedDict()  # by status

    async def ready(self, purpose: str, files: Sequence[File], end: float, standing: Collection[str] = ()) -> tuple[str, ...]:
        """The attachment of each file, ready to be shown, by `end` (`time.monotonic()`).

        `purpose` is the key of the send, or the id of the status that is edited, of whose attachments those among the
        `standing` ones are used again. Raises `FileRejected` for a file that the server will not have, and `Retryable`
        for one that is not ready yet; nothing is posted then, and the next try for this purpose goes on from there.
        """
        kept = {key: id_ for key, id_ in self._standing.get(purpose, {}).items() if id_ in standing}
        loose = self._loose.setdefault(purpose, {})
        _limit(self._loose)
        made: list[str] = []
        for number, file in enumerate(files):
            now = time.monotonic()
            share = now + (end - now) / (len(files) - number)
            made.append(kept.pop(_key(file), "") or await self._ready(file, number, loose, share))
        return tuple(made)

    def knows(self, status_id: str) -> bool:
        """Whether a status' attachments are known by what they were made of."""
        return status_id in self._standing

    def attached(self, purpose: str, status_id: str, files: Sequence[File], media: Sequence[str]) -> None:
        """The files have become part of a status, and can become part of no other."""
        self.forget(purpose, status_id)
        if files:
            self._standing[status_id] = {_key(file): id_ for file, id_ in zip(files, media, strict=True)}
            _limit(self._standing)

    def forget(self, *purposes: str) -> None:
        """What was uploaded may be used up, or be no good: the next try uploads anew."""
        for each in purposes:
            self._loose.pop(each, None)
            self._standing.pop(each, None)

    async def _ready(self, file: File, number: int, loose: dict[int, str], end: float) -> str:
        try:
            made = await self._again(loose.get(number, ""), end) or await self._upload(file, end)
            loose[number] = str(made["id"])
            await self._until_ready(made, end)
        except Rejected as error:
            loose.pop(number, None)
            reason = error.sentence.partition(": ")[2] or error.sentence
            raise FileRejected(f"not taken by the Mastodon server: {reason}", file.media.blob) from error
        return loose[number]

    async def _again(self, id_: str, end: float) -> Mapping[str, Any] | None:
        """How an earlier upload is doing; None if there is none any more."""
        try:
            return await self._look(id_, end) if id_ else None
        except Missing:
            return None

    async def _upload(self, file: File, end: float) -> Mapping[str, Any]:
        """Post one file. That an answer is lost does no harm: what belongs to no status is thrown away by the server."""
        description = self._description(file.media.alt)
        params = {"description": description} if description else {}
        handed = (_name(file.media), file.body, file.media.mime)
        return await self._call(
            lambda client: request(client, "POST", "/api/v2/media", params, files={"file": handed}), end=end, answer=UPLOAD_ANSWER
        )

    async def _look(self, id_: str, end: float) -> Mapping[str, Any]:
        return await self._call(lambda client: request(client, "GET", f"/api/v1/media/{id_}", {}), end=end)

    async def _until_ready(self, made: Mapping[str, Any], end: float) -> None:
        pause = _POLLS[0]
        while not made.get("url"):
            if time.monotonic() + pause >= end:
                raise Retryable(_STILL_PROCESSING)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _POLLS[1])
            made = await self._look(str(made["id"]), end)

    def _description(self, alt: str) -> str:
        return alt if len(alt) <= self.alt_characters else alt[: self.alt_characters - 1].rstrip() + "…"


def _key(file: File) -> _Key:
    return file.media.blob, file.media.alt


def _name(media: Media) -> str:
    """A name that says no more than the kind: what the author called the file is shown nowhere, and may not be ASCII."""
    suffix = PurePath(media.name).suffix
    return "file" + (suffix if suffix.isascii() and suffix else mimetypes.guess_extension(media.mime) or "")


def _limit(remembered: OrderedDict[str, Any]) -> None:
    while len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)
