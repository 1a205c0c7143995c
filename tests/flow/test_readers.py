"""The whole way of readers: links that work by pressing Send, joining, leaving and being invited again, restarts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from adapters.email.clients import Correspondent
from adapters.email.sandbox import PEOPLE
from bridge import joining
from bridge.contract import Standing
from bridge.store import Tx
from tests.flow.house import House, unique, until
from tests.flow.post_office import office, told
from tests.flow.post_office import post_office as post_office_of

PLACES = [{"at": "slack/all-hands"}, {"at": "email/all-hands", "readers": ["chair", "lee"], "join": "ask"}]
NEW = Correspondent("Nina", "nina@elsewhere.example")


@pytest_asyncio.fixture(loop_scope="session")
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Slack and mail, with an admin who reads mail."""
    async with post_office_of(tmp_path, PLACES) as made:
        yield made
        await made.settle()


async def press(house: House, person: str, label: str, mail: Standing) -> None:
    """Press one of the links below a mail, and Send."""
    text = next(section.plain for section in office(house).mail(mail.id).sections if section.plain)
    link = urlsplit(next(line.partition(": ")[2] for line in text.splitlines() if line.startswith(f"{label}")))
    writer, subject = PEOPLE[person], parse_qs(link.query)["subject"][0]
    ident = f"{unique('pressed').replace(' ', '.')}@{writer.address.partition('@')[2]}"
    head = f"From: {writer.name} <{writer.address}>\r\nTo: {link.path}\r\nSubject: {subject}\r\nMessage-ID: <{ident}>\r\n\r\n"
    office(house).submit(writer.address, link.path, head.encode())


async def gets(house: House, words: str, address: str) -> Standing:
    """A post from Slack, once the reader has it."""
    said = await house.say("slack", words)

    def look() -> Standing | None:
        return next((each for each in office(house).standing() if each.reader == address and said.mark in each.text), None)

    found = await until(look, f"{address} gets {words}")
    assert found is not None
    return found


async def does_not_get(house: House, words: str, address: str) -> None:
    """A post from Slack that everybody else has, and the reader has not."""
    said = await house.say("slack", words)
    other = PEOPLE["lee"].address
    await until(lambda: [each for each in office(house).standing() if each.reader == other and said.mark in each.text], "lee")
    await asyncio.sleep(0)
    assert [each for each in office(house).standing() if each.reader == address and said.mark in each.text] == []


@pytest.mark.asyncio(loop_scope="session")
async def test_links_below_a_mail_work_by_pressing_send_and_hold_after_a_restart(house: House) -> None:
    chair = PEOPLE["chair"].address
    mail = await gets(house, "the first", chair)
    await told(house, chair, "From now on you read")
    await press(house, "chair", "Announcements only", mail)
    await told(house, chair, "announcements only")
    await does_not_get(house, "no announcement", chair)
    await house.restart()
    await does_not_get(house, "still none", chair)


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.scenario("K05")
async def test_who_left_by_the_link_returns_by_an_invitation_that_they_answer(house: House) -> None:
    chair = PEOPLE["chair"].address
    mail = await gets(house, "the first", chair)
    await press(house, "chair", "Leave", mail)
    await until(lambda: any(each.reader == chair for each in house.world.away), "the chair left")
    await does_not_get(house, "nothing more", chair)

    def change(tx: Tx, world: object, now: float) -> set[int]:
        return joining.invite(tx, "all-hands", "chair", world, now, "lynn")  # type: ignore[arg-type]

    await house.service.decide(change)
    invitation = await told(house, chair, "An admin invites you")
    await office(house).reply("chair", invitation.id, "gladly")
    await until(lambda: not house.world.away, "the chair is back")
    await gets(house, "again", chair)


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.scenario("E08")
async def test_the_last_post_is_taken_back_by_pressing_send(house: House) -> None:
    chair = PEOPLE["chair"].address
    mail = await gets(house, "the first", chair)
    said = await house.say("email", "too early", person="chair")
    await until(lambda: house.copies(said.mark, house.at("slack")[0]), "it stands in Slack")
    await press(house, "chair", "Take back my last post", mail)
    await told(house, chair, "is taken back")
    await until(lambda: not house.copies(said.mark, house.at("slack")[0]), "it is gone from Slack")


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.scenario("K05")
async def test_a_stranger_joins_by_mail_confirms_and_reads_once_an_admin_answered(house: House) -> None:
    group, chair = "all-hands@bridge.example", PEOPLE["chair"].address
    head = f"From: {NEW.name} <{NEW.address}>\r\nTo: {group}\r\nSubject: subscribe\r\nMessage-ID: <n1@elsewhere.example>\r\n\r\n"
    office(house).submit(NEW.address, group, head.encode())
    question = await told(house, NEW.address, "just answer this message")
    await answer_as(house, NEW, question)
    asked = await told(house, chair, "asks to read")
    await does_not_get(house, "not yet", NEW.address)
    await office(house).reply("chair", asked.id, "approve")
    await told(house, NEW.address, "From now on you read")
    mail = await gets(house, "welcome Nina", NEW.address)
    assert "not yet" not in mail.text


async def answer_as(house: House, who: Correspondent, to: Standing) -> None:
    mail = office(house).mail(to.id)
    sender = mail.first("from").rpartition("<")[2].rstrip(">")
    name = f"{unique('answer').replace(' ', '.')}@elsewhere.example"
    head = f"From: {who.name} <{who.address}>\r\nTo: {sender}\r\nSubject: Re: viabridge\r\nMessage-ID: <{name}>\r\n"
    body = f"{head}In-Reply-To: <{mail.message_id}>\r\n\r\nYes"
    office(house).submit(who.address, sender, body.encode())
