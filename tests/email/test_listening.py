"""The listener: durable before 250, one answer per recipient, known addresses only."""

from __future__ import annotations

import asyncio
import smtplib
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.email.listening import DOMAIN_A_MINUTE, SENDER_A_MINUTE, Pace
from adapters.email.sandbox import EmailSandbox
from adapters.email.tokens import Signer
from bridge.contract import Fault
from bridge.post import Created, Raw
from bridge.text import plain
from tests.email.support import MemoryInbox, adapter_for, context, mail, post, reader, running, until


def talk(port: int, sender: str, recipients: list[str], body: bytes) -> dict[str, Any]:
    """An LMTP conversation with one answer per recipient, as mail servers lead it."""
    with smtplib.LMTP("127.0.0.1", port, timeout=10) as server:
        server.ehlo_or_helo_if_needed()
        server.mail(sender)
        answers = {address: server.rcpt(address)[0] for address in recipients}
        server.putcmd("data")
        assert server.getreply()[0] == 354
        server.send(body + b"\r\n.\r\n")
        return answers | {address: server.getreply()[0] for address, code in answers.items() if code == 250}


async def lmtp_port(sandbox: EmailSandbox) -> int:
    return int(str(sandbox.account["listen"]).rpartition(":")[2])


async def test_what_a_person_writes_is_taken_once_and_says_who_and_what() -> None:
    async with EmailSandbox() as sandbox:
        inbox = MemoryInbox()
        async with running(await adapter_for(sandbox), inbox) as adapter:
            native = await sandbox.write("lynn", "Can everyone meet @ 2pm?")
            await inbox.until(lambda: len(inbox.raws) == 1)
            ((key, raw),) = inbox.raws.items()
            (event,) = adapter.parse(raw)
            assert isinstance(event, Created)
            assert (event.post.ref.id, event.post.author.name, plain(event.post.text)) == (
                native,
                "Lynn",
                "Can everyone meet @ 2pm?",
            )
            await until(lambda: [one.key for one in sandbox.emitted()] == [key])


async def test_a_reply_from_an_inbox_joins_its_thread_without_its_quote() -> None:
    async with EmailSandbox() as sandbox:
        inbox = MemoryInbox()
        async with running(await adapter_for(sandbox), inbox) as adapter:
            from bridge.contract import Thread

            (part,) = adapter.render(post(), reader(), context(subject="Can everyone meet"))
            ref = await adapter.send(part, reader(), Thread(), "k1")
            await sandbox.reply("chair", ref.id, "I can.")
            await inbox.until(lambda: len(inbox.raws) == 1)
            (event,) = adapter.parse(next(iter(inbox.raws.values())))
            assert isinstance(event, Created)
            assert plain(event.post.text) == "I can."
            assert event.post.reply_to == ref
            assert event.post.author.handles == ("chair@board.example",)


async def test_mail_that_cannot_be_stored_is_kept_by_its_server_and_comes_again() -> None:
    async with EmailSandbox() as sandbox:
        inbox = MemoryInbox()
        async with running(await adapter_for(sandbox), inbox):
            inbox.broken = True
            attempts = inbox._changed
            await sandbox.write("lynn", "first")
            await sandbox.write("karl", "second")
            await attempts.wait()
            assert not inbox.raws
            assert not sandbox.emitted()
            inbox.broken = False
            await inbox.until(lambda: len(inbox.raws) == 2)
            assert [raw.body.count(word) > 0 for raw, word in zip(inbox.raws.values(), (b"first", b"second"), strict=True)] == [
                True,
                True,
            ]
            assert not sandbox.bounced


async def test_mail_waits_while_nobody_listens() -> None:
    async with EmailSandbox() as sandbox:
        inbox = MemoryInbox()
        await sandbox.write("lynn", "early")
        async with running(await adapter_for(sandbox), inbox):
            await inbox.until(lambda: len(inbox.raws) == 1)
        await sandbox.write("lynn", "between")
        async with running(await adapter_for(sandbox), inbox):
            await inbox.until(lambda: len(inbox.raws) == 2)


