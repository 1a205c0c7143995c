"""The manifest that is pasted: what the adapter needs and no more, and a link that opens Slack's page with it."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

from adapters.slack import manifest
from adapters.slack.changes import OF_CHANNELS
from adapters.slack.channels import SCOPES, WISHES
from adapters.slack.commands import WHY
from adapters.slack.sending import CUSTOMIZE
from bridge.orders import Verb


def test_it_asks_for_the_scopes_that_the_adapter_uses_and_no_more() -> None:
    asked = manifest.read()["oauth_config"]["scopes"]["bot"]
    assert sorted(asked) == asked
    assert set(asked) == SCOPES | set(WISHES) | {CUSTOMIZE}


def test_every_event_that_it_asks_for_is_understood() -> None:
    events = set(manifest.read()["settings"]["event_subscriptions"]["bot_events"])
    assert events - OF_CHANNELS == {
        "app_uninstalled", "message.channels", "message.groups", "message.im", "reaction_added", "reaction_removed",
        "tokens_revoked", "user_change",
    }  # fmt: skip
    assert events > OF_CHANNELS, "what nobody asks for is never heard"


def test_it_is_what_slack_takes() -> None:
    """Slack's limits for a manifest: names and descriptions are cut off or refused beyond them."""
    whole = manifest.read()
    shown = whole["display_information"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 174 <= len(shown["long_description"]) <= 4000
    assert re.fullmatch(r"#[0-9a-f]{6}", shown["background_color"])
    assert whole["settings"]["socket_mode_enabled"] is True


def test_its_command_and_shortcut_are_the_ones_that_are_understood() -> None:
    features = manifest.read()["features"]
    assert [each["callback_id"] for each in features["shortcuts"]] == [WHY]
    [command] = features["slash_commands"]
    assert not command["should_escape"]
    assert all(word in set(Verb) for word in re.findall(r"(?:^|\| )(\w+)", command["usage_hint"]))
    assert len(command["description"]) <= 2000


def test_the_link_opens_slacks_page_with_it() -> None:
    parts = urlsplit(manifest.main([]))
    asked = parse_qs(parts.query)
    assert (parts.scheme, parts.netloc, parts.path, asked["new_app"]) == ("https", "api.slack.com", "/apps", ["1"])
    assert json.loads(asked["manifest_json"][0]) == manifest.read()
    assert len(manifest.main([])) < 4000, "longer addresses are cut by some"


def test_over_http_slack_is_told_where_to_call() -> None:
    said = json.loads(parse_qs(urlsplit(manifest.main(["--http", "https://bridge.example/"])).query)["manifest_json"][0])
    assert said["settings"]["socket_mode_enabled"] is False
    assert said["settings"]["event_subscriptions"]["request_url"] == "https://bridge.example/slack/events"
    assert said["settings"]["interactivity"] == {"is_enabled": True, "request_url": "https://bridge.example/slack/events"}
    assert [command["url"] for command in said["features"]["slash_commands"]] == ["https://bridge.example/slack/events"]
    assert "request_url" not in manifest.read()["settings"]["event_subscriptions"]
