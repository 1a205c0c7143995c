"""The app manifest that an admin pastes, and the link that opens Slack's page with it filled in.

`python3 -m adapters.slack.manifest` prints the link; `--http https://bridge.example` prints one for the Events API instead
of Socket Mode. Nothing is asked of Slack here.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from ruamel.yaml import YAML

FILE: Final = Path(__file__).resolve().parents[2] / "deploy" / "slack-app-manifest.yaml"
CREATE: Final = "https://api.slack.com/apps?"

Manifest = Mapping[str, Any]


def read(path: Path = FILE) -> Manifest:
    """The manifest as it is shipped: Socket Mode, the least scopes."""
    manifest: Manifest = YAML(typ="safe").load(path)
    return manifest


def over_http(manifest: Manifest, public_url: str) -> Manifest:
    """The same for a bridge that Slack calls at its public address."""
    changed = copy.deepcopy(dict(manifest))
    changed["settings"]["socket_mode_enabled"] = False
    address = f"{public_url.rstrip('/')}/slack/events"
    settings, features = changed["settings"], changed["features"]
    for asked in (settings["event_subscriptions"], settings["interactivity"]):
        asked["request_url"] = address
    for command in features["slash_commands"]:
        command["url"] = address
    return changed


def link(manifest: Manifest) -> str:
    """Where Slack shows its create-an-app page with the manifest filled in."""
    return CREATE + urlencode({"new_app": 1, "manifest_json": json.dumps(manifest, separators=(",", ":"))})


def main(arguments: Sequence[str]) -> str:
    """The link that was asked for."""
    parser = argparse.ArgumentParser(prog="python3 -m adapters.slack.manifest", description="The link that makes the Slack app.")
    parser.add_argument("--http", metavar="URL", help="the bridge's public address, where Slack is to call it (Events API)")
    asked = parser.parse_args(arguments)
    return link(over_http(read(), asked.http) if asked.http else read())


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]) + "\n")
