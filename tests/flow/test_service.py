"""The service as a process: how it starts, refuses to start, answers, is quiet about what it carries, and ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from adapters import available
from adapters.slack.sandbox import SIGNING_SECRET, SlackSandbox
from adapters.slack.sandbox_server import BOT_TOKEN
from bridge.contract import Sandbox
from bridge.demo.town import Town
from bridge.post import AccountId
from tests.flow.house import QUICK, unique, until, write_mappings

ROOT = Path(__file__).parents[2]
START_WITHIN_S = 90.0
END_WITHIN_S = 10.0
SECRETS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "MASTODON_TOKEN", "MAILBOX_LOGIN")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bridge.cli", "serve", "--no-waiting", *arguments]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in SECRETS} | {"PYTHONPATH": str(ROOT)}


def refused(folder: Path, *arguments: str) -> str:
    """What a service that refuses to start says; it must end with the exit code for a bad configuration."""
    ended = subprocess.run(
        command(*arguments), cwd=folder, env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 78, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stdout + ended.stderr


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def said(log: Path) -> str:
    return log.read_text()


@dataclass
class Served:
    """A service in a process of its own, and its town."""

    process: asyncio.subprocess.Process
    town: Town
    port: int
    log: Path
    database: str
    mappings: Path
    started_after: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sandbox(self, account: str) -> Sandbox:
        return self.town.sandboxes[AccountId(account)]

    def copies(self, words: str) -> list[str]:
        return [each.text for each in self.sandbox("email").standing() if each.by_bridge and words in each.text]


@asynccontextmanager
async def served(folder: Path, database: str = "", ready_as: int = 200) -> AsyncIterator[Served]:
    """Slack, which calls in by HTTP, and mail, with the service between them; once /readyz answers as it should."""
    port = free_port()
    town, slack = Town(folder, ("email",)), AccountId("slack")
    by_http = SlackSandbox(f"http://127.0.0.1:{port}/slack/events", ack_timeout=1.0, retry_delays=(0.2,) * 1000)
    town.manifests = {slack: available()["slack"], **town.manifests}
    town.sandboxes = {slack: by_http, **town.sandboxes}
    async with town:
        path, database = write_mappings(town, QUICK), database or f"sqlite:///{folder / 'bridge.db'}"
        log = folder / "serve.log"
        began = time.monotonic()
        with log.open("wb") as output:
            arguments = command("--mappings", str(path), "--database", database, "--port", str(port))
            process = await asyncio.create_subprocess_exec(
                *arguments, cwd=folder, env=environment(), stdout=output, stderr=output
            )
        try:
            await ready(f"http://127.0.0.1:{port}", process, log, ready_as)
            yield Served(process, town, port, log, database, path, time.monotonic() - began)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def ready(url: str, process: asyncio.subprocess.Process, log: Path, ready_as: int = 200) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == ready_as:
                        return
            except aiohttp.ClientConnectionError:
                assert process.returncode is None, said(log)
            assert time.monotonic() < deadline, said(log)
            await asyncio.sleep(0.02)


# ---------------------------------------------------------------- refusing to start


def test_the_example_without_credentials_is_a_sentence_per_missing_secret(tmp_path: Path) -> None:
    words = refused(tmp_path, "--mappings", str(ROOT / "mappings.yaml"), "--database", f"sqlite:///{tmp_path / 'bridge.db'}")
    for name in SECRETS:
        assert name in words
    assert not (tmp_path / "bridge.db").exists()


def test_a_missing_mapping_file_is_a_sentence(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path, "--mappings", "nowhere.yaml")


# ---------------------------------------------------------------- running


@pytest.mark.scenario("K12")
@pytest.mark.scenario("L15")
async def test_it_answers_and_takes_only_signed_events(tmp_path: Path) -> None:
    async with served(tmp_path) as service, aiohttp.ClientSession() as session:
        print(f"ready {service.started_after:.2f} s after its start")  # noqa: T201 - a number to look at, never asserted
        async with session.get(f"{service.url}/livez") as answer:
            assert answer.status == 200
        async with session.get(f"{service.url}/") as answer:
            assert answer.status == 200
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

        words = unique("signed, sealed")
        await service.sandbox("slack").write("lynn", words)
        await until(lambda: len(service.copies(words.split()[-1])) == 2, "two mails")

        forged = unique("forged")
        body = f'{{"type":"event_callback","event":{{"type":"message","text":"{forged}"}}}}'
        for headers in ({}, {"X-Slack-Signature": "v0=00", "X-Slack-Request-Timestamp": str(int(time.time()))}):
            async with session.post(f"{service.url}/slack/events", data=body, headers=headers) as answer:
                assert answer.status == 401

        words = refused(tmp_path, "--mappings", str(service.mappings), "--database", service.database, "--port", str(free_port()))
        assert "Another viabridge" in words
        assert "already uses" in words


async def test_it_ends_within_ten_seconds_with_a_stream_open_and_never_logged_what_it_carried(tmp_path: Path) -> None:
    async with served(tmp_path) as service, aiohttp.ClientSession() as session:
        async with session.get(f"{service.url}/events") as stream:
            assert (await stream.content.readline()).startswith(b"data: ")
            words = unique("nobody's business")
            await service.sandbox("slack").write("lynn", words)
            await until(lambda: service.copies(words.split()[-1]), "a mail")
            began = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(service.process.wait(), END_WITHIN_S) == 0, said(service.log)
            assert time.monotonic() - began < END_WITHIN_S
            await stream.read()  # the stream was ended, not broken
        logged = said(service.log)
        assert "raw.accepted" in logged
        assert "Traceback" not in logged
        for hidden in ("business", words.split()[-1], BOT_TOKEN, SIGNING_SECRET, "gmail.example"):
            assert hidden not in logged
        for secret in (tmp_path / "secrets").iterdir():
            assert secret.read_text() not in logged


async def test_what_it_took_before_it_was_told_to_end_is_brought_after_the_next_start(tmp_path: Path) -> None:
    words = [unique(f"last words {n}") for n in range(5)]
    async with served(tmp_path) as service:
        for each in words:
            await service.sandbox("slack").write("lynn", each)
        service.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(service.process.wait(), END_WITHIN_S) == 0, said(service.log)
        arguments = command("--mappings", str(service.mappings), "--database", service.database, "--port", str(service.port))
        with service.log.open("ab") as output:
            again = await asyncio.create_subprocess_exec(
                *arguments, cwd=tmp_path, env=environment(), stdout=output, stderr=output
            )
        try:
            for each in words:
                await until(lambda each=each: len(service.copies(each.split()[-1])) == 2, each)  # type: ignore[misc]
        finally:
            again.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(again.wait(), END_WITHIN_S) == 0
