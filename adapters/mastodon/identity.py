"""Who the account is and where its posts stand: what parsing and rendering know beside their input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bridge.post import AccountId, Audience, Place, PlaceId, UserId

TIMELINE: Final = PlaceId("timeline")
"""The one place of an account: what it posts, and what its followers answer there."""

AUDIENCES: Final = {
    "public": Audience.PUBLIC,
    "unlisted": Audience.UNLISTED,
    "private": Audience.GROUP,
    "direct": Audience.DIRECT,
}
VISIBILITIES: Final = {audience: name for name, audience in AUDIENCES.items()}


@dataclass(frozen=True, slots=True)
class Identity:
    """The signed-in account: its key in the mapping file, its id and name at the server, and the server's domain."""

    account: AccountId
    user: UserId
    username: str
    domain: str

    @property
    def timeline(self) -> Place:
        return Place(self.account, TIMELINE)

    def is_me(self, handle: str) -> bool:
        """Whether a typed handle (`@allhands`, `allhands@social.example`, any case) names this account."""
        name, _, domain = handle.lower().removeprefix("@").partition("@")
        return name == self.username.lower() and domain in ("", self.domain.lower())
