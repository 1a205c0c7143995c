"""The sandbox's journal: what stands, who wrote it, and what was handed out. The oracle of the tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from adapters.mastodon.hearing import iso
from adapters.mastodon.identity import AUDIENCES, TIMELINE
from adapters.mastodon.reading import read_text
from bridge.contract import Emitted, Standing
from bridge.post import DIRECT, Audience, NativeId, PlaceId
from bridge.text import plain

Json = Mapping[str, Any]

KINDS: Final = {"update": "created", "status.update": "edited", "delete": "deleted"}


@dataclass(frozen=True, slots=True)
class Written:
    """A status as the journal knows it: how it stands, its author's token, and whom it names."""

    standing: Standing
    author: str
    mentions: frozenset[str]


class Journal:
    """Written to by the proxy's thread, read by anybody's. `account` is the group account's id."""

    def __init__(self, account: str) -> None:
        self._account = account
        self._lock = threading.Lock()
        self._written: dict[str, Written] = {}
        self._gone: dict[str, Written] = {}
        self._emitted: dict[str, Emitted] = {}

    def wrote(self, status: Json, *, by_bridge: bool) -> None:
        """A status came to stand; the same one again changes nothing (an idempotent repeat)."""
        with self._lock:
            self._written.setdefault(str(status["id"]), _written(status, by_bridge=by_bridge))

    def edited(self, status: Json) -> None:
        with self._lock:
            before = self._written[str(status["id"])]
            now = _written(status, by_bridge=before.standing.by_bridge)
            standing = replace(now.standing, at=before.standing.at, edited=True)
            self._written[str(status["id"])] = replace(now, standing=standing)

    def deleted(self, status_id: str) -> None:
        with self._lock:
            if status_id in self._written:
                self._gone[status_id] = self._written.pop(status_id)

    def find(self, status_id: str) -> Written | None:
        """A status that stands or stood."""
        with self._lock:
            return self._written.get(status_id) or self._gone.get(status_id)

    def concerns_account(self, status_id: str) -> bool:
        """Whether the account wrote it or is named in it: then it hears of it."""
        known = self.find(status_id)
        return known is not None and (known.author == self._account or self._account in known.mentions)

    def emitted_status(self, status: Json, event: str) -> None:
        """An event about a status was handed to the bridge."""
        self.emitted_id(str(status["id"]), event, iso(status.get("edited_at")))

    def emitted_id(self, status_id: str, event: str, revision: str = "") -> None:
        if not self.concerns_account(status_id) or not (known := self.find(status_id)):
            return
        suffix = {"update": "", "status.update": f":edit:{revision}", "delete": ":delete"}[event]
        key = f"status:{status_id}{suffix}"
        with self._lock:
            self._emitted.setdefault(key, Emitted(KINDS[event], known.standing.place, known.standing.id, key))

    def standing(self, place: str | None) -> Sequence[Standing]:
        with self._lock:
            found = [one.standing for one in self._written.values()]
        return tuple(one for one in found if place is None or one.place == place)

    def emitted(self) -> Sequence[Emitted]:
        with self._lock:
            return tuple(self._emitted.values())


def _written(status: Json, *, by_bridge: bool) -> Written:
    audience = AUDIENCES[status["visibility"]]
    answered = status.get("in_reply_to_id")
    warning = f"CW: {status['spoiler_text']}\n\n" if status.get("spoiler_text") else ""
    standing = Standing(
        place=DIRECT if audience is Audience.DIRECT else PlaceId(TIMELINE),
        id=NativeId(str(status["id"])),
        user=str(status["account"]["username"]),
        text=warning + plain(read_text(str(status["content"]))),
        native=str(status["content"]),
        audience=audience,
        at=time.time(),
        reply_to=NativeId(str(answered)) if answered else None,
        by_bridge=by_bridge,
    )
    mentions = frozenset(str(mention["id"]) for mention in status.get("mentions") or ())
    return Written(standing, str(status["account"]["id"]), mentions)
