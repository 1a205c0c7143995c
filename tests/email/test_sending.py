"""The real adapter against the sandbox's SMTP server: what arrives, and what each failure means."""

from __future__ import annotations

import asyncio
import socket
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from adapters.email.sandbox import EmailSandbox
from adapters.email.settings import Settings
from bridge.contract import Attempt, Fault, Level, Thread, Unknown
from bridge.errors import NeedsOperator, Rejected, Retryable, SendError, Uncertain
from bridge.post import Destination, Ref
from tests.email.support import GROUP, NOW, MemoryInbox, adapter_for, context, post, reader, running


async def test_a_post_reaches_each_reader_once_and_shows_no_other_address() -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox)
        async with adapter.open():
            for address in ("chair@board.example", "lee@gmail.example"):
                (part,) = adapter.render(post(), reader(address), context())
                ref = await adapter.send(part, reader(address), Thread(), f"key-{address[:3]}")
                assert ref == Ref(GROUP, sandbox.standing()[-1].id)
        assert [(one.reader, one.text, one.place, one.by_bridge) for one in sandbox.standing()] == [
            (address, "via Lynn: Can everyone meet @ 2pm?", "all-hands", True)
            for address in ("chair@board.example", "lee@gmail.example")
        ]
        assert b"gmail.example" not in sandbox.arrivals[0].body
        assert b"Received" not in sandbox.arrivals[0].body


async def test_many_sends_at_once_all_arrive() -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox)
        async with adapter.open():
            (part,) = adapter.render(post(), reader(), context())
            await asyncio.gather(*(adapter.send(part, reader(), Thread(), f"k{number}") for number in range(50)))
        assert len(sandbox.arrivals) == len(sandbox.standing()) == 50


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Fault.BUSY, Retryable), (Fault.BROKEN, Retryable), (Fault.REFUSED, Rejected), (Fault.REPLY_LOST, Uncertain)],
)
async def test_each_failure_has_its_meaning_and_the_next_send_works(fault: Fault, error: type[SendError]) -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox)
        async with adapter.open():
            (part,) = adapter.render(post(), reader(), context())
            await adapter.send(part, reader(), Thread(), "before")
            sandbox.fault(fault)
            with pytest.raises(error) as raised:
                await adapter.send(part, reader(), Thread(), "key")
            assert "board.example" not in raised.value.sentence
            await adapter.send(part, reader(), Thread(), "key")
        assert [one.id for one in sandbox.standing()] == ["before@bridge.example", "key@bridge.example"]
        assert len(sandbox.arrivals) == (3 if fault is Fault.REPLY_LOST else 2)


async def test_nobody_can_tell_whether_a_mail_arrived_so_it_may_be_repeated() -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox)
        (part,) = adapter.render(post(), reader(), context())
        assert await adapter.find(Attempt("k", reader(), part, Thread(), NOW)) == Unknown()
        assert adapter.capabilities.repeatable


async def test_unplugged_is_retryable_and_plugged_in_works_again() -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox)
        async with adapter.open():
            (part,) = adapter.render(post(), reader(), context())
            await adapter.send(part, reader(), Thread(), "k1")
            await sandbox.unplug()
            with pytest.raises(Retryable):
                await adapter.send(part, reader(), Thread(), "k2")
            await sandbox.plug()
            await adapter.send(part, reader(), Thread(), "k2")
        assert len(sandbox.arrivals) == 2


async def test_a_silent_server_ends_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with EmailSandbox() as sandbox:
            adapter = await adapter_for(sandbox, smtp=f"127.0.0.1:{silent.getsockname()[1]}", timeout=0.3)
            (part,) = adapter.render(post(), reader(), context())
            with pytest.raises(Retryable):
                await adapter.send(part, reader(), Thread(), "k")
            (sending, _) = await adapter.check()
            assert sending.level is Level.ERROR
            assert sending.cure


