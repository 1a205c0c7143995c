"""The whole way of mail that is more than a post: doubt, strangers, leaving, files, mail that comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import pytest_asyncio

from adapters import available
from adapters.email.adapter import EmailAdapter
from adapters.email.clients import Correspondent, new_mail
from adapters.email.mime import read_mail
from adapters.email.sandbox import PEOPLE
from bridge.contract import Standing
from bridge.post import AccountId
from bridge.store import held, readers
from bridge.web.app import make_app
from tests.flow.house import House, unique, until
from tests.flow.post_office import office, told
from tests.flow.post_office import post_office as post_office_of

GROUP = "all-hands@bridge.example"
PLACES = [{"at": "slack/all-hands"}, {"at": "email/all-hands", "readers": ["chair", "lee"]}]


@pytest_asyncio.fixture(loop_scope="session")
async def post_office(tmp_path: Path) -> AsyncIterator[House]:
    """Slack and mail, where each reader has addresses of their own."""
    async with post_office_of(tmp_path, PLACES) as house:
        yield house
        await house.check()


def written(person: str, text: str, to: str = GROUP, answered: str | None = None) -> bytes:
    who = PEOPLE.get(person) or Correspondent(person.title(), f"{person}@elsewhere.example")
    return new_mail(who, to, text, f"{unique('id').replace(' ', '.')}@{who.address.partition('@')[2]}", answered)


async def in_channel(house: House, words: str) -> Standing:
    def look() -> Standing | None:
        return next((each for each in house.sandbox("slack").standing() if words in each.text), None)

    found = await until(look, f"the channel shows {words}")
    assert found is not None
    return found


@pytest.mark.scenario("A06")
@pytest.mark.scenario("J17")
@pytest.mark.asyncio(loop_scope="session")
async def test_a_reader_answers_by_an_address_of_their_own_and_the_thread_holds(post_office: House) -> None:
    said, copies = await post_office.says("slack", "Can everyone meet at 2pm?", person="lynn")
    mine = next(copy for to, copy in copies.items() if to.reader == "lee@gmail.example")
    mail = office(post_office).mail(mine.id)
    own = mail.first("reply-to")
    assert own.startswith("all-hands+r")
    assert (
        own.partition("@")[0]
        != office(post_office)
        .mail(next(c for c in copies.values() if c.reader != mine.reader).id)
        .first("reply-to")
        .partition("@")[0]
    )
    arrival = next(
        each for each in office(post_office).arrivals if each.recipient == "lee@gmail.example" and said.mark.encode() in each.body
    )
    assert arrival.sender.startswith("all-hands+b")
    words = unique("Yes")
    office(post_office).submit("lee@gmail.example", own, written("lee", words, own))  # no In-Reply-To at all
    answer = await in_channel(post_office, words)
    assert answer.reply_to == said.native


@pytest.mark.scenario("J06")
@pytest.mark.asyncio(loop_scope="session")
async def test_a_mail_that_nothing_proves_goes_out_once_its_author_answers(post_office: House) -> None:
    words = unique("Really me")
    office(post_office).submit("lee@gmail.example", GROUP, written("lee", words), vouched=False)
    question = await told(post_office, "lee@gmail.example", "Did you write this")
    assert not [each for each in post_office.sandbox("slack").standing() if words in each.text]
    office(post_office).submit(
        "lee@gmail.example", "viabridge@bridge.example", written("lee", "yes", answered=question.id), vouched=False
    )
    await in_channel(post_office, words)


@pytest.mark.scenario("J06")
@pytest.mark.asyncio(loop_scope="session")
async def test_anothers_address_is_refused_with_an_explanation_and_its_reader_is_told(post_office: House) -> None:
    _, copies = await post_office.says("slack", "Who is in?", person="lynn")
    mine = next(copy for to, copy in copies.items() if to.reader == "lee@gmail.example")
    own = office(post_office).mail(mine.id).first("reply-to")
    words = unique("Me too")
    office(post_office).submit("chair@board.example", own, written("chair", words, own))
    await told(post_office, "chair@board.example", "made for another reader")
    await told(post_office, "lee@gmail.example", "chair@board.example")
    assert not [each for each in post_office.sandbox("slack").standing() if words in each.text]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_strangers_mail_waits_for_an_admin_who_answers(post_office: House) -> None:
    words = unique("May I join?")
    office(post_office).submit("eve@elsewhere.example", GROUP, written("eve", words))
    news = await told(post_office, "chair@board.example", words)
    assert len(await post_office.store.read(held.posts)) == 1
    office(post_office).submit("chair@board.example", "viabridge@bridge.example", written("chair", "approve", answered=news.id))
    await in_channel(post_office, words)


@pytest.mark.scenario("J14")
@pytest.mark.asyncio(loop_scope="session")
async def test_a_reader_leaves_by_one_click_and_only_from_this_group(post_office: House) -> None:
    _, copies = await post_office.says("slack", "Hello all", person="lynn")
    adapter = post_office.service.engine.accounts[AccountId("email")].adapter
    assert isinstance(adapter, EmailAdapter)
    assert adapter.signer is not None
    webhooks = available()["email"].webhooks
    assert webhooks is not None
    app = make_app(post_office.service, [webhooks({AccountId("email"): adapter}, post_office.service.inbox)], asyncio.Event())
    link = f"/mail/email/leave/{adapter.signer.leaving('all-hands', 'lee@gmail.example')}"
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="https://bridge.example") as client:
        assert (await client.get(link)).status_code == 200
        assert not await post_office.store.read(readers.away)
        assert (await client.post(link, data={"List-Unsubscribe": "One-Click"})).status_code == 200
    await until(lambda: post_office.world.away, "Lee has left")
    said = await post_office.say("slack", "Without Lee", person="lynn")
    said.to = tuple(each for each in said.to if each.reader != "lee@gmail.example")
    await post_office.arrives(said)
    assert copies
    await post_office.settle()


@pytest.mark.scenario("I06")
@pytest.mark.asyncio(loop_scope="session")
async def test_a_picture_sent_by_mail_is_in_the_other_readers_mail(post_office: House) -> None:
    words = unique("The lake")
    mail = (
        f"From: Lee <lee@gmail.example>\r\nTo: {GROUP}\r\nSubject: x\r\nDate: {datetime.now(UTC):%a, %d %b %Y %H:%M:%S +0000}\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n'
        f"{words}\r\n--b\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=lake.png\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\niVBORw==\r\n--b\r\nContent-Type: application/x-msdownload\r\n"
        "Content-Disposition: attachment; filename=run.exe\r\n\r\nMZ\r\n--b--\r\n"
    )
    office(post_office).submit("lee@gmail.example", GROUP, mail.encode())

    def look() -> list[bytes]:
        arrived = [each.body for each in office(post_office).arrivals if each.recipient == "chair@board.example"]
        return [body for body in arrived if words.encode() in body]

    [body] = await until(look, "the chair gets it")
    read = read_mail(body)
    assert [(file.name, file.size) for file in read.files] == [("lake.png", 4)]
    assert "run.exe" in (read.sections[0].plain or "")
    assert "program" in (read.sections[0].plain or "")
