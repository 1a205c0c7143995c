"""What the app must be allowed to do, and what for. The manifest asks for exactly this; a test keeps them together."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bridge.contract import Checked, Level

CUSTOMIZE: Final = "chat:write.customize"
"""The permission to show an author's name and picture on a message."""

NEEDED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "channels:history": "what is said in public channels",
        "channels:read": "finding public channels, and who reads them",
        "chat:write": "copies, and answers to people",
        "groups:history": "what is said in private channels",
        "groups:read": "finding private channels, and who reads them",
        "im:history": "what people write to the app itself",
        "im:read": "whose a direct conversation is",
        "im:write": "telling one person something",
        "users:read": "people's names",
        "users:read.email": "finding the mapping file's people by their addresses",
    }
)
"""What the bot token must be allowed to do."""

WISHED: Final[Mapping[str, str]] = MappingProxyType(
    {
        CUSTOMIZE: "authors' names and pictures on copies",
        "commands": "/via and its shortcut",
        "files:read": "files from here",
        "files:write": "files to here",
        "reactions:read": "telling of reactions elsewhere",
        "reactions:write": "marks on messages that did not get somewhere",
    }
)
"""What it may be allowed to do besides."""

_CURE: Final = "add it under OAuth & Permissions → Bot Token Scopes (or paste the app manifest again) and install the app again"


def granted_by(answer: AsyncSlackResponse) -> frozenset[str] | None:
    """The permissions that the app has, as an answer's header says; None where it does not."""
    header = {str(key).lower(): value for key, value in dict(answer.headers or {}).items()}.get("x-oauth-scopes")
    if isinstance(header, (list, tuple)):
        header = ",".join(map(str, header))
    return None if not header else frozenset(scope.strip() for scope in str(header).split(","))


def check(granted: frozenset[str] | None) -> tuple[Checked, ...]:
    """Each missing permission with what it is for, and its cure."""
    if granted is None:
        return (Checked(Level.WARNING, "Slack does not say which permissions the app has", "compare them with its README"),)
    missing = [
        *(
            Checked(Level.ERROR, f"the app lacks {scope}: {what}", _CURE)
            for scope, what in NEEDED.items()
            if scope not in granted
        ),
        *(
            Checked(Level.WARNING, f"without {scope} these don't work: {what}", f"if you want that, {_CURE}")
            for scope, what in WISHED.items()
            if scope not in granted
        ),
    ]
    return tuple(missing) or (Checked(Level.OK, "the app has every permission it needs"),)
