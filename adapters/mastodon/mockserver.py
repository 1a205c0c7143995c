"""The processes behind sandboxes: mastodon-mock with the sandbox's people. Run as a module; ends with its parent.

Importing the mock and making its routes takes more than a second, so that is done once, and each server is a fork of the process
that did it, with its own copy of a database with people in it. That process is asked by
lines of JSON, `{"start": "http://…"}` or `{"end": 47}`, and answers each with one: `{"pid": 47, "port": 40123}`, `{"ended": 47}`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

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
_DATABASE: Final = "mock.sqlite"
_MEDIA: Final = "media"
_MENTION: Final = re.compile(r"(?<![=/\w])@([a-zA-Z0-9_]+(?:@[a-zA-Z0-9_.-]+)?)")


@dataclass(frozen=True, slots=True)
class Server:
    """A child. It ends when nobody holds the other end of `leash` any more; what it writes down is in `folder`."""

    pid: int
    port: int
    folder: str
    leash: int

    def end(self) -> None:
        """Nothing of it is needed any more, so it is not asked to tidy up."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.leash)
        shutil.rmtree(self.folder, ignore_errors=True)


def main() -> None:
    """Start and end servers until standard input closes, which it does when the parent ends, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # somebody's Ctrl-C is for the parent
    servers: dict[int, Server] = {}
    with tempfile.TemporaryDirectory(prefix="viabridge-mastodon-") as home:
        os.chdir(home)
        app = _prepared()
        try:
            for line in sys.stdin:
                asked = json.loads(line)
                if "start" in asked:
                    server = _start(app, asked["start"], servers)
                    servers[server.pid] = server
                    _say(pid=server.pid, port=server.port)
                else:
                    if known := servers.pop(asked["end"], None):  # else it was another nursery's, and ended with that
                        known.end()
                    _say(ended=asked["end"])
        finally:
            for server in servers.values():
                server.end()


def _say(**words: int) -> None:
    print(json.dumps(words), flush=True)  # noqa: T201 - the parent reads it


def _prepared() -> Any:
    """The mock, taught what it has no settings for, with its people in a database and all its routes made."""
    import uvicorn  # noqa: F401, PLC0415 - so that no child has to
    from mastodon_mock import app, services  # noqa: PLC0415
    from mastodon_mock.config import MastodonMockConfig  # noqa: PLC0415
    from mastodon_mock.routers import statuses  # noqa: PLC0415

    # The mock takes the end of an address (lynn@karl, https://…/@karl) for a mention; Mastodon's own expression does not.
    services._MENTION_RE = _MENTION  # noqa: SLF001 - the mock has no setting for it
    # The mock counts every character of a link; the proxy counts as Mastodon does and refuses what is too long.
    statuses.MAX_STATUS_CHARACTERS = _NO_LIMIT  # type: ignore[attr-defined] # not exported: no other way
    made = app.create_app(MastodonMockConfig.model_validate(_config()))
    _seed(made)
    made.state.engine.dispose()  # a connection must not be shared with children
    asyncio.run(_ask_for_nothing(made))
    gc.freeze()  # what stands by now is shared with the children, until one of them writes to it
    return made


async def _ask_for_nothing(app: Any) -> None:
    """No route is the asked one, so FastAPI has made them all when it says so."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: object) -> None: ...

    await app({"type": "http", "method": "GET", "path": "/nowhere", "headers": [], "query_string": b""}, receive, send)


def _start(app: Any, base_url: str, others: dict[int, Server]) -> Server:
    """A new server on a free port. `base_url` is the proxy in front, which clients see."""
    folder, (held, leash) = tempfile.mkdtemp(dir="."), os.pipe()
    # Connections wait in the listening socket until the server takes them: the port can be told now.
    with socket.create_server(("127.0.0.1", 0)) as listener:
        pid = os.fork()
        if pid == 0:
            for unneeded in (leash, *(other.leash for other in others.values())):
                os.close(unneeded)
            _be(app, base_url, listener, held, folder)
        os.close(held)
        return Server(pid, listener.getsockname()[1], folder, leash)


def _be(app: Any, base_url: str, listener: socket.socket, held: int, folder: str) -> NoReturn:
    try:
        os.dup2(2, 1)  # what the parent reads is not ours
        threading.Thread(target=_die_with_parent, args=(held,), daemon=True).start()
        shutil.copyfile(_DATABASE, f"{folder}/{_DATABASE}")
        os.chdir(folder)
        Path(_MEDIA).mkdir()
        _serve(app, base_url, listener)
    finally:
        sys.stderr.flush()
        os._exit(1)


def _serve(app: Any, base_url: str, listener: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415
    from mastodon_mock.db import base  # noqa: PLC0415

    description = f"A server for trying out; it is reached at {base_url}"
    app.state.config = app.state.config.model_copy(update={"description": description})
    app.state.engine = base.init_engine(app.state.config.database)
    app.state.session_factory = base.make_session_factory(app.state.engine)
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


def _config() -> dict[str, object]:
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
        "database": {"path": _DATABASE},
        "media_storage_path": _MEDIA,
        "streaming": {"heartbeat_seconds": 5.0},
        "seed": {"accounts": accounts, "follows": follows},
    }


def _seed(app: Any) -> None:
    """Lock the account and give the bridge a token of its own, so that the journal can tell it from people."""
    from mastodon_mock.db.models import Account, OAuthToken, utcnow  # noqa: PLC0415
    from mastodon_mock.db.seed import _DEFAULT_SCOPES  # noqa: PLC0415

    with app.state.session_factory() as session:
        account = session.query(Account).filter_by(username=GROUP).one()
        account.locked = True
        account.default_privacy = "private"
        account.discoverable = False
        session.add(
            OAuthToken(access_token=BRIDGE_TOKEN, account_id=account.id, scopes=list(_DEFAULT_SCOPES), created_at=utcnow())
        )
        session.commit()


def _die_with_parent(held: int) -> None:
    os.read(held, 1)
    os._exit(0)


if __name__ == "__main__":
    main()
