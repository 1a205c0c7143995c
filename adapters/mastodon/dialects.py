"""How the sandbox's server differs from Mastodon when it is to be like GoToSocial. Pure: calls and answers in and out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from adapters.mastodon import gatekeeping
from adapters.mastodon.darkroom import fields_of
from adapters.mastodon.upstream import Call, Reply, refusal

_KEY: Final = "idempotency-key"
_UNKNOWN: Final = re.compile(r"^/api/(v./notifications/policy|v2/notifications|v1/accounts/[^/]+/remove_from_followers)$")


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a kind of server speaks. `own`: Mastodon itself.

    Others ignore idempotency keys, have no notification policy, remove no followers, and refuse an edit of nothing.
    """

    name: str
    sse: bool = True
    websocket: bool = True
    own: bool = True

    def refuses(self, call: Call) -> Reply | None:
        """The answer to a call that this kind of server does not know."""
        return refusal(404, "Not Found") if not self.own and _UNKNOWN.search(call.path) else None

    def refuses_to_change(self, call: Call, source: Mapping[str, Any], media: Sequence[str]) -> Reply | None:
        """The answer to an edit of a status of which this is the source, and these are the files."""
        if self.own:
            return None
        fields = fields_of(call)
        wanted = (fields.get("status") or "", fields.get("spoiler_text") or "", [*map(str, fields.get("media_ids") or ())])
        unchanged = wanted == (source["text"], source.get("spoiler_text") or "", [*media])
        return refusal(422, "Unprocessable Entity: status was not changed") if unchanged else None

    def understood(self, call: Call) -> Call:
        """The call as this kind of server reads it."""
        if self.own:
            return call
        return replace(call, headers={name: value for name, value in call.headers.items() if name.lower() != _KEY})

    def worded(self, reply: Reply, base_url: str) -> Reply:
        """The answer in this kind of server's words."""
        if self.own or "json" not in reply.headers.get("Content-Type", "") or not reply.body:
            return reply
        answer = reply.json
        for status in gatekeeping.statuses_in(answer):
            self.spell(status)
        if isinstance(answer, dict) and "configuration" in answer:
            _introduce(answer, base_url)
        body = json.dumps(answer, ensure_ascii=False).encode()
        return replace(reply, status=400 if reply.status == 422 else reply.status, body=body)

    def spell(self, status: dict[str, Any]) -> None:
        """Line breaks as this kind of server writes them."""
        if not self.own:
            status["content"] = str(status["content"]).replace("<br />", "<br>").replace("<br/>", "<br>")


def _introduce(instance: dict[str, Any], base_url: str) -> None:
    """Says who it is; and advertises an encrypted stream whether it has one or not."""
    instance["version"] = "0.20.0+git-sandbox"
    instance["source_url"] = "https://codeberg.org/superseriousbusiness/gotosocial"
    instance["configuration"].setdefault("urls", {})["streaming"] = f"wss://{urlsplit(base_url).netloc}"


MASTODON: Final = Dialect("mastodon")
GOTOSOCIAL: Final = Dialect("gotosocial", sse=False, own=False)
DIALECTS: Final = {each.name: each for each in (MASTODON, GOTOSOCIAL)}
