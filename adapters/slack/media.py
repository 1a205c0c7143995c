"""Files both ways: read from Slack's own hosts and no other, and uploaded so that they really stand in the channel."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.calls import Asked
from adapters.slack.events import Json, part, parts, word
from adapters.slack.fileobjects import is_unfinished, media_of, share_of, title_of
from adapters.slack.refusals import MissingScope, Unsupported
from bridge.contract import File
from bridge.errors import FileRejected, Rejected, Retryable, SendError
from bridge.post import Media

COUNT: Final = 10
"""Files in one message."""

LARGEST: Final = 1_000_000_000
"""Bytes of a file that Slack takes."""

TRANSFER: Final = 50.0
"""Seconds that one file may take on its way."""

_ID: Final = re.compile(r"[\w-]{1,60}")
_DOMAINS: Final = ("slack.com", "slack-files.com", "slack-gov.com")
_LOCAL: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_CHUNK: Final = 64 * 1024
_REDIRECTS: Final = 3
_PAUSES: Final = (0.1, 1.0)  # seconds between two looks whether a file is ready or stands: at first, and at most
_REMEMBERED: Final = 500
_LOGIN: Final = "Slack shows its sign-in page instead of this file; give the app files:read and install it again."


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where the token may be shown: Slack's own hosts, or the one that stands in for Slack."""

    api: str

    def check(self, url: str) -> None:
        """Raises `Rejected` for an address that is not Slack's."""
        try:
            parts_ = urlsplit(url)
            host = (parts_.hostname or "").lower()
        except ValueError:
            host = ""
            parts_ = urlsplit("")
        stand_in = (urlsplit(self.api).hostname or "").lower()
        is_ours = any(host == domain or host.endswith(f".{domain}") for domain in _DOMAINS) or (host and host == stand_in)
        is_safe = parts_.scheme == "https" or (parts_.scheme == "http" and host == stand_in and self.api.startswith("http:"))
        if not is_ours or not is_safe:
            raise Rejected("This file stands outside of Slack, and is not copied from there.")


