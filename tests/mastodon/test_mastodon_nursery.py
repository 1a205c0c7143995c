"""Where the sandboxes' servers come from: one process for all, and nothing of it stays."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest

from adapters.mastodon.nursery import Nursery

ANYWHERE = "http://127.0.0.1:9"


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"  # whose parent went has no one to bury it


def until_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while not gone(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.01)


def is_served(port: int) -> bool:
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(b"GET /api/v1/instance HTTP/1.0\r\n\r\n")
        return client.recv(12) == b"HTTP/1.1 200"


def test_servers_are_apart_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    nursery = Nursery()
    (one, first), (other, second) = nursery.start(ANYWHERE), nursery.start(ANYWHERE)
    assert nursery._process is not None
    process = nursery._process.pid
    assert is_served(first)
    [home] = tmp_path.iterdir()
    assert len(list(home.glob("*/mock.sqlite"))) == 2
    nursery.end(one)
    assert gone(one)
    assert len(list(home.glob("*/mock.sqlite"))) == 1
    assert is_served(second)
    nursery.end(other)
    assert gone(other)
    assert gone(process)
    assert list(tmp_path.iterdir()) == []


def test_the_process_stays_as_long_as_somebody_holds_it() -> None:
    nursery = Nursery()
    with nursery.held():
        nursery.end(nursery.start(ANYWHERE)[0])
        assert nursery._process is not None
        process = nursery._process.pid
        assert not gone(process)
    assert gone(process)


def test_servers_end_with_their_nursery_which_is_followed_by_a_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where what it could not tidy up is left
    nursery = Nursery()
    with nursery.held():
        servers = [nursery.start(ANYWHERE)[0] for _ in range(3)]
        assert nursery._process is not None
        os.kill(nursery._process.pid, signal.SIGKILL)
        for server in servers:
            until_gone(server)
        again, port = nursery.start(ANYWHERE)
        for server in servers:
            nursery.end(server)
        assert is_served(port)
        assert nursery._process is not None
        process = nursery._process.pid
        nursery.end(again)
    assert gone(process)


def test_a_process_whose_folder_went_with_somebody_elses_is_followed_by_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    monkeypatch.setenv("TMPDIR", str(theirs))
    nursery = Nursery()
    with nursery.held():
        nursery.end(nursery.start(ANYWHERE)[0])
        shutil.rmtree(theirs)
        monkeypatch.setenv("TMPDIR", str(tmp_path))
        server, port = nursery.start(ANYWHERE)
        assert is_served(port)
        nursery.end(server)