@pytest.mark.scenario("C07")
async def test_a_mail_delivered_twice_is_one_raw() -> None:
    async with EmailSandbox() as sandbox:
        inbox = MemoryInbox()
        async with running(await adapter_for(sandbox), inbox):
            sandbox.fault(Fault.TWICE)
            await sandbox.write("lynn", "once")
            await sandbox.write("lynn", "after")
            await inbox.until(lambda: inbox.taken == 3)
            assert len(inbox.raws) == 2
            await until(lambda: len(sandbox.emitted()) == 2)


async def test_lmtp_answers_for_each_recipient() -> None:
    async with EmailSandbox() as sandbox:
        port = await lmtp_port(sandbox)
        inbox = MemoryInbox()
        async with running(await adapter_for(sandbox, listen=f"lmtp:127.0.0.1:{port}"), inbox):
            recipients = [
                "all-hands@bridge.example",
                "nobody@bridge.example",
                "Leaders@Bridge.example",
                "all-hands@other.example",
            ]
            answers = await asyncio.to_thread(talk, port, "lynn@example.org", recipients, mail())
            assert list(answers.values()) == [250, 550, 250, 550]
            assert sorted(raw.hints["group"] for raw in inbox.raws.values()) == ["all-hands", "leaders"]
            inbox.broken = True
            answers = await asyncio.to_thread(talk, port, "lynn@example.org", recipients, mail("again"))
            assert list(answers.values()) == [451, 550, 451, 550]


async def test_a_bounce_is_taken_and_known_as_one() -> None:
    async with EmailSandbox() as sandbox:
        port = await lmtp_port(sandbox)
        inbox = MemoryInbox()
        async with running(await adapter_for(sandbox, listen=f"lmtp:127.0.0.1:{port}"), inbox) as adapter:
            await asyncio.to_thread(talk, port, "", ["all-hands@bridge.example"], mail("It failed"))
            (raw,) = inbox.raws.values()
            assert raw.hints["from"] == ""
            assert [getattr(found, "reason", None) for found in adapter.parse(raw)] == ["bounce"]


async def test_an_error_of_ours_never_bounces_a_mail() -> None:
    class Failing(MemoryInbox):
        async def take(self, raw: object) -> None:
            raise RuntimeError("a mistake")

    async with EmailSandbox() as sandbox:
        port = await lmtp_port(sandbox)
        async with running(await adapter_for(sandbox), Failing()):

            def smtp() -> int:
                with smtplib.SMTP("127.0.0.1", port) as server, pytest.raises(smtplib.SMTPDataError) as raised:
                    server.sendmail("lynn@example.org", ["all-hands@bridge.example"], mail())
                return raised.value.smtp_code

            assert await asyncio.to_thread(smtp) == 451


async def test_an_error_over_one_recipient_is_the_answer_for_that_one_only() -> None:
    class FailingForLeaders(MemoryInbox):
        async def take(self, raw: Raw) -> None:
            if raw.hints["group"] == "leaders":
                raise RuntimeError("a mistake")
            await super().take(raw)

    async with EmailSandbox() as sandbox:
        port = await lmtp_port(sandbox)
        async with running(await adapter_for(sandbox, listen=f"lmtp:127.0.0.1:{port}"), FailingForLeaders()):
            recipients = ["leaders@bridge.example", "all-hands@bridge.example"]
            answers = await asyncio.to_thread(talk, port, "lynn@example.org", recipients, mail())
            assert list(answers.values()) == [451, 250]


async def test_a_mail_over_25_mebibytes_is_refused_before_it_is_sent() -> None:
    async with EmailSandbox() as sandbox:
        port = await lmtp_port(sandbox)
        async with running(await adapter_for(sandbox), MemoryInbox()):

            def offer(size: int) -> int:
                with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
                    server.ehlo()
                    return server.mail("lynn@example.org", [f"SIZE={size}"])[0]

            assert await asyncio.to_thread(offer, 25 * 1024 * 1024) == 250
            assert await asyncio.to_thread(offer, 25 * 1024 * 1024 + 1) == 552


async def test_any_mail_program_can_write_to_the_group_through_the_sandbox() -> None:
    async with EmailSandbox() as sandbox:
        inbox = MemoryInbox()
        host, port = sandbox.joining["SMTP server"].split(":")
        async with running(await adapter_for(sandbox), inbox):

            def write() -> None:
                with smtplib.SMTP(host, int(port)) as server:
                    server.sendmail(
                        "karl@example.net", [sandbox.joining["group address"]], mail("From outside", sender="karl@example.net")
                    )

            await asyncio.to_thread(write)
            await inbox.until(lambda: len(inbox.raws) == 1)
            (standing,) = sandbox.standing("all-hands")
            assert (standing.user, standing.text, standing.by_bridge) == ("karl@example.net", "From outside", False)
            await until(lambda: [one.id for one in sandbox.emitted()] == [standing.id])


