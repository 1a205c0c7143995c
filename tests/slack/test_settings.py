"""A Slack account's settings: what is accepted, what is explained, and what is never shown."""

from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import ValidationError

import adapters
from adapters.slack.settings import SlackSettings

BOTH = {"platform": "slack", "bot_token": "xoxb-1", "app_token": "xapp-1", "signing_secret": "s"}


def test_an_account_that_could_hear_nothing_is_refused_with_the_cure() -> None:
    with pytest.raises(ValidationError, match=r"needs app_token .* or signing_secret"):
        SlackSettings.model_validate({"platform": "slack", "bot_token": "xoxb-1"})


@pytest.mark.parametrize("key", ["app_token", "signing_secret"])
def test_either_way_to_hear_is_enough(key: str) -> None:
    SlackSettings.model_validate({"platform": "slack", "bot_token": "xoxb-1", key: "secret"})


def test_unknown_keys_are_refused() -> None:
    with pytest.raises(ValidationError, match="bot_tokn"):
        SlackSettings.model_validate({**BOTH, "bot_tokn": "x"})


def test_secrets_never_show() -> None:
    shown = repr(SlackSettings.model_validate(BOTH))
    assert not any(secret in shown for secret in ("xoxb-1", "xapp-1"))


def test_the_api_address_always_ends_with_a_slash() -> None:
    assert SlackSettings.model_validate({**BOTH, "api_url": "http://127.0.0.1:1/api"}).api_url == "http://127.0.0.1:1/api/"


def test_finding_the_platforms_imports_no_sdk() -> None:
    code = (
        "import adapters, sys; adapters.available(); print(sorted(m for m in sys.modules if m.startswith(('slack_', 'aiohttp'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_slack_is_found_by_its_folder() -> None:
    assert adapters.available()["slack"].settings is SlackSettings
