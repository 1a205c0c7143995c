"""The whole way of mail through a real Postfix and a real Dovecot: replies with their quotes, mail that comes back, outages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.utils import parseaddr
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from ruamel.yaml import YAML

from adapters.email.adapter import EmailAdapter
from adapters.email.settings import Settings
from bridge.contract import Level, Standing
from bridge.demo.town import Town
from bridge.post import AccountId, NativeId
from bridge.reasons import Reason
from bridge.store import readers
from bridge.store.undelivered import Which, listed
from tests.flow.house import House, unique, until
from tests.live.mailprograms import PROGRAMS, Got
from tests.live.mailservers import DOMAIN, GONE, MAILBOX, PATIENCE, MailServers, mail_servers

CHAIR, LEE, NINA = "chair@board.example", "lee@gmail.example", "nina@elsewhere.example"
BACK = f"old@{GONE}"
PEOPLE = {"chair": CHAIR, "lee": LEE, "old": BACK}
GROUP = f"all-hands@{DOMAIN}"


@pytest.fixture(scope="module")
def servers() -> Iterator[MailServers]:
    with mail_servers() as found:
        yield found


def a_domain(servers: MailServers) -> Mapping[str, object]:
    """The bridge behind Postfix, over LMTP under TLS."""
    return {
        "platform": "email",
        "domain": DOMAIN,
        "smtp": f"127.0.0.1:{servers.postfix.port}",
        "listen": f"lmtp:127.0.0.1:{servers.postfix.lmtp}",
        "certificate": str(servers.certificate),
        "secret": {"file": "secret"},
        "check_senders": False,
    }


def a_mailbox(servers: MailServers) -> Mapping[str, object]:
    """One ordinary mailbox, as most owners have."""
    return {
        "platform": "email",
        "address": MAILBOX,
        "smtp": f"127.0.0.1:{servers.postfix.port}",
        "imap": f"127.0.0.1:{servers.dovecot.port}",
        "login": {"file": "secret"},
        "check_senders": False,
    }


@asynccontextmanager
async def a_house(folder: Path, account: Mapping[str, object], **place: object) -> AsyncIterator[House]:
    """Slack and mail; the chair and Lee read, and whoever is named beside them."""
    async with Town(folder, ("slack",)) as town:
        at = {"at": "mail/all-hands", "readers": ["chair", "lee"]} | place
        path = town.write_mappings(places=[{"at": "slack/all-hands"}, at])
        yaml = YAML(typ="safe")
        document: dict[str, Any] = yaml.load(path.read_text("utf-8"))
        document["accounts"]["mail"] = dict(account)
        for person, address in PEOPLE.items():
            document["people"][person] = {"mail": address}
        (folder / "secret").write_text(f"{MAILBOX}:secret", "utf-8")
        with path.open("w", encoding="utf-8") as file:
            yaml.dump(document, file)
        house = House(town, path, f"sqlite:///{folder / 'bridge.db'}")
        await house.start()
        try:
            await house.warm_up()
            yield house
        finally:
            await house.stop()


@pytest_asyncio.fixture(loop_scope="session", params=[a_domain, a_mailbox], ids=["domain", "mailbox"])
async def house(request: pytest.FixtureRequest, servers: MailServers, tmp_path: Path) -> AsyncIterator[House]:
    account: Callable[[MailServers], Mapping[str, object]] = request.param
    async with a_house(tmp_path, account(servers)) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="session")
async def at_home(servers: MailServers, tmp_path: Path) -> AsyncIterator[House]:
    """As a mail domain, with a reader whose mailbox is gone."""
    async with a_house(tmp_path, a_domain(servers), readers=["chair", "lee", "old"]) as found:
        yield found


async def in_channel(house: House, words: str) -> list[Standing]:
    """What stands in the channel with these words, once anything does."""
    return await until(
        lambda: [each for each in house.sandbox("slack").standing() if words in each.text], f"the channel shows {words}", PATIENCE
    )


async def submit(servers: MailServers, mail: EmailMessage, *to: str) -> None:
    sender = parseaddr(str(mail["From"]))[1]
    recipients = to or (parseaddr(str(mail["To"]))[1],)
    await asyncio.to_thread(servers.postfix.submit, sender, *recipients, body=mail.as_bytes())


def letter(sender: str, words: str, *to: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, ", ".join(to), words
    mail["Message-ID"] = f"<{words.replace(' ', '.')}@{sender.rpartition('@')[2]}>"
    mail.set_content(words)
    return mail


@pytest.mark.scenario("A06")
@pytest.mark.scenario("B13")
@pytest.mark.scenario("J01")
@pytest.mark.scenario("J17")
async def test_whatever_program_answers_only_its_words_are_posted_and_the_thread_holds(
    house: House, servers: MailServers
) -> None:
    said = await house.say("slack", "Can everyone meet @ 2pm?", place="all-hands")
    root = Got.of(await servers.gets(LEE, said.mark))
    for name, program in PROGRAMS.items():
        words = unique(f"I can, says {name}.")
        await submit(servers, program(Got.of(await servers.gets(CHAIR, said.mark)), f"The chair <{CHAIR}>", words))
        [copy] = await in_channel(house, words.rsplit(" ", 1)[-1])
        assert copy.text == f"via Chair: {words}"
        assert copy.reply_to == said.native
        mail = Got.of(await servers.gets(LEE, words.rsplit(" ", 1)[-1]))
        assert mail.message["References"].split()[0] == root.message["Message-ID"], "one conversation, by its first mail"
        assert mail.subject.removeprefix("Re: ") == root.subject.removeprefix("Re: ")
        assert CHAIR.encode() not in mail.message.as_bytes(), "nobody sees the author's address"
    got = await asyncio.to_thread(servers.mails, CHAIR)
    assert len([each for each in got if said.mark.encode() in each]) == 1, "her own posts are not mailed to her"


@pytest.mark.scenario("J17")
async def test_a_thread_goes_on_after_a_restart_and_back_into_the_other_inbox(house: House, servers: MailServers) -> None:
    said = await house.say("slack", "Who brings the cake?", place="all-hands")
    mail = Got.of(await servers.gets(LEE, said.mark))
    await house.restart()
    first = unique("I do.")
    await submit(servers, PROGRAMS["gmail"](mail, f"Lee <{LEE}>", first))
    [copy] = await in_channel(house, first.rsplit(" ", 1)[-1])
    second = await house.say("slack", "Thank you!", place="all-hands", reply_to=copy.reply_to or NativeId(""))
    answer = Got.of(await servers.gets(LEE, second.mark))
    assert answer.message["References"].split()[0] == mail.message["Message-ID"]
    assert answer.message["Message-ID"] != mail.message["Message-ID"]


@pytest.mark.scenario("J09")
async def test_one_mail_to_three_groups_is_one_post_each_and_the_unknown_one_comes_back(
    at_home: House, servers: MailServers
) -> None:
    words = unique("to all of you")
    nobody = f"nobody@{DOMAIN}"
    await submit(servers, letter(CHAIR, words, GROUP, nobody), GROUP, nobody)
    back = await servers.gets(CHAIR, "no such group here")
    assert nobody.encode() in back
    assert len(await in_channel(at_home, words.rsplit(" ", 1)[-1])) == 1
    assert "deferred" not in "".join(line for line in servers.postfix.log().splitlines() if words in line)


@pytest.mark.scenario("B10")
@pytest.mark.scenario("J13")
async def test_mail_that_comes_back_is_counted_and_neither_posted_nor_answered(at_home: House, servers: MailServers) -> None:
    said = await at_home.say("slack", "This reaches most of you.", place="all-hands")
    await servers.gets(LEE, said.mark)
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while not (back := [each for each in await at_home.store.read(lambda tx: listed(tx, Which())) if said.mark in each.line]):
        assert asyncio.get_running_loop().time() < deadline, servers.postfix.log()[-3000:]
        await asyncio.sleep(0.1)
    assert [(each.destination.reader, each.reason) for each in back] == [(BACK, Reason.RETURNED)]
    [standing] = await at_home.store.read(readers.known)
    assert (standing.destination.reader, standing.points, standing.left_at) == (BACK, 1, None)
    assert "5.1.1" in standing.why
    assert BACK not in standing.why, "what is told to admins and authors names no address"
    texts = [each.text for each in at_home.sandbox("slack").standing()]
    assert not any("Undelivered" in text or "no such mailbox" in text for text in texts)
    assert "to=<MAILER-DAEMON" not in servers.postfix.log(), "a bounce is never answered"


@pytest.mark.scenario("D10")
async def test_mail_that_comes_while_the_bridge_is_away_waits_at_the_server(at_home: House, servers: MailServers) -> None:
    await at_home.stop()
    words = unique("while you were away")
    await submit(servers, letter(LEE, words, GROUP))
    until_deferred = asyncio.get_running_loop().time() + PATIENCE
    while "status=deferred" not in servers.postfix.log():
        assert asyncio.get_running_loop().time() < until_deferred
        await asyncio.sleep(0.1)
    await at_home.start()
    assert len(await in_channel(at_home, words.rsplit(" ", 1)[-1])) == 1


async def test_what_a_stranger_writes_is_not_posted_and_is_answered_once(at_home: House, servers: MailServers) -> None:
    for number in range(3):
        await submit(servers, letter(NINA, unique(f"buy this {number}"), GROUP))
    await servers.gets(NINA, "admin")
    said = await at_home.say("slack", "after it", place="all-hands")
    await servers.gets(LEE, said.mark)
    got = [message_from_bytes(each) for each in await asyncio.to_thread(servers.mails, NINA)]
    assert [each["Auto-Submitted"] for each in got if each["Auto-Submitted"]] == ["auto-generated"]
    assert not any("buy this" in each.text for each in at_home.sandbox("slack").standing())


# ---------------------------------------------------------------- viabridge check


@pytest.mark.parametrize("account", [a_domain, a_mailbox], ids=["domain", "mailbox"])
async def test_the_check_sends_a_mail_to_itself_and_sees_it_come_in(
    servers: MailServers, account: Callable[[MailServers], Mapping[str, object]]
) -> None:
    values = {key: f"{MAILBOX}:secret" if isinstance(value, dict) else value for key, value in account(servers).items()}
    adapter = EmailAdapter(AccountId("mail"), Settings.model_validate(values))
    async with adapter.open():
        found = await adapter.check()
    assert not [each for each in found if each.level is Level.ERROR], found
    told = " / ".join(each.what for each in found if each.level is Level.OK)
    assert "a mail to ourselves came back after" in told
    assert "the clock, beside the mail server's" in told