async def test_the_sandbox_refuses_faults_that_mail_cannot_have() -> None:
    sandbox = EmailSandbox()
    for fault in (Fault.EARLY_ECHO, Fault.SILENT):
        with pytest.raises(ValueError, match="no fault"):
            sandbox.fault(fault)


# ---------------------------------------------------------------- limits


@pytest.mark.scenario("J18")
def test_who_sends_too_much_waits_and_nobody_else_does() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    assert all(pace.lets("a@flood.example") for _ in range(SENDER_A_MINUTE))
    assert not pace.lets("a@flood.example")
    assert pace.lets("b@flood.example")
    assert pace.lets("lee@gmail.example")
    assert pace.lets(""), "bounces are not counted"
    now[0] += 61
    assert pace.lets("a@flood.example"), "what waited comes again"


@pytest.mark.scenario("J18")
def test_a_robot_that_changes_its_address_is_stopped_by_its_domain() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    let = sum(pace.lets(f"r{number}@flood.example") for number in range(DOMAIN_A_MINUTE + 50))
    assert let == DOMAIN_A_MINUTE


def offered(port: int, sender: str, recipient: str) -> int:
    """What the door says to a recipient."""
    with smtplib.LMTP("127.0.0.1", port, timeout=10) as server:
        server.ehlo_or_helo_if_needed()
        server.mail(sender)
        return server.rcpt(recipient)[0]


@pytest.mark.scenario("J18")
async def test_a_flood_is_deferred_at_the_door_and_comes_in_later() -> None:
    async with EmailSandbox() as sandbox:
        port, inbox = await lmtp_port(sandbox), MemoryInbox()
        adapter = await adapter_for(sandbox, listen=f"lmtp:127.0.0.1:{port}")
        now = [0.0]
        assert adapter._listener is not None
        adapter._listener.pace = Pace(lambda: now[0])
        to = ["all-hands@bridge.example"]
        async with running(adapter, inbox):
            for _ in range(SENDER_A_MINUTE):
                adapter._listener.pace.lets("lynn@example.org")
            assert await asyncio.to_thread(offered, port, "lynn@example.org", to[0]) == 451
            assert list((await asyncio.to_thread(talk, port, "karl@example.net", to, mail("two"))).values()) == [250]
            now[0] += 61
            assert list((await asyncio.to_thread(talk, port, "lynn@example.org", to, mail("one"))).values()) == [250]
        assert len(inbox.raws) == 2


@pytest.mark.scenario("J09")
async def test_an_answer_address_that_we_never_made_is_refused_at_once() -> None:
    async with EmailSandbox("secret") as sandbox:
        port, signer = await lmtp_port(sandbox), Signer("secret")
        good = f"all-hands+{signer.ticket('r', signer.id('0' * 32), datetime.now(UTC))}@bridge.example"
        others = f"all-hands+{Signer('other').ticket('r', signer.id('0' * 32), datetime.now(UTC))}@bridge.example"
        async with running(await adapter_for(sandbox, listen=f"lmtp:127.0.0.1:{port}"), MemoryInbox()):
            answers = await asyncio.to_thread(
                talk, port, "lynn@example.org", [good, others, "all-hands+x@bridge.example"], mail()
            )
        assert list(answers.values()) == [250, 550, 550]


async def test_one_connection_too_many_is_told_to_come_back() -> None:
    async with EmailSandbox() as sandbox:
        port = await lmtp_port(sandbox)
        adapter = await adapter_for(sandbox, listen=f"lmtp:127.0.0.1:{port}")
        assert adapter._listener is not None
        adapter._listener.most = 3
        async with running(adapter, MemoryInbox()):
            open_ones = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
            greetings = [(await reader.readline())[:3] for reader, _ in open_ones]
            for _, writer in open_ones:
                writer.close()
    assert greetings == [b"220", b"220", b"220", b"421"]