@dataclass
class Scanner:
    """A mail server that looks at each mail before it answers; for ever where `seconds` is None."""

    seconds: float | None
    port: int = 0
    taken: int = 0
    _open: list[SMTP] = field(default_factory=list)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        await (asyncio.Event().wait() if self.seconds is None else asyncio.sleep(self.seconds))
        self.taken += 1
        return "250 2.0.0 taken"

    def connection(self) -> SMTP:
        self._open.append(SMTP(self, hostname="mail.example", loop=asyncio.get_running_loop()))
        return self._open[-1]

    def hang_up(self) -> None:
        for connection in self._open:
            if isinstance(connection.transport, asyncio.Transport):
                connection.transport.abort()


@asynccontextmanager
async def scanning(seconds: float | None) -> AsyncIterator[Scanner]:
    scanner = Scanner(seconds)
    server = await asyncio.get_running_loop().create_server(scanner.connection, "127.0.0.1", 0)
    scanner.port = server.sockets[0].getsockname()[1]
    try:
        yield scanner
    finally:
        server.close()
        scanner.hang_up()


async def test_a_server_that_scans_longer_than_the_timeout_gets_its_mail_once() -> None:
    async with EmailSandbox() as sandbox, scanning(1.5) as scanner:
        adapter = await adapter_for(sandbox, smtp=f"127.0.0.1:{scanner.port}", timeout=1, data_timeout=20)
        async with adapter.open():
            (part,) = adapter.render(post(), reader(), context())
            ref = await adapter.send(part, reader(), Thread(), "k")
        assert ref == Ref(GROUP, "k@bridge.example")
        assert scanner.taken == 1


async def test_a_server_that_never_answers_after_the_mail_leaves_it_uncertain() -> None:
    async with EmailSandbox() as sandbox, scanning(None) as scanner:
        adapter = await adapter_for(sandbox, smtp=f"127.0.0.1:{scanner.port}", timeout=20, data_timeout=0.3)
        async with adapter.open():
            (part,) = adapter.render(post(), reader(), context())
            async with asyncio.timeout(10):  # before the other time-out
                with pytest.raises(Uncertain):
                    await adapter.send(part, reader(), Thread(), "k")


async def test_mails_waiting_for_a_connection_do_not_use_up_their_own_time() -> None:
    async with EmailSandbox() as sandbox, scanning(0.5) as scanner:
        adapter = await adapter_for(sandbox, smtp=f"127.0.0.1:{scanner.port}", timeout=1, data_timeout=1.5)
        async with adapter.open():
            (part,) = adapter.render(post(), reader(), context())
            await asyncio.gather(*(adapter.send(part, reader(), Thread(), f"k{number}") for number in range(16)))
        assert scanner.taken == 16


async def test_a_mail_whose_turn_does_not_come_was_not_attempted() -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox, timeout=0.2, data_timeout=0.2)
        async with adapter.open():
            (part,) = adapter.render(post(), reader(), context())
            while not adapter._outbox._free.locked():
                await adapter._outbox._free.acquire()
            with pytest.raises(Retryable, match="not attempted"):
                await adapter.send(part, reader(), Thread(), "k")
            assert not sandbox.arrivals
            adapter._outbox._free.release()
            patient = {"timeout": 15.0, "data_timeout": 15.0}  # a busy machine takes longer than a short turn
            adapter._outbox.settings = adapter._outbox.settings.model_copy(update=patient)
            await adapter.send(part, reader(), Thread(), "k")
            assert adapter._outbox._free._value == 1


async def test_the_deadline_covers_the_wait_for_a_connection_and_all_of_a_sending() -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox, timeout=10, data_timeout=300)
        waiting = sending = 10 + 300
        assert adapter.capabilities.deadline > waiting + sending


async def test_mail_can_neither_be_changed_nor_taken_back_nor_sent_to_nobody() -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox)
        (part,) = adapter.render(post(), reader(), context())
        ref = Ref(GROUP, sandbox._new_id("lynn"))
        for impossible in (adapter.edit(ref, part), adapter.delete(ref), adapter.send(part, Destination(GROUP), Thread(), "k")):
            with pytest.raises(Rejected):
                await impossible


async def test_a_group_must_be_able_to_be_an_address() -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox)
        assert await adapter.pin("Board") == "board"
        for name in ("a b", "", "-x", "a@b", "é", "x" * 41, "a..b"):
            with pytest.raises(NeedsOperator):
                await adapter.pin(name)


