"""The child process behind the sandbox: mastodon-mock with the sandbox's people. Run as a module; ends with its parent.

Its import takes two seconds, which the demo spends elsewhere at the same time. Prints one line of JSON when it serves.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import threading
from typing import Final

DOMAIN: Final = "social.example"
GROUP: Final = "allhands"
BRIDGE_TOKEN: Final = "sandbox-bridge"  # noqa: S105 - the sandbox's tokens are no secrets
TOKENS: Final = {
    "allhands": "sandbox-allhands",
    "lynn": "sandbox-lynn",
    "karl": "sandbox-karl",
    "stranger": "sandbox-stranger",
}
USERNAMES: Final = {"allhands": GROUP, "lynn": "MissLynn13", "karl": "karl", "stranger": "stranger"}
_NAMES: Final = {"allhands": "All hands", "lynn": "Lynn", "karl": "Karl", "stranger": "A stranger"}
_NO_LIMIT: Final = 1_000_000
_MENTION: Final = re.compile(r"(?<![=/\w])@([a-zA-Z0-9_]+(?:@[a-zA-Z0-9_.-]+)?)")


def serve(base_url: str) -> None:
    """Serve on a free port until standard input closes. `base_url` is the proxy in front, which clients see."""
    import uvicorn  # noqa: PLC0415
    from fastapi import FastAPI  # noqa: PLC0415
    from mastodon_mock import services  # noqa: PLC0415
    from mastodon_mock.app import create_app  # noqa: PLC0415
    from mastodon_mock.config import MastodonMockConfig  # noqa: PLC0415
    from mastodon_mock.routers import statuses  # noqa: PLC0415

    # The mock takes the end of an address (lynn@karl, https://…/@karl) for a mention; Mastodon's own expression does not.
    services._MENTION_RE = _MENTION  # noqa: SLF001 - the mock has no setting for it
    # The mock counts every character of a link; the proxy counts as Mastodon does and refuses what is too long.
    statuses.MAX_STATUS_CHARACTERS = _NO_LIMIT  # type: ignore[attr-defined] # not exported: no other way
    app: FastAPI = create_app(MastodonMockConfig.model_validate(_config(base_url)))
    _seed(app)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # Connections wait in the listening socket until the server takes them: the port can be told now.
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)  # noqa: T201 - the parent reads it
        uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


def _config(base_url: str) -> dict[str, object]:
    accounts = [
        {
            "username": USERNAMES[person],
            "display_name": _NAMES[person],
            "access_token": token,
            "locked": False,  # locked below: follows of a locked account would only be requests
        }
        for person, token in TOKENS.items()
    ]
    members = (USERNAMES["lynn"], USERNAMES["karl"])
    follows = [{"follower": member, "following": GROUP} for member in members]
    follows += [{"follower": GROUP, "following": member} for member in members]
    return {
        "domain": DOMAIN,
        "title": "The sandbox",
        "description": f"A server for trying out; it is reached at {base_url}",
        "streaming": {"heartbeat_seconds": 5.0},
        "seed": {"accounts": accounts, "follows": follows},
    }


def _seed(app: object) -> None:
    """Lock the account and give the bridge a token of its own, so that the journal can tell it from people."""
    from mastodon_mock.db.models import Account, OAuthToken, utcnow  # noqa: PLC0415
    from mastodon_mock.db.seed import _DEFAULT_SCOPES  # noqa: PLC0415

    with app.state.session_factory() as session:  # type: ignore[attr-defined] # FastAPI's state is untyped
        account = session.query(Account).filter_by(username=GROUP).one()
        account.locked = True
        account.default_privacy = "private"
        account.discoverable = False
        session.add(
            OAuthToken(access_token=BRIDGE_TOKEN, account_id=account.id, scopes=list(_DEFAULT_SCOPES), created_at=utcnow())
        )
        session.commit()


def _die_with_parent() -> None:
    """Standard input ends when the parent does, however it ends."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
