"""The listener: durable before 250, one answer per recipient, known addresses only."""

from __future__ import annotations

import asyncio
import smtplib
from typing import Any

import pytest

from adapters.email.sandbox import EmailSandbox
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
