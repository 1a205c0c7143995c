"""Which message a Slack link means. Pure; nothing is asked of Slack."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

from bridge.post import AccountId, NativeId, Place, PlaceId, Ref, UserId, direct

_PERMALINK: Final = re.compile(r"/archives/([CDG][A-Z0-9]{6,})/p(\d{7,16})(\d{6})/?")
_TS: Final = re.compile(r"\d{1,12}\.\d{6}")
_HOME: Final = (".slack.com", ".slack-gov.com")


def located(words: str, account: AccountId, home: str) -> Ref | None:
    """The message that a permalink (`https://team.slack.com/archives/C…/p…`) or `slack://channel?id=…&message=…` means.

    `home` is the workspace's own address, as Slack told it at sign-in.
    """
    try:
        link = urlsplit(words)
        host, mine = link.hostname or "", urlsplit(home).hostname or ""
    except ValueError:
        return None
    if link.scheme == "slack" and host == "channel":
        fields = {name: values[0] for name, values in parse_qs(link.query).items()}
        return _ref(account, fields.get("id", ""), fields.get("message", ""))
    if link.scheme != "https" or not (host == mine or host.endswith(_HOME)):
        return None
    found = _PERMALINK.fullmatch(link.path)
    return _ref(account, found.group(1), f"{found.group(2)}.{found.group(3)}") if found else None


def _ref(account: AccountId, channel: str, ts: str) -> Ref | None:
    if not channel or not _TS.fullmatch(ts):
        return None
    place = direct(account, UserId(channel)) if channel.startswith("D") else Place(account, PlaceId(channel))
    return Ref(place, NativeId(ts))
