"""What a real server does with files and the mock does not: takes its time, replaces as a whole, forgets what is deleted.

Only the bridge suffers: people's files are ready at once, and never refused.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    from adapters.mastodon.upstream import Call, Reply

UPLOADS: Final = ("/api/v1/media", "/api/v2/media")
_UPLOADED: Final = "/api/v1/media/"
_UNREADY: Final = "Cannot attach files that have not finished processing. Try again in a moment!"


@dataclass(frozen=True, slots=True)
class Attached:
    """A file as a status shows it."""

    id: str
    mime: str
    alt: str
    body: bytes


class Darkroom:
    """Used from the proxy's thread; told what to do from any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slow = 0
        self._refused = 0
        self._unready: dict[str, int] = {}
        self._known: dict[str, Mapping[str, Any]] = {}
        self._standing: dict[str, Sequence[Mapping[str, Any]]] = {}
        self._gone: set[str] = set()
        self._uploads = 0
        self._edits: dict[str, Mapping[str, Any]] = {}

    @property
    def uploads(self) -> int:
        """How many files were uploaded so far."""
        return self._uploads

    def edit_of(self, status_id: str) -> Mapping[str, Any]:
        """What the last edit of a status sent."""
        return self._edits[status_id]

    def slow(self, looks: int) -> None:
        """From now on each file is ready only after so many looks; 0: at once. What is under way is ready then."""
        with self._lock:
            self._slow = looks
            self._unready = dict.fromkeys(self._unready, looks) if looks else {}

    def refuse(self, uploads: int) -> None:
        """Refuse the next uploads for good."""
        with self._lock:
            self._refused = uploads

    def problem(self, call: Call) -> str:
        """What a real server refuses a call for."""
        with self._lock:
            if call.method == "POST" and call.path in UPLOADS and call.by_bridge and self._refused:
                self._refused -= 1
                return "Validation failed: File content type is invalid"
            if call.posts or call.edits:
                return _UNREADY if self._unready.keys() & set(_media_of(fields_of(call))) else ""
            return ""

    def whole(self, call: Call) -> Call:
        """An edit as the mock must be told of it: what it does not say is dropped."""
        if not call.edits:
            return call
        fields = fields_of(call)
        with self._lock:
            self._edits[call.path.rsplit("/", 1)[-1]] = fields
        if "spoiler_text" in fields:
            return call
        if call.headers.get("Content-Type", "").startswith("application/json"):
            return replace(call, body=json.dumps({**fields, "spoiler_text": ""}).encode())
        return replace(call, body=call.body + b"&" + urlencode({"spoiler_text": ""}).encode())

    def is_gone(self, call: Call) -> bool:
        return call.path in self._gone

    def developed(self, call: Call, reply: Reply) -> Reply:
        """The answer to an upload, to a look at one, or to an edit, as a real server gives it."""
        with self._lock:
            if call.method == "POST" and call.path in UPLOADS and reply.status == 200:
                return self._taken(reply, looks=self._slow if call.by_bridge else 0)
            if call.method == "GET" and call.path.startswith(_UPLOADED) and reply.status == 200:
                return self._looked_at(reply)
            if (call.posts or call.edits) and reply.status == 200:
                media = [self._known[id_] for id_ in _media_of(fields_of(call)) if id_ in self._known]
                self._standing[str(reply.json["id"])] = media
            if call.deletes and reply.status == 200:
                self.show(shown := reply.json)
                self._gone |= {urlsplit(str(media["url"])).path for media in shown.get("media_attachments") or ()}
            return reply

    def files_of(self, status_id: str) -> Sequence[str]:
        """The ids of a status' files."""
        return [str(media["id"]) for media in self._standing.get(status_id, ())]

    def show(self, status: MutableMapping[str, Any]) -> None:
        """Make a status show what the last edit left it."""
        if (media := self._standing.get(str(status["id"]))) is not None:
            status["media_attachments"] = list(media)

    def _taken(self, reply: Reply, looks: int) -> Reply:
        media = reply.json
        self._uploads += 1
        self._known[str(media["id"])] = media
        if not looks:
            return reply
        self._unready[str(media["id"])] = looks
        return replace(reply, status=202, body=json.dumps({**media, "url": None}).encode())

    def _looked_at(self, reply: Reply) -> Reply:
        media = reply.json
        left = self._unready.get(str(media["id"]), 0)
        if left:
            self._unready[str(media["id"])] = left - 1
            return replace(reply, status=206, body=json.dumps({**media, "url": None}).encode())
        self._unready.pop(str(media["id"]), None)
        return reply


def fields_of(call: Call) -> dict[str, Any]:
    """A call's parameters, of a list all."""
    kind = call.headers.get("Content-Type", "")
    if kind.startswith("application/json"):
        found: dict[str, Any] = json.loads(call.body or b"{}")
        return found
    if not kind.startswith("application/x-www-form-urlencoded"):
        return {}
    pairs = parse_qsl(call.body.decode(), keep_blank_values=True)
    return dict(pairs) | {"media_ids": [value for name, value in pairs if name == "media_ids[]"]}


def _media_of(fields: Mapping[str, Any]) -> Sequence[str]:
    return [str(id_) for id_ in fields.get("media_ids") or ()]


def multipart(name: str, mime: str, body: bytes, alt: str) -> tuple[bytes, str]:
    """An upload's body, and its content type."""
    mark = b"--sandbox-file"
    head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: {mime}\r\n\r\n'.encode()
    words = f'Content-Disposition: form-data; name="description"\r\n\r\n{alt}'.encode()
    made = b"\r\n".join([mark, head + body, mark, words, mark + b"--", b""])
    return made, f"multipart/form-data; boundary={mark[2:].decode()}"