async def test_a_fresh_sandbox_passes_the_check() -> None:
    async with EmailSandbox() as sandbox, running(await adapter_for(sandbox), MemoryInbox()) as adapter:
        assert [found.level for found in await adapter.check()] == [Level.OK, Level.OK]


async def test_a_taken_port_is_told_with_its_cure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        async with EmailSandbox() as sandbox:
            adapter = await adapter_for(sandbox, listen=f"smtp:127.0.0.1:{taken.getsockname()[1]}", timeout=0.5)
            assert adapter._listener is not None
            async with adapter.open(), asyncio.timeout(20):
                listening = asyncio.create_task(adapter.listen(MemoryInbox()))
                while not adapter._listener.problem:
                    await asyncio.sleep(0.01)
                found = (await adapter.check())[1]
                listening.cancel()
            assert found.level is Level.ERROR
            assert "listen" in found.cure


@pytest.mark.scenario("J18")
async def test_each_domain_has_a_pace_and_no_other_waits_for_it() -> None:
    async with EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox, domain_a_minute=2)
        now = [0.0]
        adapter._outbox.pace.clock = lambda: now[0]
        (part,) = adapter.render(post(), reader(), context())

        async def send(address: str, key: str) -> None:
            await adapter.send(part, reader(address), Thread(), key)

        async with adapter.open():
            for number in range(2):
                await send(f"r{number}@board.example", f"key-{number}")
            now[0] = 15.0
            with pytest.raises(Retryable) as refused:
                await send("r2@Board.example", "key-2")
            assert refused.value.after == 45.0
            await send("lee@gmail.example", "key-3")
            now[0] = 60.0
            await send("r2@board.example", "key-2")
        assert len(sandbox.arrivals) == 4


def test_the_pace_is_the_mail_servers_own_where_that_is_on_this_machine() -> None:
    given = {"platform": "email", "domain": "bridge.example", "listen": "lmtp:127.0.0.1:8024"}
    assert [Settings.model_validate(given | {"smtp": smtp}).most_a_minute for smtp in ("127.0.0.1:25", "mail.example:587")] == [
        0,
        60,
    ]


# ---------------------------------------------------------------- logins with a token


@dataclass
class TokenServer:
    """A sending server that signs people in by XOAUTH2 alone, over no more than a connection on this machine."""

    token: str
    signed_in: list[str] = field(default_factory=list)

    async def auth_XOAUTH2(self, server: SMTP, words: list[str]) -> AuthResult:  # noqa: N802 - aiosmtpd's
        user, _, bearer = b64decode(words[1]).decode().partition("\x01auth=Bearer ")
        if bearer.strip("\x01") != self.token:
            await server.challenge_auth('{"status":"401"}')
            return AuthResult(success=False, handled=False)
        self.signed_in.append(user.removeprefix("user="))
        return AuthResult(success=True)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        return "250 2.0.0 taken"


@asynccontextmanager
async def token_server(token: str) -> AsyncIterator[tuple[TokenServer, int]]:
    found = TokenServer(token)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(found, auth_require_tls=False, hostname="mail.example", loop=loop), "127.0.0.1", 0
    )
    try:
        yield found, int(server.sockets[0].getsockname()[1])
    finally:
        server.close()


@pytest.mark.parametrize(("printed", "says"), [("good", ""), ("old", "login"), ("", "token_command")])
async def test_where_a_provider_takes_no_passwords_a_program_gives_the_token(printed: str, says: str) -> None:
    async with token_server("good") as (server, port), EmailSandbox() as sandbox:
        adapter = await adapter_for(sandbox, smtp=f"127.0.0.1:{port}", login="me@example.org", token_command=f"echo {printed}")
        (part,) = adapter.render(post(), reader(), context())
        async with adapter.open():
            if says:
                with pytest.raises(NeedsOperator, match=says):
                    await adapter.send(part, reader(), Thread(), "key")
            else:
                await adapter.send(part, reader(), Thread(), "key")
        assert server.signed_in == ([] if says else ["me@example.org"])
