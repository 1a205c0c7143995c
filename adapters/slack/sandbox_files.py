"""The sandbox's files: the external-upload flow, what a file says of itself, and its bytes for those who may have them."""

from __future__ import annotations

import asyncio
import itertools
import json
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web

from adapters.slack.sandbox_values import Json, Message, Refused, Room, StoredFile
from adapters.slack.sandbox_workspace import Workspace, stored

LOGIN: Final = "<!DOCTYPE html><html><head><title>Sign in | Slack</title></head></html>"


@dataclass(slots=True)
class FileStore:
    """The workspace's files. `address` is where they are handed out, known once the server listens.

    `late` makes shares known only to those who ask again after so many times; `login` is how many downloads get the sign-in page.
    """

    workspace: Workspace
    address: str = ""
    late: int = 0
    login: int = 0
    absent: bool = False
    uploads: list[str] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def add(self, user: str, name: str, body: bytes, *, alt: str = "", finished: bool = True) -> StoredFile:
        """A file that somebody uploaded."""
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        file = StoredFile(f"F0SANDBOX{next(self._numbers):02d}", name, user, mime, body, name, alt, finished)
        self.workspace.files[file.id] = file
        return file

    def to_json(self, file: StoredFile) -> Json:
        return file.to_json(f"{self.address}/files")

    # ------------------------------------------------------------ methods

    def get_upload_url(self, user: str, args: Mapping[str, Any]) -> Json:
        name, length = str(args.get("filename") or ""), str(args.get("length") or "")
        if self.absent:
            raise Refused("unknown_method")
        if not name or not length.isdigit() or length == "0":
            raise Refused("invalid_arguments")
        file = self.add(user, name, b"")
        file.uploaded = False
        # as seen of Slack: with a description the file is taken, and then not shared
        file.alt = str(args.get("alt_txt") or "")
        return {"upload_url": f"{self.address}/upload/{file.id}", "file_id": file.id}

    def complete(self, user: str, room: Room | None, args: Mapping[str, Any]) -> Json:
        wanted = args.get("files")
        wanted = json.loads(wanted) if isinstance(wanted, str) else wanted
        if not isinstance(wanted, list) or not wanted:
            raise Refused("invalid_arguments")
        files = [self._own(user, str(one.get("id"))) for one in wanted]
        for one, file in zip(wanted, files, strict=True):
            file.title = str(one.get("title") or file.name)
        if room is not None and not any(file.alt for file in files):
            self._share(user, room, files, str(args.get("initial_comment") or ""), str(args.get("thread_ts") or ""))
        return {"files": [{"id": file.id, "title": file.title} for file in files]}

    def _own(self, user: str, id_: str) -> StoredFile:
        file = self.workspace.files.get(id_)
        if file is None or file.user != user or not file.uploaded:
            raise Refused("file_not_found")
        return file

    def _share(self, user: str, room: Room, files: Sequence[StoredFile], comment: str, root: str) -> None:
        ts = self.workspace.now()
        for file in files:
            file.shares.setdefault(room.id, []).append(ts)
        shown = [{key: value for key, value in self.to_json(file).items() if key != "shares"} for file in files]
        message = Message(room.id, ts, user, stored(comment, typed=False), thread_ts=root, files=shown)
        self.workspace.post(room, message)

    def info(self, args: Mapping[str, Any]) -> Json:
        file = self.workspace.files.get(str(args.get("file")))
        if file is None:
            raise Refused("file_not_found")
        said = self.to_json(file)
        if self.late > 0 and file.shares:
            self.late -= 1
            said["shares"] = {}
        return {"file": said}

    def delete(self, user: str, args: Mapping[str, Any]) -> Json:
        file = self._own(user, str(args.get("file")))
        self.workspace.remove_file(file)
        return {}

    # ------------------------------------------------------------ bytes

    async def taken(self, request: web.Request) -> web.Response:
        """What is posted to an upload's address."""
        file = self.workspace.files.get(request.match_info["id"])
        if file is None:
            return web.Response(status=404)
        if request.content_type.startswith("multipart/"):
            posted = (await request.post()).get("file")
            file.body = await asyncio.to_thread(posted.file.read) if isinstance(posted, web.FileField) else b""
        else:
            file.body = await request.read()
        file.uploaded = True
        self.uploads.append(file.id)
        return web.Response(text=f"OK - {len(file.body)}")

    def handed_out(self, request: web.Request, *, is_known: bool) -> web.Response:
        """A file's bytes; the sign-in page for whoever may not have them."""
        file = self.workspace.files.get(request.match_info["id"])
        if not is_known or self.login > 0:
            self.login = max(0, self.login - 1)
            return web.Response(text=LOGIN, content_type="text/html")
        if file is None or not file.finished:
            return web.Response(status=404)
        return web.Response(body=file.body, content_type=file.mime)
