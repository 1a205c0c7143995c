"""Two made-up platforms and a small valid file, for the tests of the mapping file."""

from __future__ import annotations

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from bridge.mappings import MappingError, Problem, parse


class Chat(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    platform: Literal["chat"]
    token: SecretStr
    spare_token: SecretStr | None = None
    port: int | None = Field(None, ge=1, le=65535)
    timeout: float = 15
    rooms: str | list[str] | None = None
    mode: Literal["push", "pull"] = "push"
    hosts: tuple[str, ...] = ()


class Post(BaseModel):
    model_config = ConfigDict(extra="forbid")
    platform: Literal["post"]
    address: str | None = None
    domain: str | None = None
    login: SecretStr | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Post:
        if (self.address is None) == (self.domain is None):
            raise ValueError("write either `address` or `domain`")
        return self


PLATFORMS: dict[str, type[BaseModel]] = {"chat": Chat, "post": Post}
ENVIRON = {"CHAT_TOKEN": "hush"}

TOP = """\
admins: [lynn]
accounts:
  team: {platform: chat, token: {env: CHAT_TOKEN}}
  mail: {platform: post, address: all@example.org}
people:
  lynn: {team: "@Lynn", mail: [Lynn@Example.org, lynn@home.example]}
  karl: {name: Karl K., team: U123}
"""

GROUPS = """\
groups:
  all-hands:
    places:
      - at: team/all-hands
      - at: mail/all-hands
"""


def problems(source: str, environ: dict[str, str] | None = None) -> tuple[Problem, ...]:
    """All problems of the text; the test fails if there are none."""
    with pytest.raises(MappingError) as caught:
        parse(source, PLATFORMS, ENVIRON if environ is None else environ)
    return caught.value.problems


def spots(source: str) -> list[tuple[str, str]]:
    """Each problem's code with the text it underlines: what a reader sees first."""
    lines = source.split("\n")
    return [(p.code, lines[p.line - 1][p.column - 1 : p.column - 1 + p.length]) for p in problems(source)]
