"""What the mapping file says about a Mastodon account: the strict model of its entry under `accounts`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr


def _bare_url(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError("must start with https:// (or http:// for a server on this machine)")
    return value.rstrip("/")


def stream_url(value: str) -> str:
    """Servers advertise their streaming address as wss://; both transports begin as a request to the same host over https."""
    if value.startswith("wss://"):
        value = "https://" + value.removeprefix("wss://")
    elif value.startswith("ws://"):
        value = "http://" + value.removeprefix("ws://")
    return _bare_url(value)


class MastodonSettings(BaseModel):
    """One protected account on a Mastodon-compatible server.

    `timeout` and `scan` are seconds: how long one request may take to answer, and how often the timeline and the
    mentions are read over REST in case the stream has kept something back, or the token was revoked.
    `streaming_url` is only for servers that advertise a wrong streaming address; it is then the only one that is tried.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    platform: Literal["mastodon"]
    server: Annotated[str, AfterValidator(_bare_url)]
    access_token: SecretStr
    streaming_url: Annotated[str, AfterValidator(stream_url)] | None = None
    timeout: float = Field(default=15.0, gt=0, le=120)
    scan: float = Field(default=30.0, ge=1, le=60)