@dataclass(slots=True)
class Files:
    """The files of one account. `web` and `session` are there once it is signed in."""

    hosts: Hosts
    token: str
    web: Callable[[], AsyncWebClient]
    session: Callable[[], aiohttp.ClientSession]
    asked: Asked
    uploads: OrderedDict[str, tuple[str, ...]] = field(default_factory=OrderedDict)
    """Which files were uploaded for which send; those of a send in doubt tell it apart from others."""
    shared: OrderedDict[str, tuple[str, ...]] = field(default_factory=OrderedDict)
    """Which files a message of ours carries, by its ts."""
    refused: str = ""
    """Why nothing can be uploaded here, once that is known."""
    _shares: OrderedDict[tuple[str, str], str] = field(default_factory=OrderedDict)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)

    # ------------------------------------------------------------ inwards

    async def completed(self, media: Media, within: float) -> Media:
        """The file as Slack describes it once it is there; as it was announced where that takes longer than `within` seconds."""
        if " " in media.source or not _ID.fullmatch(media.source):
            return media
        pause = _PAUSES[0]
        try:
            async with asyncio.timeout(within):
                while is_unfinished(file := await self._info(media.source)):
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _PAUSES[1])
        except (SendError, TimeoutError):
            return media
        found = media_of(file)
        return replace(found, alt=found.alt or media.alt, name=media.name if found.name == "file" else found.name)

    async def fetch(self, media: Media, most: int) -> bytes:
        """The file's bytes. Raises `Rejected` for what is gone, larger than `most` bytes, no file, or not Slack's."""
        id_, _, url = media.source.partition(" ")
        if not _ID.fullmatch(id_):
            raise Rejected("Slack has no such file.")
        file: Json = {}
        try:
            file = await self._info(id_)
        except Unsupported:
            if not url:
                raise
        except MissingScope as error:
            raise Rejected("The Slack app lacks files:read, so its files are not copied.") from error
        if word(file, "mode") in ("tombstone", "hidden_by_limit") or file.get("is_external") is True:
            raise Rejected("This file is gone from Slack, or never was there.")
        if file and is_unfinished(file):
            raise Retryable("Slack is still taking in a file of this post.")
        return await self._download(word(file, "url_private_download") or word(file, "url_private") or url, media, most)

    async def _info(self, id_: str) -> Json:
        return part(_object(await self.asked(self.web().files_info(file=id_))), "file")

    async def _download(self, url: str, media: Media, most: int) -> bytes:
        for _ in range(_REDIRECTS + 1):
            self.hosts.check(url)
            came = await self.asked(self._get(url, media, most))
            if isinstance(came, bytes):
                return came
            url = urljoin(url, came)
        raise Rejected("Slack sends us from one address to the next for this file.")

    async def _get(self, url: str, media: Media, most: int) -> bytes | str:
        """The body, or the address where it really is."""
        headers, timeout = {"Authorization": f"Bearer {self.token}"}, aiohttp.ClientTimeout(total=TRANSFER)
        async with self.session().get(url, headers=headers, allow_redirects=False, timeout=timeout) as answer:
            if answer.status in (301, 302, 303, 307, 308):
                return answer.headers.get("Location", "")
            if answer.status == 429 or answer.status >= 500:
                raise Retryable("Slack does not hand out files now.")
            if answer.status != 200:
                raise Rejected("This file is gone from Slack, or the app may not see it.")
            if answer.content_type == "text/html" and not media.mime.startswith("text/html"):
                raise Rejected(_LOGIN)
            body = bytearray()
            async for chunk in answer.content.iter_chunked(_CHUNK):
                body += chunk
                if len(body) > most:
                    raise Rejected(f"This file is larger than the {most // 1_000_000} MB that are copied.")
        if media.mime.startswith("text/html") and media.size not in (None, len(body)):
            raise Rejected(_LOGIN)
        return bytes(body)

    # ------------------------------------------------------------ outwards

    async def uploaded(self, key: str, files: Sequence[File]) -> tuple[str, ...]:
        """The ids of the files, uploaded and not shared yet. Raises `FileRejected` for one that Slack will not have."""
        ids = [await self._upload(file) for file in files]
        self.uploads[key] = tuple(ids)
        _limit(self.uploads)
        return tuple(ids)

    async def _upload(self, file: File) -> str:
        blob = file.media.blob
        try:
            # without its description: with one, Slack has been seen to take the file and not to share it
            place = await self.asked(self.web().files_getUploadURLExternal(filename=file.media.name, length=len(file.body)))
            url, id_ = str(place.get("upload_url") or ""), str(place.get("file_id") or "")
            self.hosts.check(url)
            await self.asked(self._post(url, file))
        except MissingScope as error:
            self.refused = "the Slack app lacks files:write"
            raise FileRejected(f"not copied: {self.refused}", blob) from error
        except Unsupported as error:
            self.refused = "this Slack takes no files"
            raise FileRejected(f"not copied: {self.refused}", blob) from error
        except Rejected as error:
            raise FileRejected(f"not taken by Slack: {error.sentence}", blob) from error
        return id_

    async def _post(self, url: str, file: File) -> None:
        timeout = aiohttp.ClientTimeout(total=TRANSFER)
        headers = {"Content-Type": file.media.mime or "application/octet-stream"}
        async with self.session().post(url, data=file.body, headers=headers, timeout=timeout) as answer:
            if answer.status == 429 or answer.status >= 500:
                raise Retryable("Slack takes no files now.")
            if answer.status >= 400:
                raise Rejected("it did not take the upload")

    async def share(self, ids: Sequence[str], files: Sequence[File], channel: str, root: str | None, comment: str) -> str:
        """Make the uploaded files one message with these words; its ts. The caller bounds the time."""
        titles: list[dict[str, str | None]] = [
            {"id": id_, "title": title_of(file.media)} for id_, file in zip(ids, files, strict=True)
        ]
        call = self.web().files_completeUploadExternal(files=titles, channel_id=channel, thread_ts=root, initial_comment=comment)
        answer = await self.asked(call, sending=True)
        found = next((ts for file in parts(_object(answer), "files") if (ts := share_of(file, channel))), "")
        ts = found or await self._stands(ids, channel)
        self.shared[ts] = tuple(ids)
        _limit(self.shared)
        return ts

    async def _stands(self, ids: Sequence[str], channel: str) -> str:
        """Where the files came to stand: told by an event, or by the files themselves. The caller bounds it."""
        pause, knows = _PAUSES[0], True
        while True:
            self._heard.clear()
            if heard := next((ts for id_ in ids if (ts := self._shares.get((id_, channel)))), ""):
                return heard
            try:
                if knows and (found := share_of(await self._info(ids[0]), channel)):
                    return found
            except SendError as error:
                knows = isinstance(error, Retryable)
            try:
                async with asyncio.timeout(pause):
                    await self._heard.wait()
            except TimeoutError:
                pause = min(pause * 2, _PAUSES[1])

    def hear(self, ids: Iterable[str], channel: str, ts: str) -> None:
        """A message of ours with these files stands there."""
        for id_ in ids:
            self._shares[id_, channel] = ts
        _limit(self._shares)
        self._heard.set()

    async def remove(self, ids: Iterable[str]) -> None:
        """Remove files for good: a deleted message leaves its files behind. What is gone already is fine."""
        for id_ in ids:
            try:
                await self.asked(self.web().files_delete(file=id_), fine=frozenset({"file_not_found", "file_deleted"}))
            except (Unsupported, MissingScope):
                return


def _object(answer: AsyncSlackResponse) -> Json:
    return answer.data if isinstance(answer.data, dict) else {}


def _limit(remembered: OrderedDict[Any, Any]) -> None:
    while len(remembered) > _REMEMBERED:
        remembered.popitem(last=False)
