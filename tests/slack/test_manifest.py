"""The manifest that is pasted: what the adapter needs and no more, and a link that opens Slack's page with it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from adapters.slack import adapter, manifest
from adapters.slack.changes import OF_CHANNELS
from adapters.slack.commands import WHY
from adapters.slack.sandbox_scopes import EVENTS, METHODS
from adapters.slack.scopes import CUSTOMIZE, NEEDED, WISHED
from bridge.orders import Verb


def bot_scopes() -> list[str]:
    scopes: list[str] = manifest.read()["oauth_config"]["scopes"]["bot"]
    return scopes


def bot_events() -> list[str]:
    events: list[str] = manifest.read()["settings"]["event_subscriptions"]["bot_events"]
    return events


def called() -> set[str]:
    """The methods of Slack's that the adapter calls, as its code says."""
    files = (path for path in Path(adapter.__file__).parent.glob("*.py") if not path.name.startswith("sandbox"))
    found = {name for path in files for name in re.findall(r"web(?:\(\))?\.([a-z]+_\w+)\(", path.read_text("utf-8"))}
    return {name.replace("_", ".") for name in found}


def test_it_asks_for_the_scopes_that_the_adapter_uses_and_no_more() -> None:
    assert bot_scopes() == sorted({*NEEDED, *WISHED})


def test_each_scope_is_used_by_a_call_or_an_event_and_each_call_has_what_it_needs() -> None:
    calls = called()
    assert calls <= set(METHODS), "what Slack asks for it must be known"
    assert len(calls) > 15
    by_calls = {scope for method in calls for scope in METHODS[method].values()}
    by_events = {scope for event in bot_events() for scope in EVENTS[event]}
    assert by_calls | by_events | {CUSTOMIZE, "commands"} == set(bot_scopes())


def test_every_event_that_it_asks_for_is_understood_and_what_is_understood_is_asked_for() -> None:
    assert bot_events() == sorted(EVENTS)
    assert set(bot_events()) - OF_CHANNELS == {
        "app_uninstalled", "message.channels", "message.groups", "message.im", "reaction_added", "reaction_removed",
        "tokens_revoked", "user_change",
    }  # fmt: skip
    assert set(bot_events()) > OF_CHANNELS, "what nobody asks for is never heard"


def test_it_turns_on_what_is_used_and_nothing_else() -> None:
    whole = manifest.read()
    assert set(whole) == {"_metadata", "display_information", "features", "oauth_config", "settings"}
    assert set(whole["features"]) == {"app_home", "bot_user", "shortcuts", "slash_commands"}
    assert whole["features"]["app_home"]["messages_tab_enabled"] is True, "people write to the app"
    assert whole["features"]["app_home"]["messages_tab_read_only_enabled"] is False
    assert set(whole["oauth_config"]["scopes"]) == {"bot"}, "no user's token is asked for"
    assert whole["settings"]["interactivity"] == {"is_enabled": True}, "the shortcut comes that way"
    assert not whole["settings"]["token_rotation_enabled"], "no rotating token is understood"
    assert not whole["settings"]["org_deploy_enabled"]


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
