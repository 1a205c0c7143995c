"""A Slack account's entry in the mapping file: its fields, and what is wrong with them. Nothing is asked of Slack here."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator


class SlackSettings(BaseModel):
    """One Slack app in one workspace."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)

    platform: Literal["slack"]
    bot_token: Annotated[SecretStr, Field(min_length=1)]
    """The app's bot token, `xoxb-…`: OAuth & Permissions in the app's settings."""
    app_token: Annotated[SecretStr, Field(min_length=1)] | None = None
    """The app-level token, `xapp-…`, with `connections:write`: present, events come by Socket Mode (no public address needed)."""
    signing_secret: Annotated[SecretStr, Field(min_length=1)] | None = None
    """Basic Information → Signing Secret: present, Slack may post signed events to `/slack/events`."""
    api_url: str = "https://slack.com/api/"
    """Where the Web API is; another one only for GovSlack or tests."""
    timeout: Annotated[float, Field(gt=0, le=60, strict=False)] = 15
    """Seconds a request may take."""
    pace: Annotated[float, Field(ge=0, le=60, strict=False)] = 1.0
    """Seconds between two messages to one channel; Slack allows about one a second."""

    @field_validator("api_url")
    @classmethod
    def _with_slash(cls, url: str) -> str:
        if not url.startswith(("https://", "http://")):
            raise ValueError("api_url must be a web address such as https://slack.com/api/")
        return url if url.endswith("/") else f"{url}/"

    @model_validator(mode="after")
    def _can_hear(self) -> Self:
        if self.app_token is None and self.signing_secret is None:
            raise ValueError(
                "a slack account needs app_token (Socket Mode) or signing_secret (events at /slack/events), else it hears nothing"
            )
        return self
